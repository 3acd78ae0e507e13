//! What the writer does when the storage fails: nothing is committed, and so nothing acknowledged, until the database was
//! opened anew, stands on what is on disk, and was seen to take a commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{error, info, warn};

use super::backend;
use super::connection::{Fault, Writing, fault};
use crate::StoreError;

/// Wait before the first try after a failure; doubled with each that fails, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// Longest wait before it is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// The same where every page has to be read to know that they are right again.
const CORRUPT_WAIT: Duration = Duration::from_secs(60);
/// A failure so soon after another one is the same trouble: waits go on growing.
const SAME_TROUBLE: Duration = Duration::from_secs(10);

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
    /// The file that was opened: another one of the same name is another store.
    file: Option<(u64, u64)>,
    state: Result<Writing, Failed>,
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
    pub fn new(writing: Writing, path: PathBuf, health: Health) -> Self {
        Self {
            file: identity(&path),
            path,
            state: Ok(writing),
            health,
            wait: FIRST_WAIT,
            well_since: Instant::now(),
            complained: None,
        }
    }

    /// How long until it is to be tried again, when it failed.
    pub fn next_try(&self) -> Option<Duration> {
        let failed = self.state.as_ref().err()?;
        Some(failed.next_try.saturating_duration_since(Instant::now()))
    }

    /// Does something with the connection. The outer error is that of the storage, the inner one that of what was done.
    pub fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Writing) -> rusqlite::Result<T>,
    ) -> Result<Result<T, StoreError>, StoreError> {
        let is_there = identity(&self.path) == self.file;
        let writing = match &mut self.state {
            // What is written into a file that has no name any more is lost with this process.
            Ok(_) if !is_there => return Err(self.fails(removed(), false)),
            Ok(writing) => writing,
            Err(failed) => {
                failed.refused += 1;
                return Err(failed.why.clone());
            }
        };
        match work(writing) {
            Ok(done) => Ok(Ok(done)),
            Err(error) => match fault(&error) {
                Fault::Batch => Ok(Err(self.complain(backend(error)))),
                fault => Err(self.fails(backend(error), fault == Fault::Corrupt)),
            },
        }
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
        if self.state.is_ok() {
            // What was answered is durable, in the log; but a disk that does not take the same pages a second time is
            // not one to go on with.
            let _ = self.with(|writing| writing.checkpoint());
        }
    }

    /// Tries whether it can be committed again.
    pub fn try_again(&mut self) {
        let Err(failed) = &mut self.state else { return };
        match revive(&self.path, self.file, failed.corrupt) {
            Ok(writing) => {
                let (seconds, refused) = (failed.since.elapsed().as_secs_f64(), failed.refused);
                info!(
                    store = %self.path.display(), refused,
                    "the store commits again, after {seconds:.1} s"
                );
                self.state = Ok(writing);
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

    /// The storage failed. The connection is given up: what SQLite holds in memory may be what never reached the disk.
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
        self.state = Err(Failed {
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

/// A connection that was seen to work, or why there is none and whether pages are wrong.
fn revive(
    path: &Path,
    file: Option<(u64, u64)>,
    corrupt: bool,
) -> Result<Writing, (StoreError, bool)> {
    if identity(path) != file {
        return Err((removed(), false));
    }
    let opened = || {
        let writing = Writing::open(path)?;
        if corrupt {
            writing.is_whole()?;
        }
        writing.settle()?;
        writing.prove()?;
        Ok(writing)
    };
    opened().map_err(|error| {
        let corrupt = fault(&error) == Fault::Corrupt;
        (backend(error), corrupt)
    })
}

fn removed() -> StoreError {
    StoreError::Backend("the file was removed or replaced while it was in use".into())
}

/// Which file has this name, if any.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
