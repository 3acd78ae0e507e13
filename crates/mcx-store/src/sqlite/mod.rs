//! The embedded store: SQLite in WAL mode with `synchronous=FULL`, one writer thread that
//! commits in groups.

mod backup;
mod columns;
mod connection;
mod deadlines;
mod files;
mod inspect;
mod lines;
mod lock;
mod new_file;
mod owed;
mod reader;
mod rows;
mod schema;
mod session;
mod tools;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Applied, Commits, Snapshot, Store, StoreError, Told};
pub use backup::backup;
use connection::Writing;
pub use inspect::{Contents, MOST_PROBLEMS, inspect};
pub use lines::{Counts, LinesError, export, import};
use lock::{create_private, existing, lock};
use mcx::state::{Command, Event, Home, OutboxPage, OutboxRow, Owed, UserKey, Visitor};
pub use reader::SqliteReader;
use rows::SqlRows;
use rusqlite::ErrorCode;
use tracing::info;
use writer::Writer;

/// The embedded store. Dropping it waits until what was handed over is committed.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: Arc<SqliteReader>,
    /// Dropped last: the operating system releases the lock then, and when the process is killed.
    _locked: File,
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
    /// Another process uses it.
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// It is damaged.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        why: String,
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
            Self::InUse { path } => write!(
                f,
                "{}: another process uses it: end that one, or write another path",
                path.display()
            ),
            Self::Corrupt { path, why } => write!(
                f,
                "{}: {why}: `mcx store check` names what is wrong",
                path.display()
            ),
            Self::Failed { path, why } => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl SqliteStore {
    /// Opens the database at `path`, creating it, for its owner alone to read, when there is
    /// none, and bringing an older schema up to date. One process at a time: the file is locked
    /// until the store is dropped.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        files::has_its_own_log(path)?;
        let is_new = !path.exists();
        let locked = create_private(path)?;
        lock(&locked, path)?;
        if is_new {
            info!(store = %path.display(), "there was no store: a new one is made");
        }
        let writing = Writing::open(path).map_err(|e| unusable(path, &e))?;
        schema::migrate(&writing.connection, path)?;
        // A process before this one may have ended after a sync that failed.
        writing.settle().map_err(|e| unusable(path, &e))?;
        let reader = Arc::new(SqliteReader::open(path)?);
        let writer = Writer::start(writing, path, reader.clone()).map_err(|e| failed(path, &e))?;
        Ok(Self {
            writer,
            reader,
            _locked: locked,
        })
    }

    /// Whether [`SqliteStore::open`] would open the database at `path`, or make one there; creates
    /// and changes nothing.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn check(path: &Path) -> Result<(), OpenError> {
        files::has_its_own_log(path)?;
        if !path.exists() {
            return Ok(());
        }
        let locked = existing(path)?;
        lock(&locked, path)?;
        let reader = SqliteReader::open(path)?;
        let connection = reader.lock();
        if schema::found(&connection, path)? < schema::KNOWN {
            // Read only: it cannot bring an older schema up to date.
            return Ok(());
        }
        let mut rows = SqlRows(&connection);
        let first = rows.outbox_after(0, 500);
        first.map(drop).map_err(|e| unusable(path, &e))
    }
}

impl Store for SqliteStore {
    fn apply(&self, batch: Vec<Command>) -> Applied {
        self.writer.apply(batch)
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        self.reader.outbox()
    }

    fn outbox_after(&self, id: u64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let connection = self.reader.lock();
        SqlRows(&connection)
            .outbox_after(id, limit)
            .map_err(backend)
    }

    fn outbox_page(&self, page: &OutboxPage) -> Result<Vec<OutboxRow>, StoreError> {
        owed::page(&self.reader.lock(), page).map_err(backend)
    }

    fn owed(&self) -> Result<Vec<Owed>, StoreError> {
        owed::all(&self.reader.lock()).map_err(backend)
    }

    fn commits(&self) -> Option<Commits> {
        Some(self.writer.commits())
    }

    fn last_outbox_id(&self) -> Result<u64, StoreError> {
        inspect::last_of(&self.reader.lock(), "outbox").map_err(backend)
    }

    fn homes(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Home)>, StoreError> {
        let connection = self.reader.lock();
        SqlRows(&connection).homes(after, limit).map_err(backend)
    }

    fn visitors(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, StoreError> {
        let connection = self.reader.lock();
        SqlRows(&connection).visitors(after, limit).map_err(backend)
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.reader.snapshot()
    }

    fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.reader.events(seq, limit)
    }

    fn newest_event(&self) -> Result<u64, StoreError> {
        let connection = self.reader.lock();
        SqlRows(&connection).newest_event().map_err(backend)
    }

    fn delivered(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        let connection = self.reader.lock();
        SqlRows(&connection).delivered(sink).map_err(backend)
    }

    fn on_event(&self, told: Told) {
        self.writer.on_event(told);
    }

    fn usable(&self) -> Result<(), StoreError> {
        self.writer.usable()
    }
}

fn failed(path: &Path, why: &dyn fmt::Display) -> OpenError {
    OpenError::Failed {
        path: path.to_owned(),
        why: why.to_string(),
    }
}

/// What SQLite says of the database, with the remedy where there is one.
fn unusable(path: &Path, error: &rusqlite::Error) -> OpenError {
    let remedy = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => {
            return OpenError::Corrupt {
                path: path.to_owned(),
                why: error.to_string(),
            };
        }
        Some(ErrorCode::NotADatabase) => {
            "write the path of a store, or of a file that is not there yet"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            "whoever opens it has to be allowed to write it, its folder and the files beside it (-wal, -shm), as the user of the node is"
        }
        _ => return failed(path, error),
    };
    failed(path, &format!("{error}: {remedy}"))
}

fn backend(error: rusqlite::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}
