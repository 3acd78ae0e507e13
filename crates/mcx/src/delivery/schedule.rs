//! The schedule of the outbox, in memory: of each partner as many rows as can be sent soon. The rows themselves are durable; this
//! says when.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::time::Instant;

use super::left::Left;
use super::partner::Towards;
use super::{Ended, Retry, Trouble};
use crate::state::{Lane, OutboxPage, OutboxRow};
use crate::{Now, Random, SystemId, Timestamp};

/// Which row is sent when.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    retry: Retry,
    lanes: HashMap<Lane, Waiting>,
    partners: BTreeMap<SystemId, Towards>,
    /// The partner that had its turn last.
    turn: Option<SystemId>,
}

/// The rows of a lane, by their ids.
#[derive(Debug)]
struct Waiting {
    rows: VecDeque<OutboxRow>,
    /// When the first is due, unless it is under way.
    due: Option<Instant>,
    /// The row that is under way.
    busy: Option<u64>,
    /// The first waits because nobody reached the partner, since its last return: it is sent sooner when the partner is back.
    in_silence: Option<u64>,
}

/// How many rows are brought forward with each that the partner answers: what it takes grows by one with each.
const SOONER: usize = 2;
/// How many rows are looked at for that.
const LOOKED_AT: usize = 16;

impl Schedule {
    /// Nothing is owed.
    pub(crate) fn new(retry: Retry) -> Self {
        Self {
            retry,
            ..Self::default()
        }
    }

    /// Rows that fail from now on are retried like this; those that wait keep their times.
    pub(crate) fn set_retry(&mut self, retry: Retry) {
        self.retry = retry;
    }

    /// The partners that something was sent to or waits for, and whether each answers.
    pub(crate) fn partners(&self) -> impl Iterator<Item = (&SystemId, bool)> {
        let partners = self.partners.iter();
        partners.map(|(partner, towards)| (partner, towards.is_up()))
    }

    /// Rows wait for that partner from before the start, up to the one numbered `last`.
    pub(crate) fn owes(&mut self, partner: &SystemId, last: u64) {
        self.towards(partner).left = Some(Left::new(0, last));
    }

    /// Takes a row that was appended, or released by an operator. Rows of a partner are appended in the order of their ids.
    pub(crate) fn add(&mut self, now: Now, row: OutboxRow) {
        let most = self.retry.in_memory;
        let towards = self.towards(&row.row.to);
        let is_new = row.id > towards.newest;
        match &mut towards.left {
            Some(left) if left.has(row.id) => {
                left.leave(row);
                if !is_new {
                    towards.hurry();
                }
            }
            None if is_new && towards.rows >= most => {
                towards.left = Some(Left::new(row.id.saturating_sub(1), row.id));
            }
            _ => self.insert(now, row),
        }
    }

    /// Rows that are to be read now, into `pages`.
    pub(crate) fn read_more(&mut self, now: Now, mut pages: impl FnMut(OutboxPage)) {
        for (partner, towards) in &mut self.partners {
            if let Some(page) = towards.read(now.mono, partner, &self.retry) {
                pages(page);
            }
        }
    }

    /// Takes rows that were read; none if they could not be.
    pub(crate) fn take(&mut self, now: Now, page: &OutboxPage, rows: Option<Vec<OutboxRow>>) {
        let towards = self.towards(&page.to);
        let Some(left) = &mut towards.left else {
            return;
        };
        let Some(rows) = rows else {
            left.failed(now.mono);
            return;
        };
        let (rows, complete) = left.take(page, rows);
        if complete {
            towards.left = None;
        }
        for row in rows {
            self.insert(now, row);
        }
    }

    fn insert(&mut self, now: Now, row: OutboxRow) {
        if row.parked.is_some() {
            return;
        }
        let lane = row.lane();
        let waiting = match self.lanes.entry(lane.clone()) {
            Entry::Occupied(there) => there.into_mut(),
            // Nearly every lane has one row, and there may be a million of them.
            Entry::Vacant(place) => place.insert(Waiting {
                rows: VecDeque::with_capacity(1),
                due: None,
                busy: None,
                in_silence: None,
            }),
        };
        let rows = &mut waiting.rows;
        match rows.binary_search_by_key(&row.id, |other| other.id) {
            Ok(at) => {
                if let Some(old) = rows.get_mut(at) {
                    *old = row;
                }
            }
            Err(at) => {
                let id = row.id;
                rows.insert(at, row);
                let towards = Self::towards_of(&mut self.partners, &self.retry, &lane.to);
                towards.rows += 1;
                towards.newest = towards.newest.max(id);
            }
        }
        if waiting.busy.is_none() && waiting.due.is_none() {
            self.arm(now, &lane);
        }
    }

    /// When [`Schedule::next`] will have something.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let all = self.partners.values();
        let times = all.flat_map(|towards| [towards.deadline(), towards.reads_at()]);
        times.flatten().min()
    }

    /// The next row to send, if one is due, partners taking turns; its lane is busy until one of the methods below.
    pub(crate) fn next(&mut self, now: Now) -> Option<OutboxRow> {
        let is_due = |(_, towards): &(&SystemId, &Towards)| {
            towards.deadline().is_some_and(|at| at <= now.mono)
        };
        let after = self.turn.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.partners.range((after, Bound::Unbounded));
        let (partner, towards) = rest.chain(&self.partners).find(is_due)?;
        let (_, lane) = towards.due.first()?.clone();
        self.turn = Some(partner.clone());
        self.disarm(&lane);
        let waiting = self.lanes.get_mut(&lane)?;
        let row = waiting.rows.front()?.clone();
        waiting.busy = Some(row.id);
        self.towards(&lane.to).begin();
        Some(row)
    }

    /// The partner answered a row, for better or worse. What waits because it was away is brought forward, some with each answer.
    pub(crate) fn answered(&mut self, now: Now, partner: &SystemId) {
        let towards = self.towards(partner);
        towards.answers();
        let returns = towards.returns();
        self.sooner(now, partner, SOONER, |since| since < returns);
    }

    /// Something came from the partner. If it counts as down, it is asked now.
    pub(crate) fn heard(&mut self, now: Now, partner: &SystemId) {
        let towards = self.partners.get_mut(partner);
        if towards.is_some_and(|towards| towards.is_heard(now.mono)) {
            self.sooner(now, partner, 1, |_| true);
        }
    }

    /// Some rows that wait because the partner was not reached are due now, unless others are.
    fn sooner(&mut self, now: Now, partner: &SystemId, most: usize, since: impl Fn(u64) -> bool) {
        let Some(towards) = self.partners.get_mut(partner) else {
            return;
        };
        if towards.due.first().is_none_or(|(at, _)| *at <= now.mono) {
            return;
        }
        let waits = |lane| self.lanes.get(lane).and_then(|waiting| waiting.in_silence);
        let next = towards.due.iter().take(LOOKED_AT);
        let brought: Vec<_> = next
            .filter(|(_, lane)| waits(lane).is_some_and(&since))
            .take(most)
            .cloned()
            .collect();
        for entry in brought {
            towards.due.remove(&entry);
            let (_, lane) = entry;
            if let Some(waiting) = self.lanes.get_mut(&lane) {
                waiting.due = Some(now.mono);
                towards.due.insert((now.mono, lane));
            }
        }
    }

    /// The row is gone from the store, or parked there: the lane goes on.
    pub(crate) fn finish(&mut self, now: Now, row: &OutboxRow, ended: Ended) {
        let (lane, retry) = (row.lane(), self.retry);
        if self.set_free(&lane) {
            let towards = self.towards(&lane.to);
            match ended {
                Ended::Answered => towards.succeeds(&retry),
                Ended::Unsent => towards.spares(),
            }
        }
        self.remove(&lane, row.id);
        self.arm(now, &lane);
    }

    /// The row was sent in vain: says when it is due again.
    pub(crate) fn again(
        &mut self,
        now: Now,
        row: &OutboxRow,
        (retry_after, trouble): (Option<u32>, Trouble),
        random: &mut Random,
    ) -> (u32, Timestamp) {
        let attempts = row.attempts.saturating_add(1);
        let wait = self.retry.wait(attempts, retry_after, random);
        let next_at = now.wall.after(wait);
        let (lane, retry) = (row.lane(), self.retry);
        if self.set_free(&lane) {
            let towards = self.towards(&lane.to);
            towards.fails(now.mono, trouble, &retry, random);
        }
        let in_silence = trouble == Trouble::Silence && retry_after.is_none();
        let returns = self.towards(&lane.to).returns();
        let rows = self.lanes.get_mut(&lane).map(|waiting| {
            waiting.in_silence = in_silence.then_some(returns);
            &mut waiting.rows
        });
        let found = rows.and_then(|rows| rows.iter_mut().find(|other| other.id == row.id));
        if let Some(row) = found {
            row.attempts = attempts;
            row.next_at = next_at;
        }
        self.tidy(&lane);
        self.arm(now, &lane);
        (attempts, next_at)
    }

    /// Whether the row is being sent, and was not forgotten meanwhile.
    pub(crate) fn is_busy(&self, id: u64) -> bool {
        let mut lanes = self.lanes.values();
        lanes.any(|waiting| waiting.busy == Some(id) && waiting.rows.iter().any(|row| row.id == id))
    }

    /// The row's lane is due now, if the row is its first.
    pub(crate) fn hurry(&mut self, now: Now, id: u64) {
        if let Some(lane) = self.lane_of(id) {
            self.towards(&lane.to).hurry();
            self.disarm(&lane);
            self.arm(now, &lane);
        }
    }

    /// The row is gone from the store. If it is being sent, its answer means nothing.
    pub(crate) fn forget(&mut self, now: Now, id: u64) {
        let left = self
            .partners
            .values_mut()
            .filter_map(|towards| towards.left.as_mut());
        left.for_each(|left| left.forget(id));
        let Some(lane) = self.lane_of(id) else { return };
        self.disarm(&lane);
        self.remove(&lane, id);
        self.arm(now, &lane);
    }

    fn towards(&mut self, partner: &SystemId) -> &mut Towards {
        Self::towards_of(&mut self.partners, &self.retry, partner)
    }

    fn towards_of<'a>(
        partners: &'a mut BTreeMap<SystemId, Towards>,
        retry: &Retry,
        partner: &SystemId,
    ) -> &'a mut Towards {
        let new = || Towards::new(retry);
        partners.entry(partner.clone()).or_insert_with(new)
    }

    fn lane_of(&self, id: u64) -> Option<Lane> {
        let mut lanes = self.lanes.iter();
        let found = lanes.find(|(_, waiting)| waiting.rows.iter().any(|row| row.id == id));
        found.map(|(lane, _)| lane.clone())
    }

    /// Nothing of the lane is under way any more; answers whether something was.
    fn set_free(&mut self, lane: &Lane) -> bool {
        let waiting = self.lanes.get_mut(lane);
        waiting.is_some_and(|waiting| waiting.busy.take().is_some())
    }

    fn remove(&mut self, lane: &Lane, id: u64) {
        if let Some(waiting) = self.lanes.get_mut(lane) {
            let before = waiting.rows.len();
            waiting.rows.retain(|row| row.id != id);
            let gone = before - waiting.rows.len();
            let towards = self.towards(&lane.to);
            towards.rows = towards.rows.saturating_sub(gone);
        }
        self.tidy(lane);
    }

    /// A lane without rows is none.
    fn tidy(&mut self, lane: &Lane) {
        let is_over = |waiting: &Waiting| waiting.rows.is_empty() && waiting.busy.is_none();
        if self.lanes.get(lane).is_some_and(is_over) {
            self.disarm(lane);
            self.lanes.remove(lane);
        }
    }

    fn arm(&mut self, now: Now, lane: &Lane) {
        let Some(waiting) = self.lanes.get_mut(lane) else {
            return;
        };
        if waiting.busy.is_some() || waiting.due.is_some() {
            return;
        }
        let Some(row) = waiting.rows.front() else {
            return;
        };
        let cap = self.retry.longest.max(self.retry.longest_retry_after);
        let at = now.instant_of(row.next_at, cap);
        waiting.due = Some(at);
        let lane = lane.clone();
        self.towards(&lane.to.clone()).due.insert((at, lane));
    }

    fn disarm(&mut self, lane: &Lane) {
        let due = self
            .lanes
            .get_mut(lane)
            .and_then(|waiting| waiting.due.take());
        if let Some(at) = due {
            let lane = lane.clone();
            self.towards(&lane.to.clone()).due.remove(&(at, lane));
        }
    }
}
