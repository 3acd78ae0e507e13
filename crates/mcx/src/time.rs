//! Time as an argument: nothing in this crate reads a clock.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The moment at which an input happened, on both clocks.
///
/// Timers use [`Now::mono`]; what is written to disk uses [`Now::wall`], for a monotonic clock
/// means nothing after a restart.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic clock of this process.
    pub mono: Instant,
    /// Wall clock.
    pub wall: Timestamp,
}

impl Now {
    /// The monotonic moment at which the wall clock will show `at`, as far as known now: never in
    /// the past, and never further away than `cap`, so that a clock that was set wrong delays
    /// nothing for longer than that.
    #[must_use]
    pub fn instant_of(&self, at: Timestamp, cap: Duration) -> Instant {
        self.mono + at.since(self.wall).min(cap)
    }
}

/// Wall-clock time in milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Time that passed from `earlier` to `self`; zero when `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `self` moved on by `duration`, saturating.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Whole seconds since the Unix epoch (the unit of JWT claims, RFC 7519 §2 NumericDate).
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}
