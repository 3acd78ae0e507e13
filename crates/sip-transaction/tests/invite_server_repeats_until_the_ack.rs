//! RFC 3261 §17.2.1: what an INVITE is answered, and again, until its ACK is there. Timers G, H and I to the millisecond.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, incoming, incoming_in, parse, path, times, via};
use sip_message::{Message, Request};
use sip_transaction::{Event, Failure, Path, ServerId, Transport};

const LONG: Duration = Duration::from_secs(400);
const ONE: &str = "z9hG4bK1";

fn invited(bench: &mut Bench) -> (ServerId, Request) {
    bench.receive(incoming("INVITE", &via(ONE)));
    bench.handed_up()
}

fn ack(bench: &mut Bench) {
    bench.receive(incoming("ACK", &via(ONE)));
}

#[test]
fn after_200_ms_without_an_answer_100_goes_out() {
    for transport in [Transport::Udp, Transport::Tls] {
        let mut bench = Bench::new();
        let via = format!("SIP/2.0/{transport} 198.51.100.2;branch={ONE};rport");
        bench.receive_from(path(transport), incoming("INVITE", &via));
        bench.handed_up();
        // And nothing else until it is answered, however long that takes.
        assert_eq!(bench.timeline(LONG), [(200, "100".to_owned())]);
        assert_eq!(bench.endpoint.servers(), 1);
    }
}

#[test]
fn an_answer_in_time_makes_the_100_needless() {
    for status in [180, 200, 486] {
        let mut bench = Bench::new();
        let (server, request) = invited(&mut bench);
        bench.pass_millis(199);
        bench.respond(server, &answer(&request, status));
        let lines = bench.timeline(LONG);
        assert_eq!(times(&lines, "100"), []);
        assert_eq!(times(&lines, &status.to_string()), [199]);
    }
}

#[test]
fn a_repeat_gets_the_last_provisional_answer() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.receive(incoming("INVITE", &via(ONE)));
    bench.sent_nothing();
    bench.pass_millis(200);
    let mut last = bench.sent();
    for status in [180, 183] {
        bench.receive(incoming("INVITE", &via(ONE)));
        let again = bench.sent();
        assert!(again.retransmission);
        assert_eq!(again.bytes, last.bytes);
        bench.no_event();
        bench.respond(server, &answer(&request, status));
        last = bench.sent();
        assert!(!last.retransmission);
    }
    assert_eq!(bench.endpoint.counters().absorbed, 3);
}

#[test]
fn a_failure_is_sent_by_timer_g_until_timer_h() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 486));
    bench.sent();
    let lines = bench.timeline(LONG);
    assert_eq!(
        times(&lines, "486 again"),
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(times(&lines, "unacknowledged: Timeout"), [32_000]);
    assert_eq!(lines.len(), 11, "{lines:?}");
    bench.is_empty();
}

#[test]
fn over_tcp_it_is_sent_once_and_the_ack_awaited_all_the_same() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/TCP 198.51.100.2;branch=z9hG4bK1";
    bench.receive_from(path(Transport::Tcp), incoming("INVITE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 486));
    bench.sent();
    let lines = bench.timeline(LONG);
    assert_eq!(lines, [(32_000, "unacknowledged: Timeout".to_owned())]);
    bench.is_empty();
}

#[test]
fn over_tcp_the_ack_ends_it_at_once() {
    let mut bench = Bench::new();
    let via = "SIP/2.0/TCP 198.51.100.2;branch=z9hG4bK1";
    bench.receive_from(path(Transport::Tcp), incoming("INVITE", via));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 486));
    bench.sent();
    bench.receive_from(path(Transport::Tcp), incoming("ACK", via));
    bench.pass_millis(0);
    assert_eq!(bench.endpoint.servers(), 0);
    bench.no_event();
}

#[test]
fn a_repeat_of_the_invite_gets_the_failure_again() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 404));
    let first = bench.sent();
    bench.pass_millis(400);
    bench.receive(incoming("INVITE", &via(ONE)));
    assert_eq!(bench.sent().bytes, first.bytes);
    // Timer G runs on.
    bench.pass_millis(100);
    assert_eq!(bench.sent().bytes, first.bytes);
    bench.no_event();
}

#[test]
fn the_ack_ends_the_repeats_and_timer_i_the_transaction() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 404));
    bench.sent();
    bench.pass_millis(600);
    assert!(bench.sent().retransmission);
    ack(&mut bench);
    // §17.2.1: "the ACK … is not passed to the TU"; what comes in the next T4 is absorbed.
    for _ in 0..4 {
        bench.pass_millis(1_000);
        ack(&mut bench);
        bench.receive(incoming("INVITE", &via(ONE)));
        bench.no_event();
        bench.sent_nothing();
    }
    bench.pass_millis(999);
    assert_eq!(bench.endpoint.servers(), 1);
    bench.pass_millis(1);
    assert_eq!(bench.endpoint.servers(), 0);
    assert_eq!(bench.timeline(LONG), []);
    bench.is_empty();
}

#[test]
fn an_ack_of_another_sender_is_not_that_of_the_transaction() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 404));
    bench.sent();
    let other = format!("SIP/2.0/UDP 203.0.113.9:5060;branch={ONE};rport");
    bench.receive(incoming("ACK", &other));
    assert!(matches!(bench.event(), Event::Ack { server: None, .. }));
    bench.pass_millis(500);
    assert!(bench.sent().retransmission);
}

#[test]
fn another_answer_after_the_final_one_is_discarded() {
    let mut bench = Bench::new();
    let (server, request) = invited(&mut bench);
    bench.respond(server, &answer(&request, 404));
    let first = bench.sent();
    for status in [180, 200, 500] {
        bench.respond(server, &answer(&request, status));
        bench.sent_nothing();
    }
    bench.pass_millis(500);
    assert_eq!(bench.sent().bytes, first.bytes);
}

#[test]
fn the_user_is_told_when_the_transport_fails() {
    for status in [180, 200, 486] {
        let mut bench = Bench::new();
        let (server, request) = invited(&mut bench);
        bench.respond(server, &answer(&request, status));
        bench.sent();
        let now = bench.now();
        bench
            .endpoint
            .handle_transport_error(now, path(Transport::Udp));
        match bench.event() {
            Event::Unacknowledged {
                server: id,
                failure,
            } => assert_eq!((id, failure), (server, Failure::Transport)),
            other => panic!("{other:?}"),
        }
        // RFC 6026 §7.1: it stays, for the next copy may come through.
        assert_eq!(bench.endpoint.servers(), 1);
    }
}

/// What a client of RFC 2543 sends: no branch. The To tag is that of its dialog.
fn old(method: &str, to_tag: &str) -> Message {
    let message = incoming_in("old", method, "SIP/2.0/UDP 198.51.100.2:5060");
    let text = String::from_utf8(message.as_bytes().to_vec()).unwrap();
    let to = "To: <sip:server@a.example>";
    parse(
        text.replace(to, &format!("{to}{to_tag}"))
            .into_bytes()
            .into(),
    )
}

#[test]
fn the_ack_of_a_client_of_rfc_2543_is_matched_by_the_rest() {
    // First without, then inside a dialog, where INVITE and ACK have the same tag in To.
    for (in_invite, in_ack) in [("", ";tag=t1"), (";tag=t1", ";tag=t1")] {
        let mut bench = Bench::new();
        bench.receive(old("INVITE", in_invite));
        let (server, request) = bench.handed_up();
        bench.respond(server, &answer(&request, 486));
        let sent: Path = bench.sent().path;
        assert_eq!(sent, path(Transport::Udp));
        bench.receive(old("ACK", in_ack));
        bench.no_event();
        let lines = bench.timeline(LONG);
        assert_eq!(lines, [], "INVITE with {in_invite:?}");
        bench.is_empty();
    }
}
