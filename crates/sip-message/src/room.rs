//! Where messages are written: one after the other in pieces of memory of a thread. No block is asked for them, and those who hold
//! many of them (transactions, a recorder) do not leave the small blocks of everybody else scattered between.
//!
//! A piece is free when the last message in it is.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use bytes::{Bytes, BytesMut};

/// Size of a piece.
const PIECE: usize = 64 * 1024;
/// A message that may be longer has memory of its own: it would leave much of a piece unused, or hold much of one.
const LARGE: usize = 8 * 1024;
/// What is less than this is not worth keeping.
const LEAST: usize = 1024;
/// Most pieces that wait for messages: one more than messages that are written at a time, as a rule.
const WAITING: usize = 4;

thread_local! {
    static WAITS: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// Room that a message is written into.
#[derive(Clone)]
pub(crate) struct Room {
    bytes: BytesMut,
    /// It is no piece, but memory of this message alone.
    own: bool,
}

impl Room {
    /// Room for so many bytes. It grows where they are more.
    pub(crate) fn of(bytes: usize) -> Room {
        if bytes > LARGE {
            return Room::own(bytes);
        }
        let waits = WAITS.try_with(|all| all.borrow_mut().pop());
        let bytes = match waits.ok().flatten() {
            Some(room) if room.capacity() >= bytes => room,
            _ => BytesMut::with_capacity(PIECE),
        };
        Room { bytes, own: false }
    }

    fn own(bytes: usize) -> Room {
        Room {
            bytes: BytesMut::with_capacity(bytes),
            own: true,
        }
    }

    /// Sees to it that so many bytes more have room. One that becomes large leaves its piece.
    pub(crate) fn reserve(&mut self, more: usize) {
        let all = self.bytes.len().saturating_add(more);
        if self.own || all <= LARGE {
            self.bytes.reserve(more);
            return;
        }
        let mut own = Room::own(all);
        own.bytes.extend_from_slice(&self.bytes);
        *self = own;
    }

    /// What was written. The rest of a piece is for the next one.
    pub(crate) fn freeze(mut self) -> Bytes {
        if self.own {
            return std::mem::take(&mut self.bytes).freeze();
        }
        if self.bytes.len() > LARGE {
            // It has become that unforeseen, piece by piece.
            return Bytes::copy_from_slice(&self.bytes);
        }
        self.bytes.split().freeze()
    }
}

impl Deref for Room {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.bytes
    }
}

impl DerefMut for Room {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bytes.clear();
        let capacity = self.bytes.capacity();
        if self.own || !(LEAST..=PIECE).contains(&capacity) {
            return;
        }
        // A thread that ends keeps nothing.
        let _ = WAITS.try_with(|all| {
            let mut all = all.borrow_mut();
            if all.len() < WAITING {
                all.push(std::mem::take(&mut self.bytes));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use bytes::BufMut;

    use super::*;

    fn written(text: &[u8]) -> Bytes {
        let mut room = Room::of(text.len());
        room.put_slice(text);
        room.freeze()
    }

    /// Where it begins in memory, and where it ends.
    fn place(bytes: &Bytes) -> (usize, usize) {
        let start = bytes.as_ptr().addr();
        (start, start + bytes.len())
    }

    #[test]
    fn messages_lie_one_after_the_other_and_stay_as_they_are() {
        let texts: Vec<_> = (0..1_000).map(|n| format!("{n} ").repeat(50)).collect();
        let all: Vec<_> = texts.iter().map(|text| written(text.as_bytes())).collect();
        assert!(all.iter().zip(&texts).all(|(one, text)| one == text));
        let pairs = all.iter().zip(all.iter().skip(1));
        let apart = pairs.filter(|(one, next)| place(one).1 != place(next).0);
        let pieces = all.iter().map(Bytes::len).sum::<usize>().div_ceil(PIECE);
        assert!(apart.count() <= pieces);
    }

    #[test]
    fn one_that_is_not_finished_leaves_its_room_to_the_next() {
        let first = written(b"first");
        let mut left = Room::of(10);
        left.put_slice(b"left");
        drop(left);
        assert_eq!(place(&first).1, place(&written(b"next")).0);
    }

    #[test]
    fn those_written_at_a_time_do_not_meet() {
        let (mut outer, mut inner) = (Room::of(10), Room::of(10));
        outer.put_slice(b"outer");
        inner.put_slice(b"inner");
        let inner = inner.freeze();
        outer.put_slice(b", too");
        assert_eq!(
            (&*inner, &*outer.freeze()),
            (&b"inner"[..], &b"outer, too"[..])
        );
        // Both pieces wait, and none is begun.
        let waiting = || WAITS.with_borrow(Vec::len);
        let before = waiting();
        drop((Room::of(10), Room::of(10)));
        assert_eq!((before, waiting()), (2, 2));
    }

    #[test]
    fn a_long_one_holds_nothing_of_others() {
        let before = written(b"before");
        let long = written(&[b'x'; LARGE + 1]);
        let mut foreseen = Room::of(10);
        foreseen.put_slice(b"head ");
        foreseen.reserve(LARGE);
        foreseen.put_slice(&[b'y'; LARGE]);
        let mut grown = Room::of(10);
        grown.put_slice(&[b'z'; LARGE]);
        grown.put_slice(&[b'z'; LARGE]);
        let (foreseen, grown) = (foreseen.freeze(), grown.freeze());
        assert_eq!(long.len(), LARGE + 1);
        assert!(foreseen.starts_with(b"head yy") && foreseen.len() == LARGE + 5);
        assert_eq!(grown, vec![b'z'; 2 * LARGE]);
        assert!(long.is_unique() && foreseen.is_unique() && grown.is_unique());
        // The piece is as it was.
        assert_eq!(place(&before).1, place(&written(b"after")).0);
    }
}
