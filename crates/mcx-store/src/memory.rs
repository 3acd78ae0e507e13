//! Rows in memory: durable for as long as the process, for simulations and tests.

use std::sync::{Arc, Mutex, PoisonError};

use mcx::state::{Command, MemoryRows, OutboxRow, apply};

use crate::{Applied, Snapshot, Store, StoreError};

/// A store in memory; clones share the rows.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<MemoryRows>>);

impl MemoryStore {
    fn with<T>(&self, f: impl FnOnce(&mut MemoryRows) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    fn apply(&self, batch: Vec<Command>) -> Applied {
        let outcomes = self.with(|rows| {
            let applied = batch.iter().map(|command| {
                let Ok(outcome) = apply(rows, command);
                outcome
            });
            applied.collect()
        });
        Box::pin(std::future::ready(Ok(outcomes)))
    }

    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(self.with(|rows| rows.outbox.values().cloned().collect()))
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(self.with(|rows| Snapshot {
            homes: rows.homes.clone().into_iter().collect(),
            visitors: rows.visitors.clone().into_iter().collect(),
            outbox: rows.outbox.values().cloned().collect(),
        }))
    }
}
