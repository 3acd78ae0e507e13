//! RFC 5923 §5: who proves who it is offers its TLS connections for requests of the peer.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Bench;
use sip_message::Method;
use sip_transaction::{Config, Transport};

#[test]
fn over_tls_alone_and_only_when_it_is_wanted() {
    for (offer_connections, transport, offered) in [
        (true, Transport::Tls, true),
        (true, Transport::Tcp, false),
        (true, Transport::Udp, false),
        (false, Transport::Tls, false),
    ] {
        let mut bench = Bench::with(Config {
            offer_connections,
            ..Config::default()
        });
        let (_, request) = bench.request(Method::Message, transport);
        let via = request.headers().top_via().unwrap();
        let has = via.params().contains(b"alias");
        assert_eq!(has, offered, "{transport} {offer_connections}");
    }
}
