//! Numbers of connections.

use std::sync::atomic::{AtomicU64, Ordering};

/// Gives every connection of a function another number.
#[derive(Debug, Default)]
pub(super) struct Numbers(AtomicU64);

impl Numbers {
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
