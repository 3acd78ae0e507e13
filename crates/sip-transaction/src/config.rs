//! Values and bounds of an endpoint.

use std::net::IpAddr;
use std::time::Duration;

use crate::{Path, Timers, Transport};

/// Values and bounds of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Timer values, where `special_timers` says nothing else.
    pub timers: Timers,
    /// Timer values of some hops. A peer's come before its transport's.
    pub special_timers: Vec<(Hops, Timers)>,
    /// How long an INVITE that was answered provisionally waits for its final answer before it is cancelled: Timer C
    /// of a proxy (RFC 3261 §16.6 step 11), more than three minutes. A 1xx that is no 100 begins it anew, but not more
    /// often than once a second.
    pub timer_c: Duration,
    /// What happens to a response that belongs to no transaction of ours.
    pub stray_responses: StrayResponses,
    /// Whether a request that came before on another way is answered 482 (RFC 3261 §8.2.2.2). A user agent wants that,
    /// a proxy does not.
    pub refuse_merged: bool,
    /// Most client transactions at once; [`Endpoint::request`](crate::Endpoint::request) refuses more.
    pub max_clients: usize,
    /// Most server transactions at once; requests beyond are answered 503 without one. The CANCEL of one of them is
    /// not refused: there is one at most for each, and it makes room.
    pub max_servers: usize,
    /// Retry-After of that 503, in seconds.
    pub retry_after: u32,
    /// Whether the Via of requests over TLS offers the connection for requests of the peer (`alias`, RFC 5923 §5): for
    /// those who prove with a certificate who they are.
    pub offer_connections: bool,
    /// When the endpoint is made, as time since 1970. What previous hops are told of overload is numbered from there on
    /// (`oc-seq`, RFC 7339 §4.4), so that the numbers rise over restarts too.
    pub started: Duration,
    /// Whether every step of a transaction is told ([`Endpoint::poll_step`](crate::Endpoint::poll_step)).
    pub steps: bool,
}

/// Which hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hops {
    /// Those to this peer.
    Peer(IpAddr),
    /// Those over this transport.
    Over(Transport),
}

/// What happens to a response that belongs to no transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayResponses {
    /// It is counted and dropped.
    Drop,
    /// It is handed up as [`Event::StrayResponse`](crate::Event::StrayResponse), for a proxy that forwards it without
    /// state (RFC 3261 §16.7, §16.11).
    HandUp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timers: Timers::default(),
            special_timers: Vec::new(),
            timer_c: Duration::from_secs(181),
            stray_responses: StrayResponses::Drop,
            refuse_merged: true,
            max_clients: 100_000,
            max_servers: 1_000_000,
            retry_after: 5,
            offer_connections: false,
            started: Duration::ZERO,
            steps: false,
        }
    }
}

impl Config {
    /// Which of the special timer values are those of a hop.
    pub(crate) fn special_of(&self, path: &Path) -> Option<usize> {
        let of = |wanted: Hops| {
            let mut special = self.special_timers.iter();
            special.position(|(hops, _)| *hops == wanted)
        };
        of(Hops::Peer(path.peer.ip())).or_else(|| of(Hops::Over(path.transport)))
    }
}
