//! RFC 3261 §17.2.2: repeats of a request are absorbed, and answered with the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, path, via};
use sip_transaction::{Gone, Transport};

#[test]
fn a_repeat_before_the_answer_is_absorbed() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    for _ in 0..3 {
        bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
        bench.no_event();
        bench.sent_nothing();
    }
    let counters = bench.endpoint.counters();
    assert_eq!((counters.requests, counters.absorbed), (1, 3));
}

#[test]
fn repeats_after_the_answer_get_the_same_bytes_until_timer_j() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(700);
    bench.respond(server, &answer(&request, 200));
    let first = bench.sent();
    assert!(!first.retransmission);
    assert_eq!(first.path, path(Transport::Udp));
    for _ in 0..3 {
        bench.pass_millis(10_000);
        bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
        let again = bench.sent();
        assert!(again.retransmission);
        assert_eq!(again.bytes, first.bytes);
        bench.no_event();
    }
    bench.pass_millis(1_999);
    assert_eq!(bench.endpoint.servers(), 1, "31.999 s after the answer");
    bench.pass_millis(1);
    assert_eq!(bench.endpoint.servers(), 0, "64*T1 after the answer");
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
}

#[test]
fn a_repeat_after_the_100_gets_that() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(3_500);
    let first = bench.sent();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent().bytes, first.bytes);
    bench.respond(server, &answer(&request, 404));
    bench.sent();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 404);
}

#[test]
fn a_second_final_answer_is_discarded() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    for status in [500, 100] {
        bench.respond(server, &answer(&request, status));
        bench.sent_nothing();
    }
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
}

#[test]
fn what_is_never_answered_is_forgotten_when_its_client_has_given_up() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(31_999);
    assert_eq!(bench.sent_response().status().as_u16(), 100);
    assert_eq!(bench.endpoint.servers(), 1);
    bench.pass_millis(1);
    bench.is_empty();
    let now = bench.now();
    let late = bench.endpoint.respond(now, server, &answer(&request, 200));
    assert_eq!(late, Err(Gone));
    bench.sent_nothing();
}

#[test]
fn an_answer_just_in_time_is_kept_for_repeats() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(31_000);
    assert_eq!(bench.sent_response().status().as_u16(), 100);
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.pass_millis(2_000);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    bench.pass_millis(30_000);
    bench.is_empty();
}

#[test]
fn on_a_reliable_transport_nothing_waits_for_repeats() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/TCP 198.51.100.2;branch=z9hG4bK1";
    bench.receive_from(path(Transport::Tcp), incoming("MESSAGE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent().path, path(Transport::Tcp));
    bench.pass_millis(0);
    assert_eq!(bench.endpoint.servers(), 0);
}
