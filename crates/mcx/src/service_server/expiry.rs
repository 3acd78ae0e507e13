//! Stops services whose grace period is over (P1.E1), and removes mappings whose retention is over
//! (P1.N2), whatever the wall clock does meanwhile.

use std::time::Duration;

use super::{Continuation, ServiceServer};
use crate::state::{Command, Outcome, STEP, Verdict};
use crate::{Decision, Effect, Now, Timestamp};

/// How often mappings are looked over at least.
const INTERVAL: Duration = Duration::from_secs(10);
/// Most mappings changed in one batch.
const BATCH: usize = 500;

impl ServiceServer {
    /// Looks over the mappings, when it is time.
    pub(super) fn expire(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = *self.next_expiry.get_or_insert(now.mono);
        if due <= now.mono {
            // Set far ahead until the outcome is known, so that one batch is under way at most.
            self.next_expiry = Some(now.mono + 360 * INTERVAL);
            let command = Command::Expire {
                at: now.wall,
                limit: BATCH,
            };
            self.store(vec![command], Continuation::Expired, out);
        }
    }

    /// Something will be due then.
    pub(super) fn expires_at(&mut self, now: Now, at: Timestamp) {
        let then = now.instant_of(at, INTERVAL);
        self.next_expiry = Some(self.next_expiry.map_or(then, |next| next.min(then)));
    }

    /// Nothing was changed: the store failed.
    pub(super) fn expire_later(&mut self, now: Now) {
        self.next_expiry = Some(now.mono + INTERVAL);
    }

    pub(super) fn expired(&mut self, now: Now, outcomes: &[Outcome], out: &mut Vec<Effect>) {
        self.next_expiry = Some(now.mono + INTERVAL);
        if let Some(Verdict::Expired {
            stopped,
            purged,
            next,
        }) = outcomes.first().map(|o| &o.verdict)
        {
            if *stopped > 0 {
                let why = format!("no longer served, their grace period being over: {stopped}");
                out.push(Effect::Decide(Decision::new("P1.E1", "stopped", why)));
            }
            if *purged > 0 {
                let why = format!("was-migrated mappings, their retention being over: {purged}");
                out.push(Effect::Decide(Decision::new("P1.N2", "purged", why)));
            }
            if let Some(next) = next {
                self.expires_at(now, *next);
            }
        }
    }

    /// Moves the deadlines in the store when the wall clock was set.
    pub(super) fn watch_clock(&mut self, now: Now, out: &mut Vec<Effect>) {
        let seen = *self.clock.get_or_insert(now);
        let passed = now.mono.saturating_duration_since(seen.mono);
        let expected = seen.wall.after(passed);
        let by = i128::from(now.wall.0) - i128::from(expected.0);
        let by = i64::try_from(by).unwrap_or(if by < 0 { i64::MIN } else { i64::MAX });
        if by.saturating_abs() < STEP {
            return;
        }
        self.clock = Some(now);
        let why = format!(
            "the wall clock was set by {} s: deadlines move with it",
            by / 1000
        );
        out.push(Effect::Decide(Decision::new("P1.N2", "clock set", why)));
        let command = Command::ClockStepped { by, at: now.wall };
        self.store(vec![command], Continuation::ClockStepped(by), out);
        // Not before the deadlines have moved.
        self.expire_later(now);
    }

    /// The store failed, and the deadlines are where they were: the step is seen again with the next input.
    pub(super) fn step_again(&mut self, by: i64) {
        if let Some(clock) = &mut self.clock {
            clock.wall = Timestamp(clock.wall.0.saturating_add_signed(by.saturating_neg()));
        }
    }
}
