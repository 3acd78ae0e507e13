//! Overload: what is refused is seen at a glance, before it is parsed, and strangers come first.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, path, via};
use sip_message::{HeaderName, Message, Method};
use sip_transaction::{Event, Overload, Sender, Transport};

fn overload(bench: &mut Bench, refuse: u8, refuse_strangers: u8) {
    let now = bench.now();
    let overload = Overload {
        refuse_strangers,
        ..Overload::refusing(refuse)
    };
    bench.endpoint.set_overload(now, Some(overload));
}

/// Whether the endpoint is done with it at a glance.
fn refuses(bench: &mut Bench, sender: Sender, message: &Message) -> bool {
    let over = path(Transport::Udp);
    bench.endpoint.refuse(over, sender, message.as_bytes())
}

#[test]
fn the_answer_is_the_one_that_the_parsed_request_gets() {
    let (mut bench, mut parsing) = (Bench::new(), Bench::new());
    overload(&mut bench, 100, 100);
    overload(&mut parsing, 100, 100);
    for method in ["MESSAGE", "INVITE", "PUBLISH"] {
        for more in ["", ";oc", ";oc;oc-algo=\"loss\""] {
            let message = incoming(method, &format!("{}{more}", via("z9hG4bK1")));
            assert!(refuses(&mut bench, Sender::Known, &message));
            parsing.receive(message);
            let (seen, read) = (bench.sent(), parsing.sent());
            assert_eq!(seen.bytes, read.bytes, "{method} {more}");
            assert_eq!(seen.path, read.path);
            assert!(seen.independent && read.independent);
        }
    }
    assert_eq!(bench.endpoint.counters(), parsing.endpoint.counters());
    bench.is_empty();
}

#[test]
fn without_overload_nothing_is_refused() {
    let mut bench = Bench::new();
    let message = incoming("MESSAGE", &via("z9hG4bK1"));
    assert!(!refuses(&mut bench, Sender::Stranger, &message));
    bench.sent_nothing();
}

#[test]
fn what_belongs_to_a_transaction_passes_and_so_do_acks_cancels_and_responses() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.receive(incoming("INVITE", &via("z9hG4bK1")));
    bench.handed_up();
    overload(&mut bench, 100, 100);
    for passes in [
        incoming("INVITE", &via("z9hG4bK1")),
        incoming("ACK", &via("z9hG4bK1")),
        incoming("ACK", &via("z9hG4bK7")),
        incoming("CANCEL", &via("z9hG4bK1")),
        answer(&request, 200).into(),
    ] {
        assert!(!refuses(&mut bench, Sender::Stranger, &passes));
    }
    bench.sent_nothing();
}

#[test]
fn strangers_are_refused_before_those_who_are_known() {
    let mut bench = Bench::new();
    overload(&mut bench, 0, 100);
    for (number, over) in [Transport::Udp, Transport::Tcp].into_iter().enumerate() {
        let message = incoming("MESSAGE", &via(&format!("z9hG4bK{number}")));
        assert!(!refuses(&mut bench, Sender::Known, &message));
        assert!(refuses(&mut bench, Sender::Stranger, &message));
        assert_eq!(bench.sent_response().status().as_u16(), 503);
        // So are those that have been parsed before.
        let now = bench.now();
        let way = path(over);
        bench
            .endpoint
            .handle_message_of(now, way, Sender::Stranger, message.clone());
        assert_eq!(bench.sent_response().status().as_u16(), 503);
        bench.endpoint.handle_message(now, way, message);
        bench.handed_up();
    }
}

#[test]
fn a_stranger_that_offers_it_is_told_its_own_share() {
    let mut bench = Bench::new();
    overload(&mut bench, 20, 100);
    let message = incoming("MESSAGE", &format!("{};oc", via("z9hG4bK1")));
    assert!(refuses(&mut bench, Sender::Stranger, &message));
    let refused = bench.sent_response();
    let told = refused.headers().top_via().unwrap();
    assert_eq!(told.params().get("oc"), Some(Some(&b"100"[..])));
    assert!(!refused.headers().contains(&HeaderName::RetryAfter));
}

#[test]
fn what_is_not_plainly_a_request_is_parsed_and_of_strangers_dropped() {
    let mut bench = Bench::new();
    let over = path(Transport::Udp);
    let folded =
        "MESSAGE sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP\r\n 192.0.2.1;branch=z9hG4bK1\r\n\r\n";
    let junk = [folded.as_bytes(), b"", b"\r\n\r\n", &[0; 300]];
    for (share, drops) in [(99, false), (100, true)] {
        overload(&mut bench, 100, share);
        for datagram in junk {
            assert!(!bench.endpoint.refuse(over, Sender::Known, datagram));
            let dropped = bench.endpoint.refuse(over, Sender::Stranger, datagram);
            assert_eq!(dropped, drops);
        }
    }
    let response = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP\r\n 192.0.2.1";
    assert!(!bench.endpoint.refuse(over, Sender::Stranger, response));
    assert_eq!(bench.endpoint.counters().dropped, 4);
    bench.sent_nothing();
    assert!(bench.endpoint.poll_event().is_none());
}

#[test]
fn a_request_of_a_client_of_rfc_2543_is_parsed_before_it_is_refused() {
    let mut bench = Bench::new();
    overload(&mut bench, 100, 100);
    let message = incoming("MESSAGE", &via("1"));
    assert!(!refuses(&mut bench, Sender::Known, &message));
    bench.receive(message);
    assert_eq!(bench.sent_response().status().as_u16(), 503);
    assert!(!matches!(
        bench.endpoint.poll_event(),
        Some(Event::Request { .. })
    ));
}
