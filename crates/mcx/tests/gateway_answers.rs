//! What the near end hears when the far end answers, is silent, or cannot be reached.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::*;
use common::world::{
    B, Bench, Incoming, STRANGER, reply, response, responses, send, sends, told, value,
};
use common::{ALICE, ALICE_AT_B, BOB};
use mcx::{Effect, GatewayServer, Role as _, SendFailure, SendId};
use sip_message::{HeaderName, Request};

fn pending() -> (Bench<GatewayServer>, SendId, Request) {
    let mut gateway = gateway();
    let out = gateway.request(INSIDE, &leaving().request());
    assert!(responses(&out).is_empty(), "not before the far end");
    let (id, request) = send(&out);
    (gateway, id, request)
}

fn abandoned(effects: &[Effect]) -> bool {
    assert!(responses(effects).is_empty());
    effects.iter().any(|e| matches!(e, Effect::Abandon { .. }))
}

#[test]
fn the_far_ends_answer_is_the_near_ends() {
    for status in [200, 202, 400, 403, 404, 480, 500, 503, 513, 603] {
        let (mut gateway, id, request) = pending();
        let out = gateway.answer(id, &reply(&request, status, &[]));
        assert_eq!(told(&response(&out)), (status, None));
        assert!(sends(&out).is_empty());
    }
}

#[test]
fn retry_after_is_kept_and_not_made_up() {
    let (mut gateway, id, request) = pending();
    let out = gateway.answer(
        id,
        &reply(&request, 503, &[(HeaderName::RetryAfter, "120")]),
    );
    assert_eq!(
        value(&response(&out), HeaderName::RetryAfter).as_deref(),
        Some("120")
    );
    let (mut gateway, id, request) = pending();
    let out = gateway.answer(id, &reply(&request, 503, &[]));
    assert_eq!(value(&response(&out), HeaderName::RetryAfter), None);
}

#[test]
fn what_a_415_or_405_must_say_is_said_by_the_gateway() {
    let (mut gateway, id, request) = pending();
    let out = gateway.answer(
        id,
        &reply(&request, 415, &[(HeaderName::Accept, "text/plain")]),
    );
    assert!(
        value(&response(&out), HeaderName::Accept)
            .unwrap()
            .contains("mcptt-info")
    );
    let (mut gateway, id, request) = pending();
    let out = gateway.answer(id, &reply(&request, 405, &[(HeaderName::Allow, "INVITE")]));
    assert!(
        value(&response(&out), HeaderName::Allow)
            .unwrap()
            .contains("MESSAGE")
    );
}

#[test]
fn silence_is_passed_on_as_silence() {
    let (mut gateway, id, _) = pending();
    assert!(abandoned(&gateway.fails(id, SendFailure::Timeout)));
    // RFC 4320 §4.2: a 408 that the far end sent says no more.
    let (mut gateway, id, request) = pending();
    assert!(abandoned(&gateway.answer(id, &reply(&request, 408, &[]))));
}

#[test]
fn a_far_end_that_cannot_be_reached_is_503() {
    for why in [SendFailure::Transport, SendFailure::Overload] {
        let (mut gateway, id, _) = pending();
        let response = response(&gateway.fails(id, why));
        assert_eq!(response.status().as_u16(), 503);
        assert!(response.headers().retry_after().unwrap().is_some());
    }
}

#[test]
fn one_answer_a_request() {
    let (mut gateway, id, request) = pending();
    let ok = reply(&request, 200, &[]);
    assert_eq!(responses(&gateway.answer(id, &ok)).len(), 1);
    assert!(gateway.answer(id, &ok).is_empty());
    assert!(gateway.fails(id, SendFailure::Timeout).is_empty());
    assert!(gateway.answer(SendId(4711), &ok).is_empty());
}

#[test]
fn answers_find_their_requests_in_any_order() {
    let mut gateway = gateway();
    let sent: Vec<_> = (0..5)
        .map(|n| {
            let message = Incoming {
                body: leaving()
                    .body
                    .replace("number=\"7\"", &format!("number=\"{n}\"")),
                ..leaving()
            };
            let out = gateway.request(INSIDE, &message.request());
            (n, send(&out))
        })
        .collect();
    for (n, (id, request)) in sent.into_iter().rev() {
        let out = gateway.answer(id, &reply(&request, 404, &[]));
        let [(to, _)] = responses(&out).try_into().unwrap();
        assert_eq!(to.0, n + 1);
    }
}

#[test]
fn options_are_answered_here() {
    let options = Incoming {
        method: "OPTIONS",
        headers: vec![],
        content_type: String::new(),
        body: String::new(),
        ..leaving()
    };
    let mut gateway = gateway();
    let out = gateway.request(STRANGER, &options.request());
    let response = response(&out);
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        value(&response, HeaderName::Allow).as_deref(),
        Some("MESSAGE, OPTIONS")
    );
    assert!(!common::contains(response.as_bytes(), "leak"));
}

#[test]
fn more_than_can_be_kept_is_503() {
    let mut gateway = gateway();
    let request = leaving().request();
    let mut first = None;
    for _ in 0..10_000 {
        let out = gateway.request(INSIDE, &request);
        first.get_or_insert(send(&out));
    }
    let refused = response(&gateway.request(INSIDE, &request));
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().retry_after().unwrap().is_some());
    let (id, sent) = first.unwrap();
    gateway.answer(id, &reply(&sent, 200, &[]));
    assert_eq!(sends(&gateway.request(INSIDE, &request)).len(), 1);
}

#[test]
fn a_gateway_stores_nothing_and_has_no_timers() {
    let (mut gateway, id, request) = pending();
    assert_eq!(gateway.role.deadline(), None);
    let ok = reply(&request, 200, &[]);
    let out = gateway.input(mcx::Input::Answer { id, response: &ok });
    assert!(!out.iter().any(|e| matches!(e, Effect::Store { .. })));
    assert_eq!(gateway.role.deadline(), None);
}

#[test]
fn debug_names_nobody() {
    let mut gateway = gateway();
    let out = gateway.request(INSIDE, &leaving().request());
    let mut shown = format!("{out:?} {:?}", gateway.role);
    let out = gateway.request(B, &arriving().request());
    shown += &format!("{out:?} {:?}", gateway.role);
    for user in [ALICE, ALICE_AT_B, BOB] {
        let name = user.trim_start_matches("sip:").split('@').next().unwrap();
        assert!(!shown.contains(name), "{name}");
    }
}
