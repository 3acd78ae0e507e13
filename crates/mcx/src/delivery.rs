//! When each row of the outbox is sent: in order within a lane, lanes independent of each
//! other, retried with back-off until the partner has it or refuses it (L4).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use sip_message::{Response, StatusCode};

use crate::state::{Lane, OutboxRow};
use crate::{Now, Random, Timestamp, Warning};

/// How a row is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Wait after the first attempt.
    pub first: Duration,
    /// Longest wait; a partner's Retry-After may ask for more.
    pub longest: Duration,
    /// Longest Retry-After that is believed.
    pub longest_retry_after: Duration,
    /// Most requests of the outbox under way at once.
    pub in_flight: usize,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            longest_retry_after: Duration::from_secs(3600),
            in_flight: 1000,
        }
    }
}

impl Retry {
    /// Wait before attempt `attempts + 1`: doubled each time up to the cap, the upper half of it
    /// jittered, and never less than the partner's Retry-After.
    fn wait(&self, attempts: u32, retry_after: Option<u32>, random: &mut Random) -> Duration {
        let doublings = attempts.saturating_sub(1).min(30);
        let full = self.first.saturating_mul(1 << doublings).min(self.longest);
        let millis = u64::try_from(full.as_millis()).unwrap_or(u64::MAX);
        let jittered = Duration::from_millis(millis - random.below(millis / 2 + 1));
        let asked = retry_after.map_or(Duration::ZERO, |secs| {
            Duration::from_secs(secs.into()).min(self.longest_retry_after)
        });
        if asked > jittered {
            // Not before Retry-After, and not all at once after it.
            asked + Duration::from_millis(random.below(millis / 4 + 1))
        } else {
            jittered
        }
    }
}

/// What the answer to a row means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The partner has it.
    Delivered,
    /// The partner does not know the user: nothing is left to be ended.
    UserUnknown,
    /// To be sent again.
    Retry(Option<u32>),
    /// Refused: waits for an operator.
    Park(u16, String),
}

/// The column "what the sender's queue does" of the wire profile's table.
pub(crate) fn fate(response: &Response) -> Fate {
    let status = response.status();
    let warnings = response.headers().warnings().unwrap_or_default();
    if status.is_success() {
        return Fate::Delivered;
    }
    // A bare 404 may be a SIP core that lost its route: only the partner's own word counts.
    if status == StatusCode::NOT_FOUND
        && warnings
            .iter()
            .any(|w| Warning::USER_UNKNOWN.is_in(&w.text))
    {
        return Fate::UserUnknown;
    }
    let retried = matches!(
        status.as_u16(),
        408 | 480 | 486 | 491 | 500 | 502 | 503 | 504
    );
    if retried {
        return Fate::Retry(response.headers().retry_after().ok().flatten());
    }
    let text = match warnings.first() {
        Some(warning) => String::from_utf8_lossy(&warning.text).into_owned(),
        None => String::from_utf8_lossy(response.reason()).into_owned(),
    };
    Fate::Park(status.as_u16(), text)
}

/// The schedule of the outbox, in memory. The rows themselves are durable; this says when.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    retry: Retry,
    lanes: HashMap<Lane, BTreeMap<u64, OutboxRow>>,
    /// Lanes whose first row waits for its time.
    due: BTreeSet<(Instant, Lane)>,
    due_of: HashMap<Lane, Instant>,
    busy: HashMap<Lane, u64>,
}

impl Schedule {
    pub(crate) fn new(retry: Retry) -> Self {
        Self {
            retry,
            ..Self::default()
        }
    }

    /// Takes a row that was appended or recovered.
    pub(crate) fn add(&mut self, now: Now, row: OutboxRow) {
        if row.parked.is_some() {
            return;
        }
        let lane = row.lane();
        self.lanes
            .entry(lane.clone())
            .or_default()
            .insert(row.id, row);
        self.arm(now, &lane);
    }

    /// When [`Schedule::next`] will have something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.busy.len() >= self.retry.in_flight {
            return None;
        }
        self.due.first().map(|(at, _)| *at)
    }

    /// The next row to send, if one is due; its lane is busy until one of the methods below.
    pub(crate) fn next(&mut self, now: Now) -> Option<OutboxRow> {
        if self.busy.len() >= self.retry.in_flight {
            return None;
        }
        let (at, lane) = self.due.first()?.clone();
        if at > now.mono {
            return None;
        }
        self.disarm(&lane);
        let row = self.lanes.get(&lane)?.values().next()?.clone();
        self.busy.insert(lane, row.id);
        Some(row)
    }

    /// The row is gone from the store, or parked there: the lane goes on.
    pub(crate) fn finish(&mut self, now: Now, row: &OutboxRow) {
        let lane = row.lane();
        self.busy.remove(&lane);
        if let Some(rows) = self.lanes.get_mut(&lane) {
            rows.remove(&row.id);
            if rows.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        self.arm(now, &lane);
    }

    /// The row was sent in vain: says when it is due again.
    pub(crate) fn again(
        &mut self,
        now: Now,
        row: &OutboxRow,
        retry_after: Option<u32>,
        random: &mut Random,
    ) -> (u32, Timestamp) {
        let attempts = row.attempts.saturating_add(1);
        let wait = self.retry.wait(attempts, retry_after, random);
        let next_at = now.wall.after(wait);
        let lane = row.lane();
        if let Some(row) = self.lanes.get_mut(&lane).and_then(|l| l.get_mut(&row.id)) {
            row.attempts = attempts;
            row.next_at = next_at;
        }
        self.busy.remove(&lane);
        self.arm(now, &lane);
        (attempts, next_at)
    }

    /// Whether the row is being sent.
    pub(crate) fn is_busy(&self, id: u64) -> bool {
        self.busy.values().any(|busy| *busy == id)
    }

    /// The row's lane is due now, if the row is its first.
    pub(crate) fn hurry(&mut self, now: Now, id: u64) {
        if let Some(lane) = self.lane_of(id) {
            self.disarm(&lane);
            self.arm(now, &lane);
        }
    }

    /// The row is gone from the store. If it is being sent, its answer means nothing.
    pub(crate) fn forget(&mut self, now: Now, id: u64) {
        let Some(lane) = self.lane_of(id) else { return };
        if let Some(rows) = self.lanes.get_mut(&lane) {
            rows.remove(&id);
            if rows.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        self.disarm(&lane);
        self.arm(now, &lane);
    }

    fn lane_of(&self, id: u64) -> Option<Lane> {
        let mut lanes = self.lanes.iter();
        let found = lanes.find(|(_, rows)| rows.contains_key(&id));
        found.map(|(lane, _)| lane.clone())
    }

    fn arm(&mut self, now: Now, lane: &Lane) {
        if self.busy.contains_key(lane) || self.due_of.contains_key(lane) {
            return;
        }
        let Some(row) = self.lanes.get(lane).and_then(|l| l.values().next()) else {
            return;
        };
        let cap = self.retry.longest.max(self.retry.longest_retry_after);
        let at = now.instant_of(row.next_at, cap);
        self.due.insert((at, lane.clone()));
        self.due_of.insert(lane.clone(), at);
    }

    fn disarm(&mut self, lane: &Lane) {
        if let Some(at) = self.due_of.remove(lane) {
            self.due.remove(&(at, lane.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_respect_retry_after() {
        let mut random = Random::new([7; 32]);
        let retry = Retry::default();
        for attempts in 1..40 {
            let full = Duration::from_secs(1 << (attempts - 1).min(10)).min(retry.longest);
            let wait = retry.wait(attempts, None, &mut random);
            assert!(wait <= full && wait >= full / 2, "{attempts}: {wait:?}");
        }
        assert!(retry.wait(1, Some(30), &mut random) >= Duration::from_secs(30));
        assert!(retry.wait(1, Some(u32::MAX), &mut random) <= Duration::from_secs(3601));
    }
}
