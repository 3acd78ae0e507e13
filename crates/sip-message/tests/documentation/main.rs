//! The documentation is complete: every public item shows how it is used. And the table of names is the only place that
//! spells a header field's name.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod source;

use source::{Source, names, sources};

/// Public items without an example of their own, and why.
const EXEMPT: &[(&str, &str)] = &[];

/// Literals that name a header field inside a longer text, and why they are no second spelling.
const SENTENCES: &[(&str, &str)] = &[
    ("Unknown Resource-Priority", "a reason phrase (RFC 4412)"),
    ("Max-Breadth Exceeded", "a reason phrase (RFC 5393)"),
    (
        "Content-Length larger than message",
        "a reason phrase of ours, read by people",
    ),
    (
        "no usable Content-Length",
        "the text of an error, read by people",
    ),
    (
        "shorter than its Content-Length",
        "the text of an error, read by people",
    ),
];

#[test]
fn every_public_item_has_an_example_that_runs_and_asserts() {
    let mut bare = Vec::new();
    let mut count = 0;
    for source in sources() {
        for item in source.public_items() {
            count += 1;
            let exempt = EXEMPT.iter().any(|(name, _)| *name == item.name);
            if exempt == item.has_example() {
                bare.push(format!("{}:{} {}", source.path, item.line, item.name));
            }
        }
        if source.is_public_module() && !Source::example_in(&source.module_docs()) {
            bare.push(format!("{}: the module", source.path));
        }
    }
    assert!(count > 200, "{count} public items are too few to be all");
    assert!(
        bare.is_empty(),
        "without an example that runs and asserts, or exempt without need:\n{}",
        bare.join("\n")
    );
}

#[test]
fn every_header_name_is_spelled_once() {
    let names = names();
    assert!(
        names.len() > 90,
        "{} names are too few to be all",
        names.len()
    );
    let mut again = Vec::new();
    let mut used = Vec::new();
    for source in sources() {
        for (line, literal) in source.literals() {
            let whole = names.contains(&literal);
            // names of one word are words of other texts too
            let lower = literal.to_ascii_lowercase();
            let within = names
                .iter()
                .filter(|name| name.contains('-'))
                .any(|name| lower.contains(&name.to_ascii_lowercase()));
            let in_table = source.path == "name.rs" && whole;
            match SENTENCES.iter().find(|(text, _)| *text == literal) {
                Some((text, _)) => used.push(*text),
                None if in_table => {}
                None if whole || within => {
                    again.push(format!("{}:{line} {literal:?}", source.path));
                }
                None => {}
            }
        }
    }
    let table = sources();
    let table = table
        .iter()
        .find(|source| source.path == "name.rs")
        .unwrap();
    for name in &names {
        let times = table
            .literals()
            .iter()
            .filter(|(_, literal)| literal == name)
            .count();
        assert_eq!(times, 1, "{name} in the table");
    }
    let unused = SENTENCES.iter().filter(|(text, _)| !used.contains(text));
    assert_eq!(unused.count(), 0, "sentences that nobody says any more");
    assert!(again.is_empty(), "spelled again:\n{}", again.join("\n"));
}
