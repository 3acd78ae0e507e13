//! RFC 3261 §9.2: a CANCEL is answered for itself; the user of an INVITE that has no final answer is told.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, incoming, incoming_in, path, times, via};
use sip_message::{Message, Request};
use sip_transaction::{Config, Event, Path, ServerId, Transport};

const LONG: Duration = Duration::from_secs(400);
const ONE: &str = "z9hG4bK1";

fn invited(bench: &mut Bench) -> (ServerId, Request) {
    bench.receive(incoming("INVITE", &via(ONE)));
    bench.handed_up()
}

fn cancel() -> Message {
    incoming("CANCEL", &via(ONE))
}

/// The answer to the CANCEL is this.
fn answered(bench: &mut Bench, status: u16) {
    let response = bench.sent_response();
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers().cseq().unwrap().method, b"CANCEL");
    assert!(response.headers().to().unwrap().tag().is_some());
}

#[test]
fn the_user_is_told_and_answers_487() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.receive(cancel());
    answered(&mut bench, 200);
    assert!(matches!(bench.event(), Event::Cancelled { server: id } if id == server));
    bench.respond(server, &answer(&request, 487));
    assert_eq!(bench.sent_response().status().as_u16(), 487);
    bench.receive(incoming("ACK", &via(ONE)));
    assert_eq!(bench.timeline(LONG), []);
    bench.is_empty();
}

#[test]
fn a_repeat_of_the_cancel_gets_the_same_200_and_tells_nothing() {
    let mut bench = Bench::new();
    invited(&mut bench);
    bench.receive(cancel());
    let first = bench.sent();
    bench.event();
    for _ in 0..3 {
        bench.pass_millis(3_000);
        while bench.endpoint.poll_transmit().is_some() {}
        bench.receive(cancel());
        assert_eq!(bench.sent().bytes, first.bytes);
        bench.no_event();
    }
}

#[test]
fn the_invite_is_not_answered_by_the_cancel() {
    let mut bench = Bench::new();
    invited(&mut bench);
    bench.receive(cancel());
    let lines = bench.timeline(LONG);
    // 200 to the CANCEL at once, 100 to the INVITE in its time; the 487 is the user's.
    assert_eq!(times(&lines, "200"), [0]);
    assert_eq!(times(&lines, "cancelled"), [0]);
    assert_eq!(times(&lines, "100"), [200]);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(bench.endpoint.servers(), 1);
}

#[test]
fn after_the_final_answer_it_changes_nothing() {
    for status in [200, 486] {
        let mut bench = Bench::new();
        let (server, request) = invited(&mut bench);
        bench.respond(server, &answer(&request, status));
        bench.sent();
        bench.receive(cancel());
        answered(&mut bench, 200);
        bench.no_event();
    }
}

#[test]
fn after_a_provisional_answer_it_still_does() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 180));
    bench.sent();
    bench.receive(cancel());
    answered(&mut bench, 200);
    assert!(matches!(bench.event(), Event::Cancelled { .. }));
}

#[test]
fn one_of_another_branch_or_sender_is_answered_481() {
    let other = format!("SIP/2.0/UDP 203.0.113.9:5060;branch={ONE};rport");
    for via in [via("z9hG4bK2"), other] {
        let mut bench = Bench::new();
        invited(&mut bench);
        bench.receive(incoming("CANCEL", &via));
        answered(&mut bench, 481);
        match bench.event() {
            Event::Rejected { status, .. } => assert_eq!(status.as_u16(), 481),
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.endpoint.servers(), 1);
    }
}

#[test]
fn one_from_another_port_is_that_of_the_same_sender() {
    // Behind an address translator; sent-by and branch are what counts.
    let mut bench = Bench::new();
    let (server, _) = invited(&mut bench);
    let elsewhere: Path = common::path_from("198.51.100.2:40000");
    bench.receive_from(elsewhere, cancel());
    assert_eq!(bench.sent().path, elsewhere);
    assert!(matches!(bench.event(), Event::Cancelled { server: id } if id == server));
}

#[test]
fn that_of_a_client_of_rfc_2543_is_matched_by_the_rest() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/UDP 198.51.100.2:5060;branch=17";
    bench.receive(incoming_in("old", "INVITE", via));
    let (server, _) = bench.handed_up();
    bench.receive(incoming_in("another", "CANCEL", via));
    answered(&mut bench, 481);
    bench.endpoint.poll_event();
    bench.receive(incoming_in("old", "CANCEL", via));
    answered(&mut bench, 200);
    assert!(matches!(bench.event(), Event::Cancelled { server: id } if id == server));
    bench.receive(incoming_in("old", "CANCEL", via));
    answered(&mut bench, 200);
    bench.no_event();
}

#[test]
fn a_full_endpoint_takes_it_all_the_same() {
    let mut bench = Bench::with(Config {
        max_servers: 1,
        ..Config::default()
    });
    let (server, _) = invited(&mut bench);
    bench.receive(cancel());
    answered(&mut bench, 200);
    assert!(matches!(bench.event(), Event::Cancelled { server: id } if id == server));
    bench.receive(cancel());
    answered(&mut bench, 200);
    bench.no_event();
}

#[test]
fn over_tcp_it_is_the_same() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/TCP 198.51.100.2;branch=z9hG4bK1";
    bench.receive_from(path(Transport::Tcp), incoming("INVITE", via));
    let (server, _) = bench.handed_up();
    bench.receive_from(path(Transport::Tcp), incoming("CANCEL", via));
    answered(&mut bench, 200);
    assert!(matches!(bench.event(), Event::Cancelled { server: id } if id == server));
    bench.pass_millis(0);
    assert_eq!(bench.endpoint.servers(), 1, "the INVITE alone");
}

#[test]
fn a_copy_that_comes_when_the_cancel_is_forgotten_is_answered_and_told_no_more() {
    let mut bench = Bench::new();
    bench.receive(incoming("INVITE", &via("z9hG4bK1")));
    bench.handed_up();
    bench.receive(incoming("CANCEL", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    assert!(matches!(bench.event(), Event::Cancelled { .. }));
    // The 100 of the INVITE, and Timer J of the CANCEL.
    bench.pass_millis(33_000);
    bench.sent();
    bench.receive(incoming("CANCEL", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    bench.no_event();
}
