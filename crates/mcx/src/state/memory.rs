//! Rows in memory, for simulations and models: what the durable stores must agree with.

use std::collections::BTreeMap;
use std::convert::Infallible;

use super::{Home, NewRow, OutboxRow, Parked, Rows, UserKey, Visitor, VisitorPhase};
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
    last_row: u64,
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

    fn purge_visitors(&mut self, at: Timestamp, limit: usize) -> Result<usize, Infallible> {
        let over: Vec<UserKey> = self
            .visitors
            .iter()
            .filter(|(_, v)| {
                matches!(v.phase, VisitorPhase::WasMigrated { purge_at, .. } if purge_at <= at)
            })
            .map(|(key, _)| key.clone())
            .take(limit)
            .collect();
        for key in &over {
            self.visitors.remove(key);
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
            parked: None,
        };
        self.outbox.insert(row.id, row.clone());
        Ok(Some(row))
    }

    fn retry_row(&mut self, id: u64, attempts: u32, next_at: Timestamp) -> Result<(), Infallible> {
        if let Some(row) = self.outbox.get_mut(&id) {
            row.attempts = attempts;
            row.next_at = next_at;
        }
        Ok(())
    }

    fn park_row(&mut self, id: u64, parked: &Parked) -> Result<(), Infallible> {
        if let Some(row) = self.outbox.get_mut(&id) {
            row.parked = Some(parked.clone());
        }
        Ok(())
    }

    fn remove_row(&mut self, id: u64) -> Result<(), Infallible> {
        self.outbox.remove(&id);
        Ok(())
    }
}
