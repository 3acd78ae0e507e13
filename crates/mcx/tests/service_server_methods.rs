//! What is answered before a document is looked at: methods, extensions, hops, event packages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::documents::EXAMPLE;
use common::visit::{bench, refused};
use common::world::*;
use sip_message::HeaderName;

#[test]
fn a_method_that_is_not_handled_is_405_with_allow() {
    for method in ["INVITE", "SUBSCRIBE", "NOTIFY", "FOO"] {
        let incoming = Incoming {
            method,
            ..Incoming::message(SERVER_B, EXAMPLE)
        };
        let response = refused(B, &incoming);
        assert_eq!(response.status().as_u16(), 405, "{method}");
        let allow = value(&response, HeaderName::Allow).unwrap();
        assert!(allow.contains("MESSAGE") && !allow.contains("INVITE"));
    }
}

#[test]
fn an_extension_that_is_required_is_420_with_unsupported() {
    let message = Incoming::message(SERVER_B, EXAMPLE).header("Require: 100rel, foo");
    let response = refused(B, &message);
    assert_eq!(response.status().as_u16(), 420);
    assert_eq!(
        value(&response, HeaderName::Unsupported).as_deref(),
        Some("100rel, foo")
    );
}

#[test]
fn a_request_that_was_forwarded_too_often_is_483() {
    let message = Incoming::message(SERVER_B, EXAMPLE).header("Max-Forwards: 0");
    assert_eq!(refused(B, &message).status().as_u16(), 483);
    let broken = Incoming::message(SERVER_B, EXAMPLE).header("Max-Forwards: many");
    assert_eq!(refused(B, &broken).status().as_u16(), 400);
}

#[test]
fn another_event_package_is_489() {
    let event = Incoming {
        method: "PUBLISH",
        headers: vec!["Event: presence".into()],
        ..Incoming::message(SERVER_B, EXAMPLE)
    };
    let response = refused(CORE, &event);
    assert_eq!(response.status().as_u16(), 489);
    assert_eq!(
        value(&response, HeaderName::AllowEvents).as_deref(),
        Some("poc-settings")
    );
    let none = Incoming {
        headers: vec![],
        ..event
    };
    assert_eq!(refused(CORE, &none).status().as_u16(), 400);
}

#[test]
fn options_are_answered_to_everybody() {
    let mut bench = bench();
    let options = Incoming {
        method: "OPTIONS",
        headers: vec![],
        content_type: String::new(),
        body: String::new(),
        ..Incoming::message(SERVER_B, "")
    };
    let response = response(&bench.request(STRANGER, &options.request()));
    assert_eq!(response.status().as_u16(), 200);
    assert!(
        value(&response, HeaderName::Allow)
            .unwrap()
            .contains("MESSAGE")
    );
}
