//! RFC 3261 §17.1.4 and §18.4: a transport that cannot send ends the transactions on it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, outgoing, path, path_from, via};
use sip_message::Method;
use sip_transaction::{Event, Failure, Transport};

fn failures(bench: &mut Bench) -> Vec<u64> {
    let mut failed = Vec::new();
    while let Some(event) = bench.endpoint.poll_event() {
        match event {
            Event::Failed { client, failure } => {
                assert_eq!(failure, Failure::Transport);
                failed.push(client.0);
            }
            other => panic!("{other:?}"),
        }
    }
    failed
}

#[test]
fn every_waiting_transaction_on_the_path_ends_at_once_in_order() {
    let mut bench = Bench::new();
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(bench.request(Method::Message, Transport::Udp).0.0);
    }
    let now = bench.now();
    bench
        .endpoint
        .handle_transport_error(now, path(Transport::Udp));
    assert_eq!(failures(&mut bench), waiting);
    assert_eq!(bench.endpoint.clients(), 0);
    bench.pass_millis(40_000);
    bench.is_empty();
}

#[test]
fn transactions_on_other_paths_go_on() {
    let mut bench = Bench::new();
    bench.request(Method::Message, Transport::Udp);
    let now = bench.now();
    let elsewhere = path_from("203.0.113.9:5060");
    let other = bench
        .endpoint
        .request(now, elsewhere, &outgoing(Method::Message))
        .unwrap();
    bench.sent();
    bench.endpoint.handle_transport_error(now, elsewhere);
    assert_eq!(failures(&mut bench), [other.0]);
    assert_eq!(bench.endpoint.clients(), 1);
}

#[test]
fn an_answered_transaction_does_not_fail_afterwards() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::Answer { .. }));
    let now = bench.now();
    bench
        .endpoint
        .handle_transport_error(now, path(Transport::Udp));
    bench.no_event();
}

#[test]
fn a_request_that_waits_for_its_answer_is_kept() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    let now = bench.now();
    bench
        .endpoint
        .handle_transport_error(now, path(Transport::Udp));
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
}
