//! Two operators each redact what their nodes took, under keys of their own: what they lay together is still one story.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use bytes::Bytes;
use common::{A, AG, B, BG, Story, notification};
use sip_trace::ladder::{Options, Row, build};
use sip_trace::{Record, Redactor, What, merge};

/// A decision about the message with this Call-ID, as nodes take them.
fn about(story: &mut Story, ms: u64, node: &str, call: &str) {
    story.decided(ms, node, "L5", "trusted", "it may say that");
    if let Some(What::Decision(decision)) = story.records.last_mut().map(|last| &mut last.what) {
        decision.call = Some(call.into());
    }
}

fn arrows(records: &[Record]) -> Vec<(usize, usize, bool)> {
    build(records, &Options::default())
        .rows
        .iter()
        .filter_map(|row| match row {
            Row::Arrow(arrow) => Some((arrow.from, arrow.to, arrow.lost)),
            Row::Note(_) => None,
        })
        .collect()
}

#[test]
fn two_exports_under_different_keys_are_one_ladder() {
    let mut story = Story::default();
    for (ms, from, to, call) in [(0, A, AG, "one"), (10, AG, BG, "two"), (20, BG, B, "three")] {
        story.passed(ms, from, to, &notification(call));
        about(&mut story, ms + 2, to, &format!("{call}@a.mcx.example"));
    }
    let whole = arrows(&story.records);
    assert_eq!(whole.len(), 3);
    let of = |nodes: [&str; 2], key: u8| -> Vec<Record> {
        let records: Vec<_> = story
            .records
            .iter()
            .filter(|record| nodes.contains(&&*record.node))
            .cloned()
            .collect();
        Redactor::new(&[key; 32]).all(&records)
    };
    let together = merge::by_time(vec![of([A, AG], 1), of([B, BG], 2)]);
    assert_eq!(arrows(&together), whole);
    // And what a decision is about is the same message as before.
    let calls = |records: &[Record]| -> BTreeSet<String> {
        let call = |record: &Record| match &record.what {
            What::Decision(decision) => decision.call.as_deref().map(str::to_owned),
            What::Message(_) => None,
        };
        records.iter().filter_map(call).collect()
    };
    assert_eq!(calls(&together), calls(&story.records));
}

#[test]
fn a_name_is_found_in_every_spelling_of_its_escapes() {
    let message = |from: &str, call: &str| {
        let text = format!(
            "OPTIONS sip:b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <{from}>;tag=1\r\nTo: <sip:b.mcx.example>\r\nCall-ID: {call}\r\nCSeq: 1 OPTIONS\r\n\
             Contact: <sip:192.0.2.7>;+sip.instance=\"<urn:gsma:imei:35145120-840121-0>\"\r\n\
             Accept-Contact: *;+sip.instance=\"<urn:gsma:imei:35145120-840121-0>\"\r\nContent-Length: 0\r\n\r\n"
        );
        Bytes::from(text)
    };
    let mut story = Story::default();
    story.passed(0, A, B, &message("sip:alicia%20m@a.mcx.example", "1"));
    // The beginning of a longer name, and what pseudonyms are made of.
    for name in ["alicia", "999", "ada"] {
        story.passed(0, A, B, &message(&format!("sip:{name}@a.mcx.example"), "1"));
    }
    let calls = [
        "c-al%69cia m",
        "c-%61%6Cici%61%20M-2",
        "c-alicia%20m",
        "c-alicia%20m-ada%2D999-tail",
        "c-35145120-840121-0",
        "c-100%-sure%zz",
    ];
    for call in calls {
        story.passed(10, A, B, &message("sip:b.mcx.example", call));
    }
    let redacted = Redactor::new(&[7; 32]).all(&story.records);
    let said = |record: &Record| match &record.what {
        What::Message(message) => String::from_utf8_lossy(&message.bytes).into_owned(),
        What::Decision(_) => String::new(),
    };
    let all: Vec<String> = redacted.iter().map(said).collect();
    let text = all.concat().to_ascii_lowercase();
    for name in ["cia", "ici", "%69", "%61", "35145120"] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    // One name has one pseudonym, which no other name is found in.
    let first = text.split("from: <sip:").nth(1).unwrap();
    let first = first.split('@').next().unwrap();
    assert!(
        text.contains(&format!("call-id: c-{first}\r\n")),
        "{first} in {text}"
    );
    // What is no name stays as it was written.
    assert!(text.contains("call-id: c-100%-sure%zz\r\n"), "{text}");
}

/// Anybody can say that he is called like a word.
#[test]
fn decisions_stay_readable_whoever_is_called_what() {
    let mut story = Story::default();
    let why = "migration service de-authorization notification to the mcptt server";
    for name in ["migration", "service", "mark", "server.mark"] {
        let text = format!(
            "OPTIONS sip:b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@x.example>;tag=1\r\nTo: <sip:b.mcx.example>\r\nCall-ID: {name}-1\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        story.received(0, B, A, &Bytes::from(text));
    }
    story.decided(1, B, "P1.4", "marks", why);
    story.decided(2, B, "P1.4", "marked", "said by server.mark and xmark");
    let redacted = Redactor::new(&[7; 32]).all(&story.records);
    let mut whys = redacted.iter().filter_map(|record| match &record.what {
        What::Decision(decision) => Some(&*decision.why),
        What::Message(_) => None,
    });
    assert_eq!(whys.next(), Some(why));
    // A name that is more than a word of ours, or within another one, goes.
    let last = whys.next().unwrap();
    assert!(last.starts_with("said by u-"), "{last}");
    assert!(!last.contains("mark"), "{last}");
    for record in &redacted {
        if let What::Message(message) = &record.what {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            assert!(
                !text.contains("mark") && !text.contains("migration"),
                "{text}"
            );
        }
    }
}
