//! Every row of the wire profile's table "Answers" that a service server gives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::{allow, end, moved, run};
use common::documents::EXAMPLE;
use common::visit::*;
use common::world::*;
use common::{ALICE, BOB, BOB_AT_A};
use mcx::MessageKind;
use mcx::document::Document;
use sip_message::HeaderName;

#[test]
fn applied_applied_before_and_stale_are_200() {
    let mut bench = bench();
    for number in [6, 7, 7, 3] {
        assert_eq!(told(&from_b(&mut bench, &deauthorize(number))), (200, None));
    }
    run(&mut bench.rows, &allow("b", 1));
    run(&mut bench.rows, &allow("c", 2));
    run(&mut bench.rows, &moved("c", Some(2), 2));
    common::commands::deliver_all(&mut bench.rows);
    for _ in 0..2 {
        assert_eq!(told(&from_b(&mut bench, &report(1))), (200, None));
    }
}

#[test]
fn an_answer_waits_for_the_disk() {
    let mut bench = bench();
    let message = Incoming::message(SERVER_B, &xml(&deauthorize(7))).request();
    let out = bench.request(B, &message);
    assert!(responses(&out).is_empty());
    let (store, batch) = batches(&out).remove(0);
    assert_eq!(batch.len(), 1);
    let response = response(&bench.store_fails(store));
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().retry_after().unwrap().is_some());
    let out = bench.exchange(B, &message);
    assert_eq!(responses(&out)[0].1.status().as_u16(), 200);
}

#[test]
fn a_user_who_never_migrated_here_or_was_purged_is_404() {
    let unknown =
        Some("399 a.mcx.example \"141 user unknown to the participating function\"".into());
    let mut bench = bench();
    let kind = MessageKind::DeauthorizationNotification;
    let stranger = document(kind, "sip:eve@b.mcx.example", BOB_AT_A, Some(1));
    assert_eq!(told(&from_b(&mut bench, &stranger)), (404, unknown.clone()));
    assert_eq!(from_b(&mut bench, &deauthorize(7)).status().as_u16(), 200);
    bench.after(std::time::Duration::from_secs(61));
    assert!(bench.rows.visitors.is_empty(), "its retention is over");
    assert_eq!(told(&from_b(&mut bench, &deauthorize(7))), (404, unknown));
}

#[test]
fn what_the_sender_is_not_entitled_to_is_403_with_179() {
    let expected =
        "399 a.mcx.example \"179 service not authorized with the interconnected system\"";
    let message = Incoming::message(SERVER_B, &xml(&deauthorize(7)));
    let stranger = refused(STRANGER, &message);
    assert_eq!(told(&stranger), (403, Some(expected.into())));
    let mut bench = bench();
    assert_eq!(
        told(&from_b(&mut bench, &report(1))),
        (403, Some(expected.into())),
        "never allowed"
    );
}

#[test]
fn a_broken_document_is_400_and_its_reason_names_the_culprit() {
    let whole = xml(&deauthorize(7));
    let without = |element: &str| {
        let (before, rest) = whole.split_once(&format!("<{element}")).unwrap();
        let (_, after) = rest.split_once(&format!("</{element}>")).unwrap();
        format!("{before}{after}")
    };
    let cases = [
        (whole.replace("</mcpttinfo>", ""), "not well-formed"),
        (whole.replace("mcpttinfo", "other"), "root element"),
        (format!("<!DOCTYPE x>{whole}"), "DTD"),
        (without("req-type"), "req-type"),
        (without("primary-mcptt-id"), "primary-mcptt-id"),
        (
            xml(&report(1)).replace("partner-mcptt-id", "x"),
            "partner-mcptt-id",
        ),
        (whole.replace("number=\"7\"", "number=\"x\""), "stay"),
        (whole.replace("sip:bob@", "tel:bob@"), "primary-mcptt-id"),
        (
            whole.replace("migration-service-deauthorization-notification", "x"),
            "kind of message",
        ),
        (
            whole.replace(
                "<anyExt>",
                "<anyExt><primary-mcptt-id>sip:x@b.mcx.example</primary-mcptt-id>",
            ),
            "primary-mcptt-id",
        ),
        (
            whole.replace(
                "<anyExt>",
                "<mcptt-request-uri>sip:x@b.mcx.example</mcptt-request-uri><anyExt>",
            ),
            "mcptt-request-uri",
        ),
        (
            whole.replacen(" type=\"Normal\"", " type=\"Encrypted\"", 2),
            "Encrypted",
        ),
    ];
    for (body, culprit) in cases {
        let response = refused(B, &Incoming::message(SERVER_B, &body));
        let reason = String::from_utf8_lossy(response.reason()).into_owned();
        assert_eq!(response.status().as_u16(), 400, "{body}");
        assert!(reason.contains(culprit), "{reason} names {culprit}");
        assert!(!reason.contains("bob"), "{reason}");
    }
    let multipart = Incoming {
        content_type: "multipart/mixed;boundary=x".into(),
        ..Incoming::message(SERVER_B, &whole)
    };
    assert_eq!(refused(B, &multipart).status().as_u16(), 400);
}

#[test]
fn a_response_without_its_result_is_400() {
    let kind = MessageKind::AuthorizationResponse;
    let body = xml(&document(kind, BOB, BOB_AT_A, Some(1)));
    let response = refused(B, &Incoming::message(SERVER_B, &body));
    assert_eq!(response.status().as_u16(), 400);
    assert!(String::from_utf8_lossy(response.reason()).contains("migration-auth-result"));
}

#[test]
fn a_body_of_another_type_is_415_with_accept() {
    let of_data = EXAMPLE.replace("mcptt", "mcdata");
    for (media, body) in [
        ("text/plain", "hello"),
        ("", ""),
        // A service that this server does not serve.
        ("application/vnd.3gpp.mcdata-info+xml", of_data.as_str()),
    ] {
        let incoming = Incoming {
            content_type: media.into(),
            ..Incoming::message(SERVER_B, body)
        };
        let response = refused(B, &incoming);
        assert_eq!(response.status().as_u16(), 415, "{media}");
        let accept = value(&response, HeaderName::Accept).unwrap();
        assert!(accept.contains("application/vnd.3gpp.mcptt-info+xml"));
        assert!(accept.contains("multipart/mixed") && !accept.contains("mcdata"));
    }
}

#[test]
fn every_answer_is_to_its_request() {
    let mut bench = bench();
    let response = from_b(&mut bench, &deauthorize(7));
    let headers = response.headers();
    assert_eq!(headers.call_id().unwrap(), b"call@x.example");
    assert!(headers.to().unwrap().tag().is_some());
    assert_eq!(headers.from().unwrap().tag(), Some(b"fromtag".as_slice()));
    assert_eq!(headers.cseq().unwrap().number, 7);
    assert!(response.body().is_empty(), "RFC 3428 §7");
}

/// Identities and tokens are no log text (`{:?}` of an effect, a command, a role).
#[test]
fn debug_names_nobody() {
    let mut bench = bench();
    let token = common::tokens::sign(&common::tokens::claims(ALICE));
    let publish = Document {
        access_token: Some(token.clone()),
        ..Document::default()
    };
    run(&mut bench.rows, &allow("b", 1));
    let mut shown = format!("{:?}", end(Some(1), Some(BOB_AT_A)));
    for (source, incoming) in [
        (B, Incoming::message(SERVER_B, &xml(&deauthorize(7)))),
        (B, Incoming::message(SERVER_B, &xml(&report(1)))),
        (CORE, Incoming::event("PUBLISH", &xml(&publish))),
    ] {
        let request = incoming.request();
        let out = bench.request(source, &request);
        shown += &format!("{request:?} {out:?} {:?}", bench.role);
        let out = bench.store(out);
        shown += &format!("{out:?} {:?} {:?}", bench.role, bench.rows);
    }
    for secret in ["alice", "bob", "visitor-7", "visitor-4711", token.as_str()] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
