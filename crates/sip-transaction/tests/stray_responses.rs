//! A response to no request of ours is dropped, or handed up to a proxy that forwards it (RFC 3261 §16.7, §16.11).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, parse, path};
use sip_message::{Message, Method, Request, Response};
use sip_transaction::{Config, Event, StrayResponses, Transport};

fn handing_up() -> Bench {
    Bench::with(Config {
        stray_responses: StrayResponses::HandUp,
        ..Config::default()
    })
}

/// An answer to a request that somebody else sent.
fn of_others(request: &Request, status: u16) -> Response {
    let text = String::from_utf8(answer(request, status).as_bytes().to_vec()).unwrap();
    let text = text.replace("branch=z9hG4bK", "branch=z9hG4bKother");
    match parse(text.into_bytes().into()) {
        Message::Response(response) => response,
        Message::Request(_) => unreachable!("a response"),
    }
}

#[test]
fn dropped_it_is_counted() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Invite, Transport::Udp);
    for status in [180, 200, 486] {
        bench.receive(of_others(&request, status));
        assert_eq!(bench.stray(), "response to no request of ours");
        bench.sent_nothing();
    }
    assert_eq!(bench.endpoint.counters().strays, 3);
}

#[test]
fn handed_up_it_is_whole_and_counted_too() {
    let mut bench = handing_up();
    let (_, request) = bench.request(Method::Invite, Transport::Udp);
    for status in [180, 200, 486] {
        let stray = of_others(&request, status);
        bench.receive(stray.clone());
        match bench.event() {
            Event::StrayResponse {
                path: from,
                response,
            } => {
                assert_eq!(from, path(Transport::Udp));
                assert_eq!(response.as_bytes(), stray.as_bytes());
            }
            other => panic!("{other:?}"),
        }
        // Whoever sent the INVITE acknowledges it.
        bench.sent_nothing();
    }
    assert_eq!(bench.endpoint.counters().strays, 3);
}

#[test]
fn what_belongs_to_a_transaction_is_none() {
    let mut bench = handing_up();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::Answer { .. }));
    bench.receive(answer(&request, 200));
    bench.no_event();
}

#[test]
fn after_the_transaction_it_is_one() {
    let mut bench = handing_up();
    let (_, request) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&request, 200));
    bench.event();
    bench.pass_millis(32_000);
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::StrayResponse { .. }));
}

#[test]
fn a_malformed_response_is_dropped_in_any_case() {
    for mut bench in [Bench::new(), handing_up()] {
        let (_, request) = bench.request(Method::Message, Transport::Udp);
        let text = String::from_utf8(answer(&request, 200).as_bytes().to_vec()).unwrap();
        let text = text.replace("CSeq: 1 MESSAGE", "CSeq: one MESSAGE");
        bench.receive(parse(text.into_bytes().into()));
        assert_eq!(bench.stray(), "malformed response");
    }
}
