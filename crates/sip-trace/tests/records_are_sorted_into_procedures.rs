//! What belongs to one procedure is found together, across legs, nodes and systems, and nothing else with it.
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{A, AG, B, BG, Story};
use sip_trace::correlate::procedures;
use sip_trace::{Record, What};

const ONE: &str = "0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d";
const TWO: &str = "0192d3c4-7a1e-7b60-9f3e-000000000002";
const HALF: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";
const NIL: &str = "00000000000000000000000000000000";

fn message(call: &str, more: &str, body: &str) -> Bytes {
    Bytes::from(format!(
        "MESSAGE sip:b@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK{call}\r\nCall-ID: {call}\r\n{more}\r\n{body}"
    ))
}

/// The ids and the members of all procedures.
fn found(records: &[Record]) -> Vec<(String, Vec<usize>)> {
    let all = procedures(records).into_iter();
    all.map(|procedure| (procedure.id, procedure.records))
        .collect()
}

#[test]
fn legs_of_a_gateway_are_one_procedure_by_its_id() {
    let stay = |id: &str| {
        format!("<stay xmlns=\"urn:mcx-sip:migration:1\" number=\"7\" procedure=\"{id}\"/>")
    };
    let mut story = Story::default();
    story.passed(0, A, AG, &message("first", "", &stay(ONE))); // 0 1
    story.passed(2, A, AG, &message("unrelated", "", &stay(TWO))); // 2 3
    story.decided(4, AG, "P1.3", "forwards", "of what it saw last"); // 4: the second
    story.passed(5, AG, BG, &message("second", "", &stay(ONE))); // 5 6
    story.passed(
        7,
        BG,
        AG,
        &Bytes::from_static(b"SIP/2.0 200 OK\r\nCall-ID: second\r\n\r\n"),
    ); // 7 8
    story.decided(9, B, "P1.4", "applied", "before any message"); // 9: by its id
    if let What::Decision(decision) = &mut story.records[9].what {
        decision.procedure = Some(ONE.into());
    }
    story.sent(10, A, AG, &Bytes::from_static(b"\r\n\r\n")); // 10: of nothing
    assert_eq!(
        found(&story.records),
        [
            (ONE.to_owned(), vec![0, 1, 5, 6, 7, 8, 9]),
            (TWO.to_owned(), vec![2, 3, 4]),
            (String::new(), vec![10]),
        ]
    );
    let all = procedures(&story.records);
    assert!(
        all[0].is_called("first") && all[0].is_called("second") && all[0].is_called(&ONE[..13])
    );
    assert!(
        !all[0].is_called("unrelated") && !all[0].is_called("fir") && !all[1].is_called("first")
    );
}

#[test]
fn halves_of_a_session_id_join_in_either_order_and_nil_joins_nothing() {
    let with = |local: &str, remote: &str| format!("Session-ID: {local};remote={remote}\r\n");
    let mut story = Story::default();
    story.sent(0, A, B, &message("one", &with(HALF, NIL), ""));
    story.sent(
        1,
        B,
        A,
        &message("two", &with(OTHER, &HALF.to_uppercase()), ""),
    );
    story.sent(2, A, B, &message("three", &with(NIL, OTHER), ""));
    story.sent(
        3,
        A,
        B,
        &message("four", &with(&HALF.replace('0', "7"), NIL), ""),
    );
    assert_eq!(
        found(&story.records),
        [
            ("one".to_owned(), vec![0, 1, 2]),
            ("four".to_owned(), vec![3])
        ]
    );
}

#[test]
fn an_icid_joins_what_call_ids_do_not() {
    let with = |icid: &str| {
        format!("P-Charging-Vector: icid-value={icid};icid-generated-at=192.0.2.1\r\n")
    };
    let mut story = Story::default();
    story.sent(0, A, B, &message("one", &with("\"c1\""), ""));
    story.sent(1, A, B, &message("two", &with("c2"), ""));
    story.sent(2, A, B, &message("three", &with("c1"), ""));
    assert_eq!(
        found(&story.records),
        [("one".to_owned(), vec![0, 2]), ("two".to_owned(), vec![1])]
    );
}

#[test]
fn a_decision_belongs_to_the_message_and_the_transaction_that_it_names() {
    let mut story = Story::default();
    story.passed(0, A, AG, &message("one", "", "")); // 0 1
    story.passed(2, A, AG, &message("two", "", "")); // 2 3
    for (node, call, why) in [
        (AG, Some("one"), "of the first message"),
        (AG, None, "Timer J fired, long after"),
        (BG, None, "the same number at another node"),
    ] {
        story.decided(4, node, "RFC 3261 §17", "Terminated", why); // 4 5 6
        let Some(What::Decision(decision)) = story.records.last_mut().map(|r| &mut r.what) else {
            unreachable!();
        };
        decision.call = call.map(Into::into);
        decision.transaction = Some(7);
    }
    assert_eq!(
        found(&story.records),
        [
            ("one".to_owned(), vec![0, 1, 4, 5]),
            ("two".to_owned(), vec![2, 3]),
            (String::new(), vec![6]),
        ]
    );
    // How many there are is nothing that anybody would look for.
    assert_eq!(procedures(&story.records)[0].ids, ["one"]);
}

#[test]
fn many_records_are_sorted_at_once() {
    let mut story = Story::default();
    // A chain: each message shares one id with the one before.
    for number in 0..20_000_u64 {
        let half = |n: u64| format!("{:032x}", n + 1);
        let session = format!(
            "Session-ID: {};remote={}\r\n",
            half(number),
            half(number + 1)
        );
        story.sent(number, A, B, &message(&format!("c{number}"), &session, ""));
    }
    story.records.reverse();
    let begin = std::time::Instant::now();
    let all = procedures(&story.records);
    assert_eq!((all.len(), all[0].records.len()), (1, 20_000));
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    assert_eq!(procedures(&[]), []);
    // Its documents name no procedure: one for each leg, and a decision before all.
    assert_eq!(found(&common::exchange()).len(), 4);
}
