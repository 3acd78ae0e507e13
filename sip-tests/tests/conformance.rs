//! `docs/conformance.md` is true: every id has its row, every place and test that it names is there.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use sip_tests::lab::{project, sources};

const IDS: [&str; 18] = [
    "P1.0", "P1.1", "P1.2", "P1.3", "P1.4", "P1.N1", "P1.N2", "P1.E1", "P2.0", "P2.1", "P2.2",
    "L1", "L2", "L3", "L4", "L5", "L6", "L7",
];

/// The rows: id, code, tests.
fn rows() -> Vec<(String, Vec<String>, Vec<String>)> {
    let text = std::fs::read_to_string(project().join("docs/conformance.md")).unwrap();
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    text.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let id = cells.next()?.trim().to_owned();
            let (_, code, tests) = (cells.next()?, cells.next()?, cells.next()?);
            IDS.contains(&id.as_str())
                .then(|| (id, quoted(code), quoted(tests)))
        })
        .collect()
}

#[test]
fn every_requirement_has_its_row() {
    let found: Vec<String> = rows().into_iter().map(|(id, ..)| id).collect();
    assert_eq!(found, IDS);
}

#[test]
fn every_place_is_there() {
    for (id, code, _) in rows() {
        assert!(!code.is_empty(), "{id} has no code");
        for place in code {
            assert!(
                project().join("crates").join(&place).is_file(),
                "{id}: {place}"
            );
        }
    }
}

#[test]
fn every_test_is_there() {
    for (id, _, tests) in rows() {
        assert!(!tests.is_empty(), "{id} has no test");
        for test in tests.iter().filter(|t| t.contains(": ")) {
            let (file, name) = test.split_once(": ").unwrap();
            let text = std::fs::read_to_string(project().join(file))
                .unwrap_or_else(|_| panic!("{id}: {file} is not there"));
            assert!(
                text.contains(&format!("fn {name}(")),
                "{id}: no test {name} in {file}"
            );
        }
    }
}

#[test]
fn every_id_that_code_cites_exists() {
    let mut cited = 0;
    for folder in [
        "crates/mcx/src",
        "crates/mcx-node/src",
        "crates/mcx-store/src",
    ] {
        for file in sources(&project().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            for id in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.')) {
                let id = id.trim_end_matches('.');
                let looks_like_one = (id.starts_with("P1.") || id.starts_with("P2."))
                    && id.len() <= 5
                    || (id.len() == 2 && id.starts_with('L') && id.as_bytes()[1].is_ascii_digit());
                if looks_like_one {
                    assert!(IDS.contains(&id), "{}: {id}", file.display());
                    cited += 1;
                }
            }
        }
    }
    assert!(cited > 50);
}
