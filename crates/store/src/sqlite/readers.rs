//! A few read-only connections, opened when first needed. Who finds none free waits for one.

use super::{Lite, open_reader};
use crate::StoreError;
use crate::store::Tally;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Enough for every core of a small machine; each costs up to a mebibyte of cache.
const READERS_MAX: usize = 4;

pub(crate) struct Readers {
    path: PathBuf,
    free: Mutex<Vec<Connection>>,
    turns: Semaphore,
    tally: Arc<Tally>,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, tally: Arc<Tally>) -> Self {
        Self {
            path,
            free: Mutex::default(),
            turns: Semaphore::new(READERS_MAX),
            tally,
        }
    }

    /// Reads something small on the calling thread: a point look-up or one page.
    pub(crate) async fn read<T>(
        &self,
        work: impl FnOnce(&Lite<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _turn = self.turns.acquire().await.map_err(|_| StoreError::Closed)?;
        let connection = self.take()?;
        let answer = work(&Lite {
            connection: &connection,
            tally: &self.tally,
        });
        self.free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        answer
    }

    /// Reads something long in a connection of its own, seen as of one moment. It blocks.
    pub(crate) fn scan<T>(
        &self,
        work: impl FnOnce(&Lite<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = open_reader(&self.path)?;
        let moment = connection.transaction().map_err(super::failed("reading"))?;
        work(&Lite {
            connection: &moment,
            tally: &self.tally,
        })
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let free = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        free.map_or_else(|| open_reader(&self.path), Ok)
    }
}
