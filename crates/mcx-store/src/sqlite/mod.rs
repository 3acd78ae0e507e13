//! The embedded store: SQLite in WAL mode with `synchronous=FULL`, one writer thread that
//! commits in groups.

mod rows;
mod schema;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use mcx::state::{Command, OutboxRow};
use rusqlite::{Connection, OpenFlags};

use crate::{Applied, Snapshot, Store, StoreError};
use rows::SqlRows;
use writer::Writer;

/// The embedded store. Dropping it waits until what was handed over is committed.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: SqliteReader,
}

/// Why a database could not be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The file was written by a newer version of this program.
    Newer {
        /// The file.
        path: PathBuf,
        /// Version of its schema.
        found: i64,
        /// Newest version that this program knows.
        known: i64,
    },
    /// SQLite or the file system says so.
    Failed {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer { path, found, known } => write!(
                f,
                "{}: schema version {found} is newer than {known}, the newest that this program knows",
                path.display()
            ),
            Self::Failed { path, why } => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl SqliteStore {
    /// Opens the database at `path`, creating it, for its owner alone to read, when there is
    /// none, and bringing an older schema up to date.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = connect(path)?;
        schema::migrate(&connection, path)?;
        let reader = SqliteReader::open(path)?;
        let writer = Writer::start(connection, path.to_owned()).map_err(|e| failed(path, &e))?;
        Ok(Self { writer, reader })
    }
}

impl Store for SqliteStore {
    fn apply(&self, batch: Vec<Command>) -> Applied {
        self.writer.apply(batch)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.reader.outbox()
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.reader.snapshot()
    }
}

/// Reads a database that a node may be writing at the same time.
#[derive(Debug)]
pub struct SqliteReader(Mutex<Connection>);

impl SqliteReader {
    /// Opens an existing database for reading.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|e| failed(path, &e))?;
        connection
            .busy_timeout(BUSY_TIMEOUT)
            .map_err(|e| failed(path, &e))?;
        Ok(Self(Mutex::new(connection)))
    }

    /// The outbox, in order of the rows' ids.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SqlRows(&connection).outbox().map_err(backend)
    }

    /// Everything that is stored, at one moment.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction().map_err(backend)?;
        let mut rows = SqlRows(&transaction);
        Ok(Snapshot {
            homes: rows.homes().map_err(backend)?,
            visitors: rows.visitors().map_err(backend)?,
            outbox: rows.outbox().map_err(backend)?,
        })
    }
}

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Opens a connection that may write.
fn connect(path: &Path) -> Result<Connection, OpenError> {
    create_private(path).map_err(|e| failed(path, &e))?;
    let connection = Connection::open(path).map_err(|e| failed(path, &e))?;
    let set_up = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", "ON")?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(())
    };
    set_up().map_err(|e| failed(path, &e))?;
    Ok(connection)
}

/// Creates the file for its owner alone: identities of users are in it. SQLite gives its side
/// files the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

fn failed(path: &Path, why: &dyn fmt::Display) -> OpenError {
    OpenError::Failed {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

fn backend(error: rusqlite::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}
