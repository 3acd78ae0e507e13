//! What stands between a function and one of its connections: a queue of messages to write, bounded in bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::connection::Common;
use super::ended::Ended;
use super::tls::Identity;

/// Most messages that wait to be written to one connection; `Bounds::queue` bounds their bytes.
const QUEUE_MESSAGES: usize = 16_384;

/// The function's end of a connection; the connection ends when it is dropped and what was queued is written.
#[derive(Debug)]
pub(super) struct Handle {
    /// Tells it from an earlier one with the same addresses.
    pub number: u64,
    queue: mpsc::Sender<Bytes>,
    backlog: Arc<AtomicUsize>,
    /// Who the peer has proven to be.
    pub identity: Option<Identity>,
    /// Where else the peer may be reached by it (RFC 5923).
    pub alias: Option<SocketAddr>,
}

impl Handle {
    /// Queues a message.
    ///
    /// # Errors
    /// The queue is full, or the connection is over.
    pub fn send(&self, common: &Common, bytes: Bytes) -> Result<(), Ended> {
        let waiting = self.backlog.load(Ordering::Relaxed);
        if waiting.saturating_add(bytes.len()) > common.bounds.queue {
            common.counters.queue_full.add();
            return Err(Ended::Stuck);
        }
        self.backlog.fetch_add(bytes.len(), Ordering::Relaxed);
        self.queue.try_send(bytes).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                common.counters.queue_full.add();
                Ended::Stuck
            }
            mpsc::error::TrySendError::Closed(_) => Ended::Closed,
        })
    }
}

/// The connection's end of its queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// Messages to write.
    pub messages: mpsc::Receiver<Bytes>,
    /// Bytes of them.
    pub backlog: Arc<AtomicUsize>,
}

/// A handle and its queue.
pub(super) fn handle(number: u64, identity: Option<Identity>) -> (Handle, Queue) {
    let (queue, messages) = mpsc::channel(QUEUE_MESSAGES);
    let backlog = Arc::new(AtomicUsize::new(0));
    let handle = Handle {
        number,
        queue,
        backlog: backlog.clone(),
        identity,
        alias: None,
    };
    (handle, Queue { messages, backlog })
}
