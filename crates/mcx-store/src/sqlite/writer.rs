//! The one thread that writes: takes what is queued, commits it as one transaction, and only then
//! answers (L4).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_channel::oneshot;
use mcx::state::{Command, Outcome, apply};
use rusqlite::Connection;

use super::{SqlRows, backend, connect, failed};
use crate::{Applied, StoreError, Told};

/// Most batches that wait; beyond, the store is overloaded.
const MAX_QUEUE: usize = 20_000;
/// Most batches in one transaction.
const MAX_GROUP: usize = 512;

type Answer = Result<Vec<Outcome>, StoreError>;

struct Job {
    batch: Vec<Command>,
    answer: oneshot::Sender<Answer>,
}

/// Handle of the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    listeners: Listeners,
}

/// Who is told of events.
#[derive(Clone, Default)]
struct Listeners(Arc<Mutex<Vec<Told>>>);

impl Listeners {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<Told>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.with(|all| all.len()))
    }
}

impl Writer {
    pub fn start(connection: Connection, path: PathBuf) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(MAX_QUEUE);
        let listeners = Listeners::default();
        let told = listeners.clone();
        let thread = std::thread::Builder::new()
            .name("mcx-store".into())
            .spawn(move || run(Some(connection), &path, &jobs, &told))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
            listeners,
        })
    }

    pub fn on_event(&self, told: Told) {
        self.listeners.with(|all| all.push(told));
    }

    pub fn apply(&self, batch: Vec<Command>) -> Applied {
        let (answer, outcome) = oneshot::channel();
        let sent = match &self.queue {
            Some(queue) => queue.try_send(Job { batch, answer }),
            None => return Box::pin(std::future::ready(Err(StoreError::Closed))),
        };
        match sent {
            Ok(()) => Box::pin(async { outcome.await.unwrap_or(Err(StoreError::Closed)) }),
            Err(TrySendError::Full(_)) => Box::pin(std::future::ready(Err(StoreError::Overloaded))),
            Err(TrySendError::Disconnected(_)) => {
                Box::pin(std::future::ready(Err(StoreError::Closed)))
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    mut connection: Option<Connection>,
    path: &Path,
    jobs: &Receiver<Job>,
    listeners: &Listeners,
) {
    let opened = identity(path);
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        // After a failure nothing that SQLite holds in memory is trusted: it starts anew from
        // what is on disk.
        let usable = if identity(path) == opened {
            connection.take().map_or_else(|| connect(path), Ok)
        } else {
            // What is written into a file that has no name any more is lost with this process.
            Err(failed(
                path,
                &"the file was removed or replaced while it was in use",
            ))
        };
        let committed = match usable {
            Ok(mut usable) => {
                let committed = commit(&mut usable, &group).map_err(backend);
                if committed.is_ok() {
                    connection = Some(usable);
                }
                committed
            }
            Err(error) => Err(StoreError::Backend(error.to_string())),
        };
        match committed {
            Ok(outcomes) => {
                let events = outcomes.iter().flatten().flat_map(|o| &o.events);
                if let Some(newest) = events.map(|event| event.seq).max() {
                    listeners.with(|all| all.iter().for_each(|told| told(newest)));
                }
                for (job, outcomes) in group.into_iter().zip(outcomes) {
                    let _ = job.answer.send(Ok(outcomes));
                }
            }
            Err(error) => {
                for job in group {
                    let _ = job.answer.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Which file has this name, if any.
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// One transaction, one fsync. Dropping it unfinished rolls it back.
fn commit(connection: &mut Connection, group: &[Job]) -> rusqlite::Result<Vec<Vec<Outcome>>> {
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let mut rows = SqlRows(&transaction);
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        let of_batch: rusqlite::Result<Vec<_>> =
            job.batch.iter().map(|c| apply(&mut rows, c)).collect();
        outcomes.push(of_batch?);
    }
    transaction.commit()?;
    Ok(outcomes)
}
