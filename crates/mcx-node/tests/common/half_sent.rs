//! Requests over HTTP that never end.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Connections of somebody who never ends a request: each that the node closes is opened anew, and told of.
pub struct HalfSent {
    runtime: Runtime,
    closed: UnboundedReceiver<()>,
}

impl HalfSent {
    pub fn start(at: SocketAddr, count: usize) -> Self {
        let runtime = Runtime::new().unwrap();
        let (close, closed) = unbounded_channel();
        for _ in 0..count {
            let close = close.clone();
            runtime.spawn(async move {
                loop {
                    let mut stream = TcpStream::connect(at).await.unwrap();
                    let half = b"GET /readyz HTTP/1.1\r\nHost: half";
                    // It may be closed before it is sent or read, which are errors here.
                    let _ = stream.write_all(half).await;
                    let _ = stream.read(&mut [0; 1024]).await;
                    let _ = close.send(());
                }
            });
        }
        Self { runtime, closed }
    }

    /// Waits until so many more were closed.
    pub fn closes(&mut self, count: usize) {
        for _ in 0..count {
            self.closed.blocking_recv().unwrap();
        }
    }

    pub fn end(self) {
        self.runtime.shutdown_background();
    }
}
