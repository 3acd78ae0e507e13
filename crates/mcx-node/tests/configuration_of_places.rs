//! `mcx check` names what cannot be where it is written: two on one port, two in one file, a store that is none.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;
#[path = "common/check.rs"]
mod check;

use std::net::UdpSocket;

use certificates::Authority;
use check::{check, example, refused, refused_text};

#[test]
fn nothing_that_the_node_writes_or_listens_on_is_in_anothers_place() {
    for (keys, wrong, expected) in [
        (
            "socket = \"x\"",
            "admin = \"x\"",
            "the admin socket is the events socket too",
        ),
        (
            "file = \"x\"\nsocket = \"x\"",
            "socket = \"x\"",
            "the events socket is the file of events too",
        ),
        (
            "",
            "admin = \"a-server.sqlite\"",
            "the admin socket is a file of the store",
        ),
        (
            "socket = \"a-server.sqlite-wal\"",
            "socket = \"a-server.sqlite-wal\"",
            "the events socket is a file of the store",
        ),
    ] {
        let admin = if wrong.starts_with("admin") {
            wrong
        } else {
            ""
        };
        let store = "store = \"a-server.sqlite\"";
        let text = example("gateways/a-server.toml");
        let text = text.replace(store, &format!("{store}\n{admin}"))
            + &format!("\n[service-server.events]\n{keys}\n");
        let line = text.lines().position(|line| line == wrong).unwrap() + 1;
        refused_text(&text, line, expected);
    }
}

/// Where no admin socket is written it is beside the store, and of a gateway beside the configuration.
#[test]
fn nothing_is_in_the_place_of_an_admin_socket_that_is_not_written() {
    let text = example("gateways/a-server.toml");
    let text = text + "\n[service-server.events]\nsocket = \"./a-server.sqlite.admin\"\n";
    let line = text.lines().count();
    refused_text(&text, line, "the events socket is the admin socket too");
    let text = example("gateways/a-gateway.toml") + "\n[trace]\nfile = \"a-gateway.admin\"\n";
    let line = text.lines().count();
    refused_text(&text, line, "the trace file is the admin socket too");
}

/// TLS and HTTP are on top of TCP, and share its ports.
#[test]
fn one_port_is_listened_on_once_whatever_is_spoken_there() {
    let ca = Authority::new();
    let files = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let tls = format!(
        "\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nroots = \"{}\"\n",
        files.certificate.display(),
        files.key.display(),
        files.roots.display()
    );
    let with = |listen: &str, http: &str| {
        let text = example("gateways/a-gateway.toml").replace("\"udp:127.0.0.1:0\"", listen);
        format!("{text}{tls}\n[http]\nlisten = \"{http}\"\n")
    };
    for transport in ["tcp", "tls"] {
        let text = with(&format!("\"{transport}:127.0.0.1:9\""), "127.0.0.1:9");
        let expected = format!(
            "`127.0.0.1:9` is listened on already, for SIP (`{transport}:127.0.0.1:9`): write another port"
        );
        refused_text(&text, text.lines().count(), &expected);
    }
    let text = with("\"tcp:127.0.0.1:9\", \"tls:127.0.0.1:9\"", "127.0.0.1:0");
    let line = text.lines().position(|l| l.contains("tls:127")).unwrap() + 1;
    refused_text(
        &text,
        line,
        "`tls:127.0.0.1:9` is listened on already: write each address once",
    );
    // Datagrams have ports of their own, and port 0 is another one each time.
    let free = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let streams = "\"tcp:127.0.0.1:0\", \"tls:127.0.0.1:0\"";
    let text = with(&format!("\"udp:{free}\", {streams}"), &free.to_string());
    let (output, said) = check(&text);
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_store_that_would_be_no_file_is_named() {
    for store in ["", ":memory:", "file:a.sqlite?mode=memory"] {
        refused(
            "gateways/a-server.toml",
            "\"a-server.sqlite\"",
            &format!("\"{store}\""),
            &format!("`{store}` is no path of a store: write store = \"FILE.sqlite\""),
        );
    }
}

#[test]
fn a_path_without_a_letter_is_named() {
    for (section, key) in [
        ("trace", "file"),
        ("trace", "raw-audit"),
        ("trace", "watches"),
        ("service-server.events", "file"),
        ("service-server.events", "socket"),
    ] {
        let text = example("gateways/a-server.toml") + &format!("\n[{section}]\n{key} = \"\"\n");
        let expected = "has an empty path: write one, for example \"";
        refused_text(&text, text.lines().count(), expected);
    }
    let text = example("gateways/a-gateway.toml");
    let text = text.replace("[gateway]", "[gateway]\nadmin = \"\"");
    let line = text.lines().position(|l| l == "admin = \"\"").unwrap() + 1;
    let expected = "the admin socket has an empty path: write one, for example \"node.admin\"";
    refused_text(&text, line, expected);
}
