//! What is answered, or dropped, without keeping anything.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, parse, request, tag, via};
use sip_message::{Message, Method};
use sip_transaction::{Config, Event, Transport};

fn rejected(bench: &mut Bench) -> u16 {
    match bench.event() {
        Event::Rejected { status, .. } => status.as_u16(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_ack_is_never_answered() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    for branch in ["z9hG4bK1", "z9hG4bK2"] {
        bench.receive(incoming("ACK", &via(branch)));
        // It may be that of a 2xx (§13.2.2.4): the dialogs above know.
        assert!(matches!(bench.event(), Event::Ack { server: None, .. }));
        bench.sent_nothing();
    }
    assert_eq!(bench.endpoint.servers(), 1);
}

#[test]
fn a_malformed_ack_is_not_answered_either() {
    let mut bench = Bench::new();
    let ack = incoming("ACK", &via("z9hG4bK1"));
    let text = String::from_utf8(ack.as_bytes().to_vec()).unwrap();
    let broken = text.replace("CSeq: 1 ACK", "CSeq: 1 MESSAGE");
    bench.receive(parse(broken.into_bytes().into()));
    assert_eq!(bench.stray(), "malformed ACK");
    bench.sent_nothing();
}

#[test]
fn cancel_of_nothing_is_answered_481() {
    let mut bench = Bench::new();
    bench.receive(incoming("CANCEL", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 481);
    assert_eq!(rejected(&mut bench), 481);
    assert_eq!(bench.endpoint.servers(), 0);
}

#[test]
fn cancel_of_a_known_request_is_answered_200_and_changes_nothing() {
    for method in [
        "MESSAGE",
        "REGISTER",
        "PUBLISH",
        "OPTIONS",
        "SUBSCRIBE",
        "NOTIFY",
        "INFO",
        "BYE",
        "PRACK",
        "UPDATE",
        "REFER",
    ] {
        let mut bench = Bench::new();
        bench.receive(incoming(method, &via("z9hG4bK1")));
        let (server, request) = bench.handed_up();
        bench.receive(incoming("CANCEL", &via("z9hG4bK1")));
        assert_eq!(bench.sent_response().status().as_u16(), 200);
        assert_eq!(rejected(&mut bench), 200);
        bench.respond(server, &answer(&request, 200));
        let headers = bench.sent_response();
        assert_eq!(headers.headers().cseq().unwrap().method, method.as_bytes());
    }
}

#[test]
fn a_request_that_went_in_a_circle_is_answered_482() {
    let mut bench = Bench::new();
    let (_, own) = bench.request(Method::Message, Transport::Udp);
    let back = own.with_via(&via("z9hG4bKproxy"));
    bench.receive(request(back.as_bytes()));
    assert_eq!(bench.sent_response().status().as_u16(), 482);
    assert_eq!(rejected(&mut bench), 482);
    assert_eq!(bench.endpoint.servers(), 0);
}

#[test]
fn an_invalid_request_is_answered_400_with_the_same_tag_every_time() {
    let mut bench = Bench::new();
    let good = incoming("MESSAGE", &via("z9hG4bK1"));
    let text = String::from_utf8(good.as_bytes().to_vec()).unwrap();
    let broken = text.replace("CSeq: 1 MESSAGE", "CSeq: 1 OPTIONS");
    let mut answers = Vec::new();
    for _ in 0..2 {
        bench.receive(parse(broken.clone().into_bytes().into()));
        answers.push(bench.sent_response());
        assert_eq!(rejected(&mut bench), 400);
    }
    assert_eq!(answers[0].status().as_u16(), 400);
    assert_eq!(answers[0].as_bytes(), answers[1].as_bytes());
    let other = broken.replace("tag=b1", "tag=b2");
    bench.receive(parse(other.into_bytes().into()));
    assert_ne!(tag(&bench.sent_response()), tag(&answers[0]));
    assert_eq!(bench.endpoint.servers(), 0);
}

#[test]
fn a_request_without_a_via_is_dropped() {
    let mut bench = Bench::new();
    let good = incoming("MESSAGE", &via("z9hG4bK1"));
    let text = String::from_utf8(good.as_bytes().to_vec()).unwrap();
    let broken = text.replace("Via: SIP/2.0/UDP", "X-Via: SIP/2.0/UDP");
    bench.receive(parse(broken.into_bytes().into()));
    assert_eq!(bench.stray(), "request without a Via");
    bench.sent_nothing();
}

#[test]
fn a_request_with_a_malformed_via_is_answered_where_it_came_from() {
    let mut bench = Bench::new();
    let good = incoming("MESSAGE", &via("z9hG4bK1"));
    let text = String::from_utf8(good.as_bytes().to_vec()).unwrap();
    let broken = text.replace("Via: SIP/2.0/UDP", "Via: SIP/2.0");
    bench.receive(parse(broken.into_bytes().into()));
    assert_eq!(bench.sent_response().status().as_u16(), 400);
    assert_eq!(rejected(&mut bench), 400);
}

#[test]
fn beyond_the_configured_transactions_requests_get_503_and_repeats_pass() {
    let mut bench = Bench::with(Config {
        max_servers: 1,
        retry_after: 7,
        ..Config::default()
    });
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK2")));
    let refusal = bench.sent_response();
    assert_eq!(refusal.status().as_u16(), 503);
    assert_eq!(refusal.headers().retry_after().unwrap(), Some(7));
    assert_eq!(rejected(&mut bench), 503);
    assert_eq!(bench.endpoint.counters().servers_full, 1);
    bench.respond(server, &answer(&request, 200));
    bench.sent();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    bench.pass_millis(32_000);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK2")));
    bench.handed_up();
}

#[test]
fn what_the_caller_rejects_is_answered_as_it_says() {
    let mut bench = Bench::new();
    let Message::Request(request) = incoming("MESSAGE", &via("z9hG4bK1")) else {
        unreachable!("a request");
    };
    let path = common::path(Transport::Udp);
    let status = sip_message::StatusCode::BAD_REQUEST;
    bench
        .endpoint
        .reject(path, &request, status, "Malformed To");
    let sent = bench.sent_response();
    assert_eq!(sent.status().as_u16(), 400);
    assert_eq!(sent.reason(), b"Malformed To");
    assert_eq!(rejected(&mut bench), 400);
}
