//! What a function answers while its node starts, is overloaded, has no store, or is to end; and a configuration that changes
//! under it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::documents::EXAMPLE;
use common::gateway::{INSIDE, gateway, leaving};
use common::visit::{bench, bob_publishes, deauthorize};
use common::world::*;
use common::{BOB, BOB_AT_A, id};
use mcx::document::{Document, Stay};
use mcx::{Availability, Effect, MessageKind, Role};
use sip_message::{HeaderName, Response};

const NOT_READY: [Availability; 5] = [
    Availability::Starting,
    Availability::Overloaded,
    Availability::WithoutStore,
    Availability::Leaving,
    Availability::Draining,
];

fn options() -> Incoming {
    Incoming {
        method: "OPTIONS",
        headers: vec![],
        content_type: String::new(),
        body: String::new(),
        ..Incoming::message(SERVER_B, "")
    }
}

/// 503 with Retry-After, and nothing about why.
fn is_unavailable(response: &Response) {
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().retry_after().unwrap().is_some());
    assert_eq!(response.reason(), b"Service Unavailable");
    assert_eq!(value(response, HeaderName::Warning), None);
}

fn options_tell<R: Role>(mut bench: Bench<R>, allow: &str) {
    let ask = options().request();
    for availability in NOT_READY {
        bench.role.set_availability(availability);
        is_unavailable(&response(&bench.request(STRANGER, &ask)));
    }
    bench.role.set_availability(Availability::Ready);
    let ready = response(&bench.request(STRANGER, &ask));
    assert_eq!(ready.status().as_u16(), 200);
    assert_eq!(value(&ready, HeaderName::Allow).as_deref(), Some(allow));
    let accept = value(&ready, HeaderName::Accept).unwrap();
    assert!(accept.contains("application/vnd.3gpp.mcptt-info+xml"));
    assert_eq!(value(&ready, HeaderName::Supported).as_deref(), Some(""));
}

#[test]
fn options_are_200_only_when_ready() {
    options_tell(bench(), "MESSAGE, REGISTER, PUBLISH, OPTIONS");
    options_tell(gateway(), "MESSAGE, OPTIONS");
}

#[test]
fn who_is_about_to_leave_still_serves() {
    for availability in [Availability::Leaving, Availability::Overloaded] {
        let mut bench = bench();
        bench.role.set_availability(availability);
        let message = Incoming::message(SERVER_B, &xml(&deauthorize(7)));
        let out = bench.exchange(B, &message.request());
        assert_eq!(response(&out).status().as_u16(), 200);
        let mut gateway = gateway();
        gateway.role.set_availability(availability);
        assert_eq!(
            sends(&gateway.request(INSIDE, &leaving().request())).len(),
            1
        );
    }
}

#[test]
fn who_drains_takes_nothing_new_and_changes_nothing() {
    let mut bench = bench();
    let before = bench.rows.clone();
    bench.role.set_availability(Availability::Draining);
    let message = Incoming::message(SERVER_B, &xml(&deauthorize(7)));
    let publication = bob_publishes();
    for (source, incoming) in [(B, message), (CORE, publication)] {
        let out = bench.request(source, &incoming.request());
        is_unavailable(&response(&out));
        assert!(batches(&out).iter().all(|(_, batch)| expires(batch)));
    }
    assert_eq!(bench.rows, before);
    // Who may say nothing here is told that, and not that he is to come again.
    let stranger = Incoming::message(SERVER_B, EXAMPLE).request();
    let out = bench.request(STRANGER, &stranger);
    assert_eq!(response(&out).status().as_u16(), 403);
    let mut gateway = gateway();
    gateway.role.set_availability(Availability::Draining);
    is_unavailable(&response(&gateway.request(INSIDE, &leaving().request())));
}

fn expires(batch: &[mcx::state::Command]) -> bool {
    matches!(batch, [mcx::state::Command::Expire { .. }])
}

#[test]
fn what_waits_for_an_answer_from_elsewhere_still_gets_it() {
    let mut bench = Bench::server(server_a());
    let out = bench.exchange(CORE, &bob_publishes().request());
    let (sent, request) = send(&out);
    assert!(!bench.role.is_idle(), "a client waits");
    bench.role.set_availability(Availability::Draining);
    bench.answer(sent, &reply(&request, 200, &[]));
    assert!(!bench.role.is_idle(), "he still waits");
    let document = Document {
        kind: Some(MessageKind::AuthorizationResponse),
        primary_id: Some(BOB.into()),
        partner_id: Some(BOB_AT_A.into()),
        result: Some(true),
        stay: Some(Stay {
            number: Some(1),
            procedure: None,
        }),
        ..Document::default()
    };
    let message = Incoming::message(SERVER_B, &xml(&document));
    let out = bench.exchange(B, &message.request());
    let statuses: Vec<_> = responses(&out)
        .iter()
        .map(|(_, response)| response.status().as_u16())
        .collect();
    assert_eq!(statuses, [200, 200], "the partner and the client");
    // P2.1 is owed from now on, and sent by whoever runs next.
    assert_eq!(bench.rows.outbox.len(), 1);
    assert!(sends(&out).is_empty());
    assert!(bench.role.is_idle());
    assert!(
        bench
            .role
            .deadline()
            .is_none_or(|at| at > bench.clock.0.mono),
        "nothing to do now"
    );
    // Nobody waits for it now: it is refused like everything else.
    let out = bench.exchange(B, &message.request());
    is_unavailable(&response(&out));
    bench.role.set_availability(Availability::Ready);
    let out = bench.input(mcx::Input::Tick);
    assert_eq!(sends(&out).len(), 1, "it is sent after all");
}

#[test]
fn a_gateway_is_idle_when_the_far_end_answered() {
    let mut gateway = gateway();
    assert!(gateway.role.is_idle());
    let (sent, request) = send(&gateway.request(INSIDE, &leaving().request()));
    assert!(!gateway.role.is_idle());
    gateway.role.set_availability(Availability::Draining);
    let out = gateway.answer(sent, &reply(&request, 200, &[]));
    assert_eq!(response(&out).status().as_u16(), 200);
    assert!(gateway.role.is_idle());
}

#[test]
fn another_configuration_holds_from_the_next_request_on() {
    let mut bench = bench();
    let message = Incoming::message(SERVER_B, &xml(&deauthorize(7))).request();
    let without_b = {
        let mut config = server_a();
        config.systems.partners.retain(|p| p.peer.psi != SERVER_B);
        config
    };
    bench.role.reconfigure(without_b);
    let refused = response(&bench.exchange(B, &message));
    assert_eq!(refused.status().as_u16(), 403, "B is no partner any more");
    bench.role.reconfigure(server_a());
    let out = bench.exchange(B, &message);
    assert_eq!(response(&out).status().as_u16(), 200);
    let decided = out
        .iter()
        .any(|e| matches!(e, Effect::Decide(d) if d.user == Some(id(BOB))));
    assert!(decided);
}

#[test]
fn another_configuration_of_a_gateway_holds_too() {
    let mut gateway = gateway();
    let config = {
        let mut config = common::gateway::config();
        config.systems.partners.clear();
        config
    };
    gateway.role.reconfigure(config);
    let refused = response(&gateway.request(INSIDE, &leaving().request()));
    assert_eq!(refused.status().as_u16(), 403);
}
