//! What the disk costs by itself: four kibibytes written, then on the disk for sure.

use crate::failure::{Failure, Outcome};
use crate::table::Times;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Instant;

const PAGE: [u8; 4096] = [0x57; 4096];

/// A file on the disk whose speed is in question.
pub struct Disk(File);

impl Disk {
    /// A file in this folder, which is long enough already: a log is overwritten, too.
    pub fn new(folder: &Path) -> Outcome<Self> {
        let opening = "write a file beside the data directory";
        let mut file = File::create(folder.join("fsync")).map_err(Failure::to(opening))?;
        for _ in 0..64 {
            file.write_all(&PAGE).map_err(Failure::to(opening))?;
        }
        file.sync_all().map_err(Failure::to(opening))?;
        Ok(Self(file))
    }

    /// Writes and syncs so many times.
    pub fn sync(&mut self, count: usize, times: &mut Times) -> Outcome<()> {
        let writing = "write beside the data directory";
        self.0.rewind().map_err(Failure::to(writing))?;
        for _ in 0..count {
            let started = Instant::now();
            self.0.write_all(&PAGE).map_err(Failure::to(writing))?;
            self.0.sync_data().map_err(Failure::to(writing))?;
            times.push(started.elapsed());
        }
        Ok(())
    }
}
