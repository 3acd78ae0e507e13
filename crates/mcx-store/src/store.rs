//! The trait that every back-end implements.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use mcx::state::{Command, Event, Home, OutboxPage, OutboxRow, Outcome, Owed, UserKey, Visitor};

use crate::commits::Commits;

/// The outcome of a batch, once it is durable.
pub type Applied = Pin<Box<dyn Future<Output = Result<Vec<Outcome>, StoreError>> + Send>>;

/// Durable rows.
pub trait Store: Send + Sync {
    /// Makes a batch durable, all or nothing, after every batch that was handed over before;
    /// answers what each command did. The batch is queued when this returns; the future only
    /// waits.
    fn apply(&self, batch: Vec<Command>) -> Applied;

    /// The outbox, in order of the rows' ids.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn outbox(&self) -> Result<Vec<OutboxRow>, StoreError>;

    /// Rows of the outbox after the one numbered `id`, in order, at most `limit`.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn outbox_after(&self, id: u64, limit: usize) -> Result<Vec<OutboxRow>, StoreError>;

    /// Rows that wait for a partner. It is a look at those rows alone, however many wait for others or are parked.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn outbox_page(&self, page: &OutboxPage) -> Result<Vec<OutboxRow>, StoreError>;

    /// What is owed, by partner, in order of their ids.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn owed(&self) -> Result<Vec<Owed>, StoreError>;

    /// What its commits took so far; none where nothing is committed to a disk.
    fn commits(&self) -> Option<Commits> {
        None
    }

    /// The last id that a row of the outbox got; 0 when there was none.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn last_outbox_id(&self) -> Result<u64, StoreError>;

    /// Own users after the one of `key`, in an order of the store's own, at most `limit`.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn homes(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Home)>, StoreError>;

    /// Mappings of visiting users after the one of `key`, in an order of the store's own, at most `limit`.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn visitors(
        &self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, StoreError>;

    /// Everything that is stored, at one moment.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// Events after the one numbered `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn events(&self, seq: u64, limit: usize) -> Result<Vec<Event>, StoreError>;

    /// Number of the newest event that ever was, also when it was removed; 0 when there was none.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn newest_event(&self) -> Result<u64, StoreError>;

    /// Number of the newest event that a sink has; `None` when there is no sink of that name.
    ///
    /// # Errors
    /// The rows cannot be read.
    fn delivered(&self, sink: &str) -> Result<Option<u64>, StoreError>;

    /// Has `told` called, by whatever thread, with the number of the newest event each time after some became durable.
    /// It must not wait for anything.
    fn on_event(&self, told: Told);

    /// Whether it can commit, as far as it knows. After the storage failed, why, until it was seen to commit again.
    ///
    /// # Errors
    /// It cannot: every batch fails.
    fn usable(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Is told the number of the newest event.
pub type Told = Box<dyn Fn(u64) + Send + Sync>;

/// Everything that is stored, at one moment, in order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Own users.
    pub homes: Vec<(UserKey, Home)>,
    /// Mappings of visiting users.
    pub visitors: Vec<(UserKey, Visitor)>,
    /// The outbox.
    pub outbox: Vec<OutboxRow>,
}

/// Nothing of a batch is durable, or nothing could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Too many batches wait.
    Overloaded,
    /// The store has ended.
    Closed,
    /// The back-end says so; the text names no user.
    Backend(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overloaded => f.write_str("too many batches wait for the store"),
            Self::Closed => f.write_str("the store has ended"),
            Self::Backend(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for StoreError {}
