//! Memory: whatever happened, 64*T1 after the last message no transaction is kept, and T2 later no
//! timer of one that is over.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Bench, answer, incoming, path, via};
use sip_message::Method;
use sip_transaction::{Event, Transport};

#[test]
fn after_every_kind_of_end() {
    let mut bench = Bench::new();
    for n in 0..50 {
        let (_, request) = bench.request(Method::Message, Transport::Udp);
        if n % 3 != 0 {
            bench.receive(answer(&request, if n % 3 == 1 { 200 } else { 100 }));
        }
        bench.receive(incoming("MESSAGE", &via(&format!("z9hG4bK{n}"))));
        let mut server = None;
        while let Some(event) = bench.endpoint.poll_event() {
            if let Event::Request {
                server: id,
                request,
                ..
            } = event
            {
                server = Some((id, request));
            }
        }
        let (server, request) = server.unwrap();
        match n % 4 {
            0 => bench.respond(server, &answer(&request, 200)),
            1 => bench.respond(server, &answer(&request, 100)),
            _ => {}
        }
        bench.receive(incoming("CANCEL", &via(&format!("z9hG4bK{n}"))));
        bench.receive(incoming("ACK", &via(&format!("z9hG4bK{n}"))));
        if n == 25 {
            let now = bench.now();
            bench
                .endpoint
                .handle_transport_error(now, path(Transport::Udp));
        }
        bench.pass_millis(n * 7);
        while bench.endpoint.poll_transmit().is_some() {}
        while bench.endpoint.poll_event().is_some() {}
    }
    bench.pass_millis(32_000);
    assert_eq!((bench.endpoint.clients(), bench.endpoint.servers()), (0, 0));
    while bench.endpoint.poll_transmit().is_some() {}
    while bench.endpoint.poll_event().is_some() {}
    bench.pass_millis(4_000);
    bench.is_empty();
}

#[test]
fn a_flood_of_junk_keeps_nothing() {
    let mut bench = Bench::new();
    let (_, own) = bench.request(Method::Message, Transport::Udp);
    for n in 0..1000 {
        let stray = answer(&own, 200);
        let text = String::from_utf8(stray.as_bytes().to_vec()).unwrap();
        let text = text.replace("branch=z9hG4bK", &format!("branch=z9hG4bK{n}x"));
        bench.receive(common::parse(text.into_bytes().into()));
        bench.receive(incoming("ACK", &via(&format!("z9hG4bK{n}"))));
        assert!(matches!(
            bench.endpoint.poll_event(),
            Some(Event::Stray { .. })
        ));
        assert!(matches!(bench.event(), Event::Ack { server: None, .. }));
    }
    assert_eq!((bench.endpoint.clients(), bench.endpoint.servers()), (1, 0));
    assert_eq!(bench.endpoint.counters().strays, 1000);
    bench.sent_nothing();
}
