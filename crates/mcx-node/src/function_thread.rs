//! The thread of a function. Its sockets and its connections are there, and all that it does but what takes long by its nature: the store
//! has a thread, handshakes have the workers of the other runtime.

use std::io;
use std::pin::Pin;
use std::thread;

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::sync::oneshot;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A thread that waits for its function; ends when there will be none, or with it.
pub struct FunctionThread {
    runtime: Handle,
    work: oneshot::Sender<Work>,
}

impl FunctionThread {
    /// Starts it under this name, of which the system shows 15 characters.
    ///
    /// # Errors
    /// The system gives none.
    pub fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (work, wanted) = oneshot::channel::<Work>();
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    if let Ok(work) = wanted.await {
                        work.await;
                    }
                });
            })?;
        Ok(Self {
            runtime: handle,
            work,
        })
    }

    /// Sockets that are made, and tasks that are begun, while this is held are of this thread.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Runs the function; the receiver hears what it ends with, or nothing if it panics.
    pub fn run<T: Send + 'static>(
        self,
        function: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (tell, ended) = oneshot::channel();
        // The thread waits for it: it goes when this does.
        let _ = self.work.send(Box::pin(async move {
            let _ = tell.send(function.await);
        }));
        ended
    }
}
