//! The connection that writes: opened, brought to stand on nothing but what is on disk, and kept from growing its log.
//!
//! What happens after a failed fsync, and why: docs/decisions/0017-after-a-failed-fsync.md.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long a statement waits for another process's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Memory for pages of a connection, in KiB: the inner pages of the tables and indexes of ten million mappings have room in it,
/// so that finding one reads its leaf alone.
pub(super) const CACHE_KIB: i64 = 64 * 1024;
/// Pages in the write-ahead log from which on they are copied into the database.
const CHECKPOINT_PAGES: i32 = 1000;

/// A connection that may write.
pub(super) struct Writing {
    pub connection: Connection,
    /// Pages in the write-ahead log after the last commit.
    pages: Arc<AtomicI32>,
}

impl Writing {
    /// Opens the existing database at `path`.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        // Without SQLITE_OPEN_CREATE: an empty database in the place of one that was removed is no store.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(64);
        let pages = Arc::new(AtomicI32::new(0));
        let counted = pages.clone();
        // In the place of SQLite's own hook, which copies pages before a commit returns, and says nothing when it fails.
        connection.wal_hook(Some(move |_: &mut _, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { connection, pages })
    }

    /// Copies everything that the write-ahead log has into the database, syncs it and empties the log. Afterwards nothing
    /// depends on pages that a sync which failed, in this process or in one before it, may have left in memory alone.
    pub fn settle(&self) -> rusqlite::Result<()> {
        let busy: bool =
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                Some("another process uses it, a backup for example: the log cannot be emptied until that is done".into()),
            ));
        }
        Ok(())
    }

    /// Shows that it can be written: commits what is there already.
    pub fn prove(&self) -> rusqlite::Result<()> {
        let version: i64 = self
            .connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let same = format!("BEGIN IMMEDIATE; PRAGMA user_version = {version}; COMMIT;");
        self.connection.execute_batch(&same)
    }

    /// Whether every page is what SQLite expects. Reads them all.
    pub fn is_whole(&self) -> rusqlite::Result<()> {
        let found: String = self
            .connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" {
            return Ok(());
        }
        Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            Some(found),
        ))
    }

    /// Whether the log has what it is to have: copies all of it into the database.
    pub fn log_is_whole(&self) -> rusqlite::Result<bool> {
        let counts = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        let (has, copied) = self.connection.query_row(checkpoint, [], counts)?;
        Ok(has == copied)
    }

    /// Copies pages from the log into the database, as far as nobody reads older ones, once it has grown.
    pub fn checkpoint(&self) -> rusqlite::Result<()> {
        if self.pages.load(Ordering::Relaxed) < CHECKPOINT_PAGES {
            return Ok(());
        }
        // Readers in the way are no error: the next commit tries again.
        self.connection
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The batch's: of another one nothing can be said.
    Batch,
    /// The disk's, the file's or the system's: nothing can be stored until it is gone.
    Storage,
    /// Pages are not what was written: nothing is stored until they are again.
    Corrupt,
}

/// Whose fault it is.
pub(super) fn fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        None
        | Some(
            ErrorCode::Unknown
            | ErrorCode::ConstraintViolation
            | ErrorCode::TooBig
            | ErrorCode::TypeMismatch
            | ErrorCode::ParameterOutOfRange,
        ) => Fault::Batch,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Fault::Corrupt,
        Some(_) => Fault::Storage,
    }
}
