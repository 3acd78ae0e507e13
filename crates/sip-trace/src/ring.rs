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
/// About the least that an entry takes, in bytes.
const LEAST: usize = 64;
/// Most entries that a reader takes while he holds the lock.
const ENTRIES: usize = 256;
/// Most bytes that are copied for him, unless one entry has more: those of messages are not.
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
    /// Where decisions are written until it is known how much they take.
    draft: Vec<u8>,
    /// What counts against [`Capacity::bytes`].
    bytes: usize,
    /// Number of the record that comes next.
    next: u64,
    /// Names of nodes: those of one process.
    names: Arc<[Arc<str>]>,
    phrases: Phrases,
}

/// Where a message, or decisions of one moment, are written.
#[derive(Clone, Copy)]
struct Entry {
    /// The lower half of the number of the first record.
    first: u32,
    /// Number of the piece.
    piece: u32,
    start: u32,
    length: u32,
    is_message: bool,
}

/// What is larger than the ring: so many records.
pub(crate) struct TooLarge(pub usize);

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
            draft: Vec::new(),
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
        let held = self.entries.front().map_or(0, |e| e.before(self.next));
        self.next.wrapping_sub(held.into())
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
        let room = compact::room_of_message(&message);
        if weight(room, bytes) > self.capacity.bytes {
            return Err(TooLarge(1));
        }
        let start = self.begin(room);
        let number = self.gone.wrapping_add(count(self.messages.len()));
        compact::message(&mut self.last, at, node, &message, number);
        self.messages.push_back(message.bytes);
        Ok(self.end(start, 1, Some(bytes)))
    }

    /// Takes decisions of one moment, as [`Ring::message`].
    pub fn decisions<'a>(
        &mut self,
        at: At,
        node: Node,
        decisions: impl Iterator<Item = Decision<'a>>,
    ) -> Result<Option<Bytes>, TooLarge> {
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear();
        let records = compact::decisions(&mut draft, at, node, decisions, &mut self.phrases);
        let fits = weight(draft.len(), 0) <= self.capacity.bytes;
        let gone = match (records, fits) {
            (0, _) => Ok(None),
            (_, false) => Err(TooLarge(records)),
            (_, true) => {
                let start = self.begin(draft.len());
                self.last.extend_from_slice(&draft);
                Ok(self.end(start, records, None))
            }
        };
        draft.shrink_to(PIECE);
        self.draft = draft;
        gone
    }

    /// Makes room for so many bytes; gives where they begin.
    fn begin(&mut self, room: usize) -> usize {
        if self.last.capacity() - self.last.len() < room {
            self.reserve(room);
        }
        self.last.len()
    }

    /// Counts the records that begin there; gives what goes.
    fn end(&mut self, start: usize, records: usize, message: Option<usize>) -> Option<Bytes> {
        let length = self.last.len() - start;
        self.entries.push_back(Entry {
            first: low(self.next),
            piece: self.piece,
            start: narrow(start),
            length: narrow(length),
            is_message: message.is_some(),
        });
        self.next = self.next.wrapping_add(count(records));
        let bytes = message.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(weight(length, bytes));
        let most = count(self.capacity.records);
        let mut gone = None;
        // Decisions of one moment stay together, even if there are more of them.
        while (self.next - self.oldest() > most && self.entries.len() > 1)
            || self.bytes > self.capacity.bytes
        {
            let Some(message) = self.forget() else {
                break;
            };
            gone = message.or(gone);
        }
        gone
    }

    /// Lets the oldest entry go, without a look at it: it has been cold for long. Gives its bytes, if it is a message. `None` if
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
        if from >= self.next {
            return;
        }
        let oldest = self.oldest();
        let skip = u32::try_from(from.saturating_sub(oldest)).unwrap_or(u32::MAX);
        let later = |entry: &Entry| entry.first.wrapping_sub(low(oldest)) > skip;
        // The record may be within an entry.
        let place = self.entries.partition_point(|entry| !later(entry));
        let place = place.saturating_sub(1);
        let first = self.entries.get(place);
        let before = first.map_or(0, |entry| entry.before(from));
        into.names = Arc::clone(&self.names);
        into.phrases = self.phrases.known().clone();
        into.first = from.wrapping_sub(before.into());
        for entry in self.entries.iter().skip(place).take(ENTRIES) {
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

impl Entry {
    /// How many records there are from its first one to this one, which is not counted.
    fn before(&self, next: u64) -> u32 {
        low(next).wrapping_sub(self.first)
    }
}

/// What an entry counts against [`Capacity::bytes`].
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
    /// Number of the first one.
    first: u64,
    entries: Vec<(Option<Bytes>, usize)>,
    written: Vec<u8>,
    names: Arc<[Arc<str>]>,
    phrases: Known,
}

impl Copied {
    /// Room for a turn of a reader, taken before he has the lock.
    pub fn with_room() -> Self {
        Self {
            first: 0,
            entries: Vec::with_capacity(ENTRIES),
            written: Vec::with_capacity(COPIED),
            names: Arc::default(),
            phrases: Known::default(),
        }
    }

    /// The records from this number on.
    pub fn records(self, from: u64) -> Vec<Record> {
        let mut records = Vec::with_capacity(self.entries.len());
        let mut rest = &*self.written;
        let mut next = self.first;
        for (bytes, length) in self.entries {
            let Some((written, later)) = rest.split_at_checked(length) else {
                break;
            };
            rest = later;
            let known = (&*self.names, &self.phrases);
            let before = records.len();
            compact::read(next, written, bytes, known, &mut records);
            next = next.wrapping_add(count(records.len() - before));
        }
        records.retain(|record| record.seq >= from);
        records
    }
}

/// Lengths and places here are within `u32`: a ring is not so large.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The lower half: those that are held at once are fewer.
fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
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
            let pushed = ring.decisions(at.into(), 0, std::iter::once(decision));
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
