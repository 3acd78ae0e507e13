//! Sees a request that comes back. A gateway that hides topology puts its own Via, Call-ID and
//! tags on each side, so RFC 3261 §16.3's loop check finds nothing; but the body goes on byte for
//! byte, so a body is a loop that arrives while it is on its way: from the function that it is being sent to, or from
//! another than first brought it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::SendId;

/// Bodies that are being forwarded, by their digests: as they came and, where hosts were renamed, as they went on.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    bodies: HashMap<u64, Vec<(SendId, Leg)>>,
}

/// From where to where.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Public service identity of the function that brought it.
    pub from: String,
    /// Public service identity of the function that it is sent to.
    pub to: String,
}

impl UnderWay {
    /// `body` is being sent on.
    pub fn insert(&mut self, body: u64, id: SendId, leg: Leg) {
        self.bodies.entry(body).or_default().push((id, leg));
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

    /// Whether `body`, arriving from the function `psi`, is on its way at this moment, and no repetition of who brought it.
    pub fn comes_back(&self, body: u64, psi: &str) -> bool {
        let mut legs = self.bodies.get(&body).into_iter().flatten();
        legs.any(|(_, leg)| leg.to == psi || leg.from != psi)
    }
}

/// A digest of a body, for comparison within this process.
pub(super) fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}
