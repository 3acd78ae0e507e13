//! A whole run of the demo, exported in every form: no identity and no token of it is in any export, nor in a log line of
//! a node, and the ladder is the same one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

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
    assert!(says("kept", "attempt 2 in "), "a schedule of the outbox");
    latencies_of_the_store(records);
    assert!(says("Terminated", "Timer J fired"));
    for (said, of) in [
        ("migration service", " of mcptt, "),
        (", stay ", "with both ids of the user"),
        ("documents with tokens that are valid", ", Expires "),
    ] {
        let both = |record: &Record| matches!(&record.what, What::Decision(d) if d.target == "document" && d.why.contains(said) && d.why.contains(of));
        assert!(records.iter().any(both), "no document says {said} … {of}");
    }
    let placed = |record: &&Record| match &record.what {
        What::Decision(d) => d.detail && d.transaction.is_none() && d.call.is_none(),
        What::Message(_) => false,
    };
    let lonely: Vec<_> = records.iter().filter(placed).collect();
    let of_no_message =
        |record: &&&Record| matches!(&record.what, What::Decision(d) if d.target != "store");
    assert_eq!(lonely.iter().filter(of_no_message).count(), 0, "{lonely:?}");
}

/// How long a batch took is said, and is not longer than what there is of it in the recording: its message came before, and the
/// decision after.
fn latencies_of_the_store(records: &[Record]) {
    let mut told = Vec::new();
    for record in records {
        let What::Decision(decision) = &record.what else {
            continue;
        };
        if (&*decision.target, &*decision.verdict) != ("store", "durable") {
            continue;
        }
        let words: Vec<&str> = decision.why.split(' ').collect();
        let [
            commands,
            "commands",
            "in",
            "one",
            "batch,",
            "after",
            us,
            "µs",
        ] = words[..]
        else {
            panic!("{decision:?}");
        };
        let (commands, us): (u64, u64) = (commands.parse().unwrap(), us.parse().unwrap());
        assert!(commands > 0, "{decision:?}");
        let call = decision.call.as_deref();
        let came = call.and_then(|call| {
            let of_call = |message: &[u8]| memmem::find(message, call.as_bytes()).is_some();
            let mut before = records.iter().filter(|other| other.node == record.node);
            before.find(|other| matches!(&other.what, What::Message(m) if of_call(&m.bytes)))
        });
        if let Some(came) = came {
            let passed = record.mono_us.unwrap() - came.mono_us.unwrap();
            assert!(us <= passed + 1_000, "{us} of {passed} µs");
            told.push(us);
        }
    }
    // Nothing reaches a disk in no time.
    assert!(told.len() > 10 && told.iter().all(|us| *us > 0), "{told:?}");
}

/// The commands of docs/tracing.md on files of the demo, as they stand there; the ladder has the line that explains it.
fn commands_of_the_guide(nodes: &Path) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tracing.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let commands = guide
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .take_while(|line| !line.contains("--config"))
        .filter(|line| line.starts_with("mcx trace "));
    let commands: Vec<String> = commands
        .map(|line| line.replace("partner.pcap", "../demo.pcapng"))
        .collect();
    assert_eq!(commands.len(), 5, "{commands:?}");
    let usual = std::env::var_os("PATH").unwrap();
    let ours = program().parent().unwrap().to_owned();
    let path = std::iter::once(ours).chain(std::env::split_paths(&usual));
    let path = std::env::join_paths(path).unwrap();
    let mut said = Vec::new();
    for command in &commands {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(nodes);
        let done = shell.env("PATH", &path).output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
        said.push(String::from_utf8(done.stdout).unwrap());
    }
    assert!(said[0].starts_with("NO  ID "), "{}", said[0]);
    for line in ["hop lost", "refused 503", "L4 kept"] {
        assert!(said[1].contains(line), "{line} is not in {}", said[1]);
    }
    assert!(nodes.join("alice.html").exists() && nodes.join("all.pcapng").exists());
    assert!(said[4].contains("MESSAGE de-authorization"), "{}", said[4]);
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

    commands_of_the_guide(&nodes);

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
