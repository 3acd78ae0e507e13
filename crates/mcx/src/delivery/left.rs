//! What of a partner's rows is in the store alone, and when it is read: so much waits in memory as can be sent soon, however
//! much is owed. A node that starts with a million rows has read none of them.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::SystemId;
use crate::state::{OutboxPage, OutboxRow};

/// Rows read at once.
const PAGE: usize = 500;
/// Wait before rows that could not be read are tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows of a partner that are in the store alone.
#[derive(Debug)]
pub(super) struct Left {
    /// They are those after this one,
    after: u64,
    /// up to this one.
    until: u64,
    /// Those that are being read.
    reading: Option<Reading>,
    /// They are not read before: it was in vain.
    not_before: Option<Instant>,
}

/// What happens while rows are being read.
#[derive(Debug)]
struct Reading {
    until: u64,
    /// Rows of the page that an operator released: they may have been read before.
    released: Vec<OutboxRow>,
    /// Rows that an operator dropped: they may have been read before.
    dropped: HashSet<u64>,
}

impl Left {
    /// What is after one row and up to another.
    pub fn new(after: u64, until: u64) -> Self {
        Self {
            after,
            until,
            reading: None,
            not_before: None,
        }
    }

    /// Whether the row is one of them.
    pub fn has(&self, id: u64) -> bool {
        id > self.after
    }

    /// Leaves a row in the store that was appended, or released by an operator.
    pub fn leave(&mut self, row: OutboxRow) {
        self.until = self.until.max(row.id);
        if let Some(reading) = &mut self.reading
            && row.id <= reading.until
        {
            reading.released.push(row);
        }
    }

    /// A row is gone from the store.
    pub fn forget(&mut self, id: u64) {
        if let Some(reading) = &mut self.reading {
            reading.released.retain(|row| row.id != id);
            reading.dropped.insert(id);
        }
    }

    /// When the next can be read, if nothing else happens; `None` while some are being read.
    pub fn deadline(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.reading.is_none())
    }

    /// Begins to read the next, unless some are being read or it is too early; `room` is how many there is room for.
    pub fn read(&mut self, now: Instant, to: &SystemId, room: usize) -> Option<OutboxPage> {
        if self.not_before.is_some_and(|at| at <= now) {
            self.not_before = None;
        }
        if self.reading.is_some() || self.not_before.is_some() || room == 0 {
            return None;
        }
        self.reading = Some(Reading {
            until: self.until,
            released: Vec::new(),
            dropped: HashSet::new(),
        });
        Some(OutboxPage {
            to: to.clone(),
            after: self.after,
            until: self.until,
            limit: room.min(PAGE),
        })
    }

    /// Takes rows that were read: gives those that are to be scheduled, and whether none are left.
    pub fn take(&mut self, page: &OutboxPage, rows: Vec<OutboxRow>) -> (Vec<OutboxRow>, bool) {
        let Some(reading) = self.reading.take() else {
            return (Vec::new(), false);
        };
        self.after = match rows.last() {
            Some(last) if rows.len() >= page.limit => last.id,
            _ => page.until,
        };
        let mut rows = rows;
        rows.retain(|row| !reading.dropped.contains(&row.id));
        // As they are now.
        let released = reading.released.into_iter();
        rows.extend(released.filter(|row| row.id <= self.after));
        (rows, self.after >= self.until)
    }

    /// The rows could not be read.
    pub fn failed(&mut self, now: Instant) {
        self.reading = None;
        self.not_before = Some(now + PATIENCE);
    }
}
