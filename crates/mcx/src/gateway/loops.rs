//! Sees a request that comes back. A gateway that hides topology puts its own Via, Call-ID and
//! tags on each side, so RFC 3261 §16.3's loop check finds nothing; but the body goes on byte for
//! byte, so a body that arrives from the very function it is being sent to is a loop.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::SendId;

/// Bodies that are being forwarded, and where to.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    bodies: HashMap<u64, Vec<(SendId, String)>>,
}

impl UnderWay {
    /// `body` is being sent to the function `psi`.
    pub fn insert(&mut self, body: u64, id: SendId, psi: &str) {
        let entry = self.bodies.entry(body).or_default();
        entry.push((id, psi.to_owned()));
    }

    /// The answer came, or never will.
    pub fn remove(&mut self, body: u64, id: SendId) {
        if let Some(entry) = self.bodies.get_mut(&body) {
            entry.retain(|(other, _)| *other != id);
            if entry.is_empty() {
                self.bodies.remove(&body);
            }
        }
    }

    /// Whether `body`, arriving from `psi`, is being sent there at this moment.
    pub fn comes_back(&self, body: u64, psi: &str) -> bool {
        self.bodies
            .get(&body)
            .is_some_and(|entry| entry.iter().any(|(_, to)| to == psi))
    }
}

/// A digest of a body, for comparison within this process.
pub(super) fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
