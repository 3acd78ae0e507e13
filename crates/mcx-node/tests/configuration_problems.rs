//! `mcx check` names everything that is wrong with a configuration: file, line, and what to write
//! instead.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a copy of the example keys, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mcx-check-{}-{count}", std::process::id()));
        std::fs::create_dir_all(path.join("keys")).unwrap();
        std::fs::create_dir_all(path.join("nodes")).unwrap();
        let key = examples().join("keys/idms-a.pub.pem");
        std::fs::copy(key, path.join("keys/idms-a.pub.pem")).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples")
}

/// Port 0 instead of the example's, so that no other program's port matters.
fn example(name: &str) -> String {
    let text = std::fs::read_to_string(examples().join(name)).unwrap();
    text.replace("udp:127.0.0.1:5061", "udp:127.0.0.1:0")
        .replace("udp:127.0.0.1:5062", "udp:127.0.0.1:0")
}

fn check(text: &str) -> (Output, String) {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    std::fs::write(&path, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["check", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said.replace(path.to_str().unwrap(), "node.toml"))
}

/// The example with `from` replaced by `to` is refused at the line where `to` stands, with a
/// message that contains `expected`.
fn refused(name: &str, from: &str, to: &str, expected: &str) {
    let text = example(name);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines
        .iter()
        .position(|l| l.contains(from) && !l.starts_with('#'))
        .unwrap();
    lines[at] = lines[at].replace(from, to);
    let line = at + 1;
    let (output, said) = check(&lines.join("\n"));
    assert_eq!(output.status.code(), Some(1), "{said}");
    let there = said
        .lines()
        .any(|l| l.starts_with(&format!("node.toml:{line}: ")) && l.contains(expected));
    assert!(there, "no `{expected}` at line {line}:\n{said}");
}

#[test]
fn the_examples_are_right() {
    for name in [
        "gateways/a-server.toml",
        "gateways/a-gateway.toml",
        "direct/a-server.toml",
    ] {
        let (output, said) = check(&example(name));
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn an_unknown_key_is_named_with_those_there_are() {
    refused(
        "gateways/a-server.toml",
        "topology-hiding = true",
        "topology-hidden = true",
        "unknown field `topology-hidden`, expected one of `system`, `domains`, `topology-hiding`",
    );
    refused(
        "gateways/a-gateway.toml",
        "[node]",
        "[nodes]",
        "unknown field `nodes`, expected one of `node`, `system`",
    );
}

#[test]
fn a_wrong_unit_is_named_with_those_there_are() {
    for (from, to) in [
        ("first = \"1 s\"", "first = \"1 sec\""),
        ("longest = \"5 min\"", "longest = \"5\""),
        ("default = \"30 d\"", "default = \"a month\""),
    ] {
        let expected = "write a number and a unit: ms, s, min, h or d, for example \"30 d\"";
        refused("gateways/a-server.toml", from, to, expected);
    }
}

#[test]
fn a_port_in_use_is_named() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    refused(
        "gateways/a-gateway.toml",
        "udp:127.0.0.1:0",
        &format!("udp:{address}"),
        "the port is in use: write a free one",
    );
}

#[test]
fn an_unreadable_key_file_is_named() {
    refused(
        "gateways/a-server.toml",
        "../keys/idms-a.pub.pem",
        "../keys/missing.pem",
        "missing.pem cannot be read",
    );
    refused(
        "gateways/a-server.toml",
        "\"../keys/idms-a.pub.pem\"",
        "\"node.toml\"",
        "write the path of a public key that fits `algorithm`",
    );
}

#[test]
fn a_partner_without_a_route_is_named() {
    refused(
        "direct/a-server.toml",
        "topology-hiding = false",
        "topology-hiding = true",
        "partner b.mcx.example has no route: topology-hiding = true, but this server has no gateway",
    );
    refused(
        "gateways/a-server.toml",
        "topology-hiding = true",
        "topology-hiding = false",
        "partner b.mcx.example has no route: topology-hiding = false, but the partner's server is not named",
    );
}

#[test]
fn other_values_that_mean_nothing_are_named() {
    let server = "gateways/a-server.toml";
    for (from, to, expected) in [
        (
            "udp:127.0.0.1:0",
            "127.0.0.1:0",
            "write \"udp:ADDRESS:PORT\"",
        ),
        (
            "udp:127.0.0.1:0",
            "tls:127.0.0.1:0",
            "this version listens on UDP only",
        ),
        (
            "\"sip:mc-server@a.mcx.example\"",
            "\"mc-server\"",
            "`mc-server` is no sip: URI",
        ),
        (
            "\"sip:127.0.0.1:5062\"",
            "\"sip:gw.a.example\"",
            "this version resolves no host names",
        ),
        (
            "[\"127.0.0.1:5060\"]",
            "[\"localhost\"]",
            "`localhost` is no source address",
        ),
        (
            "[\"mcptt\", \"mcvideo\", \"mcdata\"]",
            "[\"mcptx\"]",
            "unknown variant `mcptx`",
        ),
        (
            "[\"mcptt\", \"mcvideo\", \"mcdata\"]",
            "[]",
            "no service: write some of",
        ),
        (
            "\"b.mcx.example\"",
            "\"a.mcx.example\"",
            "system a.mcx.example is there already",
        ),
        (
            "sip:bob@a.mcx.example",
            "bob",
            "not an MC service ID (not a URI)",
        ),
        ("\"ES256\"", "\"HS256\"", "unknown variant `HS256`"),
        ("\"a-server\"", "\"a server\"", "`a server` is no node name"),
    ] {
        refused(server, from, to, expected);
    }
}

#[test]
fn a_trace_file_with_something_else_in_it_is_named() {
    let server = "gateways/a-server.toml";
    let to = |file: &str| format!("[trace]\nfile = \"{file}\"\n[service-server]");
    for (file, expected) in [
        ("a-server.sqlite", "is a file of the store"),
        ("./../nodes/a-server.sqlite", "is a file of the store"),
        ("a-server.sqlite-wal", "is a file of the store"),
        ("node.toml", "is this configuration file"),
    ] {
        let text = example(server).replace("\n[service-server]", &format!("\n{}", to(file)));
        let line = text.lines().position(|l| l.starts_with("file = ")).unwrap();
        let (_, said) = check(&text);
        let wanted = format!("node.toml:{}: the trace file {expected}: write", line + 1);
        assert!(said.contains(&wanted), "no `{wanted}` in:\n{said}");
    }
}

#[test]
fn all_problems_are_named_in_one_run() {
    let text = example("gateways/a-server.toml")
        .replace("first = \"1 s\"", "first = \"1 x\"")
        .replace("default = \"30 d\"", "default = \"30 y\"")
        .replace("[\"127.0.0.1:5060\"]", "[\"core\"]");
    let (_, said) = check(&text);
    assert!(said.ends_with("3 problems\n"), "{said}");
}

#[test]
fn a_missing_file_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["check", "--config", "/nonexistent/node.toml"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.starts_with("/nonexistent/node.toml: cannot be read"),
        "{said}"
    );
}
