//! Watches of a running node: added, listed, stopped, and what is in their files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use check::{example, refused_text};
use running::Running;
use serde_json::Value;
use sip_trace::{Record, ndjson};

const ALICE: &str = "sip:alice@a.mcx.example";

fn request(call: &str, from: &str) -> String {
    format!(
        "OPTIONS sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{call}\r\n\
        From: <{from}>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {call}\r\n\
        CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn watching() -> Running {
    let text = example("gateways/a-gateway.toml") + "\n[trace]\nwatches = \"watches\"\n";
    Running::start("a-gateway", &text)
}

/// The files that are there, in the order of their names.
fn files(node: &Running) -> Vec<PathBuf> {
    let all = std::fs::read_dir(node.folder().join("watches")).unwrap();
    let mut all: Vec<_> = all.map(|file| file.unwrap().path()).collect();
    all.sort();
    all
}

fn messages(records: &[Record]) -> usize {
    let message = |record: &&Record| matches!(record.what, sip_trace::What::Message(_));
    records.iter().filter(message).count()
}

fn list(node: &Running) -> Vec<Value> {
    let said = node.says(&["trace", "watch", "list", "--json"]);
    let all = said
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    // The node's own one is always there.
    all.filter(|watch| watch["id"] != 0).collect()
}

fn add(node: &Running, what: &[&str]) -> (i32, String, String) {
    let args = [&["trace", "watch", "add"], what, &["--because", "drill 17"]].concat();
    node.mcx(&args)
}

fn stop(node: &Running, id: &str) -> (i32, String, String) {
    node.mcx(&["trace", "watch", "stop", id, "--because", "drill over"])
}

#[test]
fn a_watch_copies_what_matches_with_its_answer_until_it_is_stopped() {
    let node = watching();
    node.asked(&request("before", ALICE));
    let (code, said, error) = add(&node, &["--user", ALICE]);
    assert_eq!((code, error.as_str()), (0, ""));
    assert!(said.starts_with("watch 1 writes "), "{said}");
    // The hour of a watch of which nothing is said.
    let now = UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let until = list(&node)[0]["until_ms"].as_u64().unwrap();
    assert!((now + 3_540_000..=now + 3_600_000).contains(&until));
    node.asked(&request("one", ALICE));
    node.asked(&request("other", "sip:bob@a.mcx.example"));
    assert_eq!(
        stop(&node, "1"),
        (0, "watch 1 is stopped\n".into(), "".into())
    );
    node.asked(&request("after", ALICE));
    let files = files(&node);
    assert_eq!(files.len(), 1);
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(files[0].clone()), 0o600);
    assert_eq!(mode(node.folder().join("watches")), 0o700);
    let records = ndjson::read_file(&files[0]).unwrap();
    assert_eq!(messages(&records), 2, "the request and its answer");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(text.matches("Call-ID: one").count(), 2, "{text}");
    let listed = list(&node);
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0]["ended"], &listed[0]["records"]),
        (&"stopped".into(), &records.len().into())
    );
    assert!(!listed[0].to_string().contains("alice"));
    let (code, _, error) = stop(&node, "1");
    assert_eq!((code, error.as_str()), (1, "mcx: watch 1 ended: stopped\n"));
    assert!(stop(&node, "7").2.contains("there is no watch 7"));
    let log = node.killed();
    for said in [
        "a watch begins; ordered by uid ",
        "drill 17",
        "a watch is stopped; ordered by uid ",
        "drill over",
        "user",
    ] {
        assert!(log.contains(said), "{said} in {log}");
    }
    assert!(!log.contains("alice"), "{log}");
}

#[test]
fn a_watch_may_look_through_what_was_before() {
    let node = watching();
    node.asked(&request("before", ALICE));
    add(&node, &["--call-id", "before", "--past"]);
    stop(&node, "1");
    let records = ndjson::read_file(&files(&node)[0]).unwrap();
    assert_eq!(messages(&records), 2);
}

#[test]
fn a_watch_ends_when_its_time_is_over() {
    let node = watching();
    assert_eq!(
        add(&node, &["--partner", "b.mcx.example", "--for", "1s"]).0,
        0
    );
    let ended = (0..10_000).find_map(|_| list(&node)[0]["ended"].as_str().map(str::to_owned));
    assert_eq!(ended.as_deref(), Some("its time was over"));
}

#[test]
fn watches_have_bounds() {
    let node = watching();
    for (what, expected) in [
        (&[][..], "what is to be looked for?"),
        (&["--user", " "], "nothing is written there"),
        (
            &["--partner", "z.mcx.example"],
            "is no partner of this node",
        ),
        (&["--user", "alice"], "`alice` is no URI"),
        (&["--session-id", "4711"], "32 hexadecimal digits"),
        (
            &["--procedure", "0192d3c4"],
            "`0192d3c4` is no procedure id: write its 36 characters",
        ),
        (&["--procedure", "4711"], "is no procedure id"),
        (
            &["--call-id", "x y"],
            "`x y` is no Call-ID: none has a blank in it",
        ),
        (
            &["--call-id", &"x".repeat(20_000)],
            "a line of 16384 bytes at most",
        ),
        (&["--answer", "900"], "is no answer: write 4xx or 404"),
        (&["--answer", "4xx", "--verdict", "x"], "never one record"),
        (
            &["--requirement", "P1.5"],
            "nothing is decided by `P1.5`: write one of P1.0, P1.1,",
        ),
        (&["--call-id", "x", "--for", "8d"], "a second to 7 days"),
        (&["--call-id", "x", "--for", "10ms"], "a second to 7 days"),
        (&["--call-id", "x", "--size-mib", "3"], "hold 4 to 4096 MiB"),
    ] {
        let (code, out, error) = add(&node, what);
        assert_eq!((code, out.as_str()), (1, ""), "{what:?}");
        assert!(error.contains(expected), "{what:?}: {error}");
    }
    let reason = ["--call-id", "x", "--because", ALICE];
    let (code, _, error) = node.mcx(&[&["trace", "watch", "add"], &reason[..]].concat());
    assert!(code == 1 && error.contains("names no user"), "{error}");
    assert!(list(&node).is_empty());
    for _ in 0..mcx_node::watches::MOST_RUNNING {
        assert_eq!(add(&node, &["--call-id", "x"]).0, 0);
    }
    assert!(
        add(&node, &["--call-id", "x"])
            .2
            .contains("watches run already")
    );
    stop(&node, "3");
    let (_, said, _) = add(&node, &["--call-id", "x"]);
    assert!(said.starts_with("watch 9 writes "), "{said}");
}

#[test]
fn a_node_without_a_folder_has_no_watches() {
    let node = Running::start("a-gateway", &example("gateways/a-gateway.toml"));
    let (code, _, error) = add(&node, &["--call-id", "x"]);
    assert!(
        code == 1 && error.contains("no folder for watches"),
        "{error}"
    );
    assert!(list(&node).is_empty());
}

#[test]
fn a_folder_that_cannot_be_is_named() {
    for (keys, expected) in [
        ("watches = \"no/such\"", "folder of watches"),
        ("watches = \"node.toml\"", "is this configuration file"),
        ("ring-mib = 0\nwatches = \"w\"", "is out of range"),
    ] {
        let text = example("gateways/a-gateway.toml") + "\n[trace]\n" + keys + "\n";
        let line = text
            .lines()
            .position(|line| line == keys.lines().next().unwrap());
        refused_text(&text, line.unwrap() + 1, expected);
    }
}
