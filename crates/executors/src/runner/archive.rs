//! Archives as read-only folders: `notes.zip/` lists, `notes.zip/a.txt` reads, and moving
//! `notes.zip/` to a folder unpacks it. ZIP, tar and tar.gz.
//!
//! An archive is hostile until proven otherwise: names that climb out, links and devices, and
//! contents that are far larger than they look are refused before anything is written.

use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Component, Path, PathBuf};

/// Entries of one archive. More than this is no parcel for a person but a bomb, or work for `tar`.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of all its contents: well below what a sandbox may hold.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// One file or folder of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Folder,
    File { bytes: u64 },
}

/// What an archive holds, by path.
pub(crate) type Listing = BTreeMap<PathBuf, Entry>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Zip,
    Tar,
    TarGz,
}

/// Splits a path that leads into an archive: the archive's file, and what is meant in it.
pub(crate) fn within(full: &Path) -> Option<(PathBuf, PathBuf)> {
    let archive = full.ancestors().find(|above| above.is_file())?;
    format_of(archive).ok().flatten()?;
    let inner = full.strip_prefix(archive).ok()?;
    Some((archive.to_owned(), inner.to_owned()))
}

fn format_of(archive: &Path) -> io::Result<Option<Format>> {
    const TAR_MARK: std::ops::Range<usize> = 257..262;
    let mut head = [0; 512];
    let count = read_up_to(&mut File::open(archive)?, &mut head)?;
    let head = &head[..count];
    Ok(match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
        [0x1f, 0x8b, ..] => Some(Format::TarGz),
        _ if head.get(TAR_MARK) == Some(b"ustar") => Some(Format::Tar),
        _ => None,
    })
}

fn read_up_to(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < into.len() {
        match from.read(&mut into[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Everything in the archive, checked.
pub(crate) fn list(archive: &Path) -> io::Result<Listing> {
    let mut listing = Listing::new();
    walk(archive, &mut |path, entry, _| {
        listing.insert(path.to_owned(), entry);
        Ok(())
    })?;
    Ok(listing)
}

/// The bytes of one file in the archive, at most so many.
pub(crate) fn read(archive: &Path, inner: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut found = None;
    walk(archive, &mut |path, entry, contents| {
        if path == inner && entry != Entry::Folder {
            let mut bytes = Vec::new();
            contents.take(bytes_max + 1).read_to_end(&mut bytes)?;
            found = Some(bytes);
        }
        Ok(())
    })?;
    let bytes = found.ok_or_else(|| io::Error::other("the archive has no such file"))?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::other(format!(
            "it has more than {bytes_max} bytes"
        )));
    }
    Ok(bytes)
}

/// Lays out what lies at `inner` as `target`, which must not be there yet. Answers how many files.
pub(crate) fn unpack(archive: &Path, inner: &Path, target: &Path) -> io::Result<usize> {
    // Once without writing: nothing of a bad archive is ever laid out.
    if !list(archive)?.keys().any(|path| path.starts_with(inner)) {
        return Err(io::Error::other("the archive has nothing there"));
    }
    let mut files = 0;
    walk(archive, &mut |path, entry, contents| {
        let Ok(below) = path.strip_prefix(inner) else {
            return Ok(());
        };
        let place = match below.as_os_str().is_empty() {
            true => target.to_owned(),
            false => target.join(below),
        };
        match entry {
            Entry::Folder => std::fs::create_dir_all(place),
            Entry::File { .. } => {
                if let Some(folder) = place.parent() {
                    std::fs::create_dir_all(folder)?;
                }
                io::copy(contents, &mut File::create_new(place)?)?;
                files += 1;
                Ok(())
            }
        }
    })?;
    Ok(files)
}

type Visit<'a> = dyn FnMut(&Path, Entry, &mut dyn Read) -> io::Result<()> + 'a;

fn walk(archive: &Path, visit: &mut Visit<'_>) -> io::Result<()> {
    let file = File::open(archive)?;
    let mut budget = Budget::default();
    match format_of(archive)? {
        Some(Format::Zip) => walk_zip(file, &mut budget, visit),
        Some(Format::Tar) => walk_tar(file, &mut budget, visit),
        Some(Format::TarGz) => walk_tar(GzDecoder::new(file), &mut budget, visit),
        None => Err(io::Error::other("it is no archive that can be read here")),
    }
}

fn walk_zip(file: impl Read + Seek, budget: &mut Budget, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(file).map_err(broken)?;
    for number in 0..archive.len() {
        let entry = archive.by_index(number).map_err(broken)?;
        let path = plain(Path::new(&*entry.name().map_err(broken)?))?;
        if entry.is_symlink() {
            return Err(refused(&path, "it is a link"));
        }
        let kind = match entry.is_dir() {
            true => Entry::Folder,
            false => Entry::File {
                bytes: entry.size(),
            },
        };
        budget.visit(&path, kind, entry, visit)?;
    }
    Ok(())
}

fn walk_tar(file: impl Read, budget: &mut Budget, visit: &mut Visit<'_>) -> io::Result<()> {
    let mut archive = tar::Archive::new(file);
    for entry in archive.entries()? {
        let entry = entry?;
        let path = plain(&entry.path()?)?;
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => Entry::Folder,
            tar::EntryType::Regular | tar::EntryType::Continuous => Entry::File {
                bytes: entry.size(),
            },
            tar::EntryType::XGlobalHeader => continue,
            tar::EntryType::Symlink | tar::EntryType::Link => {
                return Err(refused(&path, "it is a link"));
            }
            _ => return Err(refused(&path, "it is neither a file nor a folder")),
        };
        budget.visit(&path, kind, entry, visit)?;
    }
    Ok(())
}

fn broken(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the archive is damaged: {error}"))
}

fn refused(path: &Path, why: &str) -> io::Error {
    let text = format!(
        "the archive is refused, because of `{}` in it: {why}; look at it with `shell`",
        path.display()
    );
    io::Error::other(text)
}

/// A name that stays beneath where it is laid out.
fn plain(name: &Path) -> io::Result<PathBuf> {
    let mut path = PathBuf::new();
    for component in name.components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            _ => return Err(refused(name, "its name leads out of the archive")),
        }
    }
    if path.as_os_str().as_encoded_bytes().contains(&b'\\') {
        return Err(refused(name, "its name means something else elsewhere"));
    }
    Ok(path)
}

/// What an archive has cost so far. Counted by what comes out, never by what it says of itself.
#[derive(Default)]
struct Budget {
    entries: usize,
    bytes: u64,
}

impl Budget {
    fn visit(
        &mut self,
        path: &Path,
        kind: Entry,
        contents: impl Read,
        visit: &mut Visit<'_>,
    ) -> io::Result<()> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(io::Error::other(format!(
                "the archive has more than {ENTRIES_MAX} entries"
            )));
        }
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        let mut counted = Counted {
            contents,
            left: BYTES_MAX - self.bytes,
        };
        visit(path, kind, &mut counted)?;
        // What the visitor left is read too, or a bomb would be known only by whom it hits.
        io::copy(&mut counted, &mut io::sink())?;
        self.bytes = BYTES_MAX - counted.left;
        Ok(())
    }
}

/// Passes bytes on until the budget is spent.
struct Counted<R> {
    contents: R,
    left: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.contents.read(into)? as u64;
        self.left = self.left.checked_sub(count).ok_or_else(|| {
            io::Error::other(format!("the archive holds more than {BYTES_MAX} bytes"))
        })?;
        Ok(count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zip_of(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let keep = tempfile::NamedTempFile::new().unwrap();
        let mut writer = zip::ZipWriter::new(keep.reopen().unwrap());
        for (name, contents) in entries {
            writer
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            writer.write_all(contents).unwrap();
        }
        writer.finish().unwrap();
        keep
    }

    fn tar_of(fill: impl FnOnce(&mut tar::Builder<File>)) -> tempfile::NamedTempFile {
        let keep = tempfile::NamedTempFile::new().unwrap();
        let mut builder = tar::Builder::new(keep.reopen().unwrap());
        fill(&mut builder);
        builder.finish().unwrap();
        keep
    }

    fn header(kind: tar::EntryType, bytes: u64) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(bytes);
        header.set_mode(0o4777);
        header
    }

    #[test]
    fn an_honest_archive_is_listed_read_and_unpacked() {
        let keep = tempfile::tempdir().unwrap();
        let zip = zip_of(&[("a/b.txt", b"bee"), ("c.txt", b"sea")]);
        let tar = tar_of(|builder| {
            let mut file = header(tar::EntryType::Regular, 3);
            builder
                .append_data(&mut file, "a/b.txt", &b"bee"[..])
                .unwrap();
            let mut file = header(tar::EntryType::Regular, 3);
            builder
                .append_data(&mut file, "c.txt", &b"sea"[..])
                .unwrap();
        });
        for (name, archive) in [("zip", zip.path()), ("tar", tar.path())] {
            let listing = list(archive).unwrap();
            assert_eq!(listing[Path::new("a/b.txt")], Entry::File { bytes: 3 });
            assert_eq!(read(archive, Path::new("c.txt"), 10).unwrap(), b"sea");
            assert!(read(archive, Path::new("c.txt"), 2).is_err());
            let target = keep.path().join(name);
            assert_eq!(unpack(archive, Path::new(""), &target).unwrap(), 2);
            let laid = target.join("a/b.txt");
            assert_eq!(std::fs::read(&laid).unwrap(), b"bee");
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&laid.metadata().unwrap().permissions());
            assert_eq!(mode & 0o7000, 0, "no set-id bit comes along");
            assert!(
                unpack(archive, Path::new(""), &target).is_err(),
                "nothing is replaced"
            );
            assert_eq!(
                unpack(
                    archive,
                    Path::new("a"),
                    &keep.path().join(format!("{name}-part"))
                )
                .unwrap(),
                1
            );
        }
    }

    #[test]
    fn names_that_climb_out_lay_out_nothing() {
        let keep = tempfile::tempdir().unwrap();
        for name in ["../evil", "/tmp/evil", "a/../../evil", "..\\evil"] {
            let zip = zip_of(&[("good", b"x"), (name, b"x")]);
            let target = keep.path().join("target");
            let refused = unpack(zip.path(), Path::new(""), &target)
                .unwrap_err()
                .to_string();
            assert!(refused.contains("is refused"), "{name}: {refused}");
            assert!(
                !target.exists() && !keep.path().join("evil").exists(),
                "{name}"
            );
        }
    }

    #[test]
    fn links_and_devices_are_refused() {
        for kind in [
            tar::EntryType::Symlink,
            tar::EntryType::Link,
            tar::EntryType::Fifo,
            tar::EntryType::Char,
        ] {
            let tar = tar_of(|builder| {
                let mut link = header(kind, 0);
                link.set_path("link").unwrap();
                link.set_link_name("/etc/passwd").unwrap();
                link.set_cksum();
                builder.append(&link, io::empty()).unwrap();
            });
            let refused = list(tar.path()).unwrap_err().to_string();
            assert!(refused.contains("is refused"), "{kind:?}: {refused}");
        }
    }

    #[test]
    fn a_bomb_is_refused_by_what_comes_out() {
        let chunk = vec![0_u8; 1 << 20];
        let keep = tempfile::NamedTempFile::new().unwrap();
        let gzip =
            flate2::write::GzEncoder::new(keep.reopen().unwrap(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(gzip);
        let mut file = header(tar::EntryType::Regular, 300 << 20);
        let zeros = io::repeat(0).take(300 << 20);
        builder.append_data(&mut file, "bomb", zeros).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        assert!(keep.path().metadata().unwrap().len() < 8 << 20);
        assert!(
            list(keep.path())
                .unwrap_err()
                .to_string()
                .contains("more than 268435456 bytes")
        );
        drop(chunk);
        let many: Vec<String> = (0..=ENTRIES_MAX).map(|n| n.to_string()).collect();
        let entries: Vec<(&str, &[u8])> =
            many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        let refused = list(zip_of(&entries).path()).unwrap_err().to_string();
        assert!(refused.contains("more than 10000 entries"), "{refused}");
    }

    #[test]
    fn what_is_cut_off_is_damaged_and_what_is_none_is_no_archive() {
        let zip = zip_of(&[("a", b"x")]);
        let whole = std::fs::read(zip.path()).unwrap();
        std::fs::write(zip.path(), &whole[..whole.len() / 2]).unwrap();
        assert!(
            list(zip.path())
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
        let text = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(text.path(), "just text").unwrap();
        assert!(within(text.path()).is_none());
    }
}
