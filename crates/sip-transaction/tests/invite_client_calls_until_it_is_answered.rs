//! RFC 3261 §17.1.1.2: Timers A and B of an INVITE, to the millisecond, and what ends them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, path, times};
use sip_message::Method;
use sip_transaction::{Event, Failure, Transport};

const LONG: Duration = Duration::from_secs(400);
const SIX: [u128; 6] = [500, 1_500, 3_500, 7_500, 15_500, 31_500];

#[test]
fn over_udp_it_is_sent_at_doubled_intervals_and_given_up_at_64_t1() {
    let mut bench = Bench::new();
    bench.request(Method::Invite, Transport::Udp);
    let lines = bench.timeline(LONG);
    assert_eq!(times(&lines, "INVITE again"), SIX);
    assert_eq!(times(&lines, "failed: Timeout"), [32_000]);
    assert_eq!(lines.len(), 7, "{lines:?}");
    bench.is_empty();
}

#[test]
fn over_tcp_and_tls_it_is_sent_once() {
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut bench = Bench::new();
        bench.request(Method::Invite, transport);
        let lines = bench.timeline(LONG);
        assert_eq!(lines, [(32_000, "failed: Timeout".to_owned())]);
        bench.is_empty();
    }
}

#[test]
fn every_copy_is_the_same_bytes() {
    let mut bench = Bench::new();
    let (_, first) = bench.request(Method::Invite, Transport::Udp);
    for wait in [500, 1_000, 2_000] {
        bench.pass_millis(wait);
        let sent = bench.sent();
        assert!(sent.retransmission);
        assert_eq!(&sent.bytes, first.as_bytes());
        assert_eq!(sent.path, path(Transport::Udp));
    }
    assert_eq!(bench.endpoint.counters().retransmitted, 3);
}

#[test]
fn a_provisional_answer_ends_the_retransmissions_and_timer_b() {
    for status in [100, 180, 183] {
        let mut bench = Bench::new();
        let (_, request) = bench.request(Method::Invite, Transport::Udp);
        bench.pass_millis(1_600);
        bench.receive(answer(&request, status));
        let lines = bench.timeline(Duration::from_secs(120));
        // The copies at 500 and 1500 had gone out.
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[2], (1_600, format!("provisional {status}")));
        assert_eq!(bench.endpoint.clients(), 1);
    }
}

#[test]
fn every_provisional_answer_goes_up() {
    let mut bench = Bench::new();
    let (id, request) = bench.request(Method::Invite, Transport::Udp);
    for status in [100, 180, 180, 183] {
        bench.receive(answer(&request, status));
        match bench.event() {
            Event::Provisional { client, response } => {
                assert_eq!((client, response.status().as_u16()), (id, status));
            }
            other => panic!("{other:?}"),
        }
    }
    bench.sent_nothing();
}

#[test]
fn a_final_answer_ends_the_retransmissions() {
    for status in [200, 302, 404, 503, 603] {
        let mut bench = Bench::new();
        let (_, request) = bench.request(Method::Invite, Transport::Udp);
        bench.pass_millis(499);
        bench.receive(answer(&request, status));
        let lines = bench.timeline(LONG);
        assert_eq!(times(&lines, "INVITE again"), []);
        assert_eq!(times(&lines, &format!("answer {status}")), [499]);
        bench.is_empty();
    }
}

#[test]
fn a_transport_failure_ends_it_while_it_waits() {
    for provisional in [false, true] {
        let mut bench = Bench::new();
        let (id, request) = bench.request(Method::Invite, Transport::Udp);
        if provisional {
            bench.receive(answer(&request, 180));
            bench.event();
        }
        let now = bench.now();
        bench
            .endpoint
            .handle_transport_error(now, path(Transport::Udp));
        match bench.event() {
            Event::Failed { client, failure } => {
                assert_eq!((client, failure), (id, Failure::Transport));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(bench.endpoint.clients(), 0);
        assert_eq!(bench.timeline(LONG), []);
        bench.is_empty();
    }
}

#[test]
fn a_transport_failure_after_the_answer_says_nothing_more() {
    for status in [200, 486] {
        let mut bench = Bench::new();
        let (_, request) = bench.request(Method::Invite, Transport::Udp);
        bench.receive(answer(&request, status));
        bench.timeline(Duration::ZERO);
        let now = bench.now();
        bench
            .endpoint
            .handle_transport_error(now, path(Transport::Udp));
        bench.no_event();
        // What comes again is still known.
        bench.receive(answer(&request, status));
        let lines = bench.timeline(Duration::ZERO);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_ne!(lines[0].1, "stray: response to no request of ours");
    }
}

#[test]
fn an_answer_after_the_time_out_is_a_stray_and_not_acknowledged() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Invite, Transport::Udp);
    bench.timeline(LONG);
    bench.receive(answer(&request, 486));
    assert_eq!(bench.stray(), "response to no request of ours");
    bench.sent_nothing();
}
