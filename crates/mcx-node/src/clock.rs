//! The one place that reads the clocks.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mcx::{Now, Timestamp};

/// Both clocks, now.
#[must_use]
pub fn now() -> Now {
    Now {
        mono: Instant::now(),
        wall: Timestamp(wall_us() / 1000),
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
