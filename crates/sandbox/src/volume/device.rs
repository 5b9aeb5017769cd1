//! Loop devices: a file as a block device, for as long as somebody uses it.

use rustix::fs::FileType;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::path::{Path, PathBuf};

const CONFIGURE: libc::c_ulong = 0x4C0A;
const STATUS: libc::c_ulong = 0x4C05;
const NEXT_FREE: libc::c_ulong = 0x4C82;
/// The device lets go of the file when nobody has it open or mounted any more.
const LET_GO: u32 = 4;
/// Somebody else may take the free device first.
const TRIES: u32 = 64;

/// `struct loop_info64` of the kernel.
#[repr(C)]
#[derive(Clone, Copy)]
struct Info {
    device: u64,
    inode: u64,
    real_device: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encryption: [u32; 2],
    flags: u32,
    names: [u8; 128],
    key: [u8; 32],
    init: [u64; 2],
}

const NO_INFO: Info = Info {
    device: 0,
    inode: 0,
    real_device: 0,
    offset: 0,
    size_limit: 0,
    number: 0,
    encryption: [0; 2],
    flags: 0,
    names: [0; 128],
    key: [0; 32],
    init: [0; 2],
};

/// `struct loop_config` of the kernel.
#[repr(C)]
struct Config {
    file: u32,
    block_bytes: u32,
    info: Info,
    reserved: [u64; 8],
}

/// A loop device over one file, held.
pub struct Device {
    path: PathBuf,
    _open: File,
}

impl Device {
    /// The device that lies over this file already, or a new one. The caller keeps others out.
    pub fn over(file: &File) -> io::Result<Self> {
        match existing(file)? {
            Some(device) => Ok(device),
            None => attach(file),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// After a crash, the helpers of a former server may hold the device a moment longer.
fn existing(file: &File) -> io::Result<Option<Device>> {
    let wanted = rustix::fs::fstat(file)?;
    for entry in std::fs::read_dir("/sys/block")?.flatten() {
        if !entry.path().join("loop/backing_file").exists() {
            continue;
        }
        let path = Path::new("/dev").join(entry.file_name());
        let Ok(open) = File::open(&path) else {
            continue;
        };
        // Asked while it is open, so that it cannot let go in between.
        if status(&open).is_ok_and(|info| {
            info.inode == wanted.st_ino && info.device == wanted.st_dev && info.offset == 0
        }) {
            return Ok(Some(Device { path, _open: open }));
        }
    }
    Ok(None)
}

fn attach(file: &File) -> io::Result<Device> {
    let control = File::options()
        .read(true)
        .write(true)
        .open("/dev/loop-control")?;
    for _ in 0..TRIES {
        // SAFETY: the request takes no argument.
        let number = checked(unsafe { libc::ioctl(control.as_raw_fd(), NEXT_FREE) })?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let open = File::options().read(true).write(true).open(&path)?;
        if !is_block_device(&open)? {
            return Err(io::ErrorKind::Unsupported.into());
        }
        match configure(&open, file.as_raw_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            done => return done.map(|()| Device { path, _open: open }),
        }
    }
    Err(io::Error::from_raw_os_error(libc::EBUSY))
}

fn is_block_device(file: &File) -> io::Result<bool> {
    let mode = rustix::fs::fstat(file)?.st_mode;
    Ok(FileType::from_raw_mode(mode) == FileType::BlockDevice)
}

fn configure(device: &File, file: RawFd) -> io::Result<()> {
    let config = Config {
        file: u32::try_from(file).map_err(|_| io::ErrorKind::InvalidInput)?,
        block_bytes: 0,
        info: Info {
            flags: LET_GO,
            ..NO_INFO
        },
        reserved: [0; 8],
    };
    // SAFETY: the kernel reads one `loop_config`, which lives across the call.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), CONFIGURE, &raw const config) }).map(drop)
}

fn status(device: &File) -> io::Result<Info> {
    let mut info = NO_INFO;
    // SAFETY: the kernel fills one `loop_info64`, which is ours.
    checked(unsafe { libc::ioctl(device.as_raw_fd(), STATUS, &raw mut info) })?;
    Ok(info)
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_structures_are_the_kernels() {
        assert_eq!(size_of::<Info>(), 232);
        assert_eq!(size_of::<Config>(), 304);
    }
}
