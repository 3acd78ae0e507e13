//! `mcx trace` on files: what is listed, drawn and written, and that nobody is named.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use check::{Folder, example};
use serde_json::Value;
use sip_trace::{
    Capacity, DecisionRecord, Direction, MessageRecord, Record, Recorder, Transport, ndjson, pcapng,
};

const PROCEDURE: &str = "0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d";
/// 2026-01-01 00:00:00 UTC.
const START_US: u64 = 1_767_225_600_000_000;

fn request(call: &str) -> Bytes {
    let body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><mcptt-request-uri><mcpttURI>sip:alice@a.mcx.example</mcpttURI>\
        </mcptt-request-uri><anyExt><stay number=\"7\" procedure=\"{PROCEDURE}\"/></anyExt></mcptt-Params></mcpttinfo>"
    );
    let from = "sip:mc-server@a.mcx.example";
    Bytes::from(format!(
        "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK{call}\r\n\
        From: <{from}>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\nCall-ID: {call}\r\nCSeq: 1 MESSAGE\r\n\
        Authorization: Bearer c2VzYW1l\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn response(call: &str) -> Bytes {
    Bytes::from(format!(
        "SIP/2.0 200 OK\r\nCall-ID: {call}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// What two nodes recorded: one procedure, and a request of its own.
fn records(node: &str) -> Vec<Record> {
    let recorder = Recorder::new(node, Capacity::default());
    let (a, b) = (
        "127.0.0.1:5061".parse().unwrap(),
        "127.0.0.1:5071".parse().unwrap(),
    );
    let (local, peer) = if node == "a-server" { (a, b) } else { (b, a) };
    let tell = |ms: u64, from_a: bool, bytes: &Bytes| {
        let sent = from_a == (node == "a-server");
        let direction = if sent {
            Direction::Sent
        } else {
            Direction::Received
        };
        recorder.message(
            START_US + 1_000 * ms,
            MessageRecord::new(direction, Transport::Udp, local, peer, bytes.clone()),
        );
    };
    tell(0, true, &request("alice-1@a.mcx.example"));
    tell(2, false, &response("alice-1@a.mcx.example"));
    tell(
        900,
        true,
        &request("other")
            .to_vec()
            .iter()
            .copied()
            .filter(|b| *b != b'7')
            .collect(),
    );
    let decision = DecisionRecord {
        requirement: "P1.4".into(),
        verdict: "applied".into(),
        why: "stay ended".into(),
        procedure: Some(PROCEDURE.into()),
        user: Some("sip:alice@a.mcx.example".into()),
        ..DecisionRecord::default()
    };
    if node == "b-server" {
        recorder.decision(START_US + 1_000, &decision);
    }
    recorder.reader().take_all()
}

struct Files {
    folder: Folder,
    traces: Vec<PathBuf>,
}

fn files() -> Files {
    let folder = Folder::new();
    let write = |node: &str| {
        let path = folder.0.join(format!("{node}.ndjson"));
        let mut bytes = Vec::new();
        for record in records(node) {
            ndjson::write(&record, &mut bytes).unwrap();
        }
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let traces = ["a-server", "b-server"].map(write).into();
    Files { folder, traces }
}

fn mcx(args: &[&str], files: &[PathBuf]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcx"))
        .arg("trace")
        .args(args)
        .args(files)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn nobody(text: &str) {
    for word in ["alice", "c2VzYW1l"] {
        assert!(!text.contains(word), "{word} in\n{text}");
    }
}

#[test]
fn procedures_are_listed_and_drawn_by_id_and_number() {
    let files = files();
    let lines: Vec<Value> = text(&mcx(&["list", "--json"], &files.traces))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["id"], PROCEDURE);
    assert_eq!(
        (&lines[0]["messages"], &lines[0]["decisions"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        lines[0]["nodes"],
        serde_json::json!(["a-server", "b-server"])
    );
    assert_eq!(
        (&lines[0]["first"], &lines[0]["last"]),
        (&"MESSAGE".into(), &"200 OK".into())
    );
    let table = text(&mcx(&["list"], &files.traces));
    assert!(
        table.starts_with("NO  ID") && table.contains(PROCEDURE),
        "{table}"
    );
    nobody(&table);
    // Found by a name that is not shown.
    let found = text(&mcx(
        &["list", "--json", "--with", "alice-1@"],
        &files.traces,
    ));
    assert_eq!(
        (found.lines().count(), found.contains("\"number\":1")),
        (1, true),
        "{found}"
    );
    nobody(&found);
    assert_eq!(
        text(&mcx(&["list", "--json", "--with", "bob"], &files.traces)),
        ""
    );
    let whole = text(&mcx(&["ladder"], &files.traces));
    assert_eq!(whole.matches("MESSAGE").count(), 2, "{whole}");
    for id in [PROCEDURE, &PROCEDURE[..10], "alice-1@a.mcx.example", "1"] {
        let ladder = text(&mcx(&["ladder", id], &files.traces));
        assert_eq!(ladder.matches("MESSAGE").count(), 1, "{id}: {ladder}");
        assert!(
            ladder.contains("● P1.4 applied – stay ended")
                || ladder.contains("applied – stay ended ●"),
            "{ladder}"
        );
        nobody(&ladder);
    }
    assert!(
        refusal(&mcx(&["ladder", "no-such-id"], &files.traces))
            .contains("neither an id nor a number")
    );
    assert!(refusal(&mcx(&["ladder", "no-such-id"], &[])).contains("no such file"));
}

#[test]
fn a_step_that_belongs_to_no_message_is_no_procedure() {
    let folder = Folder::new();
    let recorder = Recorder::new("a-server", Capacity::default());
    let step = DecisionRecord {
        target: "store".into(),
        verdict: "durable".into(),
        detail: true,
        ..DecisionRecord::default()
    };
    recorder.decision(START_US - 1, &step);
    let mut bytes = Vec::new();
    for record in recorder
        .reader()
        .take_all()
        .iter()
        .chain(&records("a-server"))
    {
        ndjson::write(record, &mut bytes).unwrap();
    }
    let file = [folder.0.join("a-server.ndjson")];
    std::fs::write(&file[0], bytes).unwrap();
    let list = text(&mcx(&["list", "--json"], &file));
    let first: Value = serde_json::from_str(list.lines().next().unwrap()).unwrap();
    assert_eq!((list.lines().count(), &first["number"]), (2, &1.into()));
    assert_eq!(first["id"], PROCEDURE);
    let ladder = text(&mcx(&["ladder", "1"], &file));
    assert!(ladder.contains("MESSAGE"), "{ladder}");
}

#[test]
fn every_form_names_nobody_and_keeps_service_identities() {
    let files = files();
    let config = files.folder.0.join("nodes/a.toml");
    std::fs::write(&config, example("direct/a-server.toml")).unwrap();
    let config = config.to_str().unwrap().to_owned();
    let magic = [
        ("text", " "),
        ("mermaid", "sequenceDiagram"),
        ("svg", "<svg "),
        ("html", "<!DOCTYPE html>"),
        ("ndjson", "{\"v\":1,"),
        ("pcapng", "\n\r\r\n"),
    ];
    for (form, begin) in magic {
        let out = files.folder.0.join(form);
        let out_text = out.to_str().unwrap();
        text(&mcx(
            &[
                "export", "--as", form, "--out", out_text, "--config", &config,
            ],
            &files.traces,
        ));
        let bytes = std::fs::read(&out).unwrap();
        let said = String::from_utf8_lossy(&bytes).into_owned();
        assert!(said.starts_with(begin), "{form}");
        nobody(&said);
        let kept = said.contains("From: <sip:mc-server@a.mcx.example>")
            || said.contains("From: \\u003csip:mc-server@a.mcx.example");
        assert_eq!(kept, ["html", "ndjson", "pcapng"].contains(&form), "{form}");
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(
            std::fs::metadata(&out).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    // The title of a page is an id, which may have a name in it.
    let page = text(&mcx(
        &["ladder", "alice-1@a.mcx.example", "--as", "html"],
        &files.traces,
    ));
    nobody(&page);
}

#[test]
fn exports_under_one_key_have_the_same_pseudonyms() {
    let files = files();
    let key = files.folder.0.join("key");
    std::fs::write(&key, format!("{}\n", "0af1".repeat(16))).unwrap();
    let key_text = key.to_str().unwrap();
    let under = |args: &[&str]| text(&mcx(&[&["export"], args].concat(), &files.traces));
    assert_eq!(under(&["--key", key_text]), under(&["--key", key_text]));
    assert_ne!(under(&[]), under(&[]));
    std::fs::write(&key, "0af1").unwrap();
    assert!(
        refusal(&mcx(&["export", "--key", key_text], &files.traces))
            .contains("64 hexadecimal digits")
    );
}

#[test]
fn what_is_to_be_kept_stays_and_nothing_else() {
    let files = files();
    let exported = |args: &[&str]| text(&mcx(&[&["export"], args].concat(), &files.traces));
    let (a, b) = ("sip:mc-server@a.mcx.example", "sip:mc-server@b.mcx.example");
    let has = |said: &str| (said.contains(a), said.contains(b));
    assert_eq!(has(&exported(&[])), (false, false));
    let one = exported(&["--keep", a]);
    assert_eq!(has(&one), (true, false));
    nobody(&one);
    let both = exported(&["--keep", a, "--keep", b]);
    assert_eq!(has(&both), (true, true));
    nobody(&both);
    let slip = mcx(&["export", "--keep", "mc-server"], &files.traces);
    assert_eq!(slip.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&slip.stderr).contains("no URI: write one such as"));
}

#[test]
fn files_that_are_broken_are_named_with_the_place() {
    let files = files();
    let write = |name: &str, bytes: &[u8]| {
        let path = files.folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(&files.traces[0]).unwrap();
    let lines = whole.iter().filter(|byte| **byte == b'\n').count();
    let capture = {
        let mut bytes = Vec::new();
        pcapng::write_merged(&records("a-server"), &mut bytes).unwrap();
        bytes
    };
    let broken = format!("line {}: not a JSON object", lines + 1);
    for (name, bytes, expected) in [
        (
            "middle",
            [&whole[..], b"{\"v\":1\n", &whole].concat(),
            &*broken,
        ),
        (
            "noise",
            vec![0xfe; 5_000],
            "neither a capture nor a trace file",
        ),
        (
            "torn",
            whole[..40].to_vec(),
            "neither a capture nor a trace file: no whole line",
        ),
        (
            "head",
            capture[..20].to_vec(),
            "the header of the capture file is broken",
        ),
    ] {
        let path = write(name, &bytes);
        let said = refusal(&mcx(&["list"], std::slice::from_ref(&path)));
        assert!(said.contains(expected), "{name}: {said}");
        assert!(said.contains(&*path.to_string_lossy()), "{name}: {said}");
    }
    // Of lines of a trace it is never said that they are none.
    let said = refusal(&mcx(&["list"], &[files.folder.0.join("middle")]));
    assert!(!said.contains("neither"), "{said}");
    // What is there of a capture is shown, with a word about the rest.
    let cut = write("cut", &capture[..capture.len() - 30]);
    let shown = mcx(&["list"], &[cut]);
    assert!(text(&shown).contains("MESSAGE"));
    let said = String::from_utf8(shown.stderr).unwrap();
    assert!(said.contains("ends in the middle of a packet"), "{said}");
    // Nothing that is too long is read.
    let long = write("long", b"");
    let file = std::fs::File::options().write(true).open(&long).unwrap();
    file.set_len(1 << 31).unwrap();
    assert!(refusal(&mcx(&["list"], &[long])).contains("longer than"));
}

#[test]
fn slips_in_names_of_nodes_are_told() {
    let files = files();
    let ladder = mcx(&["ladder", "--order", "b-server,a-sever"], &files.traces);
    let said = String::from_utf8_lossy(&ladder.stderr).into_owned();
    assert!(said.contains("--order: a-sever takes no part"), "{said}");
    assert!(!said.contains("b-server"), "{said}");
    let heading = text(&ladder).lines().next().unwrap().to_owned();
    assert!(
        heading.find("b-server") < heading.find("a-server"),
        "{heading}"
    );
    let slip = mcx(&["read", "--name", "127.0.0.1:5060="], &files.traces);
    assert_eq!(slip.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&slip.stderr).contains("write a name"));
}

#[test]
fn raw_needs_a_permission_and_is_written_down_and_masks_secrets_all_the_same() {
    let files = files();
    let refused = refusal(&mcx(&["export", "--raw"], &files.traces));
    assert!(refused.contains("--raw is not allowed"), "{refused}");
    let config = files.folder.0.join("nodes/a.toml");
    let plain = example("direct/a-server.toml");
    std::fs::write(&config, &plain).unwrap();
    let raw = ["export", "--raw", "--config", config.to_str().unwrap()];
    assert!(refusal(&mcx(&raw, &files.traces)).contains("raw-audit"));
    let audit = files.folder.0.join("nodes/raw.ndjson");
    std::fs::write(
        &config,
        format!("{plain}\n[trace]\nraw-audit = \"raw.ndjson\"\n"),
    )
    .unwrap();
    // Each node allows it for its own records.
    let other = refusal(&mcx(&raw, &files.traces));
    assert!(
        other.contains("not allowed for records of b-server"),
        "{other}"
    );
    assert!(!audit.exists());
    let config_b = files.folder.0.join("nodes/b.toml");
    let plain_b = plain.replace("\"a-server\"", "\"b-server\"");
    std::fs::write(
        &config_b,
        format!("{plain_b}\n[trace]\nraw-audit = \"raw-b.ndjson\"\n"),
    )
    .unwrap();
    let both = ["--config", config_b.to_str().unwrap()];
    let raw = [&raw[..], &both].concat();
    let shown = text(&mcx(&raw, &files.traces));
    assert!(
        shown.contains("sip:alice@a.mcx.example") && !shown.contains("c2VzYW1l"),
        "{shown}"
    );
    let written = ndjson::read_file(&audit).unwrap();
    assert_eq!(written.len(), 1);
    let said = format!("{:?}", written[0]);
    assert!(
        said.contains("shown raw") && said.contains("mcx trace export, 7 records of"),
        "{said}"
    );
    assert!(said.contains("uid "), "{said}");
    // What cannot be written down is not shown.
    std::fs::remove_file(&audit).unwrap();
    std::fs::create_dir(&audit).unwrap();
    assert!(refusal(&mcx(&raw, &files.traces)).contains("nothing is shown"));
}

#[test]
fn who_reads_what_holds_nothing_is_told_why() {
    let files = files();
    let file = |name: &str, bytes: &[u8]| {
        let path = files.folder.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut capture = Vec::new();
    pcapng::write_merged(&[], &mut capture).unwrap();
    for (name, bytes, why) in [
        ("none.pcapng", &capture[..], "no SIP message in 0 packets"),
        ("empty.ndjson", b"", "nothing is in it"),
        ("packed.pcap.gz", b"\x1f\x8b\x08\x00", "gunzip"),
    ] {
        let output = mcx(&["read"], &[file(name, bytes)]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(name) && said.contains(why), "{said}");
    }
}

#[test]
fn captures_are_read_one_ladder_a_procedure() {
    let files = files();
    let capture = files.folder.0.join("ours.pcapng");
    let all = sip_trace::merge::by_time(vec![records("a-server"), records("b-server")]);
    pcapng::write_merged(&all, std::fs::File::create(&capture).unwrap()).unwrap();
    let said = text(&mcx(&["read"], std::slice::from_ref(&capture)));
    assert_eq!(said.matches("━━ ").count(), 2, "{said}");
    assert!(
        said.contains(PROCEDURE) && said.contains("a-server") && said.contains("P1.4 applied"),
        "{said}"
    );
    nobody(&said);
    let neither = files.folder.0.join("letter");
    std::fs::write(&neither, "Dear Alice").unwrap();
    let refused = refusal(&mcx(&["read"], &[neither]));
    assert!(
        refused.contains("neither a capture nor a trace file") && !refused.contains("Dear"),
        "{refused}"
    );
    assert!(Path::new(&capture).exists());
}
