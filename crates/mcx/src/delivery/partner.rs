//! How much is sent to one partner: as much as it takes, beginning with little, and hardly anything while it is down. So a
//! partner that is down costs nothing for the others, and is not overrun when it is back.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::left::Left;
use super::{Retry, Trouble};
use crate::Random;
use crate::SystemId;
use crate::state::{Lane, OutboxPage};

/// Requests under way at once to a partner of which nothing is known yet.
const FIRST_WINDOW: usize = 32;
/// So many failures without a success between are the partner's: it is asked with one request at a time.
const MOST_FAILURES: u32 = 4;
/// Longest wait before a partner that is down is asked again.
const LONGEST_HOLD: Duration = Duration::from_secs(8);

/// Shortest wait between two questions to a partner that is down because something came from it; doubled with each that is in
/// vain, up to [`LONGEST_ASK`].
const FIRST_ASK: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_ASK: Duration = Duration::from_secs(32);

/// What waits for a partner, and what it takes.
#[derive(Debug)]
pub(super) struct Towards {
    /// Lanes whose first row waits for its time.
    pub due: BTreeSet<(Instant, Lane)>,
    /// Requests under way.
    busy: usize,
    /// Most requests under way at once.
    window: usize,
    /// Failures since the last success.
    failures: u32,
    /// The last of them was that nobody reached it.
    is_silent: bool,
    /// Nothing is sent before.
    held_until: Option<Instant>,
    /// When it may be asked next because something comes from it, and how long after that.
    ask: Option<(Instant, Duration)>,
    /// How often it was down and came back.
    returns: u64,
    /// Rows in memory.
    pub rows: usize,
    /// The newest row that ever was in memory.
    pub newest: u64,
    /// Rows that are in the store alone.
    pub left: Option<Left>,
}

impl Towards {
    pub fn new(retry: &Retry) -> Self {
        Self {
            due: BTreeSet::new(),
            busy: 0,
            window: FIRST_WINDOW.min(retry.in_flight),
            failures: 0,
            is_silent: false,
            held_until: None,
            ask: None,
            returns: 0,
            rows: 0,
            newest: 0,
            left: None,
        }
    }

    /// How many more rows are to be read: as many as can be sent soon; more when all that are here wait for their time, and
    /// the partner takes some.
    fn room(&self, now: Instant, retry: &Retry) -> usize {
        let soon = retry.in_flight.saturating_mul(2).min(retry.in_memory);
        let is_due = self.due.first().is_some_and(|(at, _)| *at <= now);
        let idles =
            !is_due && self.busy < self.window && self.held_until.is_none_or(|at| at <= now);
        if self.rows < soon || idles {
            retry.in_memory.saturating_sub(self.rows)
        } else {
            0
        }
    }

    /// Rows that are to be read now.
    pub fn read(&mut self, now: Instant, to: &SystemId, retry: &Retry) -> Option<OutboxPage> {
        let room = self.room(now, retry);
        self.left.as_mut()?.read(now, to, room)
    }

    /// When the next row can be sent, if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        if self.busy >= self.window {
            return None;
        }
        let (at, _) = self.due.first()?;
        Some(self.held_until.map_or(*at, |held| held.max(*at)))
    }

    /// When rows can be read again, after it was in vain.
    pub fn reads_at(&self) -> Option<Instant> {
        self.left.as_ref()?.deadline()
    }

    /// A request is under way.
    pub fn begin(&mut self) {
        self.busy += 1;
    }

    /// Nothing was sent after all, so nothing is known of the partner.
    pub fn spares(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    /// The partner answered.
    pub fn answers(&mut self) {
        if !self.is_up() {
            self.returns += 1;
        }
        self.failures = 0;
        self.held_until = None;
        self.ask = None;
    }

    /// How often it was down and came back.
    pub fn returns(&self) -> u64 {
        self.returns
    }

    /// Something came from the partner: answers whether it is to be asked now, because it counts as down and did not say so itself.
    pub fn is_heard(&mut self, now: Instant) -> bool {
        let (at, wait) = self.ask.unwrap_or((now, FIRST_ASK));
        if self.is_up() || !self.is_silent || now < at {
            return false;
        }
        self.ask = Some((now + wait, (wait * 2).min(LONGEST_ASK)));
        self.held_until = None;
        true
    }

    /// A request that was answered is done with: the partner takes one more at a time, which is twice as many after each round.
    pub fn succeeds(&mut self, retry: &Retry) {
        self.busy = self.busy.saturating_sub(1);
        self.window = (self.window + 1).min(retry.in_flight);
    }

    /// A request was in vain.
    pub fn fails(&mut self, now: Instant, trouble: Trouble, retry: &Retry, random: &mut Random) {
        self.busy = self.busy.saturating_sub(1);
        if trouble == Trouble::Row {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.is_silent = trouble == Trouble::Silence;
        self.window = (self.window / 2).max(1);
        if self.failures >= MOST_FAILURES {
            self.window = 1;
            let doublings = (self.failures - MOST_FAILURES).min(16);
            let full = retry.first.saturating_mul(1 << doublings).min(LONGEST_HOLD);
            let millis = u64::try_from(full.as_millis()).unwrap_or(u64::MAX);
            let wait = Duration::from_millis(millis - random.below(millis / 2 + 1));
            self.held_until = Some(now + wait);
        }
    }

    /// Whether it answered when it was asked last, or was not asked so often in vain that it counts as down.
    pub fn is_up(&self) -> bool {
        self.failures < MOST_FAILURES
    }

    /// An operator wants something sent now.
    pub fn hurry(&mut self) {
        self.held_until = None;
    }
}
