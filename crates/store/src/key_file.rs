//! Files that hold a key: their owner's alone, and written once.

use crate::StoreError;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The text of a key file, or that there is no such file. One that others may read is refused.
pub(crate) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refusal(path, error)),
    };
    let about = file.metadata().map_err(|error| refusal(path, error))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(refusal(
            path,
            "others may read this key; run `chmod 600` on it",
        ));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text)
        .map_err(|error| refusal(path, error))?;
    Ok(Some(text))
}

/// Writes a key file that is not there yet, and its name in the folder, to the disk.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), StoreError> {
    let write = || -> std::io::Result<()> {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| refusal(path, error))
}

/// The error about a key file.
pub(crate) fn refusal(path: &Path, reason: impl ToString) -> StoreError {
    StoreError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
