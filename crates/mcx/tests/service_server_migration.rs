//! L1, both sides: the partner asks while the client waits, the primary allows or refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::tokens::{claims, sign};
use common::visit;
use common::world::*;
use common::{ALICE, ALICE_AT_B, BOB, BOB_AT_A, id, key, system};
use mcx::document::{Bounds, Document, Stay};
use mcx::state::{Notice, StayPhase, VisitorPhase};
use mcx::{
    Effect, MessageKind, MigrationPolicy, ProcedureId, Role as _, SendFailure, SendId, Service,
    ServiceServer,
};
use sip_message::{HeaderName, Request};

/// Bob, whose primary is B, publishes at A.
fn bob_publishes() -> Incoming {
    let document = Document {
        access_token: Some(sign(&claims(BOB_AT_A))),
        primary_id: Some(BOB.into()),
        profile_index: Some(2),
        ..Document::default()
    };
    Incoming::event("PUBLISH", &xml(&document))
}

fn read(request: &Request) -> Document {
    let profile = common::profile(Service::Mcptt);
    Document::read(request.body(), &profile, Bounds::default()).unwrap()
}

/// A's server, asking B; the request that it sent, and its procedure.
fn asking() -> (Bench<ServiceServer>, SendId, ProcedureId) {
    let mut bench = Bench::server(server_a());
    let out = bench.exchange(CORE, &bob_publishes().request());
    assert!(responses(&out).is_empty(), "the client waits");
    let (id, request) = send(&out);
    let procedure = read(&request).procedure().unwrap();
    (bench, id, procedure)
}

/// B's response.
fn b_says(result: bool, number: Option<u64>, procedure: Option<ProcedureId>) -> Incoming {
    let document = Document {
        kind: Some(MessageKind::AuthorizationResponse),
        primary_id: Some(BOB.into()),
        partner_id: Some(BOB_AT_A.into()),
        result: Some(result),
        stay: Some(Stay { number, procedure }),
        ..Document::default()
    };
    Incoming::message(SERVER_B, &xml(&document))
}

#[test]
fn the_partner_asks_the_primary_while_the_client_waits() {
    let mut bench = Bench::server(server_a());
    let out = bench.exchange(CORE, &bob_publishes().request());
    assert!(responses(&out).is_empty());
    let (_, request) = send(&out);
    assert_eq!(request.uri_bytes(), SERVER_B.as_bytes());
    let asked = read(&request);
    assert_eq!(asked.kind, Some(MessageKind::AuthorizationRequest));
    assert_eq!(asked.request_uri.as_deref(), Some(BOB));
    assert_eq!(asked.primary_id.as_deref(), Some(BOB));
    assert_eq!(asked.partner_id.as_deref(), Some(BOB_AT_A));
    assert_eq!(asked.profile_index, Some(2));
    assert_eq!(asked.stay_number(), None);
    assert!(asked.procedure().is_some());
    assert_eq!(asked.access_token, None, "the token stays here");
    assert!(bench.rows.visitors.is_empty());
}

#[test]
fn allowed_and_only_then_stored_answered_and_reported() {
    let (mut bench, sent, procedure) = asking();
    let taken = reply(&bench.sent[&sent].clone(), 200, &[]);
    assert!(
        responses(&bench.answer(sent, &taken)).is_empty(),
        "the response is yet to come"
    );

    let out = bench.request(B, &b_says(true, Some(4), Some(procedure)).request());
    assert!(responses(&out).is_empty(), "nothing is durable yet");
    let out = bench.store(out);
    let answers = responses(&out);
    assert_eq!(answers.len(), 2, "B's message and the client's event");
    assert!(answers.iter().all(|(_, r)| r.status().as_u16() == 200));
    let client = answers
        .iter()
        .find(|(_, r)| value(r, HeaderName::SipEtag).is_some());
    assert!(client.is_some());
    let mapping = &bench.rows.visitors[&key(Service::Mcptt, BOB)];
    assert_eq!(mapping.partner_id, id(BOB_AT_A));
    assert_eq!(
        (mapping.number, mapping.phase),
        (Some(4), VisitorPhase::Migrated)
    );

    // P2.1: the primary is told.
    let (_, report) = send(&out);
    let report = read(&report);
    assert_eq!(
        report.kind,
        Some(MessageKind::UserAuthorizationNotification)
    );
    assert_eq!(report.stay_number(), Some(4));
    assert_eq!(report.procedure(), Some(procedure));
}

#[test]
fn a_response_before_the_answer_to_the_request_counts() {
    let (mut bench, sent, procedure) = asking();
    let out = bench.exchange(B, &b_says(true, Some(1), Some(procedure)).request());
    assert_eq!(responses(&out).len(), 2);
    let late = reply(&bench.sent[&sent].clone(), 500, &[]);
    assert!(responses(&bench.answer(sent, &late)).is_empty());
}

#[test]
fn a_mapping_that_cannot_be_stored_is_503_to_both() {
    let (mut bench, _, procedure) = asking();
    let out = bench.request(B, &b_says(true, Some(1), Some(procedure)).request());
    let (store, _) = batches(&out).remove(0);
    let out = bench.store_fails(store);
    let answers = responses(&out);
    assert_eq!(answers.len(), 2);
    for (_, response) in answers {
        assert_eq!(response.status().as_u16(), 503);
        assert!(response.headers().retry_after().unwrap().is_some());
    }
    assert!(sends(&out).is_empty() && bench.rows.visitors.is_empty());
}

#[test]
fn refused_by_the_primary() {
    let (mut bench, _, procedure) = asking();
    let out = bench.exchange(B, &b_says(false, None, Some(procedure)).request());
    let mut statuses: Vec<_> = responses(&out).iter().map(|(_, r)| told(r)).collect();
    statuses.sort();
    assert_eq!(statuses[0], (200, None));
    let warning = "399 a.mcx.example \"101 service authorisation failed\"";
    assert_eq!(statuses[1], (403, Some(warning.into())));
    assert!(bench.rows.visitors.is_empty() && sends(&out).is_empty());
}

#[test]
fn the_primary_refuses_the_request_itself_or_cannot_be_reached() {
    for (status, expected) in [(403, 403), (404, 403), (400, 500), (408, 500), (503, 500)] {
        let (mut bench, sent, _) = asking();
        let answer = reply(&bench.sent[&sent].clone(), status, &[]);
        let response = response(&bench.answer(sent, &answer));
        assert_eq!(response.status().as_u16(), expected, "{status}");
        let again = response.headers().retry_after().unwrap();
        assert_eq!(again.is_some(), expected == 500);
    }
    for why in [
        SendFailure::Timeout,
        SendFailure::Transport,
        SendFailure::Overload,
    ] {
        let (mut bench, sent, _) = asking();
        let response = response(&bench.fails(sent, why));
        assert_eq!(response.status().as_u16(), 500);
        assert!(response.headers().retry_after().unwrap().is_some());
    }
}

#[test]
fn no_response_in_time() {
    let (mut bench, sent, procedure) = asking();
    let taken = reply(&bench.sent[&sent].clone(), 200, &[]);
    bench.answer(sent, &taken);
    assert!(responses(&bench.after(Duration::from_secs(19))).is_empty());
    let due = bench.clock.0.mono + Duration::from_secs(1);
    assert!(bench.role.deadline().is_some_and(|at| at <= due));
    let out = bench.after(Duration::from_secs(1));
    assert_eq!(response(&out).status().as_u16(), 500);
    // What comes now is taken, and stores nothing.
    let out = bench.exchange(B, &b_says(true, Some(1), Some(procedure)).request());
    assert_eq!(response(&out).status().as_u16(), 200);
    assert!(bench.rows.visitors.is_empty());
}

#[test]
fn a_response_is_for_the_event_that_asked() {
    let (mut bench, _, first) = asking();
    let out = bench.exchange(CORE, &bob_publishes().request());
    assert_eq!(
        response(&out).status().as_u16(),
        500,
        "the earlier event is given up"
    );
    let (_, request) = send(&out);
    let second = read(&request).procedure().unwrap();
    assert_ne!(first, second);
    let stale = bench.exchange(B, &b_says(true, Some(1), Some(first)).request());
    assert_eq!(response(&stale).status().as_u16(), 200);
    assert!(bench.rows.visitors.is_empty(), "nobody waits for the first");
    let out = bench.exchange(B, &b_says(true, Some(2), Some(second)).request());
    assert_eq!(responses(&out).len(), 2);
    assert_eq!(
        bench.rows.visitors[&key(Service::Mcptt, BOB)].number,
        Some(2)
    );
}

#[test]
fn a_primary_that_sends_no_stay_is_understood() {
    let (mut bench, _, _) = asking();
    let out = bench.exchange(B, &b_says(true, None, None).request());
    assert_eq!(responses(&out).len(), 2);
    assert_eq!(bench.rows.visitors[&key(Service::Mcptt, BOB)].number, None);
}

/// B asks A whether a user of A may migrate.
fn b_asks(user: &str) -> Incoming {
    let document = Document {
        kind: Some(MessageKind::AuthorizationRequest),
        request_uri: Some(user.into()),
        primary_id: Some(user.into()),
        partner_id: Some(ALICE_AT_B.into()),
        stay: Some(Stay {
            number: None,
            procedure: Some(common::procedure(5)),
        }),
        ..Document::default()
    };
    Incoming::message(SERVER_B, &xml(&document))
}

#[test]
fn the_primary_allows_and_answers_in_a_message_of_its_own() {
    let mut bench = Bench::server(server_a());
    let out = bench.request(B, &b_asks(ALICE).request());
    assert!(responses(&out).is_empty() && sends(&out).is_empty());
    let out = bench.store(out);
    assert_eq!(response(&out).status().as_u16(), 200);
    assert!(response(&out).body().is_empty(), "RFC 3428 §7");
    let (_, message) = send(&out);
    let in_reply_to = message.headers().in_reply_to().unwrap();
    assert_eq!(in_reply_to, [b"call@x.example".as_slice()]);
    let says = read(&message);
    assert_eq!(says.kind, Some(MessageKind::AuthorizationResponse));
    assert_eq!((says.result, says.stay_number()), (Some(true), Some(1)));
    assert_eq!(says.procedure(), Some(common::procedure(5)));
    let stay = bench.rows.homes[&key(Service::Mcptt, ALICE)]
        .stay_at(&system("b"))
        .cloned();
    assert_eq!(stay.unwrap().phase, StayPhase::Open);
}

#[test]
fn the_primary_refuses_by_configuration() {
    let mut closed = server_a();
    closed.systems.partners[0].migration.allowed = false;
    for (config, user) in [(server_a(), REFUSED), (closed, ALICE)] {
        let mut bench = Bench::server(config);
        let out = bench.exchange(B, &b_asks(user).request());
        assert_eq!(response(&out).status().as_u16(), 200);
        let says = read(&send(&out).1);
        assert_eq!((says.result, says.stay_number()), (Some(false), None));
        assert!(bench.rows.homes.is_empty());
        let refused = bench.rows.outbox.values().next().unwrap();
        assert!(matches!(
            refused.row.notice,
            Notice::AuthorizationResponse { number: None, .. }
        ));
    }
}

#[test]
fn a_response_that_nobody_waits_for_any_more_is_dropped() {
    let mut bench = Bench::server(server_a());
    let out = bench.exchange(B, &b_asks(ALICE).request());
    let (sent, _) = send(&out);
    assert!(sends(&bench.fails(sent, SendFailure::Timeout)).is_empty());
    let out = bench.after(Duration::from_secs(33));
    assert!(sends(&out).is_empty());
    assert!(bench.rows.outbox.is_empty());
    assert_eq!(bench.rows.homes.len(), 1, "the stay itself is kept");
}

/// Verdict about a request of B's for a user with a profile, by a policy; and what is recorded of a refusal.
fn asked(policy: MigrationPolicy, user: &str, profile_index: Option<u32>) -> (bool, String) {
    let mut config = server_a();
    config.systems.partners[0].migration = policy;
    let mut bench = Bench::server(config);
    let kind = MessageKind::AuthorizationRequest;
    let document = Document {
        profile_index,
        ..visit::document(kind, user, ALICE_AT_B, None)
    };
    let message = Incoming::message(SERVER_B, &xml(&document));
    let out = bench.exchange(B, &message.request());
    assert_eq!(
        told(&response(&out)).0,
        200,
        "the request is taken either way"
    );
    let (_, answer) = send(&out);
    let bounds = mcx::document::Bounds::default();
    let answer = Document::read(answer.body(), &common::profile(Service::Mcptt), bounds).unwrap();
    let why = out.iter().find_map(|effect| match effect {
        Effect::Decide(decision) if decision.verdict == "refuses" => Some(decision.why.to_string()),
        _ => None,
    });
    (answer.result.unwrap(), why.unwrap_or_default())
}

#[test]
fn a_service_has_a_policy_of_its_own() {
    let mut config = server_a();
    let mut nobody = config.systems.partners[0].migration.clone();
    nobody.allowed = false;
    let of = &mut config.systems.partners[0].migration_of;
    of.insert(Service::McVideo, nobody);
    let b = &config.systems.partners[0];
    assert!(b.migration(Service::Mcptt).allowed);
    assert!(!b.migration(Service::McVideo).allowed);
    let mut bench = Bench::server(config.clone());
    let video = common::profile(Service::McVideo);
    let document = visit::document(MessageKind::AuthorizationRequest, ALICE, ALICE_AT_B, None);
    let message = Incoming {
        content_type: video.media_type(),
        ..Incoming::message(SERVER_B, &document.write(&video))
    };
    let out = bench.exchange(B, &message.request());
    let (_, answer) = send(&out);
    let answer = Document::read(answer.body(), &video, mcx::document::Bounds::default()).unwrap();
    assert_eq!(answer.result, Some(false));
}

#[test]
fn policy_allows_users_and_profiles() {
    let everybody = MigrationPolicy {
        allowed: true,
        users: None,
        refused_users: vec![],
        profile_indexes: None,
    };
    let nobody = MigrationPolicy {
        allowed: false,
        ..everybody.clone()
    };
    let alice_alone = MigrationPolicy {
        users: Some(vec![id(ALICE)]),
        ..everybody.clone()
    };
    let neither_alice = MigrationPolicy {
        refused_users: vec![id(ALICE)],
        ..alice_alone.clone()
    };
    let profiles = MigrationPolicy {
        profile_indexes: Some(vec![0, 2]),
        ..everybody.clone()
    };
    let eve = "sip:eve@a.mcx.example";
    let user = "this user may not migrate there";
    let profile = "no user may migrate there with this profile";
    for (policy, who, index, refused) in [
        (&everybody, eve, None, ""),
        (&everybody, eve, Some(9), ""),
        (&nobody, ALICE, None, "no user may migrate there"),
        (&alice_alone, ALICE, None, ""),
        (&alice_alone, eve, None, user),
        (&neither_alice, ALICE, None, user),
        (&profiles, ALICE, Some(2), ""),
        (&profiles, ALICE, None, ""),
        (&profiles, ALICE, Some(1), profile),
    ] {
        let expected = (refused.is_empty(), refused.to_owned());
        assert_eq!(
            asked(policy.clone(), who, index),
            expected,
            "{who} {index:?}"
        );
    }
}
