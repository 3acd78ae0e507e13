//! Which received message is which sent one, when both ends recorded it.
//!
//! Two records are the two ends of one passage when the bytes, the transport and both addresses agree; where names were replaced, by
//! whatever pseudonyms: those who took the two ends may have keys of their own. Identical
//! passages (retransmissions) are told apart by count and time: equal counts pair in order; when some were lost, a
//! received one belongs to the latest sent one that is not later than it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::record::{Direction, MessageRecord, Record, Transport, What};
use crate::redact::alike;

/// What makes two passages the same: repeated ones are retransmissions or duplicates.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flow<'a> {
    from: SocketAddr,
    to: SocketAddr,
    transport: Transport,
    bytes: Cow<'a, [u8]>,
}

impl<'a> From<&'a MessageRecord> for Flow<'a> {
    fn from(message: &'a MessageRecord) -> Self {
        Self {
            from: message.source(),
            to: message.destination(),
            transport: message.transport,
            bytes: alike(&message.bytes),
        }
    }
}

/// For each record the index of its other end, if that was recorded too. Decisions have none.
pub(crate) fn pair(records: &[&Record]) -> Vec<Option<usize>> {
    let mut flows: HashMap<Flow<'_>, Ends> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        if let What::Message(message) = &record.what {
            let ends = flows.entry(Flow::from(message)).or_default();
            match message.direction {
                Direction::Sent => ends.sent.push((record.wall_us, index)),
                Direction::Received => ends.received.push((record.wall_us, index)),
            }
        }
    }
    let mut partner = vec![None; records.len()];
    for ends in flows.into_values() {
        for (sent, received) in ends.matched() {
            if let Some(slot) = partner.get_mut(sent) {
                *slot = Some(received);
            }
            if let Some(slot) = partner.get_mut(received) {
                *slot = Some(sent);
            }
        }
    }
    partner
}

/// All records of one flow, as (time, index).
#[derive(Default)]
struct Ends {
    sent: Vec<(u64, usize)>,
    received: Vec<(u64, usize)>,
}

impl Ends {
    /// (sent, received) pairs of indices.
    fn matched(mut self) -> Vec<(usize, usize)> {
        self.sent.sort_unstable();
        self.received.sort_unstable();
        if self.sent.len() <= self.received.len() {
            let sent = self.sent.into_iter().map(|(_, index)| index);
            let received = self.received.into_iter().map(|(_, index)| index);
            return sent.zip(received).collect();
        }
        let mut pairs = Vec::with_capacity(self.received.len());
        let mut under_way = Vec::new();
        let mut sent = self.sent.into_iter().peekable();
        for (at, received) in self.received {
            while let Some((_, index)) = sent.next_if(|(left, _)| *left <= at) {
                under_way.push(index);
            }
            // None left in time: clocks disagree, and the next one sent is the best guess.
            let origin = under_way.pop().or_else(|| sent.next().map(|(_, i)| i));
            pairs.extend(origin.map(|origin| (origin, received)));
        }
        pairs
    }
}
