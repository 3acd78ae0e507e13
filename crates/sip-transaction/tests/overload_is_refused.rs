//! Overload: new requests are refused without a transaction, all else passes; previous hops that offer it are told
//! (RFC 7339).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, THERE, answer, incoming, path, response, via};
use sip_message::{HeaderName, Response, Via};
use sip_transaction::{Config, Event, Overload, Path, Sender, Transport};

fn overload(bench: &mut Bench, overload: Option<Overload>) {
    let now = bench.now();
    bench.endpoint.set_overload(now, overload);
}

/// All are refused.
fn full() -> Option<Overload> {
    Some(Overload::refusing(100))
}

/// The Via of a previous hop that offers `oc`.
fn offering(branch: &str) -> String {
    format!("SIP/2.0/UDP {THERE};branch={branch};rport;oc;oc-algo=\"loss\"")
}

/// A parameter of the top Via.
fn oc(response: &Response, name: &str) -> Option<String> {
    let via = response.headers().top_via().unwrap();
    let value = via.params().get(name)?;
    Some(String::from_utf8(value.unwrap_or_default().to_vec()).unwrap())
}

fn told(response: &Response) -> [Option<String>; 3] {
    ["oc", "oc-algo", "oc-validity"].map(|name| oc(response, name))
}

fn some(values: [&str; 3]) -> [Option<String>; 3] {
    values.map(|value| Some(value.to_owned()))
}

#[test]
fn a_new_request_is_refused_with_503_and_nothing_is_kept() {
    let mut bench = Bench::new();
    overload(&mut bench, full());
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let refused = bench.sent_response();
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(
        refused.headers().first(&HeaderName::RetryAfter),
        Some(&b"5"[..])
    );
    assert_eq!(refused.headers().cseq().unwrap().method, b"MESSAGE");
    assert!(refused.headers().to().unwrap().tag().is_some());
    let top = refused.headers().top_via().unwrap();
    assert_eq!(top.received(), Some(&b"198.51.100.2"[..]));
    assert_eq!(bench.endpoint.counters().refused, 1);
    assert_eq!(bench.endpoint.counters().rejected, 0);
    bench.is_empty();
    // It comes again, and gets the same answer.
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().as_bytes(), refused.as_bytes());
    bench.is_empty();
}

/// Somebody known asks with OPTIONS whether requests are taken, and hears it from whom they are for: a die would tell a load balancer
/// that a node is out of order which refuses a tenth.
#[test]
fn who_asks_with_options_hears_it_from_the_user() {
    let mut bench = Bench::new();
    overload(&mut bench, full());
    bench.receive(incoming("OPTIONS", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    let datagram = incoming("OPTIONS", &via("z9hG4bK2"));
    let path = path(Transport::Udp);
    let datagram = datagram.as_bytes();
    let known = bench.endpoint.refuse(path, Sender::Known, datagram);
    let stranger = bench.endpoint.refuse(path, Sender::Stranger, datagram);
    assert_eq!((known, stranger), (false, true));
    assert_eq!(bench.sent_response().status().as_u16(), 503);
}

#[test]
fn it_goes_where_any_answer_goes() {
    let mut bench = Bench::new();
    overload(&mut bench, full());
    let tcp = Path {
        peer: "203.0.113.9:40000".parse().unwrap(),
        ..path(Transport::Tcp)
    };
    let via = "SIP/2.0/TCP 10.0.0.1:5070;branch=z9hG4bK1";
    bench.receive_from(tcp, incoming("MESSAGE", via));
    let sent = bench.sent();
    assert_eq!(sent.path, tcp);
    assert_eq!(sent.alternative, Some("203.0.113.9:5070".parse().unwrap()));
}

#[test]
fn who_has_a_transaction_is_served() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (message, request) = bench.handed_up();
    bench.receive(incoming("INVITE", &via("z9hG4bK2")));
    let (invite, call) = bench.handed_up();
    overload(&mut bench, full());
    // Retransmissions are absorbed, and answered again.
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.sent_nothing();
    bench.respond(message, &answer(&request, 200));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    // A CANCEL takes its INVITE back, and the ACK of the 487 arrives.
    bench.receive(incoming("CANCEL", &via("z9hG4bK2")));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
    assert!(matches!(bench.event(), Event::Cancelled { server } if server == invite));
    bench.respond(invite, &answer(&call, 487));
    assert_eq!(bench.sent_response().status().as_u16(), 487);
    bench.receive(incoming("ACK", &via("z9hG4bK2")));
    bench.pass(Duration::from_secs(40));
    bench.is_empty();
    assert_eq!(bench.endpoint.counters().refused, 0);
}

#[test]
fn acks_and_responses_pass() {
    let mut bench = Bench::new();
    let (client, request) = bench.request(sip_message::Method::Message, Transport::Udp);
    overload(&mut bench, full());
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::Answer { client: c, .. } if c == client));
    bench.receive(incoming("ACK", &via("z9hG4bK9")));
    assert!(matches!(bench.event(), Event::Ack { .. }));
    bench.sent_nothing();
}

#[test]
fn over_it_is_when_the_caller_says_so() {
    let mut bench = Bench::new();
    overload(&mut bench, full());
    assert_eq!(bench.endpoint.overload(), full());
    overload(&mut bench, None);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
}

#[test]
fn a_part_is_refused_and_each_request_meets_one_fate() {
    let mut bench = Bench::new();
    overload(&mut bench, Some(Overload::refusing(30)));
    let mut refused = 0;
    for number in 0..4_000 {
        let via = via(&format!("z9hG4bK{number}"));
        bench.receive(incoming("MESSAGE", &via));
        let first = bench.endpoint.poll_transmit().is_some();
        bench.receive(incoming("MESSAGE", &via));
        assert_eq!(bench.endpoint.poll_transmit().is_some(), first);
        refused += u32::from(first);
        while bench.endpoint.poll_event().is_some() {}
    }
    // Six standard deviations of 29.
    assert!((1026..=1374).contains(&refused), "{refused} of 4,000");
}

#[test]
fn a_previous_hop_that_offers_it_is_told_how_much_to_hold_back() {
    let mut bench = Bench::new();
    let now = bench.now();
    let part = Overload {
        // Others turn away the rest.
        refuse: 5,
        refuse_offering: 0,
        validity: Duration::from_millis(750),
        ..Overload::refusing(20)
    };
    bench.endpoint.set_overload(now, Some(part));
    bench.receive(incoming("MESSAGE", &offering("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    let first = bench.sent_response();
    assert_eq!(told(&first), some(["20", "\"loss\"", "750"]));
    let parsed = first.headers().top_via().unwrap();
    assert_eq!(parsed.branch(), Some(&b"z9hG4bK1"[..]));
    assert_eq!(parsed.rport(), Some(Some(5060)));
    // What is kept says so too.
    bench.receive(incoming("MESSAGE", &offering("z9hG4bK1")));
    assert_eq!(bench.sent_response().as_bytes(), first.as_bytes());
}

#[test]
fn the_503_tells_it_instead_of_when_to_come_again() {
    let mut bench = Bench::new();
    overload(&mut bench, full());
    bench.receive(incoming("MESSAGE", &offering("z9hG4bK1")));
    let refused = bench.sent_response();
    assert_eq!(refused.status().as_u16(), 503);
    assert_eq!(told(&refused), some(["100", "\"loss\"", "500"]));
    assert!(oc(&refused, "oc-seq").is_some());
    assert!(!refused.headers().contains(&HeaderName::RetryAfter));
}

#[test]
fn without_overload_it_is_0_for_0_milliseconds() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &offering("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    let response = bench.sent_response();
    assert_eq!(told(&response), some(["0", "\"loss\"", "0"]));
}

#[test]
fn every_kind_of_answer_tells_it() {
    let mut bench = Bench::new();
    let own = |response: &Response| told(response) == some(["0", "\"loss\"", "0"]);
    // The 100 by itself and the answer (§5.11), of an INVITE and of another request; without a transaction.
    bench.receive(incoming("INVITE", &offering("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(200);
    assert!(own(&bench.sent_response()));
    bench.respond(server, &answer(&request, 180));
    assert!(own(&bench.sent_response()));
    bench.receive(incoming("CANCEL", &offering("z9hG4bK1")));
    assert!(own(&bench.sent_response()));
    bench.receive(incoming("CANCEL", &offering("z9hG4bK2")));
    let stateless = bench.sent_response();
    assert_eq!(stateless.status().as_u16(), 481);
    assert!(own(&stateless));
}

#[test]
fn who_does_not_offer_it_or_cannot_do_it_is_told_nothing() {
    for params in ["", ";oc-algo=\"loss\"", ";oc;oc-algo=\"rate\""] {
        let mut bench = Bench::new();
        overload(&mut bench, Some(Overload::refusing(0)));
        let via = format!("{}{params}", via("z9hG4bK1"));
        bench.receive(incoming("MESSAGE", &via));
        let (server, request) = bench.handed_up();
        bench.respond(server, &answer(&request, 200));
        let response = bench.sent_response();
        assert_eq!(oc(&response, "oc-seq"), None, "{params}");
        assert_eq!(oc(&response, "oc-validity"), None, "{params}");
    }
}

#[test]
fn numbers_rise_whenever_something_new_is_said_and_over_restarts() {
    let number = |bench: &mut Bench, branch: &str| -> f64 {
        bench.receive(incoming("MESSAGE", &offering(branch)));
        let (server, request) = bench.handed_up();
        bench.respond(server, &answer(&request, 200));
        let response = bench.sent_response();
        oc(&response, "oc-seq").unwrap().parse().unwrap()
    };
    let started = Duration::from_secs(1_800_000_000);
    let config = Config {
        started,
        ..Config::default()
    };
    let mut bench = Bench::with(config.clone());
    let mut before = number(&mut bench, "z9hG4bK1");
    assert!((before - 1_800_000_000.0).abs() < 0.001);
    for (branch, said) in [
        ("z9hG4bK2", None),
        ("z9hG4bK3", Some(Overload::refusing(0))),
    ] {
        overload(&mut bench, said);
        let next = number(&mut bench, branch);
        assert!(next > before, "{next} after {before}");
        before = next;
    }
    bench.pass(Duration::from_secs(10));
    assert_eq!(number(&mut bench, "z9hG4bK4").to_bits(), before.to_bits());
    let mut restarted = Bench::with(Config {
        started: started + Duration::from_secs(20),
        ..config
    });
    assert!(number(&mut restarted, "z9hG4bK5") > before);
}

#[test]
fn only_the_topmost_via_is_touched() {
    let mut bench = Bench::new();
    let two = format!(
        "{};oc-seq=1.1, SIP/2.0/UDP 10.0.0.3;branch=z9hG4bK7;oc",
        offering("z9hG4bK1")
    );
    bench.receive(incoming("MESSAGE", &two));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    let sent = response(&bench.sent().bytes);
    let vias: Vec<Via<'_>> = sent.headers().vias().map(Result::unwrap).collect();
    let names = |via: &Via<'_>| -> Vec<String> {
        let names = via.params().iter().map(|(name, _)| name.to_vec());
        names.map(|name| String::from_utf8(name).unwrap()).collect()
    };
    let expected = [
        "branch",
        "rport",
        "received",
        "oc",
        "oc-algo",
        "oc-validity",
        "oc-seq",
    ];
    assert_eq!(names(&vias[0]), expected);
    assert_eq!(names(&vias[1]), ["branch", "oc"]);
}
