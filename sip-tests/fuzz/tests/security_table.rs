//! `docs/security.md` is true where a test can tell: defaults and keys of the limits, and the tests that it names.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};

use mcx::document::Bounds;
use sip_message::Limits;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The cells of all rows of tables with so many columns, headings left out.
fn rows(columns: usize) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(project().join("docs/security.md")).expect("the document");
    let rows = text.lines().filter(|line| line.starts_with("| "));
    rows.map(|line| {
        let cells = line.trim_matches('|').split(" | ");
        cells.map(|cell| cell.trim().to_owned()).collect()
    })
    .filter(|cells: &Vec<String>| cells.len() == columns)
    .skip(1)
    .collect()
}

#[test]
fn every_limit_is_there_with_its_default() {
    let limits = Limits::default();
    let bounds = Bounds::default();
    let expected = [
        ("limits.message", limits.message),
        ("limits.header-bytes", limits.header_bytes),
        ("limits.header-fields", limits.header_fields),
        ("limits.body", limits.body),
        ("limits.parameters", limits.parameters),
        ("limits.values", limits.values),
        ("limits.parts", limits.parts),
        ("limits.depth", limits.depth),
        ("limits.document.bytes", bounds.bytes),
        ("limits.document.elements", bounds.elements),
        ("limits.document.depth", bounds.depth),
        ("limits.document.attributes", bounds.attributes),
    ];
    let found = rows(5);
    let found: Vec<_> = found
        .iter()
        .map(|cells| {
            (
                cells[3].trim_matches('`'),
                cells[1].parse().expect("a number"),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_is_there() {
    let rows = rows(4);
    assert!(rows.len() > 20);
    for cells in rows {
        let tests: Vec<_> = cells[3]
            .split('`')
            .filter(|text| text.contains(": "))
            .collect();
        assert!(!tests.is_empty(), "{} has no test", cells[0]);
        for test in tests {
            let (file, name) = test.split_once(": ").unwrap();
            let text = std::fs::read_to_string(project().join(file))
                .unwrap_or_else(|_| panic!("{}: {file} is not there", cells[0]));
            assert!(
                text.contains(&format!("fn {name}(")),
                "{file}: no test {name}"
            );
        }
    }
}
