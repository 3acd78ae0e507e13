//! Every bound on what peers can take, and the counter that says how often it was met: those of the sockets
//! ([`Counters`](crate::transport::Counters)), and those of the function ([`Totals`](crate::driver::Totals)). All are logged
//! when a node stops.

use sip_transaction::Config;

use crate::driver::sending::MAX_LOCATING;
use crate::function::{MOST_WAITING, MOST_WAITING_BYTES};
use crate::transport::Bounds;
use crate::transport::udp::ERRORS;

/// A bound and its counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What is bounded.
    pub name: &'static str,
    /// How much of it there may be.
    pub most: String,
    /// The counter that says how often there was more.
    pub counter: &'static str,
}

/// All bounds. Who adds one to [`Bounds`] or to [`Config`] has to say here what counts it.
#[must_use]
pub fn all(bounds: &Bounds, transactions: &Config) -> Vec<Bound> {
    let Bounds {
        connections,
        connections_per_peer,
        connections_of_strangers,
        connect,
        handshake,
        message,
        idle,
        write,
        queue,
        // How often somebody is asked, and no bound; who does not answer is bounded by `pong`.
        ping: _,
        pong,
    } = bounds;
    let Config {
        max_clients,
        max_servers,
        // Values of timers and of answers.
        timers: _,
        special_timers: _,
        timer_c: _,
        stray_responses: _,
        refuse_merged: _,
        retry_after: _,
        offer_connections: _,
        started: _,
        // What is recorded.
        steps: _,
    } = transactions;
    let bound = |name, most: &dyn std::fmt::Debug, counter| Bound {
        name,
        most: format!("{most:?}"),
        counter,
    };
    vec![
        bound("connections", connections, "full"),
        bound("connections per peer", connections_per_peer, "full_of_peer"),
        bound(
            "connections of strangers",
            connections_of_strangers,
            "full_of_strangers",
        ),
        bound("opening a connection", connect, "not_opened"),
        bound("TLS handshake", handshake, "handshakes_failed"),
        bound("message on a connection", message, "slow"),
        bound("connection without traffic", idle, "idle"),
        bound("unread by the peer", write, "stuck"),
        bound("bytes queued for a connection", queue, "queue_full"),
        bound("answer to a keep-alive", pong, "silent"),
        bound("ICMP errors that wait", &ERRORS, "icmp_dropped"),
        bound("messages that wait", &MOST_WAITING, "waiting_full"),
        bound(
            "bytes of messages that wait",
            &MOST_WAITING_BYTES,
            "waiting_full",
        ),
        bound("next hops looked up", &MAX_LOCATING, "locating_full"),
        bound("client transactions", max_clients, "clients_full"),
        bound("server transactions", max_servers, "servers_full"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::driver::Totals;
    use crate::transport::Counters;

    #[test]
    fn every_bound_has_a_counter_and_no_name_stands_for_two() {
        let (sockets, totals) = (Counters::default(), Totals::default());
        let names: Vec<_> = sockets.all().chain(totals.all()).map(|(n, _)| n).collect();
        let distinct: BTreeSet<_> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
        let all = all(&Bounds::default(), &Config::default());
        assert!(!all.is_empty());
        for bound in all {
            assert!(distinct.contains(bound.counter), "{bound:?}");
        }
    }
}
