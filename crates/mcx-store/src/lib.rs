//! Durable state of an MC service server: own users and their stays, mappings of visitors, the
//! outbox.
//!
//! One trait, batch first: [`Store::apply`] makes a batch of commands durable, all or nothing,
//! and only then says what they did. What a command does is decided by [`mcx::state::apply()`]
//! alone, inside the store's transaction; a store is nothing but rows.
//!
//! Back-ends: [`SqliteStore`], embedded, the default; [`MemoryStore`], for simulations.

mod commits;
mod memory;
mod sqlite;
mod store;

pub use commits::{Commits, Histogram};
pub use memory::MemoryStore;
pub use sqlite::{
    Contents, Counts, LinesError, MOST_PROBLEMS, OpenError, SqliteReader, SqliteStore, backup,
    export, import, inspect,
};
pub use store::{Applied, Snapshot, Store, StoreError, Told};
