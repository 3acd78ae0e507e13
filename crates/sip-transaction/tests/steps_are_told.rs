//! Every step of a transaction is told to whoever wants to show it, and to nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, via};
use sip_message::Method;
use sip_transaction::{Config, Transport};

fn bench() -> Bench {
    Bench::with(Config {
        steps: true,
        ..Config::default()
    })
}

fn steps(bench: &mut Bench) -> Vec<String> {
    std::iter::from_fn(|| bench.endpoint.poll_step())
        .map(|step| format!("{}: {}", step.state(), step.event()))
        .collect()
}

#[test]
fn of_a_request_that_comes_twice_and_is_answered_in_between() {
    let mut bench = bench();
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    let (server, request) = bench.handed_up();
    bench.respond(server, &answer(&request, 200));
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    bench.pass_millis(32_000);
    assert_eq!(
        steps(&mut bench),
        [
            "Trying: a request came, could be read and is new",
            "Completed: the final answer is sent",
            "Completed: the request came again: its answer is sent again",
            "Terminated: Timer J fired",
        ]
    );
}

#[test]
fn of_a_request_that_is_sent_again_and_answered_late() {
    let mut bench = bench();
    let (client, request) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(500);
    bench.receive(answer(&request, 200));
    bench.pass_millis(5_000);
    let first = bench.endpoint.poll_step().unwrap();
    assert_eq!(
        first.transaction,
        sip_transaction::Transaction::Client(client)
    );
    assert_eq!(first.clause(), "RFC 3261 §17.1.2");
    // Timers E and F fire in between too, and mean nothing any more.
    assert_eq!(
        steps(&mut bench),
        [
            "Trying: Timer E fired: no final answer yet, the request is sent again",
            "Completed: a final answer came",
            "Terminated: Timer K fired",
        ]
    );
}

#[test]
fn not_where_nobody_asked_for_them() {
    let mut bench = Bench::new();
    bench.request(Method::Message, Transport::Udp);
    bench.receive(incoming("MESSAGE", &via("z9hG4bK1")));
    assert!(steps(&mut bench).is_empty());
}
