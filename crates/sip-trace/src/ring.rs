//! What a recorder holds: the newest records within its bounds, oldest first.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::compact::{self, Node};
use crate::handed::Decision;
use crate::phrases::{Known, Phrases};
use crate::record::{At, MessageRecord, Record};
use crate::recorder::Capacity;

/// Records are written into pieces of memory of this size; one that is larger gets a piece of its own.
const PIECE: usize = 64 * 1024;
/// About the least that a record takes, in bytes.
const LEAST: usize = 64;
/// Most records that a reader takes while he holds the lock.
const RECORDS: usize = 256;
/// Most bytes that are copied for him, unless one record has more: those of messages are not.
const COPIED: usize = 64 * 1024;

/// The records, and what they count.
pub(crate) struct Ring {
    capacity: Capacity,
    entries: VecDeque<Entry>,
    /// The bytes of those that are messages.
    messages: VecDeque<Bytes>,
    /// How many messages went.
    gone: u64,
    /// All of them but the bytes of messages, in pieces of which all but the last are full.
    full: VecDeque<Vec<u8>>,
    last: Vec<u8>,
    /// Number of the first piece, and of the last one.
    first: u32,
    piece: u32,
    /// A piece whose records are gone.
    spare: Option<Vec<u8>>,
    /// What counts against [`Capacity::bytes`].
    bytes: usize,
    /// Number of the record that comes next.
    next: u64,
    /// Names of nodes: those of one process.
    names: Arc<[Arc<str>]>,
    phrases: Phrases,
}

/// Where a record is written.
#[derive(Clone, Copy)]
struct Entry {
    /// Number of the piece.
    piece: u32,
    start: u32,
    length: u32,
    is_message: bool,
}

/// A record that is larger than the ring.
pub(crate) struct TooLarge;

impl Ring {
    pub fn new(capacity: Capacity) -> Self {
        let most = capacity.records.min(capacity.bytes / LEAST);
        Self {
            capacity,
            // All the room that there will be, as a rule: growing would be a pause in the signalling path. Pages that are not
            // used take no memory.
            entries: VecDeque::with_capacity(most.saturating_add(1)),
            messages: VecDeque::with_capacity(most.saturating_add(1)),
            gone: 0,
            full: VecDeque::new(),
            last: Vec::new(),
            first: 0,
            piece: 0,
            spare: None,
            bytes: 0,
            next: 0,
            names: Arc::default(),
            phrases: Phrases::default(),
        }
    }

    /// Number of the record that comes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Number of the oldest record that is held.
    pub fn oldest(&self) -> u64 {
        self.next.saturating_sub(count(self.entries.len()))
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

    /// Takes a message. Gives what went last to make room, to be dropped when the lock is free: it may be the last of a large
    /// buffer.
    pub fn message(
        &mut self,
        at: At,
        node: Node,
        message: MessageRecord,
    ) -> Result<Option<Bytes>, TooLarge> {
        let bytes = message.bytes.len();
        let start = self.begin(compact::room_of_message(&message), bytes)?;
        let number = self.gone.wrapping_add(count(self.messages.len()));
        compact::message(&mut self.last, at, node, &message, number);
        self.messages.push_back(message.bytes);
        Ok(self.end(start, Some(bytes)))
    }

    /// Takes a decision, as [`Ring::message`].
    pub fn decision(
        &mut self,
        at: At,
        node: Node,
        decision: &Decision<'_>,
    ) -> Result<Option<Bytes>, TooLarge> {
        let start = self.begin(compact::room_of_decision(decision), 0)?;
        compact::decision(&mut self.last, at, node, decision, &mut self.phrases);
        Ok(self.end(start, None))
    }

    /// Makes room for a record that takes so much at most, beside so many bytes; gives where it begins.
    fn begin(&mut self, room: usize, bytes: usize) -> Result<usize, TooLarge> {
        if weight(room, bytes) > self.capacity.bytes || u32::try_from(room).is_err() {
            return Err(TooLarge);
        }
        if self.last.capacity() - self.last.len() < room {
            self.reserve(room);
        }
        Ok(self.last.len())
    }

    /// Counts the record that begins there; gives what goes.
    fn end(&mut self, start: usize, message: Option<usize>) -> Option<Bytes> {
        let length = self.last.len() - start;
        self.entries.push_back(Entry {
            piece: self.piece,
            start: narrow(start),
            length: narrow(length),
            is_message: message.is_some(),
        });
        self.next = self.next.wrapping_add(1);
        let bytes = message.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(weight(length, bytes));
        let mut gone = None;
        while self.entries.len() > self.capacity.records || self.bytes > self.capacity.bytes {
            let Some(message) = self.forget() else {
                break;
            };
            gone = message.or(gone);
        }
        gone
    }

    /// Lets the oldest record go, without a look at it: it has been cold for long. Gives its bytes, if it is a message. `None` if
    /// there is none.
    fn forget(&mut self) -> Option<Option<Bytes>> {
        let oldest = self.entries.pop_front()?;
        let message = match oldest.is_message {
            true => self.messages.pop_front(),
            false => None,
        };
        self.gone = self.gone.wrapping_add(u64::from(oldest.is_message));
        let bytes = message.as_ref().map_or(0, Bytes::len);
        self.bytes = self
            .bytes
            .saturating_sub(weight(size(oldest.length), bytes));
        if self.entries.front().is_some_and(|e| e.piece != self.first) {
            self.forget_pieces();
        }
        Some(message)
    }

    /// Begins another piece.
    #[cold]
    fn reserve(&mut self, room: usize) {
        let mut piece = self.spare.take().unwrap_or_default();
        piece.reserve_exact(room.max(PIECE));
        let full = std::mem::replace(&mut self.last, piece);
        if !full.is_empty() {
            self.full.push_back(full);
            self.piece = self.piece.wrapping_add(1);
        }
    }

    /// Lets go the pieces that no record is in any more.
    #[cold]
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
        into.phrases = self.phrases.known().clone();
        for entry in self.entries.iter().skip(skip).take(RECORDS) {
            let written = self.written(*entry);
            if !into.entries.is_empty() && into.written.len() + written.len() > COPIED {
                break;
            }
            let bytes = compact::number_of_message(written).and_then(|number| {
                let place = usize::try_from(number.wrapping_sub(self.gone)).ok()?;
                self.messages.get(place).cloned()
            });
            into.written.extend_from_slice(written);
            into.entries.push((bytes, written.len()));
        }
    }

    fn written(&self, entry: Entry) -> &[u8] {
        let piece = size(entry.piece.wrapping_sub(self.first));
        let piece = self.full.get(piece).unwrap_or(&self.last);
        let start = size(entry.start);
        let end = start.saturating_add(size(entry.length));
        piece.get(start..end).unwrap_or_default()
    }
}

/// What a record counts against [`Capacity::bytes`].
fn weight(written: usize, message: usize) -> usize {
    let place = match message {
        0 => 0,
        _ => size_of::<Bytes>(),
    };
    [size_of::<Entry>(), place, message]
        .into_iter()
        .fold(written, usize::saturating_add)
}

/// Some records, copied for who reads them.
pub(crate) struct Copied {
    entries: Vec<(Option<Bytes>, usize)>,
    written: Vec<u8>,
    names: Arc<[Arc<str>]>,
    phrases: Known,
}

impl Copied {
    /// Room for a turn of a reader, taken before he has the lock.
    pub fn with_room() -> Self {
        Self {
            entries: Vec::with_capacity(RECORDS),
            written: Vec::with_capacity(COPIED),
            names: Arc::default(),
            phrases: Known::default(),
        }
    }

    /// The records, the first of which has this number.
    pub fn records(self, first: u64) -> Vec<Record> {
        let mut rest = &*self.written;
        let numbered = (first..).zip(self.entries);
        let records = numbered.filter_map(|(seq, (bytes, length))| {
            let (written, later) = rest.split_at_checked(length)?;
            rest = later;
            compact::read(seq, written, bytes, &self.names, &self.phrases)
        });
        records.collect()
    }
}

/// Lengths and numbers here are within `u32`: [`Ring::push`] sees to it.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_let_go_with_the_records_that_were_in_it() {
        let mut ring = Ring::new(Capacity {
            records: 1_000_000,
            bytes: 4 * PIECE,
        });
        let text = "x".repeat(1_000);
        let decision = Decision {
            why: crate::Said::Once(&text),
            ..Decision::default()
        };
        for at in 0..10_000 {
            let pushed = ring.decision(at.into(), 0, &decision);
            if pushed.is_err() {
                panic!("it fits");
            }
            // A record may begin in one piece and the oldest end in another.
            assert!(ring.full.len() <= 5, "{} pieces", ring.full.len());
            let held = ring.full.iter().chain([&ring.last]).map(Vec::capacity);
            assert!(held.sum::<usize>() <= 6 * PIECE);
        }
        assert!(ring.oldest() > 9_000 && ring.entries.len() > 200);
    }
}
