//! Which records a watch copies.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use bytes::Bytes;
use sip_trace::watch::{Answer, Selection, Watch};
use sip_trace::{Capacity, DecisionRecord, Direction, MessageRecord, Record, Recorder, Transport};

const ALICE: &str = "sip:alice@a.mcx.example";

enum Event {
    Request(&'static str, &'static str),
    Answer(&'static str, u16),
    Decision(DecisionRecord),
}

fn request(call: &str, to: &str) -> Bytes {
    Bytes::from(format!(
        "MESSAGE sip:mc@b.mcx.example SIP/2.0\r\nFrom: <sip:mc@a.mcx.example>;tag=1\r\nTo: <{to}>\r\nCall-ID: {call}\r\n\
        Session-ID: {call:a<32};remote=00000000000000000000000000000000\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn answer(call: &str, status: u16) -> Bytes {
    Bytes::from(format!(
        "SIP/2.0 {status} Said\r\nCall-ID: {call}\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn decision(verdict: &str, requirement: &'static str, why: &str) -> DecisionRecord {
    DecisionRecord {
        requirement: requirement.into(),
        verdict: verdict.to_owned().into(),
        why: why.to_owned().into(),
        ..DecisionRecord::default()
    }
}

/// Numbers of the records that such a watch copies of these events.
fn copied(selection: Selection, events: Vec<Event>) -> Vec<u64> {
    let recorder = Recorder::new("node", Capacity::default());
    let at = "127.0.0.1:5060".parse().unwrap();
    let message = |bytes| {
        let (sent, udp) = (Direction::Sent, Transport::Udp);
        recorder.message(1, MessageRecord::new(sent, udp, at, at, bytes));
    };
    for event in events {
        match event {
            Event::Request(call, to) => message(request(call, to)),
            Event::Answer(call, status) => message(answer(call, status)),
            Event::Decision(decision) => recorder.decision(1, &decision),
        }
    }
    let mut watch = Watch::new(selection);
    let records: Vec<Record> = recorder.reader().take_all();
    let taken = records.iter().flat_map(|record| watch.take(record));
    taken.map(|record| record.seq).collect()
}

fn user(user: &str) -> Selection {
    Selection {
        user: Some(user.into()),
        ..Default::default()
    }
}

#[test]
fn what_names_the_user_is_copied_with_all_of_its_dialog_from_then_on() {
    let events = || {
        vec![
            Event::Request("b1", "sip:malice@a.mcx.example"),
            Event::Request("b2", "sip:alice@a.mcx.example.org"),
            Event::Request("b3", "sip:alice@A.mcx.EXAMPLE;x=1"),
            Event::Decision(decision("forwards", "P1.3", "")),
            Event::Answer("b1", 200),
            Event::Answer("b3", 200),
            Event::Request("b4", "tel:alice"),
        ]
    };
    assert_eq!(copied(user(ALICE), events()), [2, 3, 5]);
    assert_eq!(copied(user("alice@a.mcx.example"), events()), [2, 3, 5]);
    assert!(copied(user("sip:Alice@a.mcx.example"), events()).is_empty());
}

#[test]
fn a_user_is_found_in_every_spelling_of_his_uri() {
    let of_him = [
        "sip:%61lice@a.mcx.example",
        "SIP:al%69ce@A.MCX.example.",
        "sips:alice@a.mcx.example:5061;transport=tls",
        "sip:alice:secret@a.mcx.example?subject=x",
    ];
    let of_others = [
        "sip:%41lice@a.mcx.example",
        "sip:alice%40a.mcx.example@b.mcx.example",
        "sip:alice@a.mcx.example.b",
        "sip:x@b.mcx.example;y=alice@a.mcx.example.",
        "sip:%6@a.mcx.example",
        "tel:alice",
    ];
    for (uris, copies) in [(&of_him[..], vec![0]), (&of_others[..], vec![])] {
        for uri in uris {
            let events = vec![Event::Request("b1", uri)];
            assert_eq!(copied(user(ALICE), events), copies, "{uri}");
            let events = vec![Event::Request("b1", ALICE)];
            assert_eq!(copied(user(uri), events), copies, "{uri} is looked for");
        }
    }
    let number = || {
        vec![Event::Request(
            "b1",
            "tel:+49-(170)-123.4567;phone-context=x",
        )]
    };
    assert_eq!(copied(user("tel:+491701234567"), number()), [0]);
    assert!(copied(user("tel:+491701234568"), number()).is_empty());
    let v6 = || vec![Event::Request("b1", "sip:alice@[2001:DB8::1]:5070")];
    assert_eq!(copied(user("sip:alice@[2001:db8::1]"), v6()), [0]);
    assert!(copied(user("sip:alice@[2001:db8::2]"), v6()).is_empty());
}

#[test]
fn an_answer_is_about_whom_its_request_was_about() {
    let selection = |answer: &str| Selection {
        answer: Answer::from_text(answer),
        ..user(ALICE)
    };
    let events = || {
        vec![
            Event::Request("b1", ALICE),
            Event::Request("b2", "sip:bob@a.mcx.example"),
            Event::Answer("b2", 403),
            Event::Answer("b1", 404),
            Event::Request("b1", ALICE),
        ]
    };
    assert_eq!(copied(selection("4xx"), events()), [3, 4]);
    assert_eq!(copied(selection("404"), events()), [3, 4]);
    assert!(copied(selection("5xx"), events()).is_empty());
    let anybody = Selection {
        user: None,
        ..selection("403")
    };
    assert_eq!(copied(anybody, events()), [2]);
    for wrong in ["7xx", "0xx", "xx", "99", "700", "4", "-4xx", ""] {
        assert_eq!(Answer::from_text(wrong), None, "{wrong}");
    }
}

#[test]
fn a_decision_brings_the_message_that_it_is_about() {
    let events = || {
        vec![
            Event::Request("b1", ALICE),
            Event::Decision(decision("forwards", "P1.3", "")),
            Event::Request("b2", "sip:bob@a.mcx.example"),
            Event::Decision(decision("refused 403", "L9", "of c.mcx.example")),
            Event::Answer("b2", 403),
            Event::Answer("b1", 200),
        ]
    };
    let verdict = Selection {
        verdict: Some("refused".into()),
        ..Default::default()
    };
    assert_eq!(copied(verdict, events()), [2, 3, 4]);
    let requirement = Selection {
        requirement: Some("P1.3".into()),
        ..Default::default()
    };
    assert_eq!(copied(requirement, events()), [0, 1, 5]);
    let partner = Selection {
        domains: vec!["c.mcx.example".into()],
        ..Default::default()
    };
    assert_eq!(copied(partner, events()), [2, 3, 4]);
}

#[test]
fn ids_and_partners_are_found() {
    let events = || {
        vec![
            Event::Request("b1", "sip:x@b.mcx.example"),
            Event::Request("b2", "sip:x@bb.mcx.example"),
            Event::Answer("b2", 200),
        ]
    };
    let call = Selection {
        call: Some("b2".into()),
        ..Default::default()
    };
    assert_eq!(copied(call, events()), [1, 2]);
    let session = Selection {
        session: Some(format!("{:A<32}", "B2")),
        ..Default::default()
    };
    assert_eq!(copied(session, events()), [1, 2]);
    let of = |domain: &str| Selection {
        domains: vec![domain.into()],
        ..Default::default()
    };
    assert_eq!(copied(of("bb.mcx.example"), events()), [1, 2]);
    assert!(copied(of("mcx.example"), events()).is_empty());
    // A name that goes on is another one; a dot at its end is the same.
    for (host, is_meant) in [
        ("sip:x@d.mcx.example.net", false),
        ("sip:x@d.mcx.example-2", false),
        ("sip:x@d.mcx.example.", true),
        ("sip:x@D.MCX.example:5060;lr", true),
    ] {
        let copied = copied(of("d.mcx.example"), vec![Event::Request("one", host)]);
        assert_eq!(copied.len(), usize::from(is_meant), "{host}");
    }
    let procedure = Selection {
        procedure: Some("p-1".into()),
        ..Default::default()
    };
    let mut events = events();
    let of = DecisionRecord {
        procedure: Some("p-1".into()),
        ..decision("applied", "P1.4", "")
    };
    events.push(Event::Decision(of));
    // The message before it is of another procedure, for all that it says.
    assert_eq!(copied(procedure, events), [3]);
}
