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

/// The shortest time that failures of hops take, one client waiting on each, beside so many that wait elsewhere.
fn time_of_failures(beside: usize) -> std::time::Duration {
    let mut bench = Bench::with(sip_transaction::Config {
        max_clients: usize::MAX,
        ..Default::default()
    });
    let (now, request) = (bench.now(), outgoing(Method::Message));
    for _ in 0..beside {
        let sent = bench.endpoint.request(now, path(Transport::Udp), &request);
        sent.unwrap();
        bench.sent();
    }
    let elsewhere = path_from("203.0.113.9:5060");
    let mut shortest = std::time::Duration::MAX;
    for _ in 0..5 {
        let begun = std::time::Instant::now();
        for _ in 0..200 {
            bench.endpoint.request(now, elsewhere, &request).unwrap();
            bench.sent();
            bench.endpoint.handle_transport_error(now, elsewhere);
            assert!(matches!(bench.event(), Event::Failed { .. }));
        }
        shortest = shortest.min(begun.elapsed());
    }
    shortest
}

#[test]
fn a_failure_costs_what_waits_on_its_hop_and_not_what_there_is() {
    // Looking at all of them would take a hundred times as long.
    let (few, many) = (time_of_failures(200), time_of_failures(20_000));
    assert!(
        many < few * 8,
        "beside 200: {few:?}, beside 20,000: {many:?}"
    );
}

#[test]
fn invites_that_are_owed_an_answer_or_its_acknowledgement_are_told_of_in_order() {
    let mut bench = Bench::new();
    let mut servers = Vec::new();
    for branch in ["z9hG4bK1", "z9hG4bK2", "z9hG4bK3", "z9hG4bK4"] {
        bench.receive(incoming("INVITE", &via(branch)));
        servers.push(bench.handed_up());
    }
    bench.respond(servers[1].0, &answer(&servers[1].1, 486));
    bench.sent();
    bench.receive(incoming("ACK", &via("z9hG4bK2")));
    bench.respond(servers[2].0, &answer(&servers[2].1, 200));
    bench.sent();
    let now = bench.now();
    bench
        .endpoint
        .handle_transport_error(now, path_from("203.0.113.9:5060"));
    bench.no_event();
    bench
        .endpoint
        .handle_transport_error(now, path(Transport::Udp));
    let mut told = Vec::new();
    while let Some(event) = bench.endpoint.poll_event() {
        let Event::Unacknowledged { server, failure } = event else {
            panic!("{event:?}");
        };
        assert_eq!(failure, Failure::Transport);
        told.push(server);
    }
    assert_eq!(told, [servers[0].0, servers[2].0, servers[3].0]);
}
