//! RFC 8497: a mark counts from partners that are trusted for it, and is shown to these alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::{allow, deliver_all, moved, run};
use common::gateway::*;
use common::tokens::{claims, sign};
use common::visit::report;
use common::world::{B, Bench, CORE, Incoming, SERVER_B, send, server_a, xml};
use common::{ALICE, BOB, id};
use mcx::document::Document;
use mcx::marking::Watched;
use mcx::{Effect, GatewayServer, Random, ServiceServer};
use sip_message::{HeaderName, Request};

fn gateway(trusted: bool, watched: Watched) -> Bench<GatewayServer> {
    let mut config = config();
    for partner in &mut config.systems.partners {
        partner.logme = trusted;
    }
    Bench::new(GatewayServer::new(config, Random::new([3; 32])).watching(watched))
}

/// The request with this behind its Session-ID.
fn with(message: &Incoming, parameter: &str) -> Request {
    let value = format!(
        "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2{parameter}"
    );
    let request = message.request();
    request
        .edit()
        .set(HeaderName::SessionId, &value)
        .finish()
        .unwrap()
}

fn is_marked(request: &Request) -> bool {
    let id = request.headers().session_id().unwrap().unwrap();
    id.params().get("logme").is_some()
}

fn verdicts(effects: &[Effect]) -> Vec<String> {
    let of = |effect: &Effect| match effect {
        Effect::Decide(decision) if decision.requirement == "RFC 8497" => {
            Some(decision.verdict.clone().into_owned())
        }
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

#[test]
fn a_mark_goes_through_a_gateway_between_those_who_are_trusted() {
    for trusted in [true, false] {
        let verdict = if trusted { "marked" } else { "mark left out" };
        let mut gateway = gateway(trusted, Watched::default());
        let effects = gateway.request(B, &with(&arriving(), ";logme"));
        assert_eq!(is_marked(&send(&effects).1), trusted);
        assert_eq!(verdicts(&effects), [verdict]);
        let effects = gateway.request(INSIDE, &with(&leaving(), ";logme"));
        assert_eq!(is_marked(&send(&effects).1), trusted, "to the partner");
        assert_eq!(verdicts(&effects).last().unwrap(), verdict);
    }
}

#[test]
fn no_mark_comes_from_nothing() {
    // RFC 8497 §4.2: the parameter has no value.
    for parameter in ["", ";logme=1", ";log", ";x=logme"] {
        let mut gateway = gateway(true, Watched::default());
        for (from, message) in [(B, arriving()), (INSIDE, leaving())] {
            let effects = gateway.request(from, &with(&message, parameter));
            assert!(!is_marked(&send(&effects).1), "{parameter}");
            assert!(verdicts(&effects).is_empty(), "{parameter}");
        }
    }
}

#[test]
fn what_is_about_a_watched_user_is_marked_until_the_watch_ends() {
    let watched = Watched::default();
    watched.begin(1, id(ALICE));
    watched.begin(2, id(BOB));
    for (trusted, out) in [(true, true), (false, false)] {
        let mut gateway = gateway(trusted, watched.clone());
        assert_eq!(
            is_marked(&send(&gateway.request(INSIDE, &leaving().request())).1),
            out
        );
        // The own server may always know.
        assert!(is_marked(
            &send(&gateway.request(B, &arriving().request())).1
        ));
    }
    watched.end(1);
    let mut gateway = gateway(true, watched);
    assert!(!is_marked(
        &send(&gateway.request(INSIDE, &leaving().request())).1
    ));
    assert!(is_marked(
        &send(&gateway.request(B, &arriving().request())).1
    ));
}

/// A's server while Alice is at B.
fn server(trusted: bool, watched: Watched) -> Bench<ServiceServer> {
    let mut config = server_a();
    for partner in &mut config.systems.partners {
        partner.logme = trusted;
    }
    let role = ServiceServer::new(config, Random::new([3; 32])).watching(watched);
    let mut bench = Bench::new(role);
    bench.recover(Vec::new());
    run(&mut bench.rows, &allow("b", 1));
    run(&mut bench.rows, &moved("b", Some(1), 1));
    deliver_all(&mut bench.rows);
    bench
}

#[test]
fn a_server_marks_what_is_about_a_watched_user_to_who_is_trusted() {
    let document = Document {
        access_token: Some(sign(&claims(ALICE))),
        ..Document::default()
    };
    let publish = Incoming::event("PUBLISH", &xml(&document));
    for (trusted, watches, marked) in [
        (true, ALICE, true),
        (true, BOB, false),
        (false, ALICE, false),
    ] {
        let watched = Watched::default();
        watched.begin(1, id(watches));
        let effects = server(trusted, watched).exchange(CORE, &publish.request());
        let notification = send(&effects).1;
        assert_eq!(is_marked(&notification), marked, "{trusted} {watches}");
    }
}

#[test]
fn a_mark_counts_at_a_server_from_who_is_trusted() {
    let report = Incoming::message(SERVER_B, &xml(&report(1)));
    for (trusted, verdict) in [(true, "marked"), (false, "mark left out")] {
        let mut server = server(trusted, Watched::default());
        let effects = server.request(B, &with(&report, ";logme"));
        assert_eq!(verdicts(&effects), [verdict]);
        let effects = server.request(B, &with(&report, ""));
        assert!(verdicts(&effects).is_empty());
    }
}
