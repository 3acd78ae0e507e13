//! RFC 3261 §8.2.2.2: a request that a proxy forked and that came on two ways is answered once, and 482 on the other.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming_in, parse, via};
use sip_message::Message;
use sip_transaction::{Config, Event};

const METHODS: [&str; 3] = ["MESSAGE", "INVITE", "OPTIONS"];

fn changed(message: &Message, from: &str, to: &str) -> Message {
    let text = String::from_utf8(message.as_bytes().to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    parse(text.replace(from, to).into_bytes().into())
}

/// The request is refused as merged, and not handed up.
fn refused(bench: &mut Bench) {
    let response = bench.sent_response();
    assert_eq!(response.status().as_u16(), 482);
    assert_eq!(response.reason(), b"Merged Request");
    match bench.event() {
        Event::Rejected { status, reason, .. } => {
            assert_eq!((status.as_u16(), reason.as_str()), (482, "Merged Request"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_copy_of_another_way_is_answered_482() {
    for method in METHODS {
        let mut bench = Bench::new();
        bench.receive(incoming_in("one", method, &via("z9hG4bK1")));
        bench.handed_up();
        for _ in 0..2 {
            bench.receive(incoming_in("one", method, &via("z9hG4bK2")));
            refused(&mut bench);
        }
        assert_eq!(bench.endpoint.servers(), 1);
        assert_eq!(bench.endpoint.counters().requests, 1);
    }
}

#[test]
fn a_repeat_on_the_same_way_is_none() {
    let mut bench = Bench::new();
    bench.receive(incoming_in("one", "MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    bench.receive(incoming_in("one", "MESSAGE", &via("z9hG4bK1")));
    bench.no_event();
    bench.sent_nothing();
}

#[test]
fn it_is_refused_after_the_answer_too_while_the_transaction_lives() {
    let mut bench = Bench::new();
    bench.receive(incoming_in("one", "MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.pass_millis(31_999);
    bench.receive(incoming_in("one", "MESSAGE", &via("z9hG4bK2")));
    refused(&mut bench);
    bench.pass_millis(1);
    bench.receive(incoming_in("one", "MESSAGE", &via("z9hG4bK2")));
    bench.handed_up();
}

#[test]
fn another_from_tag_call_id_cseq_or_method_is_another_request() {
    let mut bench = Bench::new();
    let one = incoming_in("one", "MESSAGE", &via("z9hG4bK1"));
    bench.receive(one.clone());
    bench.handed_up();
    let others = [
        incoming_in("two", "MESSAGE", &via("z9hG4bK2")),
        incoming_in("one", "OPTIONS", &via("z9hG4bK3")),
        changed(
            &incoming_in("one", "MESSAGE", &via("z9hG4bK4")),
            "tag=b1",
            "tag=b2",
        ),
        changed(
            &incoming_in("one", "MESSAGE", &via("z9hG4bK5")),
            "CSeq: 1",
            "CSeq: 2",
        ),
    ];
    for other in others {
        bench.receive(other);
        bench.handed_up();
    }
}

#[test]
fn inside_a_dialog_nothing_is_merged() {
    // "If the request has no tag in the To header field": the dialog tells repeats apart by CSeq.
    let mut bench = Bench::new();
    for branch in ["z9hG4bK1", "z9hG4bK2"] {
        let request = incoming_in("one", "MESSAGE", &via(branch));
        let to = "To: <sip:server@a.example>";
        bench.receive(changed(&request, to, &format!("{to};tag=a1")));
        bench.handed_up();
    }
}

#[test]
fn a_proxy_switches_it_off() {
    for method in METHODS {
        let mut bench = Bench::with(Config {
            refuse_merged: false,
            ..Config::default()
        });
        bench.receive(incoming_in("one", method, &via("z9hG4bK1")));
        let (one, _) = bench.handed_up();
        bench.receive(incoming_in("one", method, &via("z9hG4bK2")));
        let (two, _) = bench.handed_up();
        assert_ne!(one, two);
    }
}

#[test]
fn the_ack_of_the_482_of_an_invite_is_not_answered() {
    let mut bench = Bench::new();
    bench.receive(incoming_in("one", "INVITE", &via("z9hG4bK1")));
    bench.handed_up();
    bench.receive(incoming_in("one", "INVITE", &via("z9hG4bK2")));
    refused(&mut bench);
    bench.receive(incoming_in("one", "ACK", &via("z9hG4bK2")));
    assert!(matches!(bench.event(), Event::Ack { server: None, .. }));
    bench.sent_nothing();
}

#[test]
fn a_cancel_of_the_other_way_does_not_take_the_first_back() {
    let mut bench = Bench::new();
    bench.receive(incoming_in("one", "INVITE", &via("z9hG4bK1")));
    bench.handed_up();
    bench.receive(incoming_in("one", "CANCEL", &via("z9hG4bK2")));
    assert_eq!(bench.sent_response().status().as_u16(), 481);
    assert!(matches!(bench.event(), Event::Rejected { .. }));
}
