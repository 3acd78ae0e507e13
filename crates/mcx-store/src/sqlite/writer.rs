//! The one thread that writes: takes what is queued, commits it as one transaction, and only then
//! answers (L4).

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use futures_channel::oneshot;
use mcx::state::{Command, Outcome, apply};

use super::SqlRows;
use super::connection::Writing;
use super::reader::SqliteReader;
use super::session::{Health, Session};
use crate::commits::Commits;
use crate::{Applied, StoreError, Told as OnEvent};

/// Most batches that wait; beyond, the store is overloaded.
const MAX_QUEUE: usize = 20_000;
/// Most octets of batches that wait or are being committed.
const MAX_QUEUE_OCTETS: usize = 64 << 20;
/// Most batches in one transaction.
const MAX_GROUP: usize = 1_024;
/// Octets of batches from which on no other joins a transaction: what is next waits for this commit no longer than it
/// takes to write about so much.
const MAX_GROUP_OCTETS: usize = 1 << 20;

type Answer = Result<Vec<Outcome>, StoreError>;

struct Job {
    batch: Vec<Command>,
    octets: usize,
    answer: oneshot::Sender<Answer>,
}

/// Handle of the writer thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Job>>,
    /// Octets of what waits or is being committed.
    octets: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
    listeners: Listeners,
    health: Health,
    commits: Arc<Mutex<Commits>>,
}

/// Who is told of events.
#[derive(Clone, Default)]
struct Listeners(Arc<Mutex<Vec<OnEvent>>>);

impl Listeners {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<OnEvent>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Listeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} listeners", self.with(|all| all.len()))
    }
}

impl Writer {
    pub fn start(
        writing: Writing,
        path: &Path,
        reader: Arc<SqliteReader>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(MAX_QUEUE);
        let listeners = Listeners::default();
        let told = listeners.clone();
        let health = Health::default();
        let commits = Arc::<Mutex<Commits>>::default();
        let counted = commits.clone();
        let session = Session::new(writing, path, reader, health.clone());
        let octets = Arc::<AtomicUsize>::default();
        let waiting = octets.clone();
        let thread = std::thread::Builder::new()
            .name("mcx-store".into())
            .spawn(move || run(session, &jobs, &waiting, (&told, &counted)))?;
        Ok(Self {
            queue: Some(queue),
            octets,
            thread: Some(thread),
            listeners,
            health,
            commits,
        })
    }

    pub fn on_event(&self, told: OnEvent) {
        self.listeners.with(|all| all.push(told));
    }

    /// Whether it can commit; else, why not.
    pub fn usable(&self) -> Result<(), StoreError> {
        self.health.usable()
    }

    /// What commits took so far.
    pub fn commits(&self) -> Commits {
        let commits = self.commits.lock();
        commits.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn apply(&self, batch: Vec<Command>) -> Applied {
        match self.queue(batch) {
            Ok(outcome) => Box::pin(async { outcome.await.unwrap_or(Err(StoreError::Closed)) }),
            Err(why) => Box::pin(std::future::ready(Err(why))),
        }
    }

    fn queue(&self, batch: Vec<Command>) -> Result<oneshot::Receiver<Answer>, StoreError> {
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        let octets = batch.iter().map(Command::octets).sum();
        let before = self.octets.fetch_add(octets, Ordering::Relaxed);
        let (answer, outcome) = oneshot::channel();
        let sent = if before.saturating_add(octets) > MAX_QUEUE_OCTETS {
            Err(StoreError::Overloaded)
        } else {
            let job = Job {
                batch,
                octets,
                answer,
            };
            queue.try_send(job).map_err(|e| match e {
                TrySendError::Full(_) => StoreError::Overloaded,
                TrySendError::Disconnected(_) => StoreError::Closed,
            })
        };
        if sent.is_err() {
            self.octets.fetch_sub(octets, Ordering::Relaxed);
        }
        sent.map(|()| outcome)
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

/// Who is told of events, and where commits are counted.
type Told<'a> = (&'a Listeners, &'a Mutex<Commits>);

fn run(mut session: Session, jobs: &Receiver<Job>, octets: &AtomicUsize, told: Told<'_>) {
    loop {
        let first = match jobs.recv_timeout(session.next_look()) {
            Ok(job) => job,
            Err(RecvTimeoutError::Timeout) => {
                session.look();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return session.end(),
        };
        let mut taken = first.octets;
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && taken < MAX_GROUP_OCTETS
            && let Ok(job) = jobs.try_recv()
        {
            taken += job.octets;
            group.push(job);
        }
        serve(&mut session, group, told);
        octets.fetch_sub(taken, Ordering::Relaxed);
        session.tidy_up();
    }
}

/// Commits a group, if it can be, and answers it.
fn serve(session: &mut Session, group: Vec<Job>, told: Told<'_>) {
    let (listeners, commits) = told;
    let begun = Instant::now();
    let committed = session.commit(|writing| commit(writing, &group));
    let mut counted = commits.lock().unwrap_or_else(PoisonError::into_inner);
    match committed {
        Ok(Ok(_)) => counted.succeeded(begun.elapsed(), group.len()),
        _ => counted.failed += 1,
    }
    drop(counted);
    match committed {
        Ok(Ok(outcomes)) => {
            let events = outcomes.iter().flatten().flat_map(|o| &o.events);
            if let Some(newest) = events.map(|event| event.seq).max() {
                listeners.with(|all| all.iter().for_each(|told| told(newest)));
            }
            for (job, outcomes) in group.into_iter().zip(outcomes) {
                let _ = job.answer.send(Ok(outcomes));
            }
        }
        // One batch is at fault, and nobody knows which: each on its own.
        Ok(Err(_)) if group.len() > 1 => {
            for job in group {
                serve(session, vec![job], told);
            }
        }
        Ok(Err(error)) | Err(error) => {
            for job in group {
                let _ = job.answer.send(Err(error.clone()));
            }
        }
    }
}

/// One transaction, one fsync. Dropping it unfinished rolls it back.
fn commit(writing: &mut Writing, group: &[Job]) -> rusqlite::Result<Vec<Vec<Outcome>>> {
    let immediate = rusqlite::TransactionBehavior::Immediate;
    let transaction = writing.connection.transaction_with_behavior(immediate)?;
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
