//! How the wall clock stands to one that nobody sets: what the store needs to know when the wall clock was
//! set while no process ran (P1.N2).

use std::fs;

use mcx::state::ClockAnchor;

use crate::clock;

/// Both clocks now; `None` where the system does not tell.
#[must_use]
pub fn anchor() -> Option<ClockAnchor> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let wall = i64::try_from(clock::now().wall.0).ok()?;
    Some(ClockAnchor {
        boot: boot.trim().to_owned(),
        offset: wall.checked_sub(milliseconds(&uptime)?)?,
    })
}

/// The first number of `/proc/uptime`, seconds with two decimals, in milliseconds. Time that the machine
/// was suspended is in it.
fn milliseconds(uptime: &str) -> Option<i64> {
    let seconds = uptime.split_ascii_whitespace().next()?;
    let (whole, fraction) = seconds.split_once('.')?;
    let whole: i64 = whole.parse().ok()?;
    let hundredths: i64 = fraction.get(..2)?.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(hundredths * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_is_read_to_the_hundredth() {
        assert_eq!(milliseconds("12345.67 99999.01\n"), Some(12_345_670));
        assert_eq!(milliseconds("0.05 0.00\n"), Some(50));
        for wrong in ["", "12", "x.00 1", "1.x 1"] {
            assert_eq!(milliseconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_clocks_of_this_machine_are_read() {
        let (one, other) = (anchor().expect("/proc"), anchor().expect("/proc"));
        assert_eq!(one.boot, other.boot);
        assert!((one.offset - other.offset).abs() < 2000);
    }
}
