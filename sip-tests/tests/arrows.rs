//! The arrows between the crates are as `docs/architecture.md` draws them: read from what cargo
//! builds, not from what somebody meant.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use sip_tests::lab::{project, sources};

/// What each crate of ours may depend on.
const ARROWS: [(&str, &[&str]); 8] = [
    ("sip-message", &[]),
    ("sip-transaction", &["sip-message"]),
    ("sip-trace", &["sip-message"]),
    ("mcx", &["sip-message"]),
    ("mcx-store", &["mcx"]),
    (
        "mcx-node",
        &[
            "sip-message",
            "sip-transaction",
            "sip-trace",
            "mcx",
            "mcx-store",
        ],
    ),
    (
        "sip-tests",
        &[
            "sip-message",
            "sip-transaction",
            "sip-trace",
            "mcx",
            "mcx-store",
            "mcx-node",
        ],
    ),
    ("sip-fuzz", &["sip-message", "mcx", "sip-trace"]),
];

/// Crates that bring sockets, timers or tasks: only the node has them.
const RUNTIME: [&str; 4] = ["tokio", "mio", "socket2", "async-std"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(project())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let mut found = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let needed = package["dependencies"].as_array().unwrap().iter();
        let needed = needed
            .filter(|d| d["kind"].is_null())
            .map(|d| d["name"].as_str().unwrap().to_owned());
        found.insert(
            package["name"].as_str().unwrap().to_owned(),
            needed.collect(),
        );
    }
    found
}

#[test]
fn each_crate_depends_on_those_it_may_and_no_others() {
    let found = dependencies();
    let ours: BTreeSet<String> = found.keys().cloned().collect();
    let named: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(ours, named, "a crate that no arrow is drawn for");
    for (name, allowed) in ARROWS {
        let needed: BTreeSet<&str> = found[name]
            .iter()
            .map(String::as_str)
            .filter(|d| ours.contains(*d))
            .collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let extra: Vec<_> = needed.difference(&allowed).collect();
        assert!(extra.is_empty(), "{name} depends on {extra:?}");
    }
}

#[test]
fn only_the_node_has_a_runtime() {
    for (name, needed) in dependencies() {
        if name == "mcx-node" {
            continue;
        }
        let runtime: Vec<_> = RUNTIME.iter().filter(|r| needed.contains(**r)).collect();
        assert!(runtime.is_empty(), "{name} depends on {runtime:?}");
    }
}

/// rsip is for users of the library: a feature of `sip-message` that the program is built without.
#[test]
fn the_program_is_built_without_rsip() {
    let tree = |package: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--locked", "--edges", "normal"])
            .args(["--prefix", "none", "--format", "{p}", "--package", package])
            .current_dir(project())
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo tree --package {package}");
        let lines = String::from_utf8(output.stdout).unwrap();
        let name = |line: &str| line.split(' ').next().unwrap().to_owned();
        lines.lines().map(name).collect::<BTreeSet<String>>()
    };
    let program = tree("mcx-node");
    assert!(program.contains("sip-message") && !program.contains("rsip"));
    assert!(tree("sip-message").contains("rsip"), "a default feature");
}

#[test]
fn the_pure_crates_read_no_clock() {
    for name in ["sip-message", "sip-transaction", "mcx"] {
        for file in sources(&project().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for forbidden in ["Instant::now", "SystemTime::now", "std::fs", "std::thread"] {
                assert!(!code.contains(forbidden), "{}: {forbidden}", file.display());
            }
        }
    }
}
