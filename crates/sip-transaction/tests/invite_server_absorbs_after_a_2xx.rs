//! RFC 6026 §7.1: after a 2xx the transaction absorbs the INVITE; the 2xx and its ACK are the user's, until Timer L.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, incoming, path, tag, via};
use sip_message::Request;
use sip_transaction::{Event, Gone, ServerId, Transport};

const LONG: Duration = Duration::from_secs(400);
const ONE: &str = "z9hG4bK1";

/// An INVITE that was answered 200.
fn accepted(bench: &mut Bench) -> (ServerId, Request) {
    bench.receive(incoming("INVITE", &via(ONE)));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    assert!(!bench.sent().retransmission);
    (server, request)
}

fn ack(bench: &mut Bench, branch: &str) -> (Option<ServerId>, Request) {
    bench.receive(incoming("ACK", &via(branch)));
    match bench.event() {
        Event::Ack {
            server,
            path: from,
            request,
        } => {
            assert_eq!(from, path(Transport::Udp));
            (server, request)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_2xx_is_not_repeated_here() {
    let mut bench = Bench::new();
    accepted(&mut bench);
    assert_eq!(bench.timeline(LONG), []);
    bench.is_empty();
}

#[test]
fn repeats_of_the_invite_are_absorbed() {
    let mut bench = Bench::new();
    accepted(&mut bench);
    for _ in 0..5 {
        bench.pass_millis(4_000);
        bench.receive(incoming("INVITE", &via(ONE)));
        bench.no_event();
        bench.sent_nothing();
    }
    assert_eq!(bench.endpoint.counters().requests, 1);
}

#[test]
fn the_user_may_send_it_again() {
    let mut bench = Bench::new();
    let (server, request) = accepted(&mut bench);
    let answer = answer(&request, 200);
    for _ in 0..3 {
        bench.pass_millis(500);
        bench.respond(server, &answer);
        assert_eq!(&bench.sent().bytes, answer.as_bytes());
    }
}

#[test]
fn any_other_answer_is_discarded() {
    let mut bench = Bench::new();
    let (server, request) = accepted(&mut bench);
    for status in [100, 183, 302, 486, 603] {
        bench.respond(server, &answer(&request, status));
        bench.sent_nothing();
    }
    assert_eq!(bench.timeline(LONG), []);
}

#[test]
fn an_ack_with_the_branch_of_the_invite_is_handed_up_with_it() {
    let mut bench = Bench::new();
    let (server, _) = accepted(&mut bench);
    for _ in 0..2 {
        let (id, request) = ack(&mut bench, ONE);
        assert_eq!(id, Some(server));
        assert_eq!(request.headers().cseq().unwrap().method, b"ACK");
    }
    bench.sent_nothing();
}

#[test]
fn an_ack_with_a_branch_of_its_own_is_handed_up_alone() {
    let mut bench = Bench::new();
    accepted(&mut bench);
    assert_eq!(ack(&mut bench, "z9hG4bKack").0, None);
    bench.sent_nothing();
}

#[test]
fn timer_l_ends_it_64_t1_after_the_first() {
    let mut bench = Bench::new();
    let (server, request) = accepted(&mut bench);
    bench.pass_millis(20_000);
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    ack(&mut bench, ONE);
    bench.pass_millis(11_999);
    assert_eq!(bench.endpoint.servers(), 1);
    bench.pass_millis(1);
    bench.is_empty();
    let now = bench.now();
    let late = bench.endpoint.respond(now, server, &answer(&request, 200));
    assert_eq!(late, Err(Gone));
    // The dialog lives on; its ACKs go up by themselves.
    assert_eq!(ack(&mut bench, ONE).0, None);
}

#[test]
fn timer_l_is_the_same_on_a_reliable_transport() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/TLS 198.51.100.2;branch=z9hG4bK1";
    bench.receive_from(path(Transport::Tls), incoming("INVITE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.pass_millis(31_999);
    assert_eq!(bench.endpoint.servers(), 1);
    bench.pass_millis(1);
    bench.is_empty();
}

#[test]
fn an_ack_before_the_answer_is_that_of_nothing() {
    let mut bench = Bench::new();
    bench.receive(incoming("INVITE", &via(ONE)));
    let (server, request) = bench.handed_up();
    bench.receive(incoming("ACK", &via(ONE)));
    bench.no_event();
    bench.respond(server, &answer(&request, 200));
    assert_eq!(tag(&bench.sent_response()), b"t1");
}
