//! A function before it serves: it waits for its store, and answers meanwhile that it starts if that takes long.

use std::sync::Arc;
use std::time::Duration;

use mcx::Role;
use mcx::state::Owed;
use mcx_store::Store;
use tokio::sync::{oneshot, watch};

use super::Function;
use crate::clock;
use crate::life::Phase;

/// How long who asks has to wait at most for a function that starts, before he is told that it does.
const START: Duration = Duration::from_millis(300);

/// A store that was opened, and what is read from it first.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// What is owed to whom.
    pub owed: Vec<Owed>,
    /// The last row of the outbox that there ever was.
    pub last: u64,
    /// Hears when the function serves.
    pub serves: std::sync::mpsc::Sender<()>,
}

/// Waits for the store, for ever if none comes.
pub(super) async fn store_opened(opening: &mut Option<oneshot::Receiver<Opened>>) -> Opened {
    if let Some(receiver) = opening {
        if let Ok(opened) = receiver.await {
            return opened;
        }
        *opening = None;
    }
    std::future::pending().await
}

impl<R: Role> Function<R> {
    /// Waits until it may serve, as long as a start takes: who asks meanwhile is answered then. If it takes longer, he is told that it
    /// starts.
    pub(super) async fn starts(&mut self, phases: &mut watch::Receiver<Phase>) {
        let begun = async {
            tokio::select! {
                opened = store_opened(&mut self.opening) => Some(opened),
                _ = phases.wait_for(|phase| *phase > Phase::Starting) => None,
            }
        };
        if let Ok(Some(opened)) = tokio::time::timeout(START, begun).await {
            self.opened(opened);
        }
        self.emptied = clock::now().mono;
    }

    /// Takes its store, and serves.
    pub(super) fn opened(&mut self, opened: Opened) {
        let Opened {
            store,
            owed,
            last,
            serves,
        } = opened;
        self.opening = None;
        self.store = Some(store.clone());
        self.life.has(store);
        self.driver.recovered(clock::now(), owed, last);
        self.life.comes_to(Phase::Serving);
        let _ = serves.send(());
    }
}
