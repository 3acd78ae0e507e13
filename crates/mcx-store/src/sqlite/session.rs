//! What the writer does when the storage fails: nothing is committed, and so nothing acknowledged, until the database was
//! opened anew, stands on what is on disk, and was seen to take a commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{error, warn};

use super::backend;
use super::connection::{Fault, Writing, fault};
use super::files::{Files, Gone};
use super::reader::SqliteReader;
use crate::StoreError;

/// Wait before the first try after a failure; doubled with each that fails, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait before it is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// The same where every page has to be read to know that they are right again.
const CORRUPT_WAIT: Duration = Duration::from_secs(60);
/// A failure so soon after another one is the same trouble: waits go on growing.
const SAME_TROUBLE: Duration = Duration::from_secs(10);

/// How long those who read are waited for before a log without a name is copied, each time it is tried.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often it is looked at while nothing is committed.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is told, at most, that batches fail by themselves.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Whether the writer can commit, for everybody to see.
#[derive(Clone, Debug, Default)]
pub(super) struct Health(Arc<Mutex<Option<StoreError>>>);

impl Health {
    pub fn usable(&self) -> Result<(), StoreError> {
        let failed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clone().map_or(Ok(()), Err)
    }

    fn set(&self, failed: Option<StoreError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }
}

/// The writer's connection, while there is one.
pub(super) struct Session {
    path: PathBuf,
    /// Those that were opened: others of the same names are of another store.
    files: Files,
    /// None after a failure; except that of a log without a name, which is read through this connection alone.
    writing: Option<Writing>,
    reader: Arc<SqliteReader>,
    /// Nothing is committed while this is so.
    failed: Option<Failed>,
    health: Health,
    /// How long is waited after the next failure, and since when it has gone well.
    wait: Duration,
    well_since: Instant,
    /// When it was told last that a batch failed by itself.
    complained: Option<Instant>,
}

/// Nothing can be committed.
struct Failed {
    why: StoreError,
    corrupt: bool,
    since: Instant,
    next_try: Instant,
    /// How many groups were refused meanwhile.
    refused: u64,
}

impl Session {
    pub fn new(writing: Writing, path: &Path, reader: Arc<SqliteReader>, health: Health) -> Self {
        Self {
            files: Files::of(path),
            path: path.to_owned(),
            writing: Some(writing),
            reader,
            failed: None,
            health,
            wait: FIRST_WAIT,
            well_since: Instant::now(),
            complained: None,
        }
    }

    /// How long until it is to be looked after: whether it works again, or whether its files are still there.
    pub fn next_look(&self) -> Duration {
        self.failed.as_ref().map_or(LOOK, |failed| {
            failed.next_try.saturating_duration_since(Instant::now())
        })
    }

    /// Commits. The outer error is that of the storage, the inner one that of what is committed.
    pub fn commit<T>(
        &mut self,
        work: impl FnOnce(&mut Writing) -> rusqlite::Result<T>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        if self.failed.is_none() {
            self.stands()?;
        }
        let done = self.with(work)?;
        // What was written into a file that has no name any more would be lost with this process.
        self.stands()?;
        Ok(done)
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Writing) -> rusqlite::Result<T>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        if let Some(failed) = &mut self.failed {
            failed.refused += 1;
            return Err(failed.why.clone());
        }
        let writing = self.writing.as_mut().ok_or(StoreError::Closed)?;
        match work(writing) {
            Ok(done) => Ok(Ok(done)),
            Err(error) => match fault(&error) {
                Fault::Batch => Ok(Err(self.complain(backend(error)))),
                fault => {
                    self.writing = None;
                    Err(self.fails(backend(error), fault == Fault::Corrupt))
                }
            },
        }
    }

    /// Nothing came for a while, or it is time to try again.
    pub fn look(&mut self) {
        if self.failed.is_some() {
            self.try_again();
        } else {
            let _ = self.stands();
        }
    }

    /// Nothing comes any more. A log without a name, and all that it has, would end with the connection.
    pub fn end(mut self) {
        if self.failed.is_none() {
            let _ = self.stands();
        } else if self.writing.is_some() {
            self.try_again();
        }
        let Some(failed) = &self.failed else { return };
        let path = self.path.display();
        if self.writing.is_some() {
            error!(
                store = %path,
                "the log beside the store is lost, with what was committed since it was last copied into the database"
            );
        } else {
            error!(
                store = %path, why = %failed.why,
                "the node ends, and its store could not commit: what it committed last is in {path}-wal; keep that with the store"
            );
        }
    }

    /// Whether the files are those that were opened. A log that was taken away is saved.
    fn stands(&mut self) -> Result<(), StoreError> {
        match self.files.gone() {
            None => Ok(()),
            Some(Gone::Database) => {
                self.writing = None;
                Err(self.fails(removed(), false))
            }
            Some(Gone::Contents) => self.is_emptied(),
            Some(Gone::Log) => {
                let why =
                    "the log beside it (-wal, -shm) was removed or replaced while it was in use";
                self.health.set(Some(StoreError::Backend(why.into())));
                if let Err((why, corrupt)) = self.save() {
                    return Err(self.fails(why, corrupt));
                }
                self.health.set(None);
                warn!(
                    store = %self.path.display(),
                    "{why}: what it had was copied into the database, and a new one was begun; nothing is lost"
                );
                Ok(())
            }
        }
    }

    /// The log is shorter than it was: another process may have copied it into the database, which is its right; or it was cut.
    fn is_emptied(&mut self) -> Result<(), StoreError> {
        let whole = self.writing.as_ref().map(Writing::log_is_whole);
        if let Some(Ok(true)) = whole {
            self.files = Files::of(&self.path);
            return Ok(());
        }
        self.writing = None;
        let why = "the log beside it (-wal) was cut while it was in use, and what was committed last is lost: end the node, and put \
                   a backup in the place of the store if `mcx store check` names anything";
        Err(self.fails(StoreError::Backend(why.into()), true))
    }

    /// Copies what the log has into the database, for as long as it can be read, and begins another one.
    fn save(&mut self) -> Result<(), (StoreError, bool)> {
        let Self {
            path,
            files,
            writing,
            reader,
            ..
        } = self;
        if let Some(nameless) = writing.as_ref() {
            // Nothing is acknowledged meanwhile.
            let _ = nameless.connection.busy_timeout(PATIENCE);
            nameless.settle().map_err(|error| {
                let (corrupt, why) = (fault(&error) == Fault::Corrupt, backend(error));
                let why = format!(
                    "the log beside it was removed or replaced while it was in use, and what it has cannot be copied into \
                     the database yet: {why}"
                );
                (StoreError::Backend(why), corrupt)
            })?;
        }
        // A new index is made when no connection has the old one.
        let anew = || {
            *writing = None;
            files.remove_log();
            *files = Files::of(path);
            let anew = Writing::open(path)?;
            anew.prove()?;
            Ok(anew)
        };
        let opened = reader.anew(anew).map_err(of_storage)?;
        self.files = Files::of(&self.path);
        self.writing = Some(opened);
        Ok(())
    }

    /// A batch failed, for a reason of its own: of those that fail for the same reason one is told.
    fn complain(&mut self, why: StoreError) -> StoreError {
        let now = Instant::now();
        if self.complained.is_none_or(|at| now - at >= COMPLAINTS) {
            self.complained = Some(now);
            warn!(
                store = %self.path.display(), %why,
                "a batch cannot be stored, while others can: `mcx store check` may name what is wrong"
            );
        }
        why
    }

    /// After a group was answered: keeps the log from growing.
    pub fn tidy_up(&mut self) {
        if self.failed.is_none() {
            // What was answered is durable, in the log; but a disk that does not take the same pages a second time is
            // not one to go on with.
            let _ = self.with(|writing| writing.checkpoint());
        }
    }

    /// Tries whether it can be committed again.
    fn try_again(&mut self) {
        let Some(corrupt) = self.failed.as_ref().map(|failed| failed.corrupt) else {
            return;
        };
        let revived = if self.writing.is_some() {
            self.save()
        } else {
            self.revive(corrupt)
        };
        let Some(failed) = &mut self.failed else {
            return;
        };
        match revived {
            Ok(()) => {
                let (seconds, refused) = (failed.since.elapsed().as_secs_f64(), failed.refused);
                // As loud as what it ends, nearly.
                warn!(
                    store = %self.path.display(), refused,
                    "the store commits again, after {seconds:.1} s"
                );
                self.failed = None;
                self.health.set(None);
                self.well_since = Instant::now();
            }
            Err((why, corrupt)) => {
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
                failed.corrupt |= corrupt;
                failed.next_try = Instant::now() + wait(self.wait, failed.corrupt);
                failed.why = why.clone();
                self.health.set(Some(why));
            }
        }
    }

    /// Opens a connection that is seen to work.
    fn revive(&mut self, corrupt: bool) -> Result<(), (StoreError, bool)> {
        match self.files.gone() {
            None => {}
            Some(Gone::Database) => return Err((removed(), false)),
            Some(Gone::Log | Gone::Contents) => {
                let why = "the log beside it (-wal, -shm) was removed, replaced or cut while it could not commit: put it back, \
                           or what was committed last is lost";
                return Err((StoreError::Backend(why.into()), false));
            }
        }
        let opened = || {
            let writing = Writing::open(&self.path)?;
            if corrupt {
                writing.is_whole()?;
            }
            writing.settle()?;
            writing.prove()?;
            Ok(writing)
        };
        self.writing = Some(opened().map_err(of_storage)?);
        let begun_anew = self.files.gone() == Some(Gone::Log);
        // It was emptied, which is no cut.
        self.files = Files::of(&self.path);
        if begun_anew { self.save() } else { Ok(()) }
    }

    /// The storage failed. The connection is given up, but for one that has the only log: what SQLite holds in memory may be
    /// what never reached the disk.
    fn fails(&mut self, why: StoreError, corrupt: bool) -> StoreError {
        let now = Instant::now();
        self.wait = if now - self.well_since < SAME_TROUBLE {
            (self.wait * 2).min(LONGEST_WAIT)
        } else {
            FIRST_WAIT
        };
        let remedy = if corrupt {
            ": `mcx store check` names what is wrong"
        } else {
            ""
        };
        error!(
            store = %self.path.display(), %why,
            "the store cannot commit: what needs it is answered 503 until it can{remedy}"
        );
        self.health.set(Some(why.clone()));
        self.failed = Some(Failed {
            why: why.clone(),
            corrupt,
            since: now,
            next_try: now + wait(self.wait, corrupt),
            refused: 1,
        });
        why
    }
}

fn wait(grown: Duration, corrupt: bool) -> Duration {
    if corrupt { CORRUPT_WAIT } else { grown }
}

/// With whether pages are wrong.
fn of_storage(error: rusqlite::Error) -> (StoreError, bool) {
    let corrupt = fault(&error) == Fault::Corrupt;
    (backend(error), corrupt)
}

fn removed() -> StoreError {
    StoreError::Backend("the file was removed or replaced while it was in use".into())
}
