//! Redaction of what has no end: names are learned with each record that comes, and found as if all had been known before.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use sip_trace::redact::MAX_KNOWN_LIVE;
use sip_trace::{DecisionRecord, Record, Redactor, What};

const KEY: [u8; 32] = [7; 32];

fn record(user: Option<&str>, why: &str) -> Record {
    let decision = DecisionRecord {
        user: user.map(|name| format!("sip:{name}@a.mcx.example")),
        why: why.to_owned().into(),
        ..DecisionRecord::default()
    };
    Record {
        seq: 0,
        wall_us: 0,
        mono_us: None,
        node: Arc::from("a"),
        what: What::Decision(decision),
    }
}

/// What is left of a text in which nothing says who is named.
fn redacted(redactor: &Redactor, text: &str) -> String {
    let What::Decision(decision) = redactor.record(&record(None, text)).what else {
        panic!("it was a decision");
    };
    decision.why.into_owned()
}

/// Words of these letters, the shortest of three: many are the beginning, the end or the middle of others.
fn words(letters: &str, longest: u32) -> Vec<String> {
    let count = letters.len();
    let word = |number: usize, length: u32| -> String {
        (0..length)
            .map(|place| number / count.pow(place) % count)
            .map(|letter| letters.chars().nth(letter).unwrap())
            .collect()
    };
    (3..=longest)
        .flat_map(|length| (0..count.pow(length)).map(move |number| word(number, length)))
        .collect()
}

#[test]
fn names_that_were_met_one_by_one_are_found_as_those_that_were_met_at_once() {
    let all = words("abc", 5);
    // Every other one, in an order in which long ones come before short ones and after them.
    let names: Vec<&str> = (0..all.len() / 2)
        .map(|n| &*all[n * 158 % all.len()])
        .collect();
    let records: Vec<_> = names.iter().map(|name| record(Some(name), "")).collect();
    let mut at_once = Redactor::new(&KEY);
    at_once.learn(&records);
    let (mut one_by_one, mut in_tens) = (Redactor::new(&KEY), Redactor::new(&KEY).endless());
    for record in &records {
        one_by_one.learn([record]);
    }
    for ten in records.chunks(10) {
        in_tens.learn(ten);
    }
    let mut changed = 0;
    for text in words("abc", 7) {
        let wanted = redacted(&at_once, &text);
        assert_eq!(redacted(&one_by_one, &text), wanted, "{text}");
        assert_eq!(redacted(&in_tens, &text), wanted, "{text}");
        changed += usize::from(text != wanted);
    }
    assert!(changed > 2_000, "{changed} had a name in them");
}

#[test]
fn of_a_recording_without_end_the_names_that_were_met_last_are_found() {
    let met = MAX_KNOWN_LIVE + MAX_KNOWN_LIVE / 10;
    let name = |number: usize| format!("user{number:06}");
    let mut endless = Redactor::new(&KEY).endless();
    let always = record(Some("commander"), "");
    for first in (0..met).step_by(10_000) {
        let records: Vec<_> = (first..first + 10_000)
            .map(|number| record(Some(&name(number)), ""))
            .chain([always.clone()])
            .collect();
        endless.learn(&records);
    }
    assert!(endless.forgotten() > 0);
    let is_found =
        |name: &str| redacted(&endless, &format!("call of {name}, again")).contains("u-");
    for number in [met - 1, met - 10_000, met - MAX_KNOWN_LIVE / 2] {
        assert!(is_found(&name(number)), "{number}");
    }
    assert!(is_found("commander"));
    // So that memory has a bound.
    assert!(!is_found(&name(0)));
}

/// So that memory has a bound where names are long, too.
#[test]
fn of_names_that_are_long_fewer_are_found() {
    let name = |number: usize| format!("{number:0>250}x");
    let mut endless = Redactor::new(&KEY).endless();
    let met = 17_500;
    for first in (0..met).step_by(2_500) {
        let numbers = first..first + 2_500;
        let records: Vec<_> = numbers.map(|n| record(Some(&name(n)), "")).collect();
        endless.learn(&records);
    }
    assert!(endless.forgotten() > 0);
    let text = format!("call of {}", name(met - 1));
    assert!(redacted(&endless, &text).starts_with("call of u-"));
}
