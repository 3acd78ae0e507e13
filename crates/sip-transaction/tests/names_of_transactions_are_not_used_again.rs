//! What is over is over: its id names no later transaction. And no more of them than configured.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashSet;

use common::{Bench, answer, incoming, outgoing, path, via};
use sip_message::Method;
use sip_transaction::{Config, Event, Gone, Refused, Transport};

#[test]
fn the_id_of_a_server_transaction_that_is_over_answers_nothing() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (old, first) = bench.handed_up();
    bench.respond(old, &answer(&first, 200));
    bench.sent();
    bench.pass_millis(32_000);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK2")));
    let (new, _) = bench.handed_up();
    assert_ne!(old, new);
    let now = bench.now();
    let late = bench.endpoint.respond(now, old, &answer(&first, 500));
    assert_eq!(late, Err(Gone));
    bench.sent_nothing();
}

#[test]
fn the_id_of_a_client_transaction_that_is_over_cancels_nothing() {
    let mut bench = Bench::new();
    let (old, invite) = bench.request(Method::Invite, Transport::Tcp);
    bench.receive_from(path(Transport::Tcp), answer(&invite, 486));
    bench.sent();
    bench.event();
    bench.pass_millis(0);
    let (new, invite) = bench.request(Method::Invite, Transport::Tcp);
    assert_ne!(old, new);
    bench.receive_from(path(Transport::Tcp), answer(&invite, 180));
    bench.event();
    let now = bench.now();
    assert_eq!(bench.endpoint.cancel(now, old), Err(Gone));
    bench.sent_nothing();
}

#[test]
fn timers_of_the_old_do_not_touch_the_new_in_their_place() {
    let mut bench = Bench::new();
    let (_, message) = bench.request(Method::Message, Transport::Tcp);
    bench.receive_from(path(Transport::Tcp), answer(&message, 200));
    bench.event();
    bench.pass_millis(10_000);
    bench.request(Method::Message, Transport::Tcp);
    // Timer F of the first is due after 22 s more, that of the second after 32 s.
    bench.pass_millis(31_999);
    bench.no_event();
    bench.pass_millis(1);
    assert!(matches!(bench.event(), Event::Failed { .. }));
}

#[test]
fn ids_are_all_different() {
    let mut bench = Bench::new();
    let mut seen = HashSet::new();
    for n in 0..200 {
        let (id, message) = bench.request(Method::Message, Transport::Tcp);
        assert!(seen.insert(id), "{n}");
        bench.receive_from(path(Transport::Tcp), answer(&message, 200));
        bench.event();
        bench.pass_millis(0);
    }
}

#[test]
fn no_more_clients_than_configured_but_the_cancel_of_one() {
    let mut bench = Bench::with(Config {
        max_clients: 1,
        ..Config::default()
    });
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    let now = bench.now();
    let second = outgoing(Method::Invite);
    let refused = bench.endpoint.request(now, path(Transport::Udp), &second);
    assert_eq!(refused, Err(Refused::TooMany));
    bench.receive(answer(&invite, 180));
    bench.event();
    bench.endpoint.cancel(now, id).unwrap();
    assert!(bench.sent().bytes.starts_with(b"CANCEL "));
}

#[test]
fn no_more_invites_than_configured() {
    let mut bench = Bench::with(Config {
        max_servers: 1,
        retry_after: 9,
        ..Config::default()
    });
    bench.receive(incoming("INVITE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.receive(incoming("INVITE", &via("z9hG4bK2")));
    let refusal = bench.sent_response();
    assert_eq!(refusal.status().as_u16(), 503);
    assert_eq!(refusal.headers().retry_after().unwrap(), Some(9));
    assert!(matches!(bench.event(), Event::Rejected { .. }));
    // Its ACK opens nothing, and the first goes on.
    bench.receive(incoming("ACK", &via("z9hG4bK2")));
    assert!(matches!(bench.event(), Event::Ack { server: None, .. }));
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    assert_eq!(bench.endpoint.servers(), 1);
}
