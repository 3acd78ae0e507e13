//! RFC 3261 §17.1.1.2, §17.1.1.3: a final answer that is no 2xx is handed up once and acknowledged by the transaction,
//! every time that it comes, until Timer D.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, outgoing, parse, path, request, times};
use sip_message::{HeaderName, Message, Method, Request};
use sip_transaction::{Event, Transport};

fn first(request: &Request, name: HeaderName) -> String {
    let value = request.headers().first(&name).unwrap_or_default();
    String::from_utf8(value.to_vec()).unwrap()
}

#[test]
fn the_ack_is_that_of_section_17_1_1_3() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 486));
    let ack = request(&bench.sent().bytes);
    assert!(matches!(bench.event(), Event::Answer { .. }));
    assert_eq!(*ack.method(), Method::Ack);
    assert_eq!(ack.uri_bytes(), invite.uri_bytes());
    for same in [HeaderName::Via, HeaderName::From, HeaderName::CallId] {
        assert_eq!(first(&ack, same.clone()), first(&invite, same));
    }
    assert_eq!(first(&ack, HeaderName::To), "<sip:server@b.example>;tag=t1");
    assert_eq!(first(&ack, HeaderName::CSeq), "1 ACK");
    assert_eq!(ack.headers().all(&HeaderName::Via).count(), 1);
    assert_eq!(ack.headers().all(&HeaderName::Route).count(), 0);
    assert!(ack.body().is_empty());
}

#[test]
fn it_takes_the_route_of_the_invite_in_its_order() {
    let mut bench = Bench::new();
    let routes = [
        "<sip:p1.example;lr>",
        "<sip:p2.example;lr>,<sip:p3.example;lr>",
    ];
    let text = String::from_utf8(outgoing(Method::Invite).as_bytes().to_vec()).unwrap();
    let lines: String = routes.map(|route| format!("Route: {route}\r\n")).concat();
    let text = text.replace("Call-ID:", &format!("Require: 100rel\r\n{lines}Call-ID:"));
    let Message::Request(invite) = parse(text.into_bytes().into()) else {
        unreachable!("a request");
    };
    let now = bench.now();
    let sent = bench.endpoint.request(now, path(Transport::Udp), &invite);
    sent.unwrap();
    let invite = request(&bench.sent().bytes);
    bench.receive(answer(&invite, 404));
    let ack = request(&bench.sent().bytes);
    let found: Vec<_> = ack.headers().all(&HeaderName::Route).collect();
    assert_eq!(found, routes.map(str::as_bytes));
    // §17.1.1.3: nothing that asks for more belongs in an ACK.
    assert_eq!(first(&ack, HeaderName::Require), "");
}

#[test]
fn every_repeat_is_acknowledged_alike_and_not_handed_up() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 486));
    let ack = bench.sent();
    assert_eq!(ack.path, path(Transport::Udp));
    assert!(matches!(bench.event(), Event::Answer { .. }));
    for _ in 0..4 {
        bench.pass_millis(4_000);
        bench.receive(answer(&invite, 486));
        assert_eq!(bench.sent().bytes, ack.bytes);
        bench.no_event();
    }
}

#[test]
fn what_else_comes_after_the_final_answer_is_absorbed() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 486));
    bench.timeline(std::time::Duration::ZERO);
    for status in [100, 180, 200] {
        bench.receive(answer(&invite, status));
        bench.sent_nothing();
        bench.no_event();
    }
}

#[test]
fn timer_d_ends_it_after_32_s() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.pass_millis(100);
    bench.receive(answer(&invite, 503));
    bench.sent();
    bench.event();
    bench.pass_millis(31_999);
    assert_eq!(bench.endpoint.clients(), 1);
    bench.pass_millis(1);
    assert_eq!(bench.endpoint.clients(), 0);
    bench.receive(answer(&invite, 503));
    assert_eq!(bench.stray(), "response to no request of ours");
    bench.sent_nothing();
}

#[test]
fn over_tcp_it_is_acknowledged_once_and_over() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Tcp);
    bench.receive_from(path(Transport::Tcp), answer(&invite, 600));
    let lines = bench.timeline(std::time::Duration::ZERO);
    assert_eq!(times(&lines, "ACK"), [0]);
    assert_eq!(times(&lines, "answer 600"), [0]);
    assert_eq!(bench.endpoint.clients(), 0);
}

#[test]
fn a_2xx_is_not_acknowledged_here() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 200));
    bench.event();
    bench.sent_nothing();
}

#[test]
fn an_ack_or_a_cancel_is_no_request_of_its_own() {
    let mut bench = Bench::new();
    let now = bench.now();
    for method in [Method::Ack, Method::Cancel] {
        let refused = bench
            .endpoint
            .request(now, path(Transport::Udp), &outgoing(method));
        assert_eq!(refused, Err(sip_transaction::Refused::Method));
    }
    bench.is_empty();
}
