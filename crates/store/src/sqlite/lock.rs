//! The lock that lets one process write. The operating system frees it when the process ends.

use crate::StoreError;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long we wait for the last children of a killed holder to let go.
const LETTING_GO_TIME_MAX: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Held as long as the store is open for writing. The file stays, with the last holder's number.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = lock_path(database);
        let refused = |error: std::io::Error| StoreError::File {
            path: path.clone(),
            reason: error.to_string(),
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(refused)?;
        match try_lock(&mut file) {
            Ok(()) => sign(&mut file).map_err(refused)?,
            Err(TryLockError::WouldBlock) => {
                let (path, holder) = (database.to_owned(), holder(&mut file));
                return Err(StoreError::Locked { path, holder });
            }
            Err(TryLockError::Error(error)) => return Err(refused(error)),
        }
        Ok(Self { file })
    }
}

/// Closing the file would not do: a child process that is just being started still has it open.
impl Drop for Lock {
    fn drop(&mut self) {
        // What cannot be unlocked is freed when the last of them closes it.
        let _ = self.file.unlock();
    }
}

/// A child holds every file of its parent until its own program begins, so a holder that was killed
/// may outlive itself by a moment.
fn try_lock(file: &mut File) -> Result<(), TryLockError> {
    let until = Instant::now() + LETTING_GO_TIME_MAX;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if !lives(file) && Instant::now() < until => {
                std::thread::park_timeout(LOOK_AGAIN_AFTER);
            }
            other => return other,
        }
    }
}

/// Whether the process that signed still runs, as far as can be told.
fn lives(file: &mut File) -> bool {
    number(file).is_none_or(|number| Path::new("/proc").join(number).exists())
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    match number(file) {
        Some(number) => format!("process {number}"),
        None => "another process".to_owned(),
    }
}

fn number(file: &mut File) -> Option<String> {
    let mut number = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut number).ok()?;
    let number = number.trim();
    (!number.is_empty()).then(|| number.to_owned())
}
