//! Targets that did not work lately.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip_transaction::Transport;

use super::Target;

/// How long a target is left for later when it says nothing else.
const WHILE: Duration = Duration::from_secs(30);
/// The longest Retry-After that is believed.
const LONGEST: Duration = Duration::from_secs(3600);
/// Most targets that are remembered.
const MOST: usize = 4_096;

/// Targets that failed, and until when others are tried before them (RFC 3263 §4.3).
#[derive(Debug, Default)]
pub struct Down {
    until: HashMap<(SocketAddr, Transport), Instant>,
}

impl Down {
    /// Marks a target that failed; with `retry_after` as long as it asked for (RFC 3261 §21.5.4).
    pub fn mark(&mut self, now: Instant, target: &Target, retry_after: Option<Duration>) {
        if self.until.len() >= MOST {
            self.until.retain(|_, until| *until > now);
        }
        if self.until.len() < MOST {
            let until = now + retry_after.unwrap_or(WHILE).min(LONGEST);
            self.until.insert((target.address, target.transport), until);
        }
    }

    /// Takes the mark off a target that worked.
    pub fn clear(&mut self, target: &Target) {
        if !self.until.is_empty() {
            self.until.remove(&(target.address, target.transport));
        }
    }

    /// Whether a target is marked.
    pub fn is_down(&self, now: Instant, target: &Target) -> bool {
        !self.until.is_empty()
            && self
                .until
                .get(&(target.address, target.transport))
                .is_some_and(|until| *until > now)
    }

    /// How many are marked, those whose time has passed included.
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether none is marked.
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }
}
