//! TCP connections, put in order and cut into messages (RFC 9293 §3.4, RFC 3261 §18.3).

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::Bytes;
use sip_message::{Framed, Limits, ParseErrorKind, StreamFramer};

use super::is_sip;
use super::packet::Segment;
use crate::record::Direction;

/// Most directions of connections that are followed at once; further ones are not.
pub const MAX_STREAMS: usize = 65_536;

/// Most segments of one direction that wait for one before them; then the missing bytes are given up.
pub const MAX_WAITING_SEGMENTS: usize = 1_024;

/// Most bytes of one direction that wait so.
pub const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// Every connection of a capture.
#[derive(Default)]
pub(super) struct Streams {
    /// One for each direction: from, to.
    streams: HashMap<(SocketAddr, SocketAddr), Stream>,
    gaps: usize,
    broken: usize,
}

/// Bytes that wait for others before them.
struct Waiting {
    sequence: u32,
    bytes: Bytes,
    /// When they were captured.
    wall_us: u64,
}

/// A message that came to its end then.
pub(super) type Completed = (u64, Bytes);

struct Stream {
    /// The sequence number that is expected.
    next: u32,
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    /// When the newest of what was taken was captured.
    newest_us: u64,
    /// `None` where the next message is not known to begin: at the beginning, after a gap, after what is no SIP.
    framer: Option<StreamFramer>,
    /// Nothing came yet since the connection began: what comes first is the beginning of a message, or this is no SIP.
    begins: bool,
    /// Who sends here began the connection.
    opener: bool,
}

impl Streams {
    /// The messages that this segment completes.
    pub(super) fn segment(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        segment: &Segment,
        wall_us: u64,
    ) -> Vec<Completed> {
        let known = self.streams.len() < MAX_STREAMS || self.streams.contains_key(&(from, to));
        if !known || segment.bytes.is_empty() && !segment.syn {
            return Vec::new();
        }
        let next = segment.sequence.wrapping_add(u32::from(segment.syn));
        let stream = self
            .streams
            .entry((from, to))
            .or_insert_with(|| Stream::new(next, segment.syn));
        let mut messages = Vec::new();
        if segment.syn && stream.next != next {
            // The ports are used again: what waited is read as far as it goes.
            let (gaps, broken) = stream.go_on_to_the_end(&mut messages);
            self.gaps += gaps;
            self.broken += broken;
            *stream = Stream::new(next, true);
        }
        if segment.syn {
            stream.opener = !segment.ack;
        }
        if !segment.bytes.is_empty() {
            stream.waiting.push(Waiting {
                sequence: next,
                bytes: segment.bytes.clone(),
                wall_us,
            });
            stream.waiting_bytes += segment.bytes.len();
        }
        loop {
            self.broken += stream.go_on(&mut messages);
            let much = stream.waiting_bytes > MAX_WAITING_BYTES
                || stream.waiting.len() > MAX_WAITING_SEGMENTS;
            if !much {
                return messages;
            }
            self.gaps += 1;
            stream.skip();
        }
    }

    /// The messages after bytes that the capture has not, which were waited for until its end: with their ends.
    pub(super) fn rest(&mut self) -> Vec<((SocketAddr, SocketAddr), Vec<Completed>)> {
        let mut rest = Vec::new();
        for (ends, stream) in &mut self.streams {
            let mut messages = Vec::new();
            let (gaps, broken) = stream.go_on_to_the_end(&mut messages);
            self.gaps += gaps;
            self.broken += broken;
            rest.push((*ends, messages));
        }
        rest
    }

    /// Which way messages go, seen from who opened the connection; `None` where its beginning is not in the capture.
    pub(super) fn opened(&self, (from, to): (SocketAddr, SocketAddr)) -> Option<Direction> {
        let opener = |ends| self.streams.get(&ends).is_some_and(|stream| stream.opener);
        match (opener((from, to)), opener((to, from))) {
            (true, _) => Some(Direction::Sent),
            (_, true) => Some(Direction::Received),
            _ => None,
        }
    }

    /// Places where bytes are missing.
    pub(super) fn gaps(&self) -> usize {
        self.gaps
    }

    pub(super) fn broken(&self) -> usize {
        self.broken
    }
}

impl Stream {
    fn new(next: u32, begins: bool) -> Self {
        Self {
            next,
            waiting: Vec::new(),
            waiting_bytes: 0,
            newest_us: 0,
            framer: None,
            begins,
            opener: false,
        }
    }

    /// Takes what is there without a gap; answers how often it came upon what is no message.
    fn go_on(&mut self, messages: &mut Vec<Completed>) -> usize {
        let mut broken = 0;
        while let Some((wall_us, bytes)) = self.in_order() {
            broken += self.take(&bytes, wall_us, messages);
        }
        broken
    }

    /// Takes all that waits, whatever is missing; answers how often something was, and how often it came upon what is no message.
    fn go_on_to_the_end(&mut self, messages: &mut Vec<Completed>) -> (usize, usize) {
        let (mut gaps, mut broken) = (0, 0);
        while !self.waiting.is_empty() {
            gaps += 1;
            self.skip();
            broken += self.go_on(messages);
        }
        (gaps, broken)
    }

    /// What comes next, if it is there: without what was there before (retransmissions overlap).
    fn in_order(&mut self) -> Option<(u64, Bytes)> {
        let next = self.next;
        let at = self
            .waiting
            .iter()
            .position(|waiting| distance(next, waiting.sequence) <= 0)?;
        let Waiting {
            sequence,
            bytes,
            wall_us,
        } = self.waiting.swap_remove(at);
        // What came too late completes those that waited for it.
        self.newest_us = self.newest_us.max(wall_us);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes.len());
        let before = usize::try_from(distance(sequence, next)).unwrap_or(0);
        let fresh = bytes.slice(before.min(bytes.len())..);
        // Segments are shorter than 64 KiB.
        self.next = next.wrapping_add(u32::try_from(fresh.len()).unwrap_or(0));
        Some((self.newest_us, fresh))
    }

    /// Gives up what is missing before the first that waits.
    fn skip(&mut self) {
        let next = self.next;
        let first = self.waiting.iter().map(|waiting| waiting.sequence);
        if let Some(first) = first.min_by_key(|sequence| distance(next, *sequence)) {
            self.next = first;
        }
        self.framer = None;
        self.begins = false;
    }

    /// Cuts; answers how often it came upon what is no message.
    fn take(&mut self, bytes: &Bytes, wall_us: u64, messages: &mut Vec<Completed>) -> usize {
        let begins = std::mem::take(&mut self.begins);
        let framer = match &mut self.framer {
            Some(framer) => framer,
            // In the middle of a connection messages are known by a segment that begins with one.
            None if is_sip(bytes) || begins && may_begin(bytes) => {
                self.framer.insert(StreamFramer::new(Limits::default()))
            }
            None => return 0,
        };
        framer.push(bytes);
        for framed in framer.by_ref() {
            match framed {
                Ok(Framed::Message(message)) => {
                    messages.push((wall_us, message.as_bytes().clone()));
                }
                Ok(Framed::Ping | Framed::Pong) => {}
                Err(error) => {
                    self.framer = None;
                    return usize::from(error.kind != ParseErrorKind::NotSip);
                }
            }
        }
        0
    }
}

/// Whether it can be the first bytes of a start line, or line ends before it.
fn may_begin(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|b| b.is_ascii_uppercase() || b"\r\n".contains(b))
}

/// How far `to` is ahead of `from`; negative when it is behind (RFC 9293 §3.4: sequence numbers wrap around).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}
