//! RFC 4320: a request that is no INVITE has its final answer soon, or a 100 when the client's Timer E has come to T2;
//! no other 1xx, and no 408.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, incoming, path, via};
use sip_transaction::{Config, Gone, Timers, Transport};

const LONG: Duration = Duration::from_secs(100);

#[test]
fn a_100_goes_out_by_itself_when_timer_e_is_t2() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::new();
        let via = format!("SIP/2.0/{transport} 198.51.100.2;branch=z9hG4bK1;rport");
        bench.receive_from(path(transport), incoming("MESSAGE", &via));
        bench.handed_up();
        let lines = bench.timeline(LONG);
        assert_eq!(lines, [(3_500, "100".to_owned())]);
        bench.is_empty();
    }
}

#[test]
fn the_100_has_no_tag_in_to() {
    let mut bench = Bench::new();
    bench.receive(incoming("OPTIONS", &via("z9hG4bK1")));
    bench.handed_up();
    bench.pass_millis(3_500);
    let trying = bench.sent_response();
    assert_eq!(trying.headers().to().unwrap().tag(), None);
    assert_eq!(trying.headers().cseq().unwrap().method, b"OPTIONS");
}

#[test]
fn it_goes_when_timer_e_is_t2_with_the_values_of_the_hop() {
    let timers = Timers {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(400),
        ..Timers::default()
    };
    let mut bench = Bench::with(Config {
        timers,
        ..Config::default()
    });
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    assert_eq!(bench.timeline(LONG), [(300, "100".to_owned())]);
}

#[test]
fn a_repeat_before_the_100_is_not_answered() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    for _ in 0..3 {
        bench.pass_millis(1_000);
        bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
        bench.sent_nothing();
    }
    bench.pass_millis(499);
    bench.sent_nothing();
    bench.pass_millis(1);
    assert_eq!(bench.sent_response().status().as_u16(), 100);
}

#[test]
fn no_1xx_of_the_user_is_sent() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    for status in [100, 180, 183] {
        bench.respond(server, &answer(&request, status));
        bench.sent_nothing();
    }
    // Nor does it keep the 100 back, or stand in for the answer.
    assert_eq!(
        bench.timeline(Duration::from_secs(5)),
        [(3_500, "100".to_owned())]
    );
    bench.respond(server, &answer(&request, 200));
    assert_eq!(bench.sent_response().status().as_u16(), 200);
}

#[test]
fn no_408_is_sent() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 408));
    bench.sent_nothing();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.sent_nothing();
    bench.no_event();
    assert_eq!(bench.timeline(LONG), [(3_500, "100".to_owned())]);
    let now = bench.now();
    let late = bench.endpoint.respond(now, server, &answer(&request, 408));
    assert_eq!(late, Err(Gone));
    bench.is_empty();
}

#[test]
fn an_answer_in_time_needs_no_100() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.pass_millis(3_499);
    bench.respond(server, &answer(&request, 404));
    assert_eq!(bench.timeline(LONG), [(3_499, "404".to_owned())]);
    bench.is_empty();
}

#[test]
fn who_was_late_for_the_100_is_not_later_for_the_end() {
    let mut bench = Bench::new();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.handed_up();
    // The processor is not there when the 100 is due, but seven seconds later.
    bench.late(Duration::from_secs(10));
    assert_eq!(bench.sent_response().status().as_u16(), 100);
    bench.pass_millis(21_999);
    assert_eq!(bench.endpoint.servers(), 1);
    bench.pass_millis(1);
    bench.is_empty();
}
