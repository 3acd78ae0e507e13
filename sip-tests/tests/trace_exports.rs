//! A whole run of the demo, exported in every form: no identity and no token of it is in any export, nor in a log line of
//! a node, and the ladder is the same one.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use memchr::memmem;
use sip_message::{Limits, Message};
use sip_tests::lab::{Lab, program};
use sip_trace::ladder::{Options, Row, build};
use sip_trace::{Record, Redactor, What, merge, ndjson};

const FORMS: [&str; 6] = ["text", "mermaid", "svg", "html", "ndjson", "pcapng"];

fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == end))
        .collect();
    files.sort();
    files
}

/// User parts of every `sip:…@` in the bytes, and everything that looks like a token.
fn identities(bytes: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut users, mut tokens) = (BTreeSet::new(), BTreeSet::new());
    for at in memmem::find_iter(bytes, b"sip:") {
        let rest = &bytes[at + 4..];
        let user: Vec<u8> = rest
            .iter()
            .copied()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
            .collect();
        if rest.get(user.len()) == Some(&b'@') {
            users.insert(String::from_utf8(user).unwrap());
        }
    }
    for at in memmem::find_iter(bytes, b"eyJ") {
        let token = bytes[at..]
            .iter()
            .copied()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
        tokens.insert(String::from_utf8(token.collect()).unwrap());
    }
    (users, tokens)
}

fn shape(records: &[Record]) -> Vec<String> {
    let ladder = build(records, &Options::default());
    let columns: Vec<String> = ladder
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let row = |row: &Row| match row {
        Row::Arrow(it) => format!(
            "{} {} {} {} {} {}",
            it.from, it.to, it.label, it.wall_us, it.lost, it.repeats
        ),
        Row::Note(it) => format!("{} {} {:?}", it.column, it.wall_us, it.decision),
    };
    columns
        .into_iter()
        .chain(ladder.rows.iter().map(row))
        .collect()
}

/// Every part of a node says what it decided, about which message; and what is a step of every message is called so.
fn kinds_of_decisions(records: &[Record]) {
    let mut seen = BTreeSet::new();
    for record in records {
        let What::Decision(decision) = &record.what else {
            continue;
        };
        seen.insert((decision.target.to_string(), decision.detail));
        let step = decision.target == "transaction" && decision.detail;
        assert!(!step || decision.transaction.is_some(), "{decision:?}");
    }
    for wanted in [
        ("transaction", true),
        ("document", true),
        ("store", true),
        ("trust", false),
        ("procedure", false),
        ("outbox", false),
    ] {
        let (target, detail) = wanted;
        assert!(
            seen.contains(&(target.to_owned(), detail)),
            "{wanted:?} of {seen:?}"
        );
    }
    let says = |verdict: &str, why: &str| {
        records.iter().any(|record| {
            matches!(&record.what, What::Decision(d) if d.verdict == verdict && d.why.contains(why))
        })
    };
    assert!(says("Trying", "Timer E fired"), "a retransmission and why");
    assert!(says("kept", "attempt 2 in "), "a schedule of the outbox");
    assert!(says("durable", " µs"), "a latency of the store");
    assert!(says("Terminated", "Timer J fired"));
    let placed = |record: &&Record| match &record.what {
        What::Decision(d) => d.detail && d.transaction.is_none() && d.call.is_none(),
        What::Message(_) => false,
    };
    let lonely: Vec<_> = records.iter().filter(placed).collect();
    let of_no_message =
        |record: &&&Record| matches!(&record.what, What::Decision(d) if d.target != "store");
    assert_eq!(lonely.iter().filter(of_no_message).count(), 0, "{lonely:?}");
}

#[test]
fn nobody_of_a_whole_run_is_in_an_export() {
    let lab = Lab::new("trace-exports");
    let folder = lab.folder().join("out");
    let done = Command::new(program())
        .args(["demo", "--out"])
        .arg(&folder)
        .stdin(Stdio::null())
        // Whatever the nodes could log, they log.
        .env("MCX_LOG", "trace")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stdout)
    );
    let nodes = folder.join("nodes");
    let traces = files(&nodes, "ndjson");
    let recordings = traces
        .iter()
        .map(|file| ndjson::read_file(file).unwrap())
        .collect();
    let records = merge::by_time(recordings);
    let configs: Vec<u8> = files(&nodes, "toml")
        .iter()
        .flat_map(|file| std::fs::read(file).unwrap())
        .collect();
    let (services, _) = identities(&configs);

    let (mut users, mut tokens, mut messages) = (BTreeSet::new(), BTreeSet::new(), 0);
    for record in &records {
        let What::Message(message) = &record.what else {
            continue;
        };
        let (of_message, of_tokens) = identities(&message.bytes);
        users.extend(of_message);
        tokens.extend(of_tokens);
        messages +=
            usize::from(Message::parse_datagram(message.bytes.clone(), &Limits::default()).is_ok());
    }
    users.retain(|user| !services.contains(user));
    assert!(users.contains("alice") && users.len() >= 3, "{users:?}");
    assert!(
        tokens.len() >= 3 && messages > 100,
        "{} tokens, {messages} messages",
        tokens.len()
    );

    kinds_of_decisions(&records);
    let capture = std::fs::read(folder.join("demo.pcapng")).unwrap();
    assert!(capture.len() > 10_000);
    for word in users.iter().chain(&tokens) {
        let found = memmem::find(&capture, word.as_bytes());
        assert_eq!(found, None, "{word} is in the demo's capture file");
    }
    for form in FORMS {
        let mut export = Command::new(program());
        export
            .args(["trace", "export", "--as", form, "--details"])
            .args(&traces);
        for config in files(&nodes, "toml") {
            export.arg("--config").arg(config);
        }
        let export = export.output().unwrap();
        assert!(
            export.status.success(),
            "{}",
            String::from_utf8_lossy(&export.stderr)
        );
        assert!(
            export.stdout.len() > 10_000,
            "{form}: {} bytes",
            export.stdout.len()
        );
        for word in users.iter().chain(&tokens) {
            let found = memmem::find(&export.stdout, word.as_bytes());
            assert_eq!(found, None, "{word} is in the export as {form}");
        }
        // Public service identities stay: without them nobody could follow a message.
        let psi = memmem::find(&export.stdout, b"sip:mc-server@").is_some();
        assert_eq!(psi, ["html", "ndjson", "pcapng"].contains(&form), "{form}");
    }
    for log in files(&nodes, "log") {
        let text = std::fs::read(&log).unwrap();
        for word in users.iter().chain(&tokens) {
            assert_eq!(
                memmem::find(&text, word.as_bytes()),
                None,
                "{word} is in {}",
                log.display()
            );
        }
    }

    let redacted = Redactor::new(&[3; 32]).all(&records);
    let without_users = |records: &[Record]| {
        let mut records = records.to_vec();
        for record in &mut records {
            if let What::Decision(decision) = &mut record.what {
                decision.user = None;
            }
        }
        shape(&records)
    };
    assert_eq!(without_users(&records), without_users(&redacted));
}
