//! RFC 3261 §9.1, §16.8: a client takes its INVITE back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::time::Duration;

use common::{Bench, answer, path, request, times};
use sip_message::{HeaderName, Method, Request};
use sip_transaction::{ClientId, Config, Event, Gone, Transport};

const LONG: Duration = Duration::from_secs(400);

fn cancel(bench: &mut Bench, id: ClientId) -> Result<(), Gone> {
    let now = bench.now();
    bench.endpoint.cancel(now, id)
}

/// An INVITE that was answered 180 and cancelled; it and its CANCEL.
fn cancelled(bench: &mut Bench) -> (ClientId, Request, Request) {
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 180));
    bench.event();
    cancel(bench, id).unwrap();
    let cancel = request(&bench.sent().bytes);
    assert_eq!(*cancel.method(), Method::Cancel);
    (id, invite, cancel)
}

#[test]
fn the_cancel_is_that_of_section_9_1() {
    let mut bench = Bench::new();
    let (_, invite, cancel) = cancelled(&mut bench);
    assert_eq!(cancel.uri_bytes(), invite.uri_bytes());
    for same in [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
    ] {
        let (a, b) = (cancel.headers().first(&same), invite.headers().first(&same));
        assert_eq!(a, b, "{same}");
    }
    let headers = cancel.headers();
    let cseq = headers.cseq().unwrap();
    assert_eq!((cseq.number, cseq.method), (1, &b"CANCEL"[..]));
    assert_eq!(headers.all(&HeaderName::Via).count(), 1);
}

#[test]
fn before_a_provisional_answer_it_waits() {
    let mut bench = Bench::new();
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    cancel(&mut bench, id).unwrap();
    bench.sent_nothing();
    bench.pass_millis(700);
    // The INVITE goes on: the server may not have it yet.
    assert!(bench.sent().retransmission);
    bench.receive(answer(&invite, 100));
    assert!(matches!(bench.event(), Event::Provisional { .. }));
    assert_eq!(*request(&bench.sent().bytes).method(), Method::Cancel);
}

#[test]
fn where_nothing_answers_timer_b_ends_it_without_a_cancel() {
    let mut bench = Bench::new();
    let (id, _) = bench.request(Method::Invite, Transport::Udp);
    cancel(&mut bench, id).unwrap();
    let lines = bench.timeline(LONG);
    assert_eq!(times(&lines, "CANCEL"), []);
    assert_eq!(times(&lines, "failed: Timeout"), [32_000]);
    bench.is_empty();
}

#[test]
fn a_final_answer_that_is_faster_than_the_cancel_is_the_answer() {
    for status in [200, 486] {
        let mut bench = Bench::new();
        let (id, invite) = bench.request(Method::Invite, Transport::Udp);
        cancel(&mut bench, id).unwrap();
        bench.receive(answer(&invite, status));
        let lines = bench.timeline(LONG);
        assert_eq!(times(&lines, &format!("answer {status}")), [0]);
        assert_eq!(times(&lines, "CANCEL"), []);
        bench.is_empty();
    }
}

#[test]
fn it_is_sent_once_however_often_it_is_asked_for() {
    let mut bench = Bench::new();
    let (id, invite, _) = cancelled(&mut bench);
    cancel(&mut bench, id).unwrap();
    bench.receive(answer(&invite, 180));
    bench.event();
    bench.sent_nothing();
}

#[test]
fn it_is_a_transaction_of_its_own_and_nobody_hears_of_its_answers() {
    let mut bench = Bench::new();
    let (_, invite, cancel) = cancelled(&mut bench);
    assert_eq!(bench.endpoint.clients(), 2);
    bench.pass_millis(600);
    let again = bench.sent();
    assert!(again.retransmission);
    assert_eq!(&again.bytes, cancel.as_bytes());
    bench.receive(answer(&cancel, 200));
    bench.no_event();
    bench.receive(answer(&invite, 487));
    let ack = bench.sent();
    assert_eq!(*request(&ack.bytes).method(), Method::Ack);
    match bench.event() {
        Event::Answer { response, .. } => assert_eq!(response.status().as_u16(), 487),
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.timeline(LONG), []);
    bench.is_empty();
}

#[test]
fn a_2xx_may_come_all_the_same() {
    let mut bench = Bench::new();
    let (id, invite, cancel) = cancelled(&mut bench);
    bench.receive(answer(&invite, 200));
    assert!(matches!(bench.event(), Event::Answer { client, .. } if client == id));
    bench.receive(answer(&cancel, 481));
    assert_eq!(bench.timeline(LONG), []);
    bench.is_empty();
}

#[test]
fn without_a_final_answer_it_is_over_64_t1_after_the_cancel() {
    for answered in [false, true] {
        let mut bench = Bench::new();
        let (_, _, cancel) = cancelled(&mut bench);
        if answered {
            bench.receive(answer(&cancel, 200));
        }
        let lines = bench.timeline(LONG);
        let copies = times(&lines, "CANCEL again").len();
        assert_eq!(copies, if answered { 0 } else { 10 });
        assert_eq!(times(&lines, "failed: Timeout"), [32_000]);
        assert_eq!(lines.len(), copies + 1, "{lines:?}");
        bench.is_empty();
    }
}

#[test]
fn timer_c_cancels_what_rings_too_long() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 180));
    let lines = bench.timeline(LONG);
    assert_eq!(times(&lines, "CANCEL"), [181_000]);
    assert_eq!(times(&lines, "failed: Timeout"), [213_000]);
    bench.is_empty();
}

#[test]
fn every_1xx_but_100_begins_timer_c_anew() {
    for (status, due) in [(100, 60_000), (183, 110_000)] {
        let mut bench = Bench::with(Config {
            timer_c: Duration::from_secs(60),
            ..Config::default()
        });
        let (_, invite) = bench.request(Method::Invite, Transport::Udp);
        bench.receive(answer(&invite, 100));
        bench.pass_millis(50_000);
        bench.receive(answer(&invite, status));
        let lines = bench.timeline(LONG);
        assert_eq!(times(&lines, "CANCEL"), [due], "{status}");
        bench.is_empty();
    }
}

#[test]
fn many_provisional_answers_do_not_pile_up_timers() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 180));
    for _ in 0..1_000 {
        bench.receive(answer(&invite, 180));
        while bench.endpoint.poll_event().is_some() {}
    }
    assert!(bench.endpoint.timers() < 10, "{}", bench.endpoint.timers());
}

#[test]
fn only_an_invite_is_taken_back() {
    let mut bench = Bench::new();
    let (id, _) = bench.request(Method::Message, Transport::Udp);
    assert_eq!(cancel(&mut bench, id), Err(Gone));
    let (id, invite) = bench.request(Method::Invite, Transport::Tcp);
    bench.receive_from(path(Transport::Tcp), answer(&invite, 486));
    bench.timeline(Duration::ZERO);
    assert_eq!(cancel(&mut bench, id), Err(Gone));
}
