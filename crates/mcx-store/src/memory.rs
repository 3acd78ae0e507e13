//! Rows in memory: durable for as long as the process, for simulations and tests.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError};

use mcx::state::{
    Command, Event, Home, MemoryRows, OutboxPage, OutboxRow, Outcome, Owed, UserKey, Visitor, apply,
};

use crate::{Applied, Snapshot, Store, StoreError, Told};

/// A store in memory; clones share the rows.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<MemoryRows>>, Arc<Mutex<Vec<Told>>>);

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl MemoryStore {
    fn with<T>(&self, f: impl FnOnce(&mut MemoryRows) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn page<T: Clone>(
    rows: &BTreeMap<UserKey, T>,
    after: Option<&UserKey>,
    limit: usize,
) -> Vec<(UserKey, T)> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let rows = rows.range((from, Bound::Unbounded)).take(limit);
    rows.map(|(key, row)| (key.clone(), row.clone())).collect()
}

impl Store for MemoryStore {
    fn apply(&self, batch: Vec<Command>) -> Applied {
        let outcomes: Vec<Outcome> = self.with(|rows| {
            let applied = batch.iter().map(|command| {
                let Ok(outcome) = apply(rows, command);
                outcome
            });
            applied.collect()
        });
        if let Some(newest) = outcomes.iter().flat_map(|o| &o.events).map(|e| e.seq).max() {
            let listeners = self.1.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().for_each(|told| told(newest));
        }
        Box::pin(std::future::ready(Ok(outcomes)))
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.with(|rows| rows.outbox.values().cloned().collect()))
    }

    fn outbox_after(&self, id: u64, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        let from = id.saturating_add(1);
        Ok(self.with(|rows| {
            let after = rows.outbox.range(from..).map(|(_, row)| row.clone());
            after.take(limit).collect()
        }))
    }

    fn outbox_page(&self, page: &OutboxPage) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.with(|rows| rows.page(page)))
    }

    fn owed(&self) -> Result<Vec<Owed>, StoreError> {
        Ok(self.with(|rows| rows.owed()))
    }

    fn last_outbox_id(&self) -> Result<u64, StoreError> {
        Ok(self.with(|rows| rows.last_row()))
    }

    fn homes(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Home)>, StoreError> {
        Ok(self.with(|rows| page(&rows.homes, after, limit)))
    }

    fn visitors(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, StoreError> {
        Ok(self.with(|rows| page(&rows.visitors, after, limit)))
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(self.with(|rows| Snapshot {
            homes: rows.homes.clone().into_iter().collect(),
            visitors: rows.visitors.clone().into_iter().collect(),
            outbox: rows.outbox.values().cloned().collect(),
        }))
    }

    fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let after = seq.saturating_add(1);
        Ok(self.with(|rows| {
            let events = rows.events.range(after..).map(|(_, event)| event.clone());
            events.take(limit).collect()
        }))
    }

    fn newest_event(&self) -> Result<u64, StoreError> {
        Ok(self.with(|rows| rows.last_event))
    }

    fn delivered(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.with(|rows| rows.sinks.get(sink).copied()))
    }

    fn on_event(&self, told: Told) {
        let mut listeners = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.push(told);
    }
}
