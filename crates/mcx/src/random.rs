//! Unguessable identifiers from a seed that is handed in.

use std::fmt::Write as _;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::{ProcedureId, Timestamp};

/// Source of tags, Call-IDs, Session-IDs and jitter: a stream cipher over the seed, so that
/// production is unguessable (RFC 3261 §19.3) and a test with a fixed seed repeats itself.
#[derive(Clone, Debug)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// A source for `seed`, which must come from the operating system in production.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// `bytes` random bytes as lower-case hex.
    pub fn hex(&mut self, bytes: usize) -> String {
        let mut out = String::with_capacity(bytes * 2);
        for _ in 0..bytes {
            let [byte, ..] = self.0.next_u32().to_le_bytes();
            let _ = write!(out, "{byte:02x}");
        }
        out
    }

    /// A new procedure id.
    pub fn procedure(&mut self, at: Timestamp) -> ProcedureId {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        ProcedureId::new(at, random)
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            0
        } else {
            self.0.next_u64() % bound
        }
    }
}
