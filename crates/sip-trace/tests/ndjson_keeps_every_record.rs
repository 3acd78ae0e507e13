//! Records survive their way to disk and back, and a file that is broken says where.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use sip_trace::ndjson::{self, Cause};
use sip_trace::{DecisionRecord, Direction, MessageRecord, Record, Transport, What};

fn lines(records: &[Record]) -> Vec<u8> {
    let mut out = Vec::new();
    records
        .iter()
        .for_each(|record| ndjson::write(record, &mut out).unwrap());
    out
}

fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// Text, binary, an empty datagram, control characters, IPv6, every direction and transport, full and bare decisions.
fn all_kinds() -> Vec<Record> {
    let mut records = common::exchange();
    let peer: SocketAddr = "[2001:db8::1]:5061".parse().unwrap();
    let contents: [&'static [u8]; 4] = [
        b"\xff\x00\xfe binary",
        b"",
        b"\r\n\r\n",
        "a\u{1b}\"\\\u{0}ü".as_bytes(),
    ];
    let ways = [
        (Direction::Received, Transport::Tcp),
        (Direction::Sent, Transport::Tls),
        (Direction::Received, Transport::Udp),
        (Direction::Sent, Transport::Tcp),
    ];
    for (content, (direction, transport)) in contents.into_iter().zip(ways) {
        let bytes = Bytes::from_static(content);
        let message = MessageRecord {
            direction,
            transport,
            local: peer,
            peer,
            opened_here: direction == Direction::Sent,
            identity: (transport == Transport::Tls).then(|| "a.example b.example".into()),
            offset: (transport != Transport::Udp).then_some(u64::MAX),
            bytes,
        };
        records.push(Record {
            seq: u64::MAX,
            wall_us: u64::MAX,
            mono_us: Some(u64::MAX),
            node: "Knoten \"ü\"".into(),
            what: What::Message(message),
        });
    }
    let full = DecisionRecord {
        requirement: "P1.4".into(),
        verdict: "applied".into(),
        why: "two\nlines".into(),
        procedure: Some("0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d".to_owned()),
        user: Some("sip:alice@a.mcx.example".to_owned()),
        target: "procedure".into(),
        detail: true,
        call: Some("call@host".into()),
        transaction: Some(u64::MAX),
    };
    for decision in [full, DecisionRecord::default()] {
        records.push(Record {
            seq: 0,
            wall_us: 0,
            mono_us: None,
            node: "".into(),
            what: What::Decision(decision),
        });
    }
    records
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    let records = all_kinds();
    let written = lines(&records);
    assert_eq!(
        written.iter().filter(|b| **b == b'\n').count(),
        records.len(),
        "one line a record"
    );
    assert_eq!(
        ndjson::read_file(file("round-trip.ndjson", &written)).unwrap(),
        records
    );
    let one = String::from_utf8(lines(&records[..1])).unwrap();
    assert_eq!(ndjson::read(&one).unwrap(), records[0]);
}

#[test]
fn text_stays_readable_and_binary_is_base64() {
    let records = all_kinds();
    let text = String::from_utf8(lines(&records)).unwrap();
    assert!(text.contains(r#""text":"MESSAGE sip:psi@b.mcx.example SIP/2.0\r\n"#));
    assert!(text.contains(r#""base64":"/wD+IGJpbmFyeQ==""#));
}

#[test]
fn a_file_cut_at_any_byte_gives_every_whole_line() {
    let records = all_kinds();
    let written = lines(&records);
    for cut in 0..written.len() {
        let read = ndjson::read_all(&written[..cut]).unwrap();
        let whole = written[..cut].iter().filter(|b| **b == b'\n').count();
        // The last line may be whole but for its line feed.
        assert!(
            read.len() == whole || read.len() == whole + 1,
            "cut at {cut}"
        );
        assert_eq!(read, records[..read.len()]);
    }
}

#[test]
fn a_broken_line_is_named_by_number_and_field_without_its_content() {
    let good = String::from_utf8(lines(&common::exchange()[..1])).unwrap();
    let broken = [
        (
            "{\"v\":1,\"alice\":",
            "line 2: not a JSON object of a trace, at column 15",
        ),
        ("\"alice\"", "line 2: not a JSON object of a trace"),
        ("{\"v\":2}", "line 2: schema version 2, this reader knows 1"),
        ("{}", "line 2: field \"v\" is missing"),
        (
            "{\"v\":1,\"seq\":1,\"wall_us\":1,\"node\":\"B\",\"kind\":\"alice\"}",
            "line 2: field \"kind\" has no meaning",
        ),
        (
            "{\"v\":1,\"seq\":1,\"wall_us\":1,\"node\":\"B\",\"kind\":\"message\"}",
            "line 2: field \"text\" is missing",
        ),
        (
            "{\"v\":1,\"seq\":1,\"wall_us\":1,\"node\":\"B\",\"kind\":\"message\",\"text\":\"\",\"direction\":\"sent\",\
             \"transport\":\"udp\",\"local\":\"alice:5060\",\"peer\":\"127.0.0.1:1\"}",
            "line 2: field \"local\" has no meaning",
        ),
        (
            "{\"v\":1,\"seq\":-1}",
            "line 2: not a JSON object of a trace",
        ),
    ];
    for (line, expected) in broken {
        let content = format!("{good}{line}\n{good}");
        let error = ndjson::read_all(content.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!format!("{error} {error:?}").contains("alice"));
    }
}

#[test]
fn unknown_fields_and_empty_lines_are_skipped() {
    let content = "\n{\"v\":1,\"seq\":1,\"wall_us\":2,\"node\":\"B\",\"kind\":\"decision\",\"verdict\":\"kept\",\"why\":\"\",\"later\":[1]}\n\n";
    let records = ndjson::read_all(content.as_bytes()).unwrap();
    assert_eq!(records.len(), 1);
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_memory() {
    let content = vec![b' '; ndjson::MAX_LINE_BYTES + 1];
    let error = ndjson::read_all(&*content).unwrap_err();
    assert!(matches!(error.cause, Cause::TooLong));
    let missing = ndjson::read_file("no/such/file").unwrap_err();
    assert!(matches!(missing.cause, Cause::Io(_)));
}
