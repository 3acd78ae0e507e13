//! RFC 3261 §18.2.2 and RFC 3581 §4: where the response to a request goes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, path, path_from, via};
use sip_transaction::{Path, Transport};

/// Where the answer to a request with this Via from this address goes, and its top Via.
fn goes(source: &str, via: &str) -> (String, String) {
    let mut bench = Bench::new();
    bench.receive_from(path_from(source), incoming("MESSAGE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    let sent = bench.sent();
    let response = common::response(&sent.bytes);
    let via = response.headers().first(&sip_message::HeaderName::Via);
    let via = String::from_utf8(via.unwrap().to_vec()).unwrap();
    (sent.path.peer.to_string(), via)
}

#[test]
fn with_rport_to_the_source_port() {
    let (to, via) = goes(
        "203.0.113.9:40000",
        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport",
    );
    assert_eq!(to, "203.0.113.9:40000");
    assert!(via.contains("rport=40000"), "{via}");
    assert!(via.contains("received=203.0.113.9"), "{via}");
}

#[test]
fn without_rport_to_the_port_in_via_at_the_source_address() {
    let (to, via) = goes(
        "203.0.113.9:40000",
        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1",
    );
    assert_eq!(to, "203.0.113.9:5070");
    assert!(via.contains("received=203.0.113.9"), "{via}");
    assert!(!via.contains("rport"), "{via}");
}

#[test]
fn without_any_port_to_5060() {
    let (to, _) = goes("203.0.113.9:40000", "SIP/2.0/UDP b.example;branch=z9hG4bK1");
    assert_eq!(to, "203.0.113.9:5060");
}

#[test]
fn a_maddr_that_is_no_multicast_group_sends_nothing_elsewhere() {
    let (to, _) = goes(
        "203.0.113.9:40000",
        "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;maddr=192.0.2.66",
    );
    assert_eq!(to, "203.0.113.9:5070");
}

#[test]
fn on_a_connection_back_on_it() {
    let path = Path {
        peer: "203.0.113.9:40000".parse().unwrap(),
        ..path(Transport::Tls)
    };
    let mut bench = Bench::new();
    let via = "SIP/2.0/TLS 10.0.0.1:5070;branch=z9hG4bK1";
    bench.receive_from(path, incoming("MESSAGE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent().path, path);
}

#[test]
fn a_repeat_from_another_port_is_answered_where_the_first_was() {
    let mut bench = Bench::new();
    bench.receive_from(
        path_from("203.0.113.9:1000"),
        incoming("MESSAGE", &via("z9hG4bK1")),
    );
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.receive_from(
        path_from("203.0.113.9:2000"),
        incoming("MESSAGE", &via("z9hG4bK1")),
    );
    assert_eq!(bench.sent().path.peer.to_string(), "203.0.113.9:1000");
}

#[test]
fn answers_without_a_transaction_go_the_same_way() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1";
    bench.receive_from(path_from("203.0.113.9:40000"), incoming("CANCEL", via));
    assert_eq!(bench.sent().path.peer.to_string(), "203.0.113.9:5070");
}

/// Where the answer to a request on a connection goes when that is gone.
fn alternative(transport: Transport, source: &str, sent_by: &str) -> Option<String> {
    let mut bench = Bench::new();
    let path = Path {
        peer: source.parse().unwrap(),
        ..path(transport)
    };
    let via = format!("SIP/2.0/{transport} {sent_by};branch=z9hG4bK1");
    bench.receive_from(path, incoming("MESSAGE", &via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    let sent = bench.sent();
    sent.alternative.map(|address| address.to_string())
}

#[test]
fn on_a_connection_that_is_gone_to_the_port_of_sent_by_at_the_source_address() {
    let to = |transport, sent_by| alternative(transport, "203.0.113.9:40000", sent_by);
    assert_eq!(
        to(Transport::Tcp, "10.0.0.1:5070").unwrap(),
        "203.0.113.9:5070"
    );
    assert_eq!(to(Transport::Tcp, "b.example").unwrap(), "203.0.113.9:5060");
    assert_eq!(to(Transport::Tls, "b.example").unwrap(), "203.0.113.9:5061");
    assert_eq!(to(Transport::Udp, "b.example"), None);
    let to = alternative(Transport::Tls, "[2001:db8::9]:40000", "[2001:db8::1]:5071");
    assert_eq!(to.unwrap(), "[2001:db8::9]:5071");
}

#[test]
fn every_answer_on_a_connection_says_where_else_it_may_go() {
    let tcp = Path {
        peer: "203.0.113.9:40000".parse().unwrap(),
        ..path(Transport::Tcp)
    };
    let expected = Some("203.0.113.9:5070".parse().unwrap());
    let via = |branch| format!("SIP/2.0/TCP 10.0.0.1:5070;branch={branch}");
    let mut bench = Bench::new();
    // The 100 by itself, the answer, and the answer again.
    bench.receive_from(tcp, incoming("INVITE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(200);
    assert_eq!(bench.sent().alternative, expected);
    bench.respond(server, &answer(&request, 486));
    assert_eq!(bench.sent().alternative, expected);
    bench.receive_from(tcp, incoming("INVITE", &via("z9hG4bK1")));
    let again = bench.sent();
    assert!(again.retransmission);
    assert_eq!(again.alternative, expected);
    // That of a MESSAGE again, before Timer J, which is zero, has fired.
    bench.receive_from(tcp, incoming("MESSAGE", &via("z9hG4bK2")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.receive_from(tcp, incoming("MESSAGE", &via("z9hG4bK2")));
    assert_eq!(bench.sent().alternative, expected);
    // Without a transaction.
    bench.receive_from(tcp, incoming("CANCEL", &via("z9hG4bK3")));
    assert_eq!(bench.sent().alternative, expected);
}

#[test]
fn a_request_has_no_other_way() {
    let mut bench = Bench::new();
    let (now, request) = (bench.now(), common::outgoing(sip_message::Method::Message));
    let sent = bench.endpoint.request(now, path(Transport::Tcp), &request);
    sent.unwrap();
    assert_eq!(bench.sent().alternative, None);
}
