//! `mcx check` names what is wrong with a configuration: file, line, and what to write
//! instead.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;
#[path = "common/check.rs"]
mod check;

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use certificates::Authority;
use check::{Folder, check, check_file, example, loopback, refused, refused_text};

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
    // Certificates are not part of the project: these are of the names that its README gives them.
    let (folder, ca) = (Folder::new(), Authority::new());
    let certificates = folder.0.join("nodes/certificates");
    std::fs::create_dir(&certificates).unwrap();
    for name in ["a-gateway", "b-gateway"] {
        let files = ca.sign(name, &[&format!("URI:sip:{}.mcx.example", &name[..1])]);
        for file in [&files.certificate, &files.key, &files.roots] {
            let to = certificates.join(file.file_name().unwrap());
            std::fs::copy(file, to).unwrap();
        }
        let path = folder.0.join("nodes/node.toml");
        std::fs::write(&path, example(&format!("tls/{name}.toml"))).unwrap();
        let (output, said) = check_file(&path);
        assert!(output.status.success(), "{name}: {said}");
    }
}

#[test]
fn names_that_hosts_of_the_inside_have_outside_are_told_apart() {
    let with = |aliases: &[(&str, &str)]| {
        let mut text = example("gateways/a-gateway.toml");
        for (inside, outside) in aliases {
            text += &format!(
                "\n[[gateway.host-alias]]\ninside = \"{inside}\"\noutside = \"{outside}\"\n"
            );
        }
        text
    };
    let right = [
        ("as1.a.internal", "one.a.mcx.example"),
        ("10.1.2.3", "two.a.mcx.example"),
        ("[2001:db8::7]", "three.a.mcx.example"),
    ];
    let (output, said) = check(&with(&right));
    assert!(output.status.success(), "{said}");
    for (aliases, wrong, expected) in [
        (
            vec![("as1 a", "one.a.mcx.example")],
            "inside = \"as1 a\"",
            "`as1 a` is no host: write a name or an address",
        ),
        (
            vec![("as1.a.internal", "a.mcx.example")],
            "outside = \"a.mcx.example\"",
            "`a.mcx.example` is where a.mcx.example has its identities",
        ),
        (
            vec![("as1.a.internal", "B.mcx.example")],
            "outside = \"B.mcx.example\"",
            "`b.mcx.example` is where b.mcx.example has its identities",
        ),
        (
            vec![
                ("as1.a.internal", "one.example"),
                ("as2.a.internal", "one.example"),
            ],
            "outside = \"one.example\"",
            "`one.example` is written twice",
        ),
        (
            vec![("as1.a.internal", "as1.a.internal")],
            "outside = \"as1.a.internal\"",
            "`as1.a.internal` tells the host's own name",
        ),
    ] {
        let text = with(&aliases);
        let line = text.lines().rev().position(|l| l == wrong).unwrap();
        refused_text(&text, text.lines().count() - line, expected);
    }
}

#[test]
fn a_public_service_identity_is_one_functions() {
    for (file, from, to) in [
        (
            "gateways/a-gateway.toml",
            "sip:mc-gateway@c.mcx.example",
            "sip:mc-gateway@b.mcx.example",
        ),
        (
            "gateways/a-gateway.toml",
            "sip:mc-gateway@c.mcx.example",
            "sip:mc-server@a.mcx.example",
        ),
        (
            "direct/a-server.toml",
            "sip:mc-server@b.mcx.example",
            "sip:mc-server@a.mcx.example",
        ),
    ] {
        let expected = format!("`{to}` is another function's already");
        refused(file, from, to, &expected);
    }
}

#[test]
fn a_partner_interconnects_some_service() {
    refused(
        "gateways/a-gateway.toml",
        "topology-hiding = true",
        "services = []\ntopology-hiding = true",
        "no service: write some of \"mcptt\", \"mcvideo\", \"mcdata\"",
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
fn a_time_to_stop_has_its_own_words() {
    for wrong in ["later", "after", "after a while", "30 s"] {
        refused(
            "gateways/a-server.toml",
            "default = \"immediately\"",
            &format!("default = \"{wrong}\""),
            &format!("`{wrong}` is no time to stop: write \"immediately\" or \"after 30 s\""),
        );
    }
}

#[test]
fn times_that_make_no_sense_are_refused() {
    for (from, to, expected) in [
        (
            "first = \"1 s\"",
            "first = \"1.5 s\"",
            "`1.5 s` has a fraction: write a whole number of a smaller unit",
        ),
        (
            "first = \"1 s\"",
            "first = \"0 s\"",
            "first is more than zero",
        ),
        (
            "longest = \"5 min\"",
            "longest = \"2 d\"",
            "`2 d` is out of range: write at most \"1 d\"",
        ),
        (
            "default = \"30 d\"",
            "default = \"1 ms\"",
            "`1 ms` is out of range: write \"1 min\" to \"3650 d\"",
        ),
    ] {
        refused("gateways/a-server.toml", from, to, expected);
    }
}

#[test]
fn who_cannot_be_told_of_events_is_named() {
    let from = "migration-timeout = \"20 s\"";
    for (events, expected) in [
        (
            "file = \"a-server.sqlite\"",
            "the file of events is a file of the store",
        ),
        (
            "file = \"nowhere/events.ndjson\"",
            "its folder does not exist",
        ),
        (
            "socket = \"nowhere/events.sock\"",
            "its folder does not exist",
        ),
        ("file = \"..\"", "something else than a file is there"),
        (
            "webhook = [{ url = \"https://127.0.0.1/\" }]",
            "an https URL needs roots",
        ),
        (
            "webhook = [{ url = \"http://127.0.0.1/\" }, { url = \"http://127.0.0.1/\" }]",
            "is written twice",
        ),
    ] {
        let to = format!("events.{events}");
        refused("gateways/a-server.toml", from, &to, expected);
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
            "`tls:127.0.0.1:0` needs a certificate: write a section [tls]",
        ),
        (
            "\"sip:mc-server@a.mcx.example\"",
            "\"mc-server\"",
            "`mc-server` is no sip: URI",
        ),
        (
            "\"sip:127.0.0.1:5062\"",
            "\"sip:gw.a.example\"",
            "next-hop is a name, so it does not say where this peer's requests come from",
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
        ("\"20 s\"", "\"0 s\"", "write \"1 s\" to \"30 s\""),
        ("\"20 s\"", "\"31 s\"", "write \"1 s\" to \"30 s\""),
        (
            "udp:127.0.0.1:0",
            "udp:0.0.0.0:5061",
            "write the machine's own address",
        ),
        (
            "udp:127.0.0.1:0",
            "udp:[::]:5061",
            "write the machine's own address",
        ),
        (
            "\"udp:127.0.0.1:0\"",
            "\"udp:127.0.0.1:9\", \"udp:127.0.0.1:9\"",
            "is listened on already",
        ),
    ] {
        refused(server, from, to, expected);
    }
}

/// All keys of the sections on limits, with a value just below and one just above their range.
const LIMITS: [(&str, &str, usize, usize); 12] = [
    ("limits", "message", 0, 65_536),
    ("limits", "header-bytes", 1_023, 65_536),
    ("limits", "header-fields", 0, 4_097),
    ("limits", "body", 0, 65_536),
    ("limits", "parameters", 7, 257),
    ("limits", "values", 7, 4_097),
    ("limits", "parts", 0, 1_025),
    ("limits", "depth", 0, 17),
    ("limits.document", "bytes", 1_023, 65_536),
    ("limits.document", "elements", 15, 65_536),
    ("limits.document", "depth", 5, 65),
    ("limits.document", "attributes", 3, 257),
];

#[test]
fn a_limit_out_of_range_is_named_with_its_range() {
    for (section, key, below, above) in LIMITS {
        let range = format!("write {} to {}", below + 1, above - 1);
        for value in [below, above] {
            let mut text = example("gateways/a-gateway.toml");
            text += &format!("\n[{section}]\n{key} = {value}\n");
            let line = text.lines().count();
            let (output, said) = check(&text);
            assert_eq!(output.status.code(), Some(1), "{said}");
            let wanted =
                format!("node.toml:{line}: {section}.{key} = {value} is out of range: {range}");
            assert!(said.contains(&wanted), "no `{wanted}` in:\n{said}");
        }
    }
}

#[test]
fn every_limit_is_taken_as_it_is_written() {
    for most in [false, true] {
        let mut text = example("gateways/a-server.toml");
        for section in ["limits", "limits.document"] {
            text += &format!("\n[{section}]\n");
            for (_, key, below, above) in LIMITS.iter().filter(|(s, ..)| *s == section) {
                let value = if most { above - 1 } else { below + 1 };
                text += &format!("{key} = {value}\n");
            }
        }
        let folder = loopback().join("gateways/a-server.toml");
        let config = mcx_node::config::parse(&folder, &text).expect("right");
        let (limits, server) = (config.limits, config.service_server.unwrap().config);
        assert_eq!(server.limits, limits);
        let values = [
            limits.message,
            limits.header_bytes,
            limits.header_fields,
            limits.body,
            limits.parameters,
            limits.values,
            limits.parts,
            limits.depth,
            server.bounds.bytes,
            server.bounds.elements,
            server.bounds.depth,
            server.bounds.attributes,
        ];
        for ((_, key, below, above), value) in LIMITS.iter().zip(values) {
            let expected = if most { above - 1 } else { below + 1 };
            assert_eq!(value, expected, "{key}");
        }
    }
}

/// Where everything goes through the SIP core, P-Asserted-Identity tells the functions apart.
#[test]
fn the_sip_core_may_be_the_next_hop() {
    let through_core = example("gateways/a-server.toml").replace(":5062", ":5060");
    let (output, said) = check(&through_core);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_next_hop_to_itself_is_named() {
    for (name, from) in [
        ("gateways/a-server.toml", "sip:127.0.0.1:5062"),
        ("gateways/a-gateway.toml", "sip:127.0.0.1:5061"),
        ("gateways/a-gateway.toml", "sip:127.0.0.1:5072"),
        ("direct/a-server.toml", "sip:127.0.0.1:5071"),
    ] {
        let text = example(name).replace("udp:127.0.0.1:0", "udp:127.0.0.1:9");
        let line = text.lines().position(|l| l.contains(from)).unwrap() + 1;
        let (_, said) = check(&text.replace(from, "sip:127.0.0.1:9"));
        let wanted = format!("node.toml:{line}: next-hop `sip:127.0.0.1:9` is this node's own");
        assert!(said.contains(&wanted), "no `{wanted}` in:\n{said}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_at_their_own_line() {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    let with = |store: &str, trace: &str| {
        let store = format!("# a-server.sqlite\nstore = \"{store}\"");
        let text = example("gateways/a-server.toml")
            .replace("store = \"a-server.sqlite\"", &store)
            .replace(
                "[service-server]\n",
                &format!("[trace]\nfile = \"{trace}\"\n[service-server]\n"),
            );
        std::fs::write(&path, &text).unwrap();
        let line = |start: &str| text.lines().position(|l| l.starts_with(start)).unwrap() + 1;
        let (_, said) = check_file(&path);
        (line("store ="), line("file ="), said)
    };
    let (store, trace, said) = with("missing/a.sqlite", "missing/a.ndjson");
    for (line, what) in [(store, "store"), (trace, "trace file")] {
        let there = |l: &str| {
            l.starts_with(&format!("node.toml:{line}: {what} "))
                && l.contains("its folder does not exist")
        };
        assert!(said.lines().any(there), "{said}");
    }
    assert!(said.ends_with("2 problems\n"), "{said}");

    std::fs::write(folder.0.join("nodes/letter"), "Dear Alice").unwrap();
    let (store, trace, said) = with("letter", "../nodes/../keys/idms-a.pub.pem");
    assert!(
        said.contains(&format!("node.toml:{store}: store ")),
        "{said}"
    );
    let expected = format!("node.toml:{trace}: trace file ");
    assert!(
        said.contains(&expected) && said.contains("is no trace file"),
        "{said}"
    );
    let letter = std::fs::read(folder.0.join("nodes/letter")).unwrap();
    assert_eq!(letter, b"Dear Alice");
    assert_eq!(
        std::fs::read_dir(folder.0.join("nodes")).unwrap().count(),
        2
    );
}

#[test]
fn a_store_that_a_node_uses_is_named_and_a_second_node_does_not_start() {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    std::fs::write(&path, example("gateways/a-server.toml")).unwrap();
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcx"));
        command.args(["run", "--config"]).arg(&path);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Process(Some(command.spawn().unwrap()))
    };
    let ready = |process: &mut Process| {
        let child = process.0.as_mut().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        assert!(out.lines().any(|l| l.unwrap().ends_with(" ready")));
    };
    let mut first = run();
    ready(&mut first);
    let (output, said) = check_file(&path);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("another process uses it"), "{said}");
    let second = run().0.take().unwrap().wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains("another process uses it"), "{said}");
    // Killed, it leaves no lock behind.
    drop(first);
    assert!(check_file(&path).0.status.success());
    ready(&mut run());
}

/// One that is killed in the end, also where a test fails.
struct Process(Option<Child>);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn output_that_nobody_reads_ends_the_program_quietly() {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    std::fs::write(&path, example("gateways/a-gateway.toml")).unwrap();
    let key = loopback().join("keys/idms-a.key.pem");
    let (path, key) = (path.to_str().unwrap(), key.to_str().unwrap());
    for arguments in [
        vec!["check", "--config", path],
        vec!["token", "--key", key, "--issuer", "i", "--audience", "a"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_mcx"))
            .args(&arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(141), "{arguments:?}");
        assert_eq!(output.stderr, b"", "{arguments:?}");
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

/// What is no URI says nothing of where requests come from either.
#[test]
fn a_wrong_next_hop_is_one_problem() {
    for wrong in ["http://x/", "sip:127.0.0.1:99999"] {
        let text = example("gateways/a-server.toml").replace("sip:127.0.0.1:5062", wrong);
        let (_, said) = check(&text);
        assert!(said.contains(&format!("`{wrong}` is no ")), "{said}");
        assert!(said.contains("node.toml: 1 problem, "), "{said}");
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_named() {
    let long = "x".repeat(120);
    let text = example("gateways/a-gateway.toml");
    let text = text.replace("[gateway]", &format!("[gateway]\nadmin = \"{long}\""));
    let line = text.lines().position(|l| l.starts_with("admin")).unwrap() + 1;
    let expected = "bytes, and that of a socket 107 at most: write a shorter one";
    refused_text(&text, line, expected);
}

#[test]
fn a_store_that_is_something_else_is_named_with_what_to_write() {
    let server = "gateways/a-server.toml";
    for (store, expected) in [
        (
            "../nodes",
            "a store is a file, and this is something else: write the path of one",
        ),
        (
            "node.toml",
            "not a database: write the path of a store, or of a file that is not there yet",
        ),
    ] {
        refused(server, "a-server.sqlite", store, expected);
    }
}

/// A value that somebody was handed moves no cursor, and makes no line that looks like one of ours.
#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    for (from, to) in [
        (
            "\"127.0.0.1:5060\"",
            "\"a\\u001b[2Jb\\nnode.toml: ok\\u202e\"",
        ),
        (
            "store = \"a-server.sqlite\"",
            "store = \"no/a\\u001b[2Jb\\nnode.toml: ok\\u202e\"",
        ),
        (
            "services = [\"mcptt\"",
            "services = [\"a\\u001b[2Jb\\nnode.toml: ok\\u202e\"",
        ),
    ] {
        let text = example("gateways/a-server.toml").replacen(from, to, 1);
        let (output, said) = check(&text);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("a?[2Jb?node.toml: ok?"), "{said:?}");
        let obeyed = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
        assert!(!said.contains(obeyed), "{said:?}");
        let ours = |line: &str| line.starts_with("node.toml:");
        assert!(
            said.lines().all(ours) && said.lines().count() == 2,
            "{said:?}"
        );
    }
}

#[test]
fn all_problems_are_named_in_one_run() {
    let text = example("gateways/a-server.toml")
        .replace("first = \"1 s\"", "first = \"1 x\"")
        .replace("default = \"30 d\"", "default = \"30 y\"")
        .replace("[\"127.0.0.1:5060\"]", "[\"core\"]");
    let (_, said) = check(&text);
    assert!(
        said.contains("node.toml: 3 problems, and perhaps more"),
        "{said}"
    );
}

#[test]
fn a_node_with_both_functions_has_one_admin_socket() {
    let text = example("gateways/a-gateway.toml");
    let server = example("gateways/a-server.toml");
    let section = server.split_once("[service-server]").unwrap().1;
    let section = section.split_once("[[partner]]").unwrap().0;
    let text = text.replace(
        "[gateway]",
        &format!(
            "[service-server]\nadmin = \"one.admin\"\n{section}\n[gateway]\nadmin = \"two.admin\""
        ),
    );
    let line = text
        .lines()
        .position(|line| line == "admin = \"two.admin\"");
    refused_text(&text, line.unwrap() + 1, "a node has one admin socket");
}
