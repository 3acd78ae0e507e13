//! Where the messages lie.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Once;

use bytes::Bytes;

use super::{Verdict, verdicts};
use crate::lab::project;

/// A message with its verdict.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is to become of it.
    pub verdict: Verdict,
    /// The message.
    pub bytes: Bytes,
}

/// The sets, and whether they are shipped with the project.
const SETS: [(&str, bool); 3] = [("rfc4475", false), ("rfc5118", false), ("own", true)];

fn folder(set: &str) -> PathBuf {
    match set {
        "own" => project().join("sip-tests/torture/own"),
        _ => project().join("../shared/torture").join(set),
    }
}

/// The sets that are not here; said aloud, so that nobody takes a smaller test for the whole one.
#[must_use]
pub fn missing_sets() -> Vec<&'static str> {
    let missing: Vec<&str> = SETS
        .iter()
        .filter(|(set, shipped)| !shipped && !folder(set).is_dir())
        .map(|(set, _)| *set)
        .collect();
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        for set in &missing {
            // Past the test runner, which keeps what a test that passes prints to itself.
            let _ = writeln!(
                std::io::stderr(),
                "\n!!! ../shared/torture/{set} is not here: its messages are NOT TESTED !!!\n"
            );
        }
    });
    missing
}

/// The names of all messages that are here: `set/message`.
#[must_use]
pub fn stored() -> Vec<String> {
    let missing = missing_sets();
    let mut names = Vec::new();
    for (set, _) in SETS.iter().filter(|(set, _)| !missing.contains(set)) {
        for file in std::fs::read_dir(folder(set)).expect("a folder").flatten() {
            let file = file.file_name().into_string().expect("a plain name");
            let name = file
                .strip_suffix(".dat")
                .unwrap_or_else(|| panic!("{set}/{file} is no .dat"));
            names.push(format!("{set}/{name}"));
        }
    }
    names.sort();
    names
}

/// All messages that are here, with their verdicts.
#[must_use]
pub fn corpus() -> Vec<Case> {
    let missing = missing_sets();
    let mut cases = Vec::new();
    for verdict in verdicts() {
        let (set, message) = verdict.name.split_once('/').expect("set/message");
        if missing.contains(&set) {
            continue;
        }
        let bytes = std::fs::read(folder(set).join(format!("{message}.dat")))
            .unwrap_or_else(|error| panic!("{}: {error}", verdict.name));
        cases.push(Case {
            verdict,
            bytes: bytes.into(),
        });
    }
    assert!(!cases.is_empty(), "a corpus without messages tests nothing");
    cases
}
