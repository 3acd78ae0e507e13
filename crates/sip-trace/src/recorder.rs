//! How a record leaves the signalling path: a bounded ring that is written by many, and read by as many as want to.
//!
//! The lock is held for a push, or while a reader copies a few records, messages by reference; never while anything is
//! formatted or goes anywhere. When the ring is full the oldest records go, because what happened last is what an engineer asks
//! for; a reader that had not come so far counts what it missed.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::compact::Node;
use crate::handed::Decision;
use crate::record::{At, MessageRecord, Record};
use crate::ring::{Copied, Gone, Ring, TooLarge};

/// How often a waiting reader looks. Waking him would be a system call in the signalling path for nearly every message.
const LOOK: Duration = Duration::from_millis(20);

/// The bounds of a ring; the first one that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Most records held at once; more if there are more decisions of one moment.
    pub records: usize,
    /// Most bytes held at once: message bytes, decision text and the size of the records themselves.
    pub bytes: usize,
}

impl Capacity {
    /// 262,144 records.
    pub const DEFAULT_RECORDS: usize = 262_144;
    /// 64 MiB.
    pub const DEFAULT_BYTES: usize = 64 * 1024 * 1024;
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            records: Self::DEFAULT_RECORDS,
            bytes: Self::DEFAULT_BYTES,
        }
    }
}

/// The writing end, held by everything in a node that sees a message or decides. Clones are one reference count.
#[derive(Clone, Debug)]
pub struct Recorder {
    node: Arc<str>,
    /// What the ring calls it.
    number: Node,
    /// `None` records nothing.
    writer: Option<Arc<Writer>>,
}

impl Recorder {
    /// A recorder for the node of this name.
    pub fn new(node: &str, capacity: Capacity) -> Self {
        let mut ring = Ring::new(capacity);
        let number = ring.node(node);
        let shared = Arc::new(Shared {
            missed: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            state: Mutex::new(State {
                ring,
                closed: false,
            }),
            ended: Condvar::new(),
        });
        Self {
            node: node.into(),
            number,
            writer: Some(Arc::new(Writer { shared })),
        }
    }

    /// A recorder that records nothing and costs nothing.
    pub fn off() -> Self {
        Self {
            node: "".into(),
            number: 0,
            writer: None,
        }
    }

    /// The same ring under another node's name, for a process that is several nodes.
    pub fn for_node(&self, node: &str) -> Self {
        let number = |writer: &Arc<Writer>| writer.shared.lock().ring.node(node);
        Self {
            node: node.into(),
            number: self.writer.as_ref().map_or(0, number),
            writer: self.writer.clone(),
        }
    }

    /// The name that this recorder writes into its records.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Whether records go anywhere: lets a caller skip building a reason that nobody will read.
    pub fn is_on(&self) -> bool {
        self.writer.is_some()
    }

    /// Records bytes that crossed a socket. They are shared, not copied: a slice of a larger receive buffer keeps that
    /// buffer alive until the ring has moved on.
    #[inline]
    pub fn message(&self, at: impl Into<At>, message: MessageRecord) {
        if let Some(writer) = &self.writer {
            writer.message(at.into(), self.number, message);
        }
    }

    /// Records a verdict and its reason.
    #[inline]
    pub fn decision<'a>(&self, at: impl Into<At>, decision: impl Into<Decision<'a>>) {
        self.decisions(at, std::iter::once(decision.into()));
    }

    /// Records verdicts of one moment with their reasons: cheaper than one after the other, and than all of them if they are about
    /// the same. The ring lets them go together; a few at a time, then.
    #[inline]
    pub fn decisions<'a>(
        &self,
        at: impl Into<At>,
        decisions: impl IntoIterator<Item = Decision<'a>>,
    ) {
        if let Some(writer) = &self.writer {
            writer.decisions(at.into(), self.number, decisions.into_iter());
        }
    }

    /// A reader that begins with the oldest record there is. It does not keep the ring open. Of a recorder that is off,
    /// one that is at the end.
    pub fn reader(&self) -> Reader {
        match &self.writer {
            Some(writer) => Reader {
                shared: Arc::clone(&writer.shared),
                next: 0,
                begun: false,
                missed: 0,
            },
            None => {
                let own = Self::new("", Capacity::default());
                own.reader()
            }
        }
    }

    /// How many records were lost on their way to somebody elsewhere ([`Reader::count_untold`]).
    pub fn untold(&self) -> u64 {
        let untold = |writer: &Arc<Writer>| writer.shared.untold.load(Ordering::Relaxed);
        self.writer.as_ref().map_or(0, untold)
    }

    /// How many records readers missed so far, because the ring had moved on before they came to them, or because one alone
    /// is larger than the ring.
    pub fn missed(&self) -> u64 {
        let missed = |writer: &Arc<Writer>| writer.shared.missed.load(Ordering::Relaxed);
        self.writer.as_ref().map_or(0, missed)
    }
}

/// One who reads along; has his own place, and so has a clone of him.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    /// Number of the record that comes next.
    next: u64,
    /// Whether he has taken anything: what went before that he never wanted.
    begun: bool,
    missed: u64,
}

impl Reader {
    /// What was recorded since the last call, some hundreds at a time. Blocks until there is something, until every
    /// [`Recorder`] of this ring is gone, or until `timeout` is over; the last two give an empty list.
    pub fn wait(&mut self, timeout: Duration) -> Vec<Record> {
        let mut left = timeout;
        let mut state = self.shared.lock();
        while state.ring.next() <= self.next && !state.closed && !left.is_zero() {
            let look = left.min(LOOK);
            left = left.saturating_sub(look);
            state = self
                .shared
                .ended
                .wait_timeout(state, look)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        drop(state);
        self.try_take()
    }

    /// What was recorded since the last call, some hundreds at a time, without waiting.
    pub fn try_take(&mut self) -> Vec<Record> {
        let mut taken = Copied::with_room();
        let state = self.shared.lock();
        let oldest = state.ring.oldest();
        if oldest > self.next {
            if self.begun {
                let missed = oldest - self.next;
                self.missed = self.missed.saturating_add(missed);
                self.shared.missed.fetch_add(missed, Ordering::Relaxed);
            }
            self.next = oldest;
        }
        state.ring.copy(self.next, &mut taken);
        drop(state);
        self.begun = true;
        let records = taken.records(self.next);
        let count = u64::try_from(records.len()).unwrap_or(u64::MAX);
        self.next = self.next.saturating_add(count);
        records
    }

    /// Everything there is now, without waiting.
    pub fn take_all(&mut self) -> Vec<Record> {
        let end = self.shared.lock().ring.next();
        let mut all = Vec::new();
        while self.next < end {
            let some = self.try_take();
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        all
    }

    /// Goes on with what is recorded from now on.
    pub fn skip_to_end(&mut self) {
        self.next = self.shared.lock().ring.next();
        self.begun = true;
    }

    /// Goes on with the record of this number; what the ring has no more of that counts as missed.
    pub fn seek(&mut self, seq: u64) {
        self.next = seq;
        self.begun = true;
    }

    /// Number of the record that comes next for this reader.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Number of the record that is recorded next.
    pub fn end(&self) -> u64 {
        self.shared.lock().ring.next()
    }

    /// Whether every recorder is gone and everything was taken: nothing will ever come again.
    pub fn closed(&self) -> bool {
        let state = self.shared.lock();
        state.closed && state.ring.next() <= self.next
    }

    /// How many records went before this reader came to them.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many records all readers of this ring missed, as [`Recorder::missed`].
    pub fn all_missed(&self) -> u64 {
        self.shared.missed.load(Ordering::Relaxed)
    }

    /// Counts records that were taken, and lost on their way to somebody elsewhere.
    pub fn count_untold(&self, records: usize) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.shared.untold.fetch_add(records, Ordering::Relaxed);
    }

    /// How many records were lost on their way to somebody elsewhere.
    pub fn untold(&self) -> u64 {
        self.shared.untold.load(Ordering::Relaxed)
    }
}

/// What all clones of a recorder share; when the last one goes, readers are told.
#[derive(Debug)]
struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    fn message(&self, at: At, node: Node, message: MessageRecord) {
        let mut state = self.shared.lock();
        let pushed = state.ring.message(at, node, message);
        drop(state);
        self.shared.let_go(pushed);
    }

    fn decisions<'a>(&self, at: At, node: Node, decisions: impl Iterator<Item = Decision<'a>>) {
        let mut state = self.shared.lock();
        let pushed = state.ring.decisions(at, node, decisions);
        drop(state);
        self.shared.let_go(pushed);
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.ended.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    missed: AtomicU64,
    untold: AtomicU64,
    state: Mutex<State>,
    /// Told when the recorders are gone.
    ended: Condvar,
}

struct State {
    ring: Ring,
    /// The recorders are gone.
    closed: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in there is nothing for a log.
        write!(f, "{} records", self.ring.next() - self.ring.oldest())
    }
}

impl Shared {
    /// Counts what did not fit, and lets go what went.
    /// Drops what went to make room, or counts what had none.
    fn let_go(&self, pushed: Result<Gone, TooLarge>) {
        match pushed {
            Ok((_, mut piece)) if !piece.is_empty() => {
                piece.clear();
                self.lock().ring.take_back(piece);
            }
            Ok(_) => {}
            Err(TooLarge(records)) => {
                let records = u64::try_from(records).unwrap_or(u64::MAX);
                self.missed.fetch_add(records, Ordering::Relaxed);
            }
        }
    }

    /// A poisoned lock is entered all the same: nothing under it can be half done, and recording must not take a node down.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
