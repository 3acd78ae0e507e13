//! tshark, capinfos and sngrep read what we write: SIP and XML decoded, checksums good, decisions shown. Skipped, loudly, where
//! the tools are not installed.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use bytes::Bytes;
use common::{A, B, Story};
use sip_trace::pcapng::{Layout, write_merged_as};
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

fn capture(name: &str, records: &[Record], layout: Layout) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    write_merged_as(records, layout, std::fs::File::create(&path).unwrap()).unwrap();
    path
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
    for (name, layout) in [
        ("one.pcapng", Layout::OneInterface),
        ("nodes.pcapng", Layout::InterfacePerNode),
    ] {
        let path = capture(name, &common::exchange(), layout);
        let seen = fields(
            &path,
            &[
                "sip.Method",
                "sip.Status-Code",
                "udp.srcport",
                "ip.checksum.status",
                "udp.checksum.status",
            ],
        );
        let good = |what: &str, port| format!("{what}|{port}|1|1");
        let (request, ok) = ("MESSAGE|", "|200");
        let expected = [
            good(request, 40_001),
            good(request, 40_002),
            good(request, 40_002),
            good(request, 40_003),
            good(ok, 40_004),
            good(request, 40_003),
            good(ok, 40_004),
            good(ok, 40_003),
            good(ok, 40_002),
        ];
        assert_eq!(seen, expected);
    }
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
        story.sent(1, A, B, &Bytes::from(of_service));
    }
    for seen in fields(
        &capture("xml.pcapng", &story.records, Layout::OneInterface),
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
    let path = capture(
        "comments.pcapng",
        &common::exchange(),
        Layout::InterfacePerNode,
    );
    let seen = fields(&path, &["frame.interface_name", "frame.comment"]);
    assert_eq!(
        seen[2],
        "A gateway|A gateway → B gateway;B gateway: L5 trusted – sender is the user's primary system"
    );
    assert!(
        seen[3].starts_with("B gateway|B gateway → B server;B server: P1.4 applied – mapping is"),
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
    for record in &mut story.records {
        if let What::Message(message) = &mut record.what {
            assert_eq!(message.direction, Direction::Sent);
            message.local = "[2001:db8::1]:40001".parse().unwrap();
            message.peer = "[2001:db8::2]:40002".parse().unwrap();
        }
    }
    let path = capture("ipv6.pcapng", &story.records, Layout::OneInterface);
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
}

#[test]
fn capinfos_counts_packets_and_finds_time_in_order() {
    if !installed("capinfos") {
        return;
    }
    let path = capture("capinfos.pcapng", &common::exchange(), Layout::OneInterface);
    let output = Command::new("capinfos")
        .args(["-E", "-c", "-o", "-a", "-S"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let told = |what: &str, value: &str| {
        text.lines()
            .any(|line| line.starts_with(what) && line.ends_with(value))
    };
    assert!(told("File encapsulation:", "Raw IP"), "{text}");
    assert!(told("Number of packets:", " 9"), "{text}");
    assert!(told("Strict time order:", "True"), "{text}");
    assert!(told("First packet time:", " 1767225600.001000"), "{text}");
}

#[test]
fn sngrep_finds_the_dialogs() {
    if !installed("sngrep") {
        return;
    }
    let path = capture("sngrep.pcapng", &common::exchange(), Layout::OneInterface);
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
