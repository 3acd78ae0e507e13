//! Handshakes are worked out beside the function: the signatures of one take as long as dozens of messages, and whoever opens a
//! connection makes one necessary before he has proven anything.

use std::io;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Shakes hands in another runtime, and gives the stream back; `None` if it took longer than `limit`. It ends with who waits.
pub(in crate::transport) async fn beside<T: Send + 'static>(
    workers: &Handle,
    limit: Duration,
    handshake: impl Future<Output = io::Result<T>> + Send + 'static,
) -> Option<io::Result<T>> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(
        async move { tokio::time::timeout(limit, handshake).await.ok() },
        workers,
    );
    match tasks.join_next().await? {
        Ok(shaken) => shaken,
        Err(error) => Some(Err(io::Error::other(error))),
    }
}
