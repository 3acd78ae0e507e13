//! P-Charging-Vector: kept towards the next hop, and given back with who answered (TS 24.229 clause 5.7.1.2, RFC 7315 §4.6).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::documents::EXAMPLE;
use common::gateway::{INSIDE, gateway, leaving};
use common::visit::{bench, deauthorize};
use common::world::*;
use mcx::document::Document;
use mcx::{Availability, Role as _};
use sip_message::HeaderName;

const CAME: &str =
    "P-Charging-Vector: icid-value=\"4f 7\";icid-generated-at=10.9.8.7;orig-ioi=b.mcx.example";

#[test]
fn an_answer_says_who_answered() {
    let mut bench = bench();
    let message = Incoming::message(SERVER_B, &xml(&deauthorize(7))).header(CAME);
    let answer = response(&bench.exchange(B, &message.request()));
    assert_eq!(
        value(&answer, HeaderName::PChargingVector).as_deref(),
        Some("icid-value=\"4f 7\";orig-ioi=b.mcx.example;term-ioi=a.mcx.example")
    );
    let without = Incoming::message(SERVER_B, &xml(&deauthorize(7)));
    let answer = response(&bench.exchange(B, &without.request()));
    assert_eq!(value(&answer, HeaderName::PChargingVector), None);
}

/// Refusals of a document, of a user who is not here, of what the sender may not say.
#[test]
fn a_refusal_says_who_answered_too() {
    let unknown = Document {
        primary_id: Some("sip:zoe@b.mcx.example".into()),
        ..deauthorize(7)
    };
    let not_theirs = Document {
        primary_id: Some("sip:zoe@c.mcx.example".into()),
        ..deauthorize(7)
    };
    for (status, body) in [
        (400, EXAMPLE.replace("</mcptt-Params>", "")),
        (404, xml(&unknown)),
        (403, xml(&not_theirs)),
    ] {
        let mut bench = bench();
        let message = Incoming::message(SERVER_B, &body).header(CAME);
        let answer = response(&bench.exchange(B, &message.request()));
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(
            value(&answer, HeaderName::PChargingVector).as_deref(),
            Some("icid-value=\"4f 7\";orig-ioi=b.mcx.example;term-ioi=a.mcx.example"),
            "{status}"
        );
    }
}

#[test]
fn a_clients_event_that_is_refused_says_who_answered() {
    let mut bench = bench();
    let event = Incoming::event("PUBLISH", &xml(&Document::default())).header(CAME);
    let answer = response(&bench.exchange(CORE, &event.request()));
    assert_eq!(answer.status().as_u16(), 403);
    assert!(value(&answer, HeaderName::PChargingVector).is_some());
    let answer = response(&bench.request(STRANGER, &event.request()));
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(value(&answer, HeaderName::PChargingVector), None);
}

#[test]
fn a_gateway_says_so_when_it_refuses() {
    let mut gateway = gateway();
    gateway.role.set_availability(Availability::Draining);
    let message = leaving().header("P-Charging-Vector: icid-value=1234bc;orig-ioi=a.mcx.example");
    let answer = response(&gateway.request(INSIDE, &message.request()));
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(
        value(&answer, HeaderName::PChargingVector).as_deref(),
        Some("icid-value=1234bc;orig-ioi=a.mcx.example;term-ioi=a.mcx.example")
    );
    let answer = response(&gateway.request(STRANGER, &message.request()));
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(value(&answer, HeaderName::PChargingVector), None);
}

#[test]
fn a_stranger_is_told_nothing_of_it() {
    let mut bench = bench();
    let message = Incoming::message(SERVER_B, EXAMPLE).header(CAME);
    let answer = response(&bench.request(STRANGER, &message.request()));
    assert_eq!(answer.status().as_u16(), 403);
    assert_eq!(value(&answer, HeaderName::PChargingVector), None);
}

#[test]
fn a_gateway_keeps_the_identifier_and_answers_for_its_own_system() {
    let mut gateway = gateway();
    let message = leaving()
        .header("P-Charging-Vector: icid-value=1234bc;icid-generated-at=leak.inside.example;orig-ioi=a.mcx.example");
    let (sent, request) = send(&gateway.request(INSIDE, &message.request()));
    let vector = request.headers().charging_vector().unwrap().unwrap();
    assert_eq!(vector.icid_value().as_deref(), Some(&b"1234bc"[..]));
    assert!(!common::contains(request.as_bytes(), "leak"));
    let far = reply(
        &request,
        200,
        &[(
            HeaderName::PChargingVector,
            "icid-value=1234bc;term-ioi=leak.b",
        )],
    );
    let answer = response(&gateway.answer(sent, &far));
    assert_eq!(
        value(&answer, HeaderName::PChargingVector).as_deref(),
        Some("icid-value=1234bc;orig-ioi=a.mcx.example;term-ioi=a.mcx.example")
    );
}
