//! The verdicts themselves: complete, unambiguous, and each with its point.

use std::collections::BTreeSet;

use sip_tests::torture::{Fate, missing_sets, stored, verdicts};

#[test]
fn every_message_has_one_verdict_and_every_verdict_a_message() {
    let missing = missing_sets();
    let mut names: Vec<String> = verdicts().into_iter().map(|verdict| verdict.name).collect();
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "a message has two verdicts");
    names.retain(|name| !missing.iter().any(|set| name.starts_with(set)));
    names.sort();
    assert_eq!(names, stored());
}

#[test]
fn all_published_messages_are_judged_even_where_they_are_absent() {
    for (set, count) in [("rfc4475/", 49), ("rfc5118/", 12)] {
        let judged = verdicts()
            .iter()
            .filter(|v| v.name.starts_with(set))
            .count();
        assert_eq!(judged, count, "{set}");
    }
}

#[test]
fn every_verdict_says_where_and_why_and_what_it_is_known_by() {
    for verdict in verdicts() {
        let name = &verdict.name;
        assert!(verdict.section.contains('§'), "{name}: which section?");
        assert!(verdict.reason.ends_with('.'), "{name}: why?");
        let accepted = verdict.datagram == Fate::Accept;
        assert_eq!(
            accepted,
            verdict.because.is_none(),
            "{name}: refused because of what?"
        );
        assert_eq!(
            accepted,
            !verdict.facts.is_empty(),
            "{name}: understood how?"
        );
    }
}

#[test]
fn every_point_of_the_published_messages_is_made_by_one_of_our_own() {
    let all = verdicts();
    let own: BTreeSet<&str> = all
        .iter()
        .filter(|verdict| verdict.name.starts_with("own/"))
        .flat_map(|verdict| verdict.section.split(", "))
        .collect();
    for verdict in all.iter().filter(|verdict| verdict.name.starts_with("rfc")) {
        let section = verdict.section.split(", ").next().unwrap();
        assert!(
            own.contains(section),
            "nothing of our own for {section} ({})",
            verdict.name
        );
    }
}
