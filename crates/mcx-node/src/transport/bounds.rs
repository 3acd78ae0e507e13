//! What peers may take of a function's sockets.

use std::time::Duration;

/// Bounds of connections. Each has a counter in [`Counters`](super::Counters) that says how often it was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most connections in all, both directions. What comes beyond is closed at once.
    pub connections: usize,
    /// Most connections accepted from one address.
    pub connections_per_peer: usize,
    /// Most connections accepted from addresses that are not in the configuration, in all.
    pub connections_of_strangers: usize,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long a message may take from its first byte to its last, and the first one after the connection began.
    pub message: Duration,
    /// How long a connection without traffic is kept.
    pub idle: Duration,
    /// How long a peer may leave unread what was written.
    pub write: Duration,
    /// Most bytes that wait to be written to one connection; at half of them nothing more is read from it.
    pub queue: usize,
    /// How often a connection that was opened here is asked whether the peer is there (RFC 5626 §3.5.1), when nothing
    /// else comes; not at all if `None`.
    pub ping: Option<Duration>,
    /// How long the answer to that may take. RFC 5626 §4.4.1: 10 s.
    pub pong: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_peer: 1_024,
            connections_of_strangers: 1_024,
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
            message: Duration::from_secs(32),
            idle: Duration::from_secs(600),
            write: Duration::from_secs(30),
            queue: 1024 * 1024,
            ping: None,
            pong: Duration::from_secs(10),
        }
    }
}
