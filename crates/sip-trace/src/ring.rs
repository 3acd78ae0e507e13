//! What a recorder holds: the newest records within its bounds, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::compact::{self, Node};
use crate::record::Record;
use crate::recorder::Capacity;

/// Records are written into pieces of memory of this size; one that is larger gets a piece of its own.
const PIECE: usize = 64 * 1024;
/// Most records that a reader takes while he holds the lock.
const RECORDS: usize = 256;
/// Most bytes that are copied for him, unless one record has more: those of messages are not.
const COPIED: usize = 64 * 1024;

/// The records, and what they count.
pub(crate) struct Ring {
    capacity: Capacity,
    entries: VecDeque<Entry>,
    /// All of them but the bytes of messages, in pieces of which all but the last are full.
    full: VecDeque<Vec<u8>>,
    last: Vec<u8>,
    /// Number of the first piece.
    first: u32,
    /// A piece whose records are gone.
    spare: Option<Vec<u8>>,
    /// What counts against [`Capacity::bytes`].
    bytes: usize,
    /// Number of the record that comes next.
    next: u64,
    /// Names of nodes: those of one process.
    names: Arc<[Arc<str>]>,
}

struct Entry {
    /// The bytes of a message; `None` of a decision.
    bytes: Option<Bytes>,
    /// Number of the piece that the rest is in.
    piece: u32,
    start: u32,
    length: u32,
}

impl Entry {
    /// What it counts against [`Capacity::bytes`].
    fn weight(&self) -> usize {
        let message = self.bytes.as_ref().map_or(0, Bytes::len);
        message
            .saturating_add(size(self.length))
            .saturating_add(size_of::<Self>())
    }
}

/// A record that is larger than the ring.
pub(crate) struct TooLarge;

impl Ring {
    pub fn new(capacity: Capacity) -> Self {
        let most = capacity.bytes / size_of::<Entry>();
        Self {
            capacity,
            // All the room that there will be: growing would be a pause in the signalling path. Pages that are not used take no
            // memory.
            entries: VecDeque::with_capacity(most.min(capacity.records).saturating_add(1)),
            full: VecDeque::new(),
            last: Vec::new(),
            first: 0,
            spare: None,
            bytes: 0,
            next: 0,
            names: Arc::default(),
        }
    }

    /// Number of the record that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Number of the oldest record that is held.
    pub fn oldest(&self) -> u64 {
        let held = u64::try_from(self.entries.len()).unwrap_or(u64::MAX);
        self.next.saturating_sub(held)
    }

    /// The number that a node's name is written as.
    pub fn node(&mut self, name: &str) -> Node {
        let known = self.names.iter().position(|known| **known == *name);
        let number = known.unwrap_or_else(|| {
            let names = self.names.iter().cloned().chain([name.into()]);
            self.names = names.collect();
            self.names.len() - 1
        });
        Node::try_from(number).unwrap_or(Node::MAX)
    }

    /// Takes a record: the bytes of a message, and `write` for the rest, which writes `room` bytes at most. Gives what went last to
    /// make room, to be dropped when the lock is free: it may be the last of a large buffer.
    pub fn push(
        &mut self,
        bytes: Option<Bytes>,
        room: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Option<Bytes>, TooLarge> {
        let message = bytes.as_ref().map_or(0, Bytes::len);
        let most = message.saturating_add(room).saturating_add(size_of::<Entry>());
        if most > self.capacity.bytes || u32::try_from(room).is_err() {
            return Err(TooLarge);
        }
        self.reserve(room);
        let start = self.last.len();
        write(&mut self.last);
        let length = self.last.len() - start;
        let entry = Entry {
            bytes,
            piece: self.first.wrapping_add(narrow(self.full.len())),
            start: narrow(start),
            length: narrow(length),
        };
        self.next = self.next.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(entry.weight());
        self.entries.push_back(entry);
        let mut gone = None;
        while self.entries.len() > self.capacity.records || self.bytes > self.capacity.bytes {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.weight());
            self.forget_pieces();
            gone = oldest.bytes.or(gone);
        }
        Ok(gone)
    }

    /// Makes room in the last piece.
    fn reserve(&mut self, room: usize) {
        if self.last.capacity() - self.last.len() >= room {
            return;
        }
        let mut piece = self.spare.take().unwrap_or_default();
        piece.reserve_exact(room.max(PIECE));
        let full = std::mem::replace(&mut self.last, piece);
        if !full.is_empty() {
            self.full.push_back(full);
        }
    }

    /// Lets go the pieces that no record is in any more.
    fn forget_pieces(&mut self) {
        let Some(oldest) = self.entries.front() else {
            return;
        };
        while self.first != oldest.piece
            && let Some(mut piece) = self.full.pop_front()
        {
            self.first = self.first.wrapping_add(1);
            piece.clear();
            self.spare = Some(piece);
        }
    }

    /// Copies records from this one on, as many as `into` has room for.
    pub fn copy(&self, from: u64, into: &mut Copied) {
        let skip = usize::try_from(from.saturating_sub(self.oldest())).unwrap_or(usize::MAX);
        into.names = Arc::clone(&self.names);
        for entry in self.entries.iter().skip(skip).take(RECORDS) {
            let written = self.written(entry);
            if !into.entries.is_empty() && into.written.len() + written.len() > COPIED {
                break;
            }
            into.written.extend_from_slice(written);
            into.entries.push((entry.bytes.clone(), written.len()));
        }
    }

    fn written(&self, entry: &Entry) -> &[u8] {
        let piece = size(entry.piece.wrapping_sub(self.first));
        let piece = self.full.get(piece).unwrap_or(&self.last);
        let (start, length) = (size(entry.start), size(entry.length));
        piece.get(start..start + length).unwrap_or_default()
    }
}

/// Some records, copied for who reads them.
pub(crate) struct Copied {
    entries: Vec<(Option<Bytes>, usize)>,
    written: Vec<u8>,
    names: Arc<[Arc<str>]>,
}

impl Copied {
    /// Room for a turn of a reader, taken before he has the lock.
    pub fn with_room() -> Self {
        Self {
            entries: Vec::with_capacity(RECORDS),
            written: Vec::with_capacity(COPIED),
            names: Arc::default(),
        }
    }

    /// The records, the first of which has this number.
    pub fn records(self, first: u64) -> Vec<Record> {
        let mut rest = &*self.written;
        let numbered = (first..).zip(self.entries);
        let records = numbered.filter_map(|(seq, (bytes, length))| {
            let (written, later) = rest.split_at_checked(length)?;
            rest = later;
            compact::read(seq, written, bytes, &self.names)
        });
        records.collect()
    }
}

/// Lengths and numbers here are within `u32`: [`Ring::push`] sees to it.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
