//! Every message as a datagram: its fate, what it says, and that it goes out as it came in.

use bytes::Bytes;
use sip_message::{Limits, Message};
use sip_tests::torture::{Fate, corpus, found, judge_datagram, rendered};

use crate::known_wrong::{At, assert_only_known};

/// The messages that are accepted, with what came in.
fn accepted() -> Vec<(String, Bytes, Message)> {
    corpus()
        .into_iter()
        .filter_map(|case| {
            let message = judge_datagram(&case.bytes).message?;
            Some((case.verdict.name, case.bytes, message))
        })
        .collect()
}

#[test]
fn datagrams_meet_their_fate() {
    let mut failed = Vec::new();
    for case in corpus() {
        let judged = judge_datagram(&case.bytes);
        let (fate, because) = (case.verdict.datagram, case.verdict.because);
        if (judged.fate, &judged.because) != (fate, &because) {
            let (is, why) = (judged.fate, judged.because);
            let text = format!("{fate:?} {because:?} is right, {is:?} {why:?} it is");
            failed.push((case.verdict.name, text));
        }
    }
    assert_only_known(At::Datagram, &failed);
}

#[test]
fn accepted_messages_are_understood() {
    let mut failed = Vec::new();
    for case in corpus() {
        let Some(message) = judge_datagram(&case.bytes).message else {
            continue;
        };
        for fact in &case.verdict.facts {
            let found = found(&message, &fact.question);
            if found != fact.answer {
                let (is, found) = (rendered(&fact.answer), rendered(&found));
                let text = format!("{} is `{is}`, `{found}` was found", fact.question);
                failed.push(format!("{}: {text}", case.verdict.name));
            }
        }
    }
    let count = failed.len();
    assert!(
        failed.is_empty(),
        "{count} facts were not found:\n{}",
        failed.join("\n")
    );
}

#[test]
fn accepted_messages_go_out_byte_for_byte() {
    for (name, bytes, message) in accepted() {
        let line_ends = bytes
            .iter()
            .take_while(|byte| b"\r\n".contains(byte))
            .count();
        let (came, out) = (&bytes[line_ends..], message.as_bytes());
        assert!(came.starts_with(out), "{name}");
        // Nothing is cut but what follows a body of the length that was announced.
        let announced = message.headers().content_length().unwrap();
        assert!(
            out.len() == came.len() || announced == Some(message.body().len()),
            "{name}: {} bytes are lost",
            came.len() - out.len()
        );
        assert!(out.ends_with(message.body()), "{name}");
    }
}

#[test]
fn every_line_of_the_head_is_a_field_in_its_place() {
    for (name, _, message) in accepted() {
        let bytes = message.as_bytes();
        let head = &bytes[..bytes.len() - message.body().len()];
        let lines = head.split(|byte| *byte == b'\n').skip(1);
        let fields = lines.filter(|line| !matches!(line, [] | [b' ' | b'\t' | b'\r', ..]));
        let places: Vec<usize> = message
            .headers()
            .iter()
            .map(|(_, value)| value.as_ptr().addr() - bytes.as_ptr().addr())
            .collect();
        assert_eq!(fields.count(), places.len(), "{name}");
        assert!(places.is_sorted(), "{name}: reordered");
    }
}

#[test]
fn what_goes_out_is_the_same_message_again() {
    for (name, _, message) in accepted() {
        let again =
            Message::parse_datagram(message.as_bytes().clone(), &Limits::default()).unwrap();
        assert_eq!(again.as_bytes(), message.as_bytes(), "{name}");
        assert_eq!(again.body(), message.body(), "{name}");
        assert!(
            again.headers().iter().eq(message.headers().iter()),
            "{name}"
        );
        assert_eq!(
            judge_datagram(again.as_bytes()).fate,
            Fate::Accept,
            "{name}"
        );
    }
}
