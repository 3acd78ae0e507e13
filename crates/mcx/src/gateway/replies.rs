//! Remembers which Call-ID on one side stands for which on the other, so that the In-Reply-To of
//! a response message names a request that its receiver knows.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Most Call-IDs remembered; beyond, the oldest is forgotten.
const MAX_REMEMBERED: usize = 20_000;
/// How long a response message may take.
const VALIDITY: Duration = Duration::from_secs(64);

/// Call-IDs of requests that a response message may answer.
#[derive(Debug, Default)]
pub(super) struct Replies {
    theirs: HashMap<String, String>,
    order: VecDeque<(Instant, String)>,
}

impl Replies {
    /// A request with the Call-ID `theirs` went on with the Call-ID `ours`.
    pub fn remember(&mut self, now: Instant, ours: String, theirs: String) {
        if self.order.capacity() == 0 {
            // All the room that it will ever need. Where as many come as go, a table that is more than half full grows at some time,
            // after minutes or hours, for the places of those that went.
            self.order.reserve_exact(MAX_REMEMBERED);
            self.theirs.reserve(2 * MAX_REMEMBERED);
        }
        while self.order.len() >= MAX_REMEMBERED
            || self
                .order
                .front()
                .is_some_and(|(at, _)| *at + VALIDITY <= now)
        {
            if let Some((_, oldest)) = self.order.pop_front() {
                self.theirs.remove(&oldest);
            }
        }
        self.order.push_back((now, ours.clone()));
        self.theirs.insert(ours, theirs);
    }

    /// The Call-ID on the other side.
    pub fn theirs(&self, ours: &str) -> Option<&str> {
        self.theirs.get(ours).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_the_room_stays_what_it_was() {
        let mut replies = Replies::default();
        let start = Instant::now();
        let remember = |replies: &mut Replies, number: usize| {
            let name = |of| format!("{of}{number}");
            replies.remember(start, name("ours"), name("theirs"));
        };
        remember(&mut replies, 0);
        let room = (replies.order.capacity(), replies.theirs.capacity());
        for number in 1..20 * MAX_REMEMBERED {
            remember(&mut replies, number);
        }
        let newest = 20 * MAX_REMEMBERED - 1;
        let oldest = newest + 1 - MAX_REMEMBERED;
        let theirs = |number| replies.theirs(&format!("ours{number}"));
        assert_eq!(theirs(oldest - 1), None);
        assert_eq!(theirs(oldest), Some(&*format!("theirs{oldest}")));
        assert_eq!(theirs(newest), Some(&*format!("theirs{newest}")));
        assert_eq!(replies.order.capacity(), room.0);
        // Places of those that went count as taken until the table is put in order; it never has more than it began with.
        assert!(replies.theirs.capacity() <= room.1);
    }
}
