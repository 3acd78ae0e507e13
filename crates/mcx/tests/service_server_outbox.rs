//! L4: what is owed is sent until the partner has it or refuses it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::at;
use common::owed::*;
use common::world::*;
use mcx::{Retry, Role as _, SendFailure, SendId, ServiceServer};
use sip_message::{HeaderName, Request};

#[test]
fn delivered() {
    for status in [200, 202] {
        let (mut bench, out) = answered(status, &[]);
        assert!(bench.rows.outbox.is_empty(), "{status}");
        assert!(decisions(&out).contains("delivered"));
        assert!(sends(&bench.after(Duration::from_secs(10_000))).is_empty());
    }
}

#[test]
fn the_partner_does_not_know_the_user() {
    let known = "399 b.mcx.example \"141 user unknown to the participating function\"";
    let (bench, out) = answered(404, &[(HeaderName::Warning, known)]);
    assert!(bench.rows.outbox.is_empty());
    assert!(decisions(&out).contains("done"));
}

#[test]
fn refusals_are_parked_and_the_operator_is_told() {
    let policy = "399 b.mcx.example \"100 function not allowed due to local policy\"";
    let entitled =
        "399 b.mcx.example \"179 service not authorized with the interconnected system\"";
    let other = "399 b.mcx.example \"1410 something else\"";
    let cases = [
        (404, vec![], "Not Found"),
        (
            404,
            vec![(HeaderName::Warning, other)],
            "1410 something else",
        ),
        (
            403,
            vec![(HeaderName::Warning, policy)],
            "100 function not allowed due to local policy",
        ),
        (
            403,
            vec![(HeaderName::Warning, entitled)],
            "179 service not authorized with the interconnected system",
        ),
        (400, vec![], "Bad Request"),
        (405, vec![], "Method Not Allowed"),
        (413, vec![], "Request Entity Too Large"),
        (415, vec![], "Unsupported Media Type"),
        (420, vec![], "Bad Extension"),
        (482, vec![], "Loop Detected"),
        (483, vec![], "Too Many Hops"),
        (513, vec![], "Message Too Large"),
        (302, vec![], "Moved Temporarily"),
        (603, vec![], "Decline"),
    ];
    for (status, headers, text) in cases {
        let (mut bench, out) = answered(status, &headers);
        let parked = one(&bench).parked.clone().unwrap();
        assert_eq!((parked.status, parked.text.as_str()), (status, text));
        let told = decisions(&out);
        assert!(
            told.contains("parked") && told.contains(&status.to_string()),
            "{told}"
        );
        assert!(sends(&bench.after(Duration::from_secs(10_000))).is_empty());
        // After a restart it is still parked.
        let row = one(&bench).clone();
        let mut again = Bench::server(server_a());
        assert!(sends(&again.recover(vec![row])).is_empty());
    }
}

#[test]
fn what_may_pass_is_sent_again() {
    for status in [408, 480, 486, 491, 500, 502, 503, 504] {
        let (mut bench, out) = answered(status, &[]);
        assert!(sends(&out).is_empty(), "not at once");
        assert_eq!(
            (one(&bench).attempts, &one(&bench).parked),
            (1, &None),
            "{status}"
        );
        let next = one(&bench).next_at;
        assert!(next > bench.clock.0.wall && next <= bench.clock.0.wall.after(SECOND));
        let (_, request) = send(&bench.after(SECOND));
        assert_eq!(about(&request), ("alice".into(), 7));
    }
}

#[test]
fn each_attempt_is_a_request_of_its_own() {
    let (mut bench, first) = server(&[("alice", "b", 7)]);
    bench.fails(first[0].0, SendFailure::Timeout);
    let (_, second) = send(&bench.after(SECOND));
    let first = &first[0].1;
    assert_ne!(
        first.headers().call_id().unwrap(),
        second.headers().call_id().unwrap()
    );
    assert_eq!(first.body(), second.body(), "the same procedure and number");
}

#[test]
fn retry_after_is_respected() {
    let (mut bench, _) = answered(503, &[(HeaderName::RetryAfter, "120")]);
    assert!(one(&bench).next_at >= at(120));
    assert!(sends(&bench.after(Duration::from_secs(119))).is_empty());
    assert_eq!(sends(&bench.after(Duration::from_secs(2))).len(), 1);
    // But not for ever.
    let (bench, _) = answered(503, &[(HeaderName::RetryAfter, "4000000000")]);
    assert!(one(&bench).next_at <= at(3601));
}

#[test]
fn a_partner_that_is_silent_is_asked_with_growing_waits_for_ever() {
    for why in [
        SendFailure::Timeout,
        SendFailure::Transport,
        SendFailure::NotProven("its certificate has expired"),
        SendFailure::Overload,
    ] {
        let (mut bench, mut sent) = server(&[("alice", "b", 7)]);
        let mut waits = Vec::new();
        for attempt in 1..=30 {
            let out = bench.fails(sent[0].0, why);
            assert!(sends(&out).is_empty());
            assert_eq!(one(&bench).attempts, attempt);
            let wait = one(&bench).next_at.since(bench.clock.0.wall);
            let due = bench.role.deadline().unwrap();
            assert!(due <= bench.clock.0.mono + wait);
            waits.push(wait);
            let early = bench.after(wait - Duration::from_millis(1));
            assert!(sends(&early).is_empty());
            sent = super_sent(&mut bench);
        }
        let longest = Retry::default().longest;
        for (n, wait) in waits.iter().enumerate() {
            let full = SECOND.saturating_mul(1 << n.min(12)).min(longest);
            assert!(*wait <= full && *wait >= full / 2, "{n}: {wait:?}");
        }
        assert_eq!(one(&bench).parked, None);
    }
}

/// The request that is due a millisecond later.
fn super_sent(bench: &mut Bench<ServiceServer>) -> Vec<(SendId, Request)> {
    let out = bench.after(Duration::from_millis(1));
    let sent = sent(&out);
    assert_eq!(sent.len(), 1);
    sent
}
