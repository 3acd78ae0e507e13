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
/// A piece is full, too, when with its messages it takes more than this share of the ring, and more than this.
const SHARES: usize = 32;
const HEAVY: usize = 4 * PIECE;
/// Decisions of one moment take less, as a rule. More of them make their piece longer, and are the last in it.
const DECISIONS: usize = 2 * 1024;
/// Of more full pieces, the oldest goes as a whole: its entries, which have been cold for long, are not looked at one by one.
const FEW: usize = 16;
/// Most entries that a reader takes while he holds the lock.
const ENTRIES: usize = 256;
/// Most bytes that are copied for him, unless one entry has more: those of messages are not.
const COPIED: usize = 64 * 1024;

/// The records, and what they count.
pub(crate) struct Ring {
    capacity: Capacity,
    /// Oldest first; all but the last one are full.
    full: VecDeque<Piece>,
    last: Piece,
    /// How many entries of the oldest piece are gone.
    gone: usize,
    /// A piece whose records are gone.
    spare: Option<Piece>,
    /// What counts against [`Capacity::bytes`].
    bytes: usize,
    /// Number of the record that comes next.
    next: u64,
    /// Names of nodes: those of one process.
    names: Arc<[Arc<str>]>,
    phrases: Phrases,
}

/// Records that follow each other. What holds them is used again when they are gone, so that a ring which is full hardly asks the
/// allocator. Beside its bounds it takes what the newest piece has not filled, a piece that waits, and room that the lists have left.
#[derive(Default)]
struct Piece {
    /// Number of its first record, and of the one after its last.
    first: u64,
    end: u64,
    /// What those that it holds count against [`Capacity::bytes`].
    bytes: usize,
    entries: Vec<Entry>,
    /// All of the records but the bytes of messages.
    written: Vec<u8>,
    /// Those bytes.
    messages: Vec<Bytes>,
}

/// Where a message, or decisions of one moment, are written.
#[derive(Clone, Copy)]
struct Entry {
    /// How many records of the piece are before it.
    before: u32,
    start: u32,
    length: u32,
    /// The place of its bytes; [`DECISION`] if it is no message.
    message: u32,
}

const DECISION: u32 = u32::MAX;

/// What is larger than the ring: so many records.
pub(crate) struct TooLarge(pub usize);

/// What went to make room, to be dropped when the lock is free: a message may be the last of a large buffer. The last one that went by
/// itself, and those of a piece that went as a whole.
pub(crate) type Gone = (Option<Bytes>, Vec<Bytes>);

impl Ring {
    pub fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            full: VecDeque::new(),
            last: Piece::default(),
            gone: 0,
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
        let piece = self.full.front().unwrap_or(&self.last);
        let oldest = piece.entries.get(self.gone);
        oldest.map_or(self.next, |entry| piece.number(*entry))
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

    /// Takes a message.
    pub fn message(
        &mut self,
        at: At,
        node: Node,
        message: MessageRecord,
    ) -> Result<Gone, TooLarge> {
        let bytes = message.bytes.len();
        let room = compact::room_of_message(&message);
        if weight(room, bytes) > self.capacity.bytes {
            return Err(TooLarge(1));
        }
        let start = self.begin(room);
        compact::message(&mut self.last.written, at, node, &message);
        Ok(self.end(start, 1, Some(message.bytes)))
    }

    /// Takes decisions of one moment, as [`Ring::message`].
    pub fn decisions<'a>(
        &mut self,
        at: At,
        node: Node,
        decisions: impl Iterator<Item = Decision<'a>>,
    ) -> Result<Gone, TooLarge> {
        let start = self.begin(DECISIONS);
        let written = &mut self.last.written;
        let records = compact::decisions(written, at, node, decisions, &mut self.phrases);
        let fits = weight(written.len() - start, 0) <= self.capacity.bytes;
        if records > 0 && fits {
            return Ok(self.end(start, records, None));
        }
        written.truncate(start);
        written.shrink_to(PIECE);
        match records {
            0 => Ok(Gone::default()),
            _ => Err(TooLarge(records)),
        }
    }

    /// Makes room for so many bytes; gives where they begin.
    fn begin(&mut self, room: usize) -> usize {
        let last = &self.last;
        // One that a large record has made longer than others is full.
        let is_full = last.written.len().saturating_add(room) > PIECE.max(room);
        let is_heavy = last.bytes > (self.capacity.bytes / SHARES).max(HEAVY);
        if is_full || is_heavy || last.written.capacity() == 0 {
            self.begin_piece(room);
        }
        self.last.written.len()
    }

    /// Counts the records that begin there; gives what goes.
    fn end(&mut self, start: usize, records: usize, message: Option<Bytes>) -> Gone {
        let last = &mut self.last;
        if last.entries.is_empty() {
            last.first = self.next;
        }
        let length = last.written.len() - start;
        let bytes = message.as_ref().map_or(0, Bytes::len);
        last.entries.push(Entry {
            before: u32::try_from(self.next - last.first).unwrap_or(u32::MAX),
            start: narrow(start),
            length: narrow(length),
            message: message
                .as_ref()
                .map_or(DECISION, |_| narrow(last.messages.len())),
        });
        last.messages.extend(message);
        self.next = self.next.wrapping_add(count(records));
        last.end = self.next;
        let weight = weight(length, bytes);
        last.bytes = last.bytes.saturating_add(weight);
        self.bytes = self.bytes.saturating_add(weight);
        let most = count(self.capacity.records);
        let (mut one, mut piece) = Gone::default();
        // Decisions of one moment stay together, even if there are more of them.
        while self.bytes > self.capacity.bytes
            || (self.next - self.oldest() > most && !self.has_one_entry())
        {
            if self.full.len() > FEW {
                piece = self.forget_piece();
            } else {
                let Some(message) = self.forget() else {
                    break;
                };
                one = message.or(one);
            }
        }
        (one, piece)
    }

    /// Takes the list of a piece's messages back, which were dropped, to use it again.
    pub fn take_back(&mut self, list: Vec<Bytes>) {
        if let Some(spare) = &mut self.spare
            && spare.messages.capacity() == 0
        {
            spare.messages = list;
        }
    }

    fn has_one_entry(&self) -> bool {
        self.full.is_empty() && self.last.entries.len() - self.gone == 1
    }

    /// Lets the oldest entry go, without a look at what is written: it has been cold for long. Gives its bytes, if it is a message.
    /// `None` if there is none.
    fn forget(&mut self) -> Option<Option<Bytes>> {
        let piece = self.full.front_mut().unwrap_or(&mut self.last);
        let oldest = *piece.entries.get(self.gone)?;
        let message = piece.messages.get_mut(size(oldest.message));
        let message = message.map(std::mem::take);
        self.gone += 1;
        let bytes = message.as_ref().map_or(0, Bytes::len);
        let weight = weight(size(oldest.length), bytes);
        self.bytes = self.bytes.saturating_sub(weight);
        piece.bytes = piece.bytes.saturating_sub(weight);
        if self.gone == piece.entries.len() {
            let mut taken = self.forget_piece();
            taken.clear();
            self.take_back(taken);
        }
        Some(message)
    }

    /// Begins another piece.
    #[cold]
    fn begin_piece(&mut self, room: usize) {
        let mut piece = self.spare.take().unwrap_or_default();
        piece.written.reserve_exact(room.max(PIECE));
        // The next one will have about as many. In powers of two, of which what is not used is not touched: a list that has room for
        // exactly as many as the last one had is soon moved to where there is more, one list after the other, for hours.
        let (entries, messages) = (self.last.entries.len(), self.last.messages.len());
        piece.entries.reserve_exact(entries.next_power_of_two());
        piece.messages.reserve_exact(messages.next_power_of_two());
        let full = std::mem::replace(&mut self.last, piece);
        if !full.entries.is_empty() {
            self.full.push_back(full);
        }
    }

    /// Lets the oldest piece go. Gives the messages that are left in it.
    #[cold]
    fn forget_piece(&mut self) -> Vec<Bytes> {
        let mut piece = match self.full.pop_front() {
            Some(piece) => piece,
            None => std::mem::take(&mut self.last),
        };
        self.bytes = self.bytes.saturating_sub(piece.bytes);
        self.gone = 0;
        piece.bytes = 0;
        piece.entries.clear();
        let messages = std::mem::take(&mut piece.messages);
        piece.written.clear();
        piece.written.shrink_to(PIECE);
        self.spare = Some(piece);
        messages
    }

    /// Copies records from this one on, as many as `into` has room for.
    pub fn copy(&self, from: u64, into: &mut Copied) {
        if from >= self.next {
            return;
        }
        let from = from.max(self.oldest());
        let place = self.full.partition_point(|piece| piece.end <= from);
        let piece = self.full.get(place).unwrap_or(&self.last);
        // The record may be within an entry.
        let later = |entry: &Entry| piece.number(*entry) > from;
        let entry = piece.entries.partition_point(|entry| !later(entry));
        let entry = entry.saturating_sub(1);
        let first = piece.entries.get(entry);
        into.first = first.map_or(from, |entry| piece.number(*entry));
        into.names = Arc::clone(&self.names);
        into.phrases = self.phrases.known().clone();
        let rest = self.full.iter().skip(place).chain([&self.last]);
        let entries = rest.flat_map(|piece| piece.entries.iter().map(move |entry| (piece, *entry)));
        for (piece, entry) in entries.skip(entry).take(ENTRIES) {
            let written = piece.written(entry);
            if !into.entries.is_empty() && into.written.len() + written.len() > COPIED {
                break;
            }
            let bytes = piece.messages.get(size(entry.message)).cloned();
            into.written.extend_from_slice(written);
            into.entries.push((bytes, written.len()));
        }
    }
}

impl Piece {
    /// Number of the first record of an entry.
    fn number(&self, entry: Entry) -> u64 {
        self.first.wrapping_add(entry.before.into())
    }

    fn written(&self, entry: Entry) -> &[u8] {
        let start = size(entry.start);
        let end = start.saturating_add(size(entry.length));
        self.written.get(start..end).unwrap_or_default()
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

fn count(records: usize) -> u64 {
    u64::try_from(records).unwrap_or(u64::MAX)
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Direction, Transport};

    /// All memory of the ring but the bytes of messages.
    fn taken(ring: &Ring) -> usize {
        let pieces = ring.full.iter().chain([&ring.last]).chain(&ring.spare);
        let taken = |piece: &Piece| {
            piece.written.capacity()
                + piece.entries.capacity() * size_of::<Entry>()
                + piece.messages.capacity() * size_of::<Bytes>()
        };
        pieces.map(taken).sum()
    }

    fn capacity(pieces: usize) -> Capacity {
        Capacity {
            records: 1_000_000,
            bytes: pieces * PIECE,
        }
    }

    fn because(why: &str) -> Decision<'_> {
        Decision {
            why: crate::Said::Once(why),
            ..Decision::default()
        }
    }

    /// Decisions of about a kilobyte, and as many messages of as much.
    fn fill(ring: &mut Ring, count: u64) {
        let text = "x".repeat(1_000);
        let decision = because(&text);
        let address = ([127, 0, 0, 1], 5060).into();
        for at in 0..count {
            let pushed = match at % 2 {
                0 => ring.decisions(at.into(), 0, std::iter::once(decision)),
                _ => {
                    let bytes = Bytes::from_static(&[b'x'; 1_000]);
                    let (to, over) = (Direction::Received, Transport::Udp);
                    let message = MessageRecord::new(to, over, address, address, bytes);
                    ring.message(at.into(), 0, message)
                }
            };
            assert!(pushed.is_ok(), "it fits");
            assert!(ring.bytes <= ring.capacity.bytes);
            // A record may begin in one piece and the oldest end in another.
            assert!(taken(ring) <= ring.capacity.bytes + 3 * PIECE);
        }
    }

    #[test]
    fn memory_is_let_go_with_the_records_that_were_in_it() {
        let mut ring = Ring::new(capacity(4));
        fill(&mut ring, 10_000);
        assert!(ring.oldest() > 9_700 && ring.oldest() < 9_800);
    }

    #[test]
    fn decisions_that_are_long_together_leave_no_long_pieces() {
        let mut ring = Ring::new(capacity(3 * FEW));
        let text = "x".repeat(1_000);
        let decision = because(&text);
        for _ in 0..1_000 {
            assert!(
                ring.decisions(1.into(), 0, [decision; 60].into_iter())
                    .is_ok()
            );
            // Each begins in what is left of a piece, or in one of its own.
            assert!(ring.last.written.len() < 2 * PIECE);
        }
    }

    #[test]
    fn large_messages_do_not_make_one_piece_the_whole_ring() {
        let mut ring = Ring::new(capacity(8 * SHARES));
        let address = ([127, 0, 0, 1], 5060).into();
        let bytes = Bytes::from_static(&[b'x'; 40_000]);
        let (to, over) = (Direction::Received, Transport::Tcp);
        let message = MessageRecord::new(to, over, address, address, bytes);
        for at in 0..2_000 {
            assert!(ring.message(at.into(), 0, message.clone()).is_ok());
        }
        // What follows makes many pieces, of which the oldest goes as a whole.
        let text = "x".repeat(1_000);
        let decision = because(&text);
        for at in 0..10_000 {
            let pushed = ring.decisions(at.into(), 0, std::iter::once(decision));
            assert!(pushed.is_ok());
            assert!(ring.bytes > ring.capacity.bytes / 10 * 9);
        }
    }

    #[test]
    fn a_ring_that_is_full_takes_no_more_memory() {
        for pieces in [4, 3 * FEW] {
            let mut ring = Ring::new(capacity(pieces));
            fill(&mut ring, 50_000);
            let before = taken(&ring);
            fill(&mut ring, 100_000);
            let after = taken(&ring);
            assert!(after <= before + PIECE, "{after} bytes, {before} before");
        }
    }

    #[test]
    fn pieces_that_hold_more_entries_than_others_did_take_no_more_memory() {
        let mut ring = Ring::new(capacity(3 * FEW));
        let text = "x".repeat(200);
        let mut lengths = [40_usize, 60, 50, 70, 45, 55, 65].iter().cycle();
        let mut fill = |pieces: usize| {
            let mut begun = 0;
            while begun < pieces {
                // No two pieces have the same.
                let length = lengths.next().map_or(0, |length| length + begun % 7);
                let decision = because(text.get(..length).unwrap_or_default());
                let before = ring.last.first;
                let pushed = ring.decisions(1.into(), 0, std::iter::once(decision));
                assert!(pushed.is_ok(), "it fits");
                begun += usize::from(ring.last.first != before);
            }
            taken(&ring)
        };
        let before = fill(4 * FEW);
        let after = fill(100 * FEW);
        assert!(after <= before + PIECE, "{after} bytes, {before} before");
    }

    #[test]
    fn a_reader_gets_all_that_is_held_whether_entries_go_or_whole_pieces() {
        for pieces in [4, 3 * FEW] {
            let mut ring = Ring::new(capacity(pieces));
            ring.node("a");
            fill(&mut ring, 50_000);
            let oldest = ring.oldest();
            // Of the oldest piece all may go for one record.
            let held = pieces * PIECE / 1_100 - 2 * PIECE / 1_100;
            assert!(50_000 - oldest >= count(held), "{oldest}");
            let mut next = oldest;
            while next < ring.next() {
                let mut copied = Copied::with_room();
                ring.copy(next, &mut copied);
                let records = copied.records(next);
                assert!(!records.is_empty());
                for record in records {
                    // They were written at the time of their number.
                    assert_eq!((record.seq, record.wall_us), (next, next));
                    next += 1;
                }
            }
            assert_eq!(next, 50_000);
        }
    }
}
