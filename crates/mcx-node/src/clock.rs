//! The one place that reads the clocks.

use std::sync::LazyLock;
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

/// Both clocks, for a record.
#[must_use]
pub fn at() -> At {
    // Looked up before the clock is read: the first record is at 0, not before it.
    let start = *START;
    let since = Instant::now().saturating_duration_since(start);
    At {
        wall_us: wall_us(),
        mono_us: u64::try_from(since.as_micros()).ok(),
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
