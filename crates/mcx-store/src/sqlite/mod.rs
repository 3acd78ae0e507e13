//! The embedded store: SQLite in WAL mode with `synchronous=FULL`, one writer thread that
//! commits in groups.

mod backup;
mod columns;
mod connection;
mod deadlines;
mod inspect;
mod lines;
mod owed;
mod rows;
mod schema;
mod session;
mod tools;
mod writer;

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mcx::state::{Command, Event, Home, OutboxPage, OutboxRow, Owed, UserKey, Visitor};
use rusqlite::{Connection, OpenFlags};

use crate::{Applied, Commits, Snapshot, Store, StoreError, Told};
pub use backup::backup;
use connection::{BUSY_TIMEOUT, CACHE_KIB, Writing};
pub use inspect::{Contents, MOST_PROBLEMS, inspect};
pub use lines::{Counts, LinesError, export, import};
use rows::SqlRows;
use writer::Writer;

/// The embedded store. Dropping it waits until what was handed over is committed.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: SqliteReader,
    /// Dropped last: the operating system releases it then, and when the process is killed.
    _lock: File,
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
            Self::Failed { path, why } => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

impl SqliteStore {
    /// Opens the database at `path`, creating it, for its owner alone to read, when there is
    /// none, and bringing an older schema up to date. One process at a time: a lock on the file
    /// beside it, `<path>.lock`, is held until the store is dropped.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        create_private(path).map_err(|e| failed(path, &e))?;
        let lock = lock(path)?;
        let writing = Writing::open(path).map_err(|e| failed(path, &e))?;
        schema::migrate(&writing.connection, path)?;
        // A process before this one may have ended after a sync that failed.
        writing.settle().map_err(|e| failed(path, &e))?;
        let reader = SqliteReader::open(path)?;
        let writer = Writer::start(writing, path.to_owned()).map_err(|e| failed(path, &e))?;
        Ok(Self {
            writer,
            reader,
            _lock: lock,
        })
    }

    /// Whether [`SqliteStore::open`] would open the existing database at `path`; creates and
    /// changes nothing.
    ///
    /// # Errors
    /// Says which file and why.
    pub fn check(path: &Path) -> Result<(), OpenError> {
        OpenOptions::new()
            .append(true)
            .open(path)
            .map_err(|e| failed(path, &e))?;
        let lock = lock_path(path)?;
        if lock.exists() {
            let file = OpenOptions::new().append(true).open(&lock);
            try_lock(&file.map_err(|e| failed(&lock, &e))?, path)?;
        }
        let reader = SqliteReader::open(path)?;
        let connection = reader.lock();
        let _: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(|e| failed(path, &e))?;
        // Read only: it cannot bring an older schema up to date, but sees a newer one.
        match schema::migrate(&connection, path) {
            Err(newer @ OpenError::Newer { .. }) => Err(newer),
            Err(_) => Ok(()),
            Ok(()) => SqlRows(&connection)
                .outbox()
                .map(drop)
                .map_err(|e| failed(path, &e)),
        }
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
            .and_then(|()| connection.pragma_update(None, "cache_size", -CACHE_KIB))
            .map_err(|e| failed(path, &e))?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

/// How long a lock that somebody looks at, or gives up just now, is waited for.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);

/// Takes the lock of the database at `path`, which exists.
fn lock(path: &Path) -> Result<File, OpenError> {
    let beside = lock_path(path)?;
    create_private(&beside).map_err(|e| failed(&beside, &e))?;
    let file = OpenOptions::new().append(true).open(&beside);
    let file = file.map_err(|e| failed(&beside, &e))?;
    try_lock(&file, path)?;
    Ok(file)
}

/// Where the lock is: one database has one, whatever links lead to it.
fn lock_path(path: &Path) -> Result<PathBuf, OpenError> {
    let mut beside = path.canonicalize().map_err(|e| failed(path, &e))?;
    beside.as_mut_os_string().push(".lock");
    Ok(beside)
}

fn try_lock(file: &File, path: &Path) -> Result<(), OpenError> {
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(path, &error)),
        }
    }
}

/// Creates the file for its owner alone: identities of users are in it. SQLite gives its side
/// files the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
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
