//! A's server, at which Bob of B stays; and what B says to it.

use mcx::document::{Document, Stay};
use mcx::state::Command;
use mcx::{Effect, MessageKind, Service, ServiceServer};
use sip_message::Response;

use super::commands::{map, run};
use super::tokens::{claims, sign};
use super::world::*;
use super::{ALICE, ALICE_AT_B, BOB, BOB_AT_A, id, key};

pub fn document(kind: MessageKind, primary: &str, partner: &str, number: Option<u64>) -> Document {
    Document {
        kind: Some(kind),
        primary_id: Some(primary.into()),
        partner_id: Some(partner.into()),
        stay: Some(Stay {
            number,
            procedure: Some(super::procedure(9)),
        }),
        ..Document::default()
    }
}

/// B de-authorizes Bob's stay at A.
pub fn deauthorize(number: u64) -> Document {
    let kind = MessageKind::DeauthorizationNotification;
    document(kind, BOB, BOB_AT_A, Some(number))
}

/// B reports Alice's stay there.
pub fn report(number: u64) -> Document {
    let kind = MessageKind::UserAuthorizationNotification;
    document(kind, ALICE, ALICE_AT_B, Some(number))
}

/// A's server, at which Bob stays.
pub fn bench() -> Bench<ServiceServer> {
    let mut bench = Bench::server(server_a());
    let Command::StoreMapping {
        procedure,
        authorization,
        at,
        ..
    } = map("b", Some(7), 1)
    else {
        unreachable!();
    };
    let stay = Command::StoreMapping {
        heard: None,
        key: key(Service::Mcptt, BOB),
        primary: super::system("b"),
        partner_id: id(BOB_AT_A),
        number: Some(7),
        procedure,
        authorization,
        at,
    };
    run(&mut bench.rows, &stay);
    super::commands::deliver_all(&mut bench.rows);
    bench
}

pub fn from_b(bench: &mut Bench<ServiceServer>, document: &Document) -> Response {
    let out = bench.exchange(B, &Incoming::message(SERVER_B, &xml(document)).request());
    response(&out)
}

/// What is refused before anything is stored.
pub fn refused(source: &str, incoming: &Incoming) -> Response {
    let mut bench = bench();
    let before = bench.rows.clone();
    let out = bench.request(source, &incoming.request());
    assert!(batches(&out).is_empty() && sends(&out).is_empty());
    assert_eq!(bench.rows, before);
    let why = |e: &&Effect| matches!(e, Effect::Decide(d) if d.verdict.starts_with("refused"));
    assert!(out.iter().any(|e| why(&e)), "a refusal is a decision (L7)");
    response(&out)
}

/// Bob, whose primary is B, publishes at A.
pub fn bob_publishes() -> Incoming {
    let document = Document {
        access_token: Some(sign(&claims(BOB_AT_A))),
        primary_id: Some(BOB.into()),
        ..Document::default()
    };
    Incoming::event("PUBLISH", &xml(&document))
}
