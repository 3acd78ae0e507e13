//! What the sockets of a function have seen.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that many count in.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes the number of somebody else who counts.
    pub fn set(&self, number: u64) {
        self.0.store(number, Ordering::Relaxed);
    }

    /// How many.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// What the sockets of a function have seen since its start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: Counter,)*
        }

        impl Counters {
            /// All of them by name.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name.get()),)*].into_iter()
            }
        }
    };
}

counters! {
    /// Connections accepted.
    accepted,
    /// Connections opened.
    opened,
    /// Connections that could not be opened, or whose peer was somebody else.
    not_opened,
    /// Connections closed at once because there were `connections` already.
    full,
    /// Connections closed at once because that address had `connections_per_peer` already.
    full_of_peer,
    /// Connections closed at once because strangers had `connections_of_strangers` already, or get none.
    full_of_strangers,
    /// TLS handshakes that failed, or took longer than `handshake`.
    handshakes_failed,
    /// Connections closed because a message took longer than `message`.
    slow,
    /// Connections closed because nothing was said for `idle`.
    idle,
    /// Connections closed because the peer did not read for `write`.
    stuck,
    /// Connections closed because no answer came to a keep-alive within `pong`.
    silent,
    /// Connections closed because the place of the next message was unknown.
    unframed,
    /// Messages that were not sent because `queue` bytes waited already.
    queue_full,
    /// Times that nothing was read from a connection because half of `queue` waited to be written.
    held_back,
    /// Keep-alives answered.
    pings,
    /// Datagrams that the system dropped: the receive buffer was full, or there was no time to refuse what was too much.
    dropped_by_system,
    /// Datagrams of strangers dropped unread.
    strangers,
    /// ICMP errors about datagrams of ours.
    icmp,
    /// ICMP errors that were dropped because as many as may waited already.
    icmp_dropped,
}
