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
