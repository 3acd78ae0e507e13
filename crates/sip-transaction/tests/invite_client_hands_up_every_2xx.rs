//! RFC 6026 §7.2: a 2xx of an INVITE is handed up each time, retransmitted or of another branch of a fork, until Timer M.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, outgoing, path, request};
use sip_message::{Method, Response, StatusCode};
use sip_transaction::{ClientId, Event, Transport};

fn again(bench: &mut Bench) -> (ClientId, Response) {
    match bench.event() {
        Event::AnswerAgain { client, response } => (client, response),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_is_the_answer_the_others_are_answers_again() {
    let mut bench = Bench::new();
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 180));
    bench.event();
    bench.receive(answer(&invite, 200));
    assert!(matches!(bench.event(), Event::Answer { client, .. } if client == id));
    for _ in 0..3 {
        bench.pass_millis(4_000);
        bench.receive(answer(&invite, 200));
        assert_eq!(again(&mut bench).0, id);
        bench.sent_nothing();
    }
}

#[test]
fn the_2xx_of_another_branch_of_a_fork_is_handed_up() {
    let mut bench = Bench::new();
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 200));
    bench.event();
    let other = Response::to(&invite, StatusCode::OK, Some("t2"));
    bench.receive(other.finish().unwrap());
    let (client, response) = again(&mut bench);
    assert_eq!(client, id);
    assert_eq!(common::tag(&response), b"t2");
}

#[test]
fn all_else_is_absorbed_after_a_2xx() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 200));
    bench.event();
    for status in [100, 183, 302, 486, 603] {
        bench.receive(answer(&invite, status));
        bench.no_event();
        // Nor is it acknowledged: another branch's failure is the business of the proxy that forked.
        bench.sent_nothing();
    }
}

#[test]
fn timer_m_ends_it_64_t1_after_the_first() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut bench = Bench::new();
        let (_, invite) = bench.request(Method::Invite, transport);
        bench.receive_from(path(transport), answer(&invite, 200));
        bench.event();
        bench.pass_millis(20_000);
        bench.receive_from(path(transport), answer(&invite, 200));
        again(&mut bench);
        bench.pass_millis(11_999);
        assert_eq!(bench.endpoint.clients(), 1);
        bench.pass_millis(1);
        assert_eq!(bench.endpoint.clients(), 0);
        bench.receive_from(path(transport), answer(&invite, 200));
        assert_eq!(bench.stray(), "response to no request of ours");
    }
}

#[test]
fn its_ack_has_a_branch_of_its_own_and_no_transaction() {
    let mut bench = Bench::new();
    let (_, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 200));
    bench.event();
    bench
        .endpoint
        .send(path(Transport::Udp), &outgoing(Method::Ack));
    let sent = bench.sent();
    assert!(!sent.retransmission);
    let ack = request(&sent.bytes);
    let branch = |request: &sip_message::Request| {
        let headers = request.headers();
        headers.top_via().unwrap().branch().unwrap().to_vec()
    };
    assert_ne!(branch(&ack), branch(&invite));
    assert_eq!(bench.endpoint.clients(), 1, "the INVITE alone");
    bench.pass_millis(32_000);
    bench.is_empty();
}

#[test]
fn cancel_after_the_2xx_is_too_late() {
    let mut bench = Bench::new();
    let (id, invite) = bench.request(Method::Invite, Transport::Udp);
    bench.receive(answer(&invite, 200));
    bench.event();
    let now = bench.now();
    assert!(bench.endpoint.cancel(now, id).is_err());
    bench.sent_nothing();
    bench.pass_millis(32_000);
    let now = bench.now();
    assert!(bench.endpoint.cancel(now, id).is_err());
    bench.is_empty();
}
