//! Rows in memory, for simulations and models: what the durable stores must agree with.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{
    ClockAnchor, Event, Home, NewEvent, NewRow, OutboxPage, OutboxRow, Owed, Rows, UserKey, Visitor,
};
use crate::Timestamp;

/// Rows in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryRows {
    /// Own users.
    pub homes: BTreeMap<UserKey, Home>,
    /// Mappings of visiting users.
    pub visitors: BTreeMap<UserKey, Visitor>,
    /// The outbox, by id.
    pub outbox: BTreeMap<u64, OutboxRow>,
    /// Events, by their numbers.
    pub events: BTreeMap<u64, Event>,
    /// Up to which event each sink has them.
    pub sinks: BTreeMap<String, u64>,
    /// What is known of the clock.
    pub clock: Option<ClockAnchor>,
    last_row: u64,
    /// The newest number that an event got.
    pub last_event: u64,
}

impl MemoryRows {
    /// The last id that a row of the outbox got; 0 when there was none.
    #[must_use]
    pub fn last_row(&self) -> u64 {
        self.last_row
    }

    /// Rows that wait for a partner.
    #[must_use]
    pub fn page(&self, page: &OutboxPage) -> Vec<OutboxRow> {
        let ids = page.after.saturating_add(1)..=page.until.max(page.after.saturating_add(1));
        let rows = self.outbox.range(ids).map(|(_, row)| row);
        let of_page = rows
            .filter(|row| row.id <= page.until && row.row.to == page.to && row.parked.is_none());
        of_page.take(page.limit).cloned().collect()
    }

    /// What is owed, by partner.
    #[must_use]
    pub fn owed(&self) -> Vec<Owed> {
        let mut owed: BTreeMap<_, Owed> = BTreeMap::new();
        for row in self.outbox.values() {
            let of = owed.entry(row.row.to.clone()).or_insert_with(|| Owed {
                to: row.row.to.clone(),
                waiting: 0,
                oldest: None,
                parked: 0,
            });
            if row.parked.is_some() {
                of.parked += 1;
            } else {
                of.waiting += 1;
                of.oldest = of.oldest.or(Some(row.row.created));
            }
        }
        owed.into_values().collect()
    }
}

impl Rows for MemoryRows {
    type Error = Infallible;

    fn home(&mut self, key: &UserKey) -> Result<Option<Home>, Infallible> {
        Ok(self.homes.get(key).cloned())
    }

    fn put_home(&mut self, key: &UserKey, home: &Home) -> Result<(), Infallible> {
        self.homes.insert(key.clone(), home.clone());
        Ok(())
    }

    fn visitor(&mut self, key: &UserKey) -> Result<Option<Visitor>, Infallible> {
        Ok(self.visitors.get(key).cloned())
    }

    fn put_visitor(&mut self, key: &UserKey, visitor: &Visitor) -> Result<(), Infallible> {
        self.visitors.insert(key.clone(), visitor.clone());
        Ok(())
    }

    fn due_visitors(
        &mut self,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, Infallible> {
        let mut due: Vec<_> = self
            .visitors
            .iter()
            .filter_map(|(key, visitor)| Some((visitor.deadline()?, key, visitor)))
            .filter(|(deadline, ..)| *deadline <= at)
            .collect();
        due.sort_by_key(|(deadline, key, _)| (*deadline, key.service.as_str(), &key.primary_id));
        let due = due.into_iter().take(limit);
        Ok(due.map(|(_, k, v)| (k.clone(), v.clone())).collect())
    }

    fn remove_visitor(&mut self, key: &UserKey) -> Result<(), Infallible> {
        self.visitors.remove(key);
        Ok(())
    }

    fn shift_deadlines(&mut self, by: i64, at: Timestamp) -> Result<(), Infallible> {
        for visitor in self.visitors.values_mut() {
            visitor.shift_deadlines(by, at);
        }
        Ok(())
    }

    fn clock(&mut self) -> Result<Option<ClockAnchor>, Infallible> {
        Ok(self.clock.clone())
    }

    fn put_clock(&mut self, anchor: &ClockAnchor) -> Result<(), Infallible> {
        self.clock = Some(anchor.clone());
        Ok(())
    }

    fn append_event(&mut self, event: NewEvent) -> Result<Event, Infallible> {
        self.last_event += 1;
        let event = Event {
            seq: self.last_event,
            event,
        };
        self.events.insert(event.seq, event.clone());
        Ok(event)
    }

    fn put_sinks(&mut self, names: &[String]) -> Result<(), Infallible> {
        self.sinks.retain(|name, _| names.contains(name));
        for name in names {
            self.sinks.entry(name.clone()).or_default();
        }
        Ok(())
    }

    fn put_delivered(&mut self, name: &str, seq: u64) -> Result<(), Infallible> {
        if let Some(delivered) = self.sinks.get_mut(name) {
            *delivered = seq.max(*delivered);
        }
        Ok(())
    }

    fn trim_events(&mut self, keep: u64, limit: usize) -> Result<usize, Infallible> {
        let kept_from = self.last_event.saturating_sub(keep);
        let all_have = self.sinks.values().copied().min().unwrap_or(u64::MAX);
        let over = self.events.range(..=kept_from.min(all_have));
        let over: Vec<u64> = over.map(|(seq, _)| *seq).take(limit).collect();
        for seq in &over {
            self.events.remove(seq);
        }
        Ok(over.len())
    }

    fn append(&mut self, row: NewRow) -> Result<Option<OutboxRow>, Infallible> {
        let same = self.outbox.values().any(|r| {
            r.row.key == row.key && r.row.to == row.to && r.row.sameness() == row.sameness()
        });
        if same {
            return Ok(None);
        }
        self.last_row += 1;
        let row = OutboxRow {
            id: self.last_row,
            next_at: row.created,
            row,
            attempts: 0,
            failure: None,
            parked: None,
        };
        self.outbox.insert(row.id, row.clone());
        Ok(Some(row))
    }

    fn outbox_row(&mut self, id: u64) -> Result<Option<OutboxRow>, Infallible> {
        Ok(self.outbox.get(&id).cloned())
    }

    fn put_outbox_row(&mut self, row: &OutboxRow) -> Result<(), Infallible> {
        self.outbox.insert(row.id, row.clone());
        Ok(())
    }

    fn remove_row(&mut self, id: u64) -> Result<(), Infallible> {
        self.outbox.remove(&id);
        Ok(())
    }
}
