//! The life of a function: from its start until it has ended, and how that and its surroundings say whether it takes requests.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use mcx::Availability;
use mcx_store::Store;
use tokio::sync::watch;

/// Of a hundred new requests so many are refused: sending the next ones elsewhere is better. Less is no reason to: what is not
/// refused is served here, and who is sent it instead may be overloaded too.
const OVERLOADED: u8 = 50;

/// Where a function stands in its life; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Its sockets are bound, and other functions of the node may still be missing.
    Starting,
    /// It does what it is there for.
    Serving,
    /// It does so still, and says to who asks that it soon will not.
    Leaving,
    /// It refuses what is new, and finishes what it has.
    Draining,
    /// It ends with what it handed to the store.
    Stopping,
}

/// What is known of a function from outside.
#[derive(Clone)]
pub struct Life {
    /// `service-server` or `gateway`.
    pub kind: &'static str,
    phase: Arc<watch::Sender<Phase>>,
    idle: Arc<watch::Sender<bool>>,
    refused: Arc<AtomicU8>,
    store: Arc<OnceLock<Arc<dyn Store>>>,
}

impl Life {
    /// That of a function that starts.
    #[must_use]
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            phase: Arc::new(watch::Sender::new(Phase::Starting)),
            idle: Arc::new(watch::Sender::new(true)),
            refused: Arc::default(),
            store: Arc::default(),
        }
    }

    /// Its store is open.
    pub fn has(&self, store: Arc<dyn Store>) {
        let _ = self.store.set(store);
    }

    /// Its store, once that is open.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.store.get()
    }

    /// Where it stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Hears where it stands from now on.
    #[must_use]
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// It comes to this phase, unless it has come further.
    pub fn comes_to(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let further = *now < phase;
            *now = phase.max(*now);
            further
        });
    }

    /// Whether it takes requests.
    #[must_use]
    pub fn availability(&self) -> Availability {
        match self.phase() {
            Phase::Starting => Availability::Starting,
            Phase::Leaving => Availability::Leaving,
            Phase::Draining | Phase::Stopping => Availability::Draining,
            Phase::Serving if self.store.get().is_some_and(|s| s.usable().is_err()) => {
                Availability::WithoutStore
            }
            Phase::Serving if self.refused.load(Ordering::Relaxed) >= OVERLOADED => {
                Availability::Overloaded
            }
            Phase::Serving => Availability::Ready,
        }
    }

    /// What is in the way of taking requests, in words that name no user; `None` when nothing is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match self.availability() {
            Availability::Ready => None,
            Availability::WithoutStore => {
                let why = self.store.get().and_then(|store| store.usable().err());
                Some(why.map_or_else(String::new, |error| format!("store: {error}")))
            }
            other => Some(other.as_str().to_owned()),
        }
    }

    /// Of a hundred new requests, so many are refused for overload.
    pub fn refuses(&self, percent: u8) {
        self.refused.store(percent, Ordering::Relaxed);
    }

    /// Takes whether nothing is under way.
    pub fn is_idle(&self, idle: bool) {
        self.idle
            .send_if_modified(|was| std::mem::replace(was, idle) != idle);
    }

    /// Waits until nothing is under way.
    pub async fn until_idle(&self) {
        let mut idle = self.idle.subscribe();
        let _ = idle.wait_for(|idle| *idle).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_refuses_most_is_overloaded_and_one_that_leaves_leaves() {
        let life = Life::new("gateway");
        assert_eq!(life.availability(), Availability::Starting);
        life.comes_to(Phase::Serving);
        life.refuses(OVERLOADED - 1);
        assert_eq!(
            (life.availability(), life.trouble()),
            (Availability::Ready, None)
        );
        life.refuses(OVERLOADED);
        assert_eq!(life.trouble().as_deref(), Some("overloaded"));
        life.comes_to(Phase::Leaving);
        assert_eq!(life.availability(), Availability::Leaving);
        life.comes_to(Phase::Draining);
        life.comes_to(Phase::Serving);
        assert_eq!(life.availability(), Availability::Draining, "never back");
    }
}
