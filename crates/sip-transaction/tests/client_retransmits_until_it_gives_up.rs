//! RFC 3261 §17.1.2.2: Timers E and F, to the millisecond.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, path, times};
use sip_message::Method;
use sip_transaction::{Config, Timers, Transport};

const LONG: Duration = Duration::from_secs(100);

#[test]
fn at_t1_2t1_4t1_up_to_t2_and_gives_up_at_64_t1() {
    let mut bench = Bench::new();
    bench.request(Method::Message, Transport::Udp);
    let lines = bench.timeline(LONG);
    assert_eq!(
        times(&lines, "MESSAGE again"),
        [
            500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500
        ]
    );
    assert_eq!(times(&lines, "failed: Timeout"), [32000]);
    assert_eq!(lines.len(), 11, "{lines:?}");
    bench.is_empty();
}

#[test]
fn every_copy_is_the_same_bytes() {
    let mut bench = Bench::new();
    let (_, first) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(500);
    let sent = bench.sent();
    assert!(sent.retransmission);
    assert_eq!(&sent.bytes, first.as_bytes());
}

#[test]
fn other_values_of_the_timers_are_kept_to() {
    let timers = Timers {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(400),
        t4: Duration::from_millis(500),
        ..Timers::default()
    };
    let mut bench = Bench::with(Config {
        timers,
        ..Config::default()
    });
    bench.request(Method::Message, Transport::Udp);
    let lines = bench.timeline(LONG);
    let again = times(&lines, "MESSAGE again");
    assert_eq!(again[..5], [100, 300, 700, 1100, 1500]);
    assert_eq!(times(&lines, "failed: Timeout"), [6400]);
}

#[test]
fn a_provisional_answer_switches_to_t2() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(600);
    bench.sent();
    bench.receive(answer(&request, 100));
    let lines = bench.timeline(LONG);
    assert_eq!(times(&lines, "provisional 100"), [600]);
    // The Timer E that runs is not touched; from its firing on it is T2.
    assert_eq!(
        times(&lines, "MESSAGE again"),
        [1500, 5500, 9500, 13500, 17500, 21500, 25500, 29500]
    );
    assert_eq!(times(&lines, "failed: Timeout"), [32000]);
    bench.is_empty();
}

#[test]
fn nothing_is_sent_after_the_final_answer() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(499);
    bench.receive(answer(&request, 200));
    let lines = bench.timeline(LONG);
    assert_eq!(lines, [(499, "answer 200".to_owned())]);
    bench.is_empty();
}

#[test]
fn a_reliable_transport_retransmits_by_itself() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut bench = Bench::new();
        bench.request(Method::Message, transport);
        let lines = bench.timeline(LONG);
        assert_eq!(lines, [(32000, "failed: Timeout".to_owned())]);
        bench.is_empty();
    }
}

#[test]
fn transactions_do_not_wait_for_each_other() {
    let mut bench = Bench::new();
    bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(200);
    bench.request(Method::Register, Transport::Udp);
    let lines = bench.timeline(LONG);
    assert_eq!(times(&lines, "MESSAGE again")[..3], [500, 1500, 3500]);
    assert_eq!(times(&lines, "REGISTER again")[..3], [700, 1700, 3700]);
    assert_eq!(times(&lines, "failed: Timeout"), [32000, 32200]);
    bench.is_empty();
}

#[test]
fn more_than_the_configured_transactions_are_refused() {
    let mut bench = Bench::with(Config {
        max_clients: 1,
        ..Config::default()
    });
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    let now = bench.now();
    let second = common::outgoing(Method::Message);
    let refused = bench.endpoint.request(now, path(Transport::Udp), &second);
    assert!(refused.is_err());
    assert_eq!(bench.endpoint.counters().clients_full, 1);
    bench.sent_nothing();
    bench.receive(answer(&request, 200));
    bench.event();
    bench.pass(LONG);
    bench.request(Method::Message, Transport::Udp);
}

#[test]
fn time_that_was_slept_through_is_not_made_up_for() {
    let mut bench = Bench::new();
    bench.request(Method::Message, Transport::Udp);
    let late = bench.now() + Duration::from_secs(20);
    bench.endpoint.handle_timeout(late);
    assert!(bench.sent().retransmission, "one copy, not nine");
    bench.no_event();
}
