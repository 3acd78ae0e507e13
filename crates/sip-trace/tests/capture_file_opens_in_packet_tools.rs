//! tshark, capinfos and sngrep read what we write: SIP and XML decoded, checksums good, decisions shown. Skipped, loudly, where
//! the tools are not installed.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use common::{A, AG, B, Story};
use sip_trace::pcapng::write_merged;
use sip_trace::{Direction, Record, What};

fn installed(tool: &str) -> bool {
    let found = Command::new(tool)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: {tool} is not installed, so nothing was checked with it");
    }
    found
}

fn capture(name: &str, records: &[Record]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let written = write_merged(records, std::fs::File::create(&path).unwrap()).unwrap();
    assert!(written.interfaces > 1, "{written:?}");
    path
}

/// The exchange with TLS between the server and the gateway of A.
fn exchange() -> Vec<Record> {
    let mut records = common::exchange();
    common::over_tls(&mut records, (A, 50_001), AG);
    records
}

/// One line a packet, the fields separated by "|"; several values of one field by ";".
fn fields(path: &PathBuf, fields: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path);
    command.args([
        "-o",
        "udp.check_checksum:TRUE",
        "-o",
        "ip.check_checksum:TRUE",
    ]);
    command.args(["-T", "fields", "-E", "separator=|", "-E", "aggregator=;"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn sip_on_any_port_is_decoded_with_good_checksums() {
    if !installed("tshark") {
        return;
    }
    let seen = fields(
        &capture("ports.pcapng", &exchange()),
        &[
            "frame.interface_name",
            "sip.Method",
            "sip.Status-Code",
            "udp.srcport",
            "ip.checksum.status",
            "udp.checksum.status",
        ],
    );
    let good = |interface: &str, what: &str, port| format!("{interface}|{what}|{port}|1|1");
    let (request, ok) = ("MESSAGE|", "|200");
    let opened = "A server · TLS, connections it opened";
    let (ag_tls, ag) = (
        "A gateway · TLS 127.0.0.1:40002",
        "A gateway · UDP 127.0.0.1:40002",
    );
    let (bg, b) = (
        "B gateway · UDP 127.0.0.1:40003",
        "B server · UDP 127.0.0.1:40004",
    );
    let expected = [
        good(opened, request, 50_001),
        good(ag, request, 40_002),
        good(ag, request, 40_002),
        good(bg, request, 40_003),
        good(b, ok, 40_004),
        good(bg, request, 40_003),
        good(b, ok, 40_004),
        good(bg, ok, 40_003),
        good(ag_tls, ok, 40_002),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn mc_info_documents_of_all_services_are_decoded_as_xml() {
    if !installed("tshark") {
        return;
    }
    let mut story = Story::default();
    let mcptt = String::from_utf8(common::notification("one").to_vec()).unwrap();
    for service in ["mcptt", "mcvideo", "mcdata"] {
        let of_service = mcptt.replace("3gpp.mcptt-info", &format!("3gpp.{service}-info"));
        let of_service = Bytes::from(of_service);
        story.sent(1, A, B, &of_service);
        story.sent(2, B, A, &of_service);
    }
    for seen in fields(
        &capture("xml.pcapng", &story.records),
        &["frame.protocols", "xml.tag"],
    ) {
        assert!(seen.starts_with("raw:ip:udp:sip:xml|"), "{seen}");
        assert!(seen.contains("<mcptt-request-uri"), "{seen}");
    }
}

#[test]
fn decisions_and_nodes_are_shown_at_the_packets() {
    if !installed("tshark") {
        return;
    }
    let path = capture("comments.pcapng", &exchange());
    let seen = fields(&path, &["frame.comment"]);
    assert_eq!(
        seen[0],
        "A server → A gateway;A server: P1.0 started – user is back and was migrated to b.mcx.example (stay 7);\
         carried over TLS, shown as UDP"
    );
    assert_eq!(
        seen[2],
        "A gateway → B gateway;B gateway: L5 trusted – sender is the user's primary system"
    );
    assert!(
        seen[3].starts_with("B gateway → B server;B server: P1.4 applied – mapping is"),
        "{}",
        seen[3]
    );
}

#[test]
fn ipv6_and_binary_messages_are_valid_packets() {
    if !installed("tshark") {
        return;
    }
    let mut story = Story::default();
    story.sent(1, A, B, &common::notification("one"));
    story.sent(2, A, B, &Bytes::from_static(b"\xff\x00\xfe"));
    story.sent(3, B, A, &common::notification("two"));
    for record in &mut story.records {
        if let What::Message(message) = &mut record.what {
            assert_eq!(message.direction, Direction::Sent);
            message.local = SocketAddr::new("2001:db8::1".parse().unwrap(), message.local.port());
            message.peer = SocketAddr::new("2001:db8::2".parse().unwrap(), message.peer.port());
        }
    }
    let path = capture("ipv6.pcapng", &story.records);
    let seen = fields(
        &path,
        &[
            "ipv6.src",
            "sip.Method",
            "udp.length",
            "udp.checksum.status",
            "_ws.malformed",
        ],
    );
    assert!(
        seen[0].starts_with("2001:db8::1|MESSAGE|") && seen[0].ends_with("|1|"),
        "{}",
        seen[0]
    );
    assert_eq!(seen[1], "2001:db8::1||11|1|");
    assert!(
        seen[2].starts_with("2001:db8::1|MESSAGE|") && seen[2].ends_with("|1|"),
        "{}",
        seen[2]
    );
    let named = fields(&path, &["frame.interface_name"]);
    assert_eq!(named[2], "B server · UDP [2001:db8::1]:40004");
}

#[test]
fn capinfos_counts_packets_and_finds_time_in_order() {
    if !installed("capinfos") {
        return;
    }
    let path = capture("capinfos.pcapng", &exchange());
    let output = Command::new("capinfos")
        .args(["-E", "-I", "-c", "-o", "-a", "-S"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = |what: &str, value: &str| {
        text.lines()
            .any(|line| line.starts_with(what) && line.ends_with(value))
    };
    assert!(told("File encapsulation:", "Raw IP"), "{text}");
    assert!(told("Number of interfaces in file:", " 5"), "{text}");
    assert!(told("Number of packets:", " 9"), "{text}");
    assert!(told("Strict time order:", "True"), "{text}");
    assert!(told("First packet time:", " 1767225600.001000"), "{text}");
}

#[test]
fn sngrep_finds_the_dialogs() {
    if !installed("sngrep") {
        return;
    }
    let path = capture("sngrep.pcapng", &exchange());
    let read = Command::new("sngrep")
        .args(["-F", "-N", "-I"])
        .arg(path)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&read.stdout);
    assert!(text.contains("Dialog count: 3"), "{text}");
}
