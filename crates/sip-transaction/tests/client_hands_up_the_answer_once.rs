//! RFC 3261 §17.1.2: the final answer is handed up once, its repeats are absorbed until Timer K.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer};
use sip_message::Method;
use sip_transaction::{Event, Transport};

#[test]
fn repeats_are_absorbed_for_t4() {
    let mut bench = Bench::new();
    let (id, request) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(100);
    bench.receive(answer(&request, 200));
    match bench.event() {
        Event::Answer { client, response } => {
            assert_eq!(client, id);
            assert_eq!(response.status().as_u16(), 200);
        }
        other => panic!("{other:?}"),
    }
    for _ in 0..3 {
        bench.pass_millis(1600);
        bench.receive(answer(&request, 200));
        bench.no_event();
    }
    assert_eq!(bench.endpoint.clients(), 1, "4.9 s after the answer");
    bench.pass_millis(200);
    assert_eq!(bench.endpoint.clients(), 0, "5.1 s after the answer");
    bench.receive(answer(&request, 200));
    assert_eq!(bench.stray(), "response to no request of ours");
}

#[test]
fn another_final_answer_after_the_first_is_absorbed_too() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.receive(answer(&request, 503));
    bench.event();
    for status in [200, 100, 404] {
        bench.receive(answer(&request, status));
        bench.no_event();
    }
}

#[test]
fn provisional_answers_are_handed_up_each() {
    let mut bench = Bench::new();
    let (id, request) = bench.request(Method::Message, Transport::Udp);
    for status in [100, 100, 183] {
        bench.receive(answer(&request, status));
        match bench.event() {
            Event::Provisional { client, response } => {
                assert_eq!((client, response.status().as_u16()), (id, status));
            }
            other => panic!("{other:?}"),
        }
    }
    bench.receive(answer(&request, 200));
    assert!(matches!(bench.event(), Event::Answer { client, .. } if client == id));
}

#[test]
fn an_answer_after_the_time_out_is_a_stray() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Udp);
    bench.pass_millis(32_000);
    while bench.endpoint.poll_transmit().is_some() {}
    assert!(matches!(bench.event(), Event::Failed { .. }));
    bench.receive(answer(&request, 200));
    assert_eq!(bench.stray(), "response to no request of ours");
    assert_eq!(bench.endpoint.counters().strays, 1);
}

#[test]
fn on_a_reliable_transport_nothing_waits_for_repeats() {
    let mut bench = Bench::new();
    let (_, request) = bench.request(Method::Message, Transport::Tcp);
    bench.receive(answer(&request, 200));
    bench.event();
    bench.pass_millis(0);
    assert_eq!(bench.endpoint.clients(), 0);
}
