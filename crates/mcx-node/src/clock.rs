//! The one place that reads the clocks.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mcx::{Now, Timestamp};
use sip_trace::At;

/// Where the clock that nobody sets is counted from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    Now {
        mono: Instant::now(),
        wall: Timestamp(wall_us() / 1000),
    }
}

/// How long the wall clock is told by the other one, in µs: when it is set, records know so much later.
const LOOK_US: u64 = 1_000;

/// What the wall clock is ahead of the other one, and when it was looked at, both in µs.
static AHEAD: AtomicU64 = AtomicU64::new(0);
static LOOKED: AtomicU64 = AtomicU64::new(u64::MAX / 2);

/// Both clocks, for a record. One of them is read: every message asks.
#[must_use]
pub fn at() -> At {
    // Looked up before the clock is read: the first record is at 0, not before it.
    let start = *START;
    let since = Instant::now().saturating_duration_since(start);
    let mono_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
    let looked = LOOKED.load(Ordering::Acquire);
    let ahead = match mono_us.wrapping_sub(looked) < LOOK_US {
        true => AHEAD.load(Ordering::Relaxed),
        false => {
            let ahead = wall_us().wrapping_sub(mono_us);
            AHEAD.store(ahead, Ordering::Relaxed);
            LOOKED.store(mono_us, Ordering::Release);
            ahead
        }
    };
    At {
        wall_us: mono_us.wrapping_add(ahead),
        mono_us: Some(mono_us),
    }
}

/// The wall clock in microseconds since the Unix epoch.
#[must_use]
pub fn wall_us() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_record_is_between_two_looks_at_the_clock() {
        // More often than the wall clock is looked at.
        for _ in 0..100_000 {
            let before = wall_us();
            let told = at();
            let after = wall_us();
            // A clock that is set right a little meanwhile is not what this is about.
            let near = before.saturating_sub(1_000)..=after + 1_000;
            assert!(
                near.contains(&told.wall_us),
                "{told:?}, {before} to {after}"
            );
        }
    }

    #[test]
    fn a_record_has_the_time_of_the_clock_that_nobody_sets() {
        let first = at().mono_us.unwrap();
        let began = Instant::now();
        // Counted from the start of this process, and not from the epoch.
        assert!(first < wall_us() / 1_000, "{first}");
        let (before, asked) = (began.elapsed(), at().mono_us.unwrap());
        let after = began.elapsed();
        let passed = Duration::from_micros(asked - first);
        let slack = Duration::from_millis(50);
        assert!(passed + slack >= before && passed <= after + slack);
    }
}
