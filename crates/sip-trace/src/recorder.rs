//! How a record leaves the signalling path: a bounded buffer that is pushed to by many and emptied by one.
//!
//! The lock is held for a push or for a swap of two buffers, never while anything is formatted or written. When the
//! buffer is full the oldest records go, because what happened last is what an engineer asks for; each one that goes is
//! counted.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::record::{DecisionRecord, Direction, MessageRecord, Record, Transport, What};

/// The bounds of a recorder's buffer; the first one that is reached counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Most records held at once.
    pub records: usize,
    /// Most bytes held at once: message bytes, decision text and the size of the records themselves.
    pub bytes: usize,
}

impl Capacity {
    /// 65,536 records.
    pub const DEFAULT_RECORDS: usize = 65_536;
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
    sender: Option<Arc<Sender>>,
}

impl Recorder {
    /// A recorder for the node of this name, and the end that a writer thread empties.
    pub fn new(node: &str, capacity: Capacity) -> (Self, Drain) {
        let shared = Arc::new(Shared {
            capacity,
            dropped: AtomicU64::new(0),
            buffer: Mutex::new(Buffer::default()),
            filled: Condvar::new(),
        });
        let recorder = Self {
            node: node.into(),
            sender: Some(Arc::new(Sender {
                shared: Arc::clone(&shared),
            })),
        };
        (recorder, Drain { shared })
    }

    /// A recorder that records nothing and costs nothing.
    pub fn off() -> Self {
        Self {
            node: "".into(),
            sender: None,
        }
    }

    /// The same buffer under another node's name, for a process that is several nodes.
    pub fn for_node(&self, node: &str) -> Self {
        Self {
            node: node.into(),
            sender: self.sender.clone(),
        }
    }

    /// The name that this recorder writes into its records.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Whether records go anywhere: lets a caller skip building a reason that nobody will read.
    pub fn is_on(&self) -> bool {
        self.sender.is_some()
    }

    /// Records bytes that crossed a socket. `bytes` is shared, not copied: a slice of a larger receive buffer keeps that
    /// buffer alive until the record is taken or dropped.
    pub fn message(
        &self,
        wall_us: u64,
        direction: Direction,
        transport: Transport,
        local: SocketAddr,
        peer: SocketAddr,
        bytes: &Bytes,
    ) {
        if let Some(sender) = &self.sender {
            let message = MessageRecord {
                direction,
                transport,
                local,
                peer,
                bytes: bytes.clone(),
            };
            sender
                .shared
                .push(wall_us, &self.node, What::Message(message));
        }
    }

    /// Records a verdict and its reason.
    pub fn decision(&self, wall_us: u64, decision: DecisionRecord) {
        if let Some(sender) = &self.sender {
            sender
                .shared
                .push(wall_us, &self.node, What::Decision(decision));
        }
    }

    /// How many records were lost so far because the buffer was full or nobody empties it any more.
    pub fn dropped(&self) -> u64 {
        self.sender
            .as_ref()
            .map_or(0, |sender| sender.shared.dropped.load(Ordering::Relaxed))
    }
}

/// The emptying end; one thread owns it. When it goes, recording stops and further records count as dropped.
#[derive(Debug)]
pub struct Drain {
    shared: Arc<Shared>,
}

impl Drain {
    /// Everything recorded since the last call. Blocks until there is something, until every [`Recorder`] of this buffer
    /// is gone, or until `timeout` is over; the last two give an empty list.
    pub fn wait(&self, timeout: Duration) -> Vec<Record> {
        let mut buffer = self.shared.lock();
        if buffer.records.is_empty() && !buffer.closed {
            buffer.waiting = true;
            buffer = self
                .shared
                .filled
                .wait_timeout_while(buffer, timeout, |buffer| {
                    buffer.records.is_empty() && !buffer.closed
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            buffer.waiting = false;
        }
        drop(buffer);
        self.try_take()
    }

    /// Everything recorded since the last call, without waiting.
    pub fn try_take(&self) -> Vec<Record> {
        // The fresh buffer is as large as the last one was, so that the signalling path seldom grows it.
        let size = self.shared.lock().records.len();
        let mut fresh = VecDeque::with_capacity(size);
        let mut buffer = self.shared.lock();
        std::mem::swap(&mut buffer.records, &mut fresh);
        buffer.bytes = 0;
        drop(buffer);
        fresh.into()
    }

    /// Whether every recorder is gone and everything was taken: nothing will ever come again.
    pub fn closed(&self) -> bool {
        let buffer = self.shared.lock();
        buffer.closed && buffer.records.is_empty()
    }

    /// Same count as [`Recorder::dropped`].
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        let mut buffer = self.shared.lock();
        buffer.abandoned = true;
        let rest = std::mem::take(&mut buffer.records);
        buffer.bytes = 0;
        drop(buffer);
        self.shared.lose(rest.len());
    }
}

/// What all clones of a recorder share; when the last one goes, the drain is told.
#[derive(Debug)]
struct Sender {
    shared: Arc<Shared>,
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.filled.notify_all();
    }
}

#[derive(Debug)]
struct Shared {
    capacity: Capacity,
    dropped: AtomicU64,
    buffer: Mutex<Buffer>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Buffer {
    records: VecDeque<Record>,
    bytes: usize,
    next_seq: u64,
    /// A drain sleeps: only then is waking it worth a system call.
    waiting: bool,
    /// The recorders are gone.
    closed: bool,
    /// The drain is gone.
    abandoned: bool,
}

impl Shared {
    fn push(&self, wall_us: u64, node: &Arc<str>, what: What) {
        let size = weight(&what);
        let node = Arc::clone(node);
        let mut buffer = self.lock();
        let seq = buffer.next_seq;
        buffer.next_seq = seq.wrapping_add(1);
        if buffer.abandoned || size > self.capacity.bytes || self.capacity.records == 0 {
            drop(buffer);
            self.lose(1);
            return;
        }
        let mut lost = 0;
        while buffer.records.len() >= self.capacity.records
            || buffer.bytes.saturating_add(size) > self.capacity.bytes
        {
            let Some(oldest) = buffer.records.pop_front() else {
                break;
            };
            buffer.bytes = buffer.bytes.saturating_sub(weight(&oldest.what));
            lost += 1;
        }
        buffer.bytes = buffer.bytes.saturating_add(size);
        buffer.records.push_back(Record {
            seq,
            wall_us,
            node,
            what,
        });
        let wake = buffer.waiting;
        drop(buffer);
        if wake {
            self.filled.notify_one();
        }
        if lost > 0 {
            self.lose(lost);
        }
    }

    fn lose(&self, records: usize) {
        self.dropped.fetch_add(
            u64::try_from(records).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    /// A poisoned lock is entered all the same: nothing under it can be half done, and recording must not take a node down.
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one record counts against [`Capacity::bytes`].
fn weight(what: &What) -> usize {
    let content = match what {
        What::Message(message) => message.bytes.len(),
        What::Decision(decision) => [
            decision.requirement.len(),
            decision.verdict.len(),
            decision.why.len(),
            decision.procedure.as_ref().map_or(0, String::len),
            decision.user.as_ref().map_or(0, String::len),
        ]
        .iter()
        .sum(),
    };
    content.saturating_add(size_of::<Record>())
}
