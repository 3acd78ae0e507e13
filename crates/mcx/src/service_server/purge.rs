//! Removes mappings whose retention is over (P1.N2).

use std::time::Duration;

use super::{Continuation, ServiceServer};
use crate::state::{Command, Outcome, Verdict};
use crate::{Decision, Effect, Now};

/// How often was-migrated mappings are looked over for purging.
const PURGE_INTERVAL: Duration = Duration::from_secs(10);
/// Most mappings purged in one batch.
const PURGE_BATCH: usize = 500;

impl ServiceServer {
    pub(super) fn purge(&mut self, now: Now, out: &mut Vec<Effect>) {
        let due = *self.next_purge.get_or_insert(now.mono);
        if due <= now.mono {
            // Set far ahead until the outcome is known, so that one batch is under way at most.
            self.next_purge = Some(now.mono + 360 * PURGE_INTERVAL);
            let command = Command::Purge {
                at: now.wall,
                limit: PURGE_BATCH,
            };
            self.store(vec![command], Continuation::Purged, out);
        }
    }

    /// Nothing was purged: the store failed.
    pub(super) fn purge_later(&mut self, now: Now) {
        self.next_purge = Some(now.mono + PURGE_INTERVAL);
    }

    pub(super) fn purged(&mut self, now: Now, outcomes: &[Outcome], out: &mut Vec<Effect>) {
        let mut wait = PURGE_INTERVAL;
        if let [
            Outcome {
                verdict: Verdict::Purged(count @ 1..),
                ..
            },
        ] = outcomes
        {
            let why = format!("{count} was-migrated mappings, their retention being over");
            out.push(Effect::Decide(Decision::new("P1.N2", "purged", why)));
            if *count == PURGE_BATCH {
                wait = Duration::ZERO;
            }
        }
        self.next_purge = Some(now.mono + wait);
    }
}
