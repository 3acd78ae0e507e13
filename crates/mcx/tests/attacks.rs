//! Attacks on procedures rather than on parsers (docs/security.md): what was said once is said again, in another's name, or about
//! somebody whom the signature does not name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::{self, INSIDE, arriving, leaving};
use common::tokens::{claims, sign};
use common::visit::{bench, bob_publishes, deauthorize};
use common::world::*;
use common::{ALICE, BOB, BOB_AT_A, id};
use mcx::MessageKind;
use mcx::document::Document;
use mcx::state::VisitorPhase;
use sip_message::{HeaderName, Message, Request};

fn changed(request: &Request, from: &str, to: &str) -> Request {
    let text = String::from_utf8(request.as_bytes().to_vec()).unwrap();
    assert!(text.contains(from), "{from}");
    match Message::parse_datagram(text.replace(from, to).into(), &Default::default()) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn phase<R>(bench: &Bench<R>) -> VisitorPhase {
    let [(_, visitor)] = bench.rows.visitors.iter().collect::<Vec<_>>()[..] else {
        panic!("Bob is here alone");
    };
    visitor.phase
}

#[test]
fn a_notification_that_was_captured_ends_no_newer_stay() {
    let mut bench = bench();
    let captured = Incoming::message(SERVER_B, &xml(&deauthorize(7))).request();
    assert_eq!(
        response(&bench.exchange(B, &captured)).status().as_u16(),
        200
    );
    assert!(matches!(phase(&bench), VisitorPhase::WasMigrated { .. }));
    // He comes again, by a stay of his own.
    let common_command = common::commands::map("b", Some(8), 2);
    let mcx::state::Command::StoreMapping {
        procedure,
        authorization,
        at,
        ..
    } = common_command
    else {
        unreachable!();
    };
    let stay = mcx::state::Command::StoreMapping {
        heard: None,
        key: common::key(mcx::Service::Mcptt, BOB),
        primary: common::system("b"),
        partner_id: id(BOB_AT_A),
        number: Some(8),
        procedure,
        authorization,
        at,
    };
    common::commands::run(&mut bench.rows, &stay);
    common::commands::deliver_all(&mut bench.rows);
    assert!(matches!(phase(&bench), VisitorPhase::Migrated));
    let before = bench.rows.clone();
    // The same bytes, and the same in a transaction and a dialog of their own.
    let anew = changed(&captured, "branch=z9hG4bKin", "branch=z9hG4bKagain");
    let anew = changed(&anew, "call@x.example", "another@x.example");
    for replayed in [&captured, &anew] {
        let answer = response(&bench.exchange(B, replayed));
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(bench.rows.visitors, before.visitors);
        // From elsewhere it is nothing at all.
        let answer = response(&bench.request(STRANGER, replayed));
        assert_eq!(answer.status().as_u16(), 403);
        let answer = response(&bench.request(C, replayed));
        assert_eq!(answer.status().as_u16(), 403);
    }
    assert_eq!(bench.rows.visitors, before.visitors);
}

#[test]
fn an_event_that_was_captured_begins_nothing_where_it_does_not_come_from_the_core() {
    let mut bench = bench();
    let before = bench.rows.clone();
    let captured = bob_publishes().request();
    for elsewhere in [STRANGER, B, "198.51.100.66:5070"] {
        let out = bench.exchange(elsewhere, &captured);
        assert_eq!(response(&out).status().as_u16(), 403);
        assert!(sends(&out).is_empty());
    }
    assert_eq!(bench.rows, before);
}

/// What CVE-2025-47779 let through: a MESSAGE of one who is known, in the name of another.
#[test]
fn from_decides_nothing() {
    let honest = Incoming::message(SERVER_B, &xml(&deauthorize(7))).request();
    let from = "From: <sip:from@x.example>;tag=fromtag";
    let mut bench = bench();
    let in_bs_name = changed(&honest, from, &format!("From: <{SERVER_B}>;tag=1"));
    let in_bs_name = changed(
        &in_bs_name,
        &format!("<{SERVER_B}>\r\n"),
        "<sip:x@x.example>\r\n",
    );
    let answer = response(&bench.exchange(C, &in_bs_name));
    assert_eq!(answer.status().as_u16(), 403);
    assert!(matches!(phase(&bench), VisitorPhase::Migrated));
    // And it takes nothing from who has proven himself otherwise.
    let in_cs_name = changed(&honest, from, &format!("From: <{SERVER_C}>;tag=1"));
    let answer = response(&bench.exchange(B, &in_cs_name));
    assert_eq!(answer.status().as_u16(), 200);
}

/// Signature wrapping: a token that is in order, and beside it the name of somebody whom it does not name.
#[test]
fn a_token_speaks_for_the_id_in_it_alone() {
    let token = sign(&claims(BOB_AT_A));
    let target = Document {
        access_token: Some(token.clone()),
        primary_id: Some(BOB.into()),
        request_uri: Some(ALICE.into()),
        ..Document::default()
    };
    // An own user's id as that of his primary system, whose token it is not.
    let primary = Document {
        access_token: Some(token.clone()),
        primary_id: Some(ALICE.into()),
        ..Document::default()
    };
    let tokens = xml(&Document {
        access_token: Some(token.clone()),
        primary_id: Some(BOB.into()),
        ..Document::default()
    });
    let second = sign(&claims(ALICE));
    let element = |token: &str| {
        format!(
            "<mcptt-access-token type=\"Normal\"><mcpttString>{token}</mcpttString></mcptt-access-token>"
        )
    };
    assert!(tokens.contains(&element(&token)));
    let two = tokens.replace(&element(&token), &(element(&token) + &element(&second)));
    let swapped = tokens.replace(&element(&token), &(element(&second) + &element(&token)));
    // The payload of one under the signature of the other.
    let (ours, theirs): (Vec<_>, Vec<_>) =
        (token.split('.').collect(), second.split('.').collect());
    let mixed = tokens.replace(&token, &[ours[0], theirs[1], ours[2]].join("."));
    for body in [xml(&target), xml(&primary), two, swapped, mixed] {
        let mut bench = Bench::server(server_a());
        let event = Incoming::event("PUBLISH", &body).request();
        let out = bench.exchange(CORE, &event);
        let status = response(&out).status().as_u16();
        assert!([400, 403].contains(&status), "{status}\n{body}");
        assert!(sends(&out).is_empty());
        assert!(bench.rows.homes.is_empty() && bench.rows.visitors.is_empty());
    }
}

/// Topology and users are not told to who probes for them: to a stranger who is here and who is not are one.
#[test]
fn a_stranger_hears_the_same_of_who_is_here_and_who_is_not() {
    let unknown = Document {
        primary_id: Some("sip:zoe@b.mcx.example".into()),
        ..deauthorize(7)
    };
    let answer = |document: &Document| {
        let mut bench = bench();
        let message = Incoming::message(SERVER_B, &xml(document));
        let answer = response(&bench.request(STRANGER, &message.request()));
        let text = String::from_utf8(answer.as_bytes().to_vec()).unwrap();
        let tag = answer.headers().to().unwrap().tag().unwrap().to_vec();
        let tag = String::from_utf8(tag).unwrap();
        for name in [
            HeaderName::Server,
            HeaderName::UserAgent,
            HeaderName::Contact,
        ] {
            assert_eq!(value(&answer, name), None);
        }
        text.replace(&tag, "TAG")
    };
    assert_eq!(answer(&deauthorize(7)), answer(&unknown));
}

/// RFC 5393: what one request costs others does not grow with what is in it.
#[test]
fn one_in_is_at_most_one_out() {
    let kinds = [
        MessageKind::DeauthorizationNotification,
        MessageKind::UserAuthorizationNotification,
        MessageKind::AuthorizationRequest,
        MessageKind::AuthorizationResponse,
    ];
    let routes: String = (0..60)
        .map(|n| format!("<sip:hop{n}@c.mcx.example;lr>, "))
        .collect();
    let routes = format!("Route: {routes}<sip:last@b.mcx.example;lr>");
    let mut forwarded = 0;
    for kind in kinds {
        for from in [gateway::INSIDE_A, gateway::GATEWAY_B, gateway::GATEWAY_C] {
            let source = match from {
                gateway::INSIDE_A => INSIDE,
                gateway::GATEWAY_B => B,
                _ => C,
            };
            for (primary, partner) in [(ALICE, common::ALICE_AT_B), (BOB, BOB_AT_A)] {
                let mut gateway = gateway::gateway();
                let says = gateway::says(from, kind, primary, Some(partner)).header(&routes);
                let out = gateway.request(source, &says.request());
                let (sent, answered) = (sends(&out).len(), responses(&out).len());
                assert_eq!(sent + answered, 1, "{kind:?} {from} {primary}");
                forwarded += sent;
            }
        }
    }
    assert!(forwarded >= 4, "{forwarded}");
}

/// What Kamailio's lrkproxy kept in fifty bytes (2026): a Call-ID is as long as a header may be.
#[test]
fn a_call_id_of_any_length_is_kept_whole_and_goes_no_further() {
    let long = "c".repeat(30_000);
    for message in [leaving(), arriving()] {
        let request = changed(&message.request(), "call@x.example", &long);
        let source = match message.headers[0].contains("leak") {
            true => INSIDE,
            false => B,
        };
        let mut gateway = gateway::gateway();
        let (sent, forwarded) = send(&gateway.request(source, &request));
        let call_id = forwarded.headers().call_id().unwrap();
        assert!(call_id.len() < 100);
        let answer = response(&gateway.answer(sent, &reply(&forwarded, 200, &[])));
        assert_eq!(answer.headers().call_id().unwrap(), long.as_bytes());
    }
}
