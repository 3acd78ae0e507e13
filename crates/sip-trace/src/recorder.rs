//! How a record leaves the signalling path: a bounded ring that is written by many, and read by as many as want to.
//!
//! The lock is held for a push, or while a reader takes references to a few records; never while anything is copied,
//! formatted or written. When the ring is full the oldest records go, because what happened last is what an engineer asks
//! for; a reader that had not come so far counts what it missed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::handed::{self, Decision};
use crate::record::{At, MessageRecord, Record, What};

/// Most records that a reader takes while it holds the lock.
const TURN: usize = 256;

/// How often a waiting reader looks. Waking him would be a system call in the signalling path for nearly every message.
const LOOK: Duration = Duration::from_millis(20);

/// The bounds of a ring; the first one that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Most records held at once.
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
    /// `None` records nothing.
    writer: Option<Arc<Writer>>,
}

impl Recorder {
    /// A recorder for the node of this name.
    pub fn new(node: &str, capacity: Capacity) -> Self {
        let ring = Arc::new(Ring {
            capacity,
            missed: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            state: Mutex::new(State::default()),
            ended: Condvar::new(),
        });
        Self {
            node: node.into(),
            writer: Some(Arc::new(Writer { ring })),
        }
    }

    /// A recorder that records nothing and costs nothing.
    pub fn off() -> Self {
        Self {
            node: "".into(),
            writer: None,
        }
    }

    /// The same ring under another node's name, for a process that is several nodes.
    pub fn for_node(&self, node: &str) -> Self {
        Self {
            node: node.into(),
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
    pub fn message(&self, at: impl Into<At>, message: MessageRecord) {
        if let Some(writer) = &self.writer {
            writer
                .ring
                .push(at.into(), &self.node, Held::Message(message));
        }
    }

    /// Records a verdict and its reason.
    pub fn decision(&self, at: impl Into<At>, decision: impl Into<Decision>) {
        if let Some(writer) = &self.writer {
            let decision = Held::Decision(decision.into().into());
            writer.ring.push(at.into(), &self.node, decision);
        }
    }

    /// A reader that begins with the oldest record there is. It does not keep the ring open. Of a recorder that is off,
    /// one that is at the end.
    pub fn reader(&self) -> Reader {
        match &self.writer {
            Some(writer) => Reader {
                ring: Arc::clone(&writer.ring),
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
        let untold = |writer: &Arc<Writer>| writer.ring.untold.load(Ordering::Relaxed);
        self.writer.as_ref().map_or(0, untold)
    }

    /// How many records readers missed so far, because the ring had moved on before they came to them, or because one alone
    /// is larger than the ring.
    pub fn missed(&self) -> u64 {
        let missed = |writer: &Arc<Writer>| writer.ring.missed.load(Ordering::Relaxed);
        self.writer.as_ref().map_or(0, missed)
    }
}

/// One who reads along; has his own place, and so has a clone of him.
#[derive(Clone, Debug)]
pub struct Reader {
    ring: Arc<Ring>,
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
        let mut state = self.ring.lock();
        while state.next_seq <= self.next && !state.closed && !left.is_zero() {
            let look = left.min(LOOK);
            left = left.saturating_sub(look);
            state = self
                .ring
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
        let mut taken = Vec::with_capacity(TURN);
        let state = self.ring.lock();
        let oldest = state.oldest();
        if oldest > self.next {
            if self.begun {
                let missed = oldest - self.next;
                self.missed = self.missed.saturating_add(missed);
                self.ring.missed.fetch_add(missed, Ordering::Relaxed);
            }
            self.next = oldest;
        }
        let skip = usize::try_from(self.next.saturating_sub(oldest)).unwrap_or(usize::MAX);
        let records = state.records.iter().skip(skip).take(TURN);
        taken.extend(records.cloned());
        drop(state);
        self.begun = true;
        let mut seq = self.next;
        let records: Vec<Record> = taken
            .into_iter()
            .map(|slot| {
                let record = slot.record(seq);
                seq = seq.wrapping_add(1);
                record
            })
            .collect();
        self.next = seq;
        records
    }

    /// Everything there is now, without waiting.
    pub fn take_all(&mut self) -> Vec<Record> {
        let end = self.ring.lock().next_seq;
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
        self.next = self.ring.lock().next_seq;
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
        self.ring.lock().next_seq
    }

    /// Whether every recorder is gone and everything was taken: nothing will ever come again.
    pub fn closed(&self) -> bool {
        let state = self.ring.lock();
        state.closed && state.next_seq <= self.next
    }

    /// How many records went before this reader came to them.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many records all readers of this ring missed, as [`Recorder::missed`].
    pub fn all_missed(&self) -> u64 {
        self.ring.missed.load(Ordering::Relaxed)
    }

    /// Counts records that were taken, and lost on their way to somebody elsewhere.
    pub fn count_untold(&self, records: usize) {
        let records = u64::try_from(records).unwrap_or(u64::MAX);
        self.ring.untold.fetch_add(records, Ordering::Relaxed);
    }

    /// How many records were lost on their way to somebody elsewhere.
    pub fn untold(&self) -> u64 {
        self.ring.untold.load(Ordering::Relaxed)
    }
}

/// What all clones of a recorder share; when the last one goes, readers are told.
#[derive(Debug)]
struct Writer {
    ring: Arc<Ring>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.ring.lock().closed = true;
        self.ring.ended.notify_all();
    }
}

#[derive(Debug)]
struct Ring {
    capacity: Capacity,
    missed: AtomicU64,
    untold: AtomicU64,
    state: Mutex<State>,
    /// Told when the recorders are gone.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    records: VecDeque<Slot>,
    bytes: usize,
    /// Number of the record that comes next.
    next_seq: u64,
    /// The recorders are gone.
    closed: bool,
}

impl State {
    /// Number of the oldest record that is held.
    fn oldest(&self) -> u64 {
        let held = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        self.next_seq.saturating_sub(held)
    }
}

/// A record as it is held: copying it is counting references.
#[derive(Clone)]
struct Slot {
    at: At,
    node: Arc<str>,
    what: Held,
}

#[derive(Clone)]
enum Held {
    Message(MessageRecord),
    Decision(handed::Held),
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in there is nothing for a log.
        write!(f, "{} records, {} bytes", self.records.len(), self.bytes)
    }
}

impl Slot {
    fn record(self, seq: u64) -> Record {
        Record {
            seq,
            wall_us: self.at.wall_us,
            mono_us: self.at.mono_us,
            node: self.node,
            what: match self.what {
                Held::Message(message) => What::Message(message),
                Held::Decision(decision) => What::Decision(decision.record()),
            },
        }
    }
}

impl Held {
    /// What it counts against [`Capacity::bytes`].
    fn weight(&self) -> usize {
        let content = match self {
            Self::Message(message) => message.bytes.len(),
            Self::Decision(decision) => decision.weight(),
        };
        content.saturating_add(size_of::<Slot>())
    }
}

impl Ring {
    fn push(&self, at: At, node: &Arc<str>, what: Held) {
        let size = what.weight();
        if size > self.capacity.bytes {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let slot = Slot {
            at,
            node: Arc::clone(node),
            what,
        };
        // What goes is dropped when the lock is free again: it may be the last of a large buffer.
        let mut gone = None;
        let mut state = self.lock();
        state.next_seq = state.next_seq.wrapping_add(1);
        state.bytes = state.bytes.saturating_add(size);
        state.records.push_back(slot);
        while state.records.len() > self.capacity.records || state.bytes > self.capacity.bytes {
            let Some(oldest) = state.records.pop_front() else {
                break;
            };
            state.bytes = state.bytes.saturating_sub(oldest.what.weight());
            gone = Some(oldest);
        }
        drop(state);
        drop(gone);
    }

    /// A poisoned lock is entered all the same: nothing under it can be half done, and recording must not take a node down.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
