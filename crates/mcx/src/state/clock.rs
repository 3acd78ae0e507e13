//! Deadlines and a wall clock that is set: what is to be kept for an hour is kept for an hour (P1.N2).

use serde::{Deserialize, Serialize};

use super::{Rows, Visitor, VisitorPhase};
use crate::Timestamp;

/// From here on a time means "never": no clock will show it, and it is not moved.
pub const NEVER: Timestamp = Timestamp(1 << 62);
/// Largest step of a clock that is believed, in milliseconds: ten thousand years.
const MOST: i64 = 10_000 * 366 * 24 * 3600 * 1000;
/// By how many milliseconds the wall clock has to leave another one to have been set. What is less, as when it is
/// slewed, adds up until it is as much.
pub(crate) const STEP: i64 = 2000;

/// How the wall clock stood to a clock that nobody sets, when the deadlines in the store were right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnchor {
    /// Which start of the machine the other clock counts from.
    pub boot: String,
    /// Wall clock less time since that start, in milliseconds.
    pub offset: i64,
}

/// Moves all deadlines by a step of the running clock.
pub(super) fn stepped<R: Rows>(rows: &mut R, by: i64, at: Timestamp) -> Result<(), R::Error> {
    let by = by.clamp(-MOST, MOST);
    let at = at.min(NEVER);
    rows.shift_deadlines(by, at)?;
    if let Some(mut anchor) = rows.clock()? {
        anchor.offset = anchor.offset.saturating_add(by);
        rows.put_clock(&anchor)?;
    }
    Ok(())
}

/// A process begins: finds out what happened to the clock since the last one wrote its anchor.
pub(super) fn anchored<R: Rows>(
    rows: &mut R,
    anchor: &ClockAnchor,
    at: Timestamp,
) -> Result<(), R::Error> {
    let by = match rows.clock()? {
        Some(before) if before.boot == anchor.boot => {
            let by = anchor.offset.saturating_sub(before.offset);
            if by.abs() < STEP {
                return Ok(());
            }
            by.clamp(-MOST, MOST)
        }
        // Of another start of the machine only the wall clock tells how long ago it was. It may have been
        // wrong then: nothing is kept for longer than it was to be kept from the beginning.
        Some(_) => 0,
        None => return rows.put_clock(anchor),
    };
    rows.shift_deadlines(by, at.min(NEVER))?;
    rows.put_clock(anchor)
}

impl Visitor {
    /// Moves what is to happen by `by` milliseconds, and to no later than it would be if it had begun at `at`.
    pub(super) fn shift_deadlines(&mut self, by: i64, at: Timestamp) {
        match &mut self.phase {
            VisitorPhase::Migrated => {}
            VisitorPhase::Stopping {
                since,
                stop_at,
                purge_at,
            } => {
                let kept = purge_at.since(*stop_at);
                if shift(since, stop_at, by, at) && *purge_at < NEVER {
                    *purge_at = stop_at.after(kept);
                }
            }
            VisitorPhase::WasMigrated { since, purge_at } => {
                shift(since, purge_at, by, at);
            }
        }
    }
}

/// Moves a time that lasts; answers whether it has an end.
fn shift(since: &mut Timestamp, until: &mut Timestamp, by: i64, at: Timestamp) -> bool {
    if *until >= NEVER {
        return false;
    }
    let whole = until.since(*since);
    *until = Timestamp(until.0.saturating_add_signed(by)).min(at.after(whole));
    *since = Timestamp(
        until
            .0
            .saturating_sub(u64::try_from(whole.as_millis()).unwrap_or(u64::MAX)),
    );
    true
}
