//! The connection that reads, while another one writes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcx::state::{Event, OutboxRow};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::connection::{BUSY_TIMEOUT, CACHE_KIB};
use super::lock::NO_FILE;
use super::rows::SqlRows;
use super::{OpenError, backend, failed, unusable};
use crate::{Snapshot, StoreError};

/// Reads a database that a node may be writing at the same time.
#[derive(Debug)]
pub struct SqliteReader {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl SqliteReader {
    /// Opens an existing database for reading.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            return Err(failed(path, &NO_FILE));
        }
        let connection = connect(path).map_err(|error| cannot_open(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        let locked = self.connection.lock();
        locked.unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection, does something while there is none and nothing is read, and opens another one.
    pub(super) fn anew<T>(
        &self,
        meanwhile: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let none = Connection::open_in_memory()?;
        let mut connection = self.lock();
        *connection = none;
        let done = meanwhile()?;
        *connection = connect(&self.path)?;
        Ok(done)
    }

    /// Events after the one numbered `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        SqlRows(&self.lock()).events(seq, limit).map_err(backend)
    }

    /// The outbox, in order of the rows' ids.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let connection = self.lock();
        SqlRows(&connection).outbox().map_err(backend)
    }

    /// Everything that is stored, at one moment.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(backend)?;
        let mut rows = SqlRows(&transaction);
        Ok(Snapshot {
            homes: rows.homes(None, usize::MAX).map_err(backend)?,
            visitors: rows.visitors(None, usize::MAX).map_err(backend)?,
            outbox: rows.outbox().map_err(backend)?,
        })
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok(connection)
}

/// SQLite does not say why a file cannot be opened; the operating system does.
fn cannot_open(path: &Path, error: &rusqlite::Error) -> OpenError {
    match std::fs::File::open(path) {
        Err(why) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => failed(path, &why),
        _ => unusable(path, error),
    }
}
