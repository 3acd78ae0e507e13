//! `mcx check` names what is wrong with listeners, certificates, next hops and bounds of connections: file, line, and
//! what to write instead.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;
#[path = "common/check.rs"]
mod check;

use std::net::{TcpListener, UdpSocket};

use certificates::Authority;
use check::{check, example, refused, refused_text};
use mcx_node::transport::tls::TlsFiles;

const GATEWAY: &str = "gateways/a-gateway.toml";
const HOP: &str = "\"sip:127.0.0.1:5072\"";

fn line_of(text: &str, what: &str) -> usize {
    let at = text.lines().position(|line| line.contains(what));
    at.unwrap_or_else(|| panic!("no `{what}` in:\n{text}")) + 1
}

fn tls(files: &TlsFiles) -> String {
    format!(
        "\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nroots = \"{}\"\n",
        files.certificate.display(),
        files.key.display(),
        files.roots.display()
    )
}

/// The example with TLS: listener, next hop with domain, certificate.
fn with_tls(files: &TlsFiles) -> String {
    example(GATEWAY)
        .replace("udp:127.0.0.1:0", "tls:127.0.0.1:0")
        .replace(
            HOP,
            "\"sip:127.0.0.1:5072;transport=tls\", domain = \"b.mcx.example\"",
        )
        + &tls(files)
}

#[test]
fn what_tls_needs_is_right_when_it_is_there() {
    let ca = Authority::new();
    let (output, said) = check(&with_tls(&ca.sign("a", &["URI:sip:a.mcx.example"])));
    assert!(output.status.success(), "{said}");
}

#[test]
fn tls_without_a_certificate_is_named() {
    refused(
        GATEWAY,
        "udp:127.0.0.1:0",
        "tls:127.0.0.1:0",
        "`tls:127.0.0.1:0` needs a certificate: write a section [tls] with certificate, key and roots",
    );
    for hop in ["sip:127.0.0.1:5072;transport=tls", "sips:127.0.0.1:5072"] {
        refused(
            GATEWAY,
            HOP,
            &format!("\"{hop}\", domain = \"b.mcx.example\""),
            &format!(
                "`{hop}` needs a certificate: write a section [tls] with certificate, key and roots"
            ),
        );
    }
}

#[test]
fn a_tls_next_hop_without_a_domain_is_named() {
    let ca = Authority::new();
    let text = with_tls(&ca.sign("a", &[])).replace(", domain = \"b.mcx.example\"", "");
    let expected = "does not say who has to be there: write domain = \"DOMAIN\", the SIP domain in the peer's certificate";
    refused_text(&text, line_of(&text, "transport=tls"), expected);
}

#[test]
fn a_domain_without_tls_is_named() {
    let expected = "a domain is proven over TLS only: write next-hop with `;transport=tls`, or leave out domain";
    for transport in ["", ";transport=tcp", ";transport=udp"] {
        let to = format!("\"sip:127.0.0.1:5072{transport}\", domain = \"b.mcx.example\"");
        refused(GATEWAY, HOP, &to, expected);
    }
    // The core's is proven on a listener.
    let text = example(GATEWAY) + "\n[gateway.core]\ndomain = \"core.a.mcx.example\"\n";
    let expected =
        "nobody can prove a domain here: listen on \"tls:ADDRESS:PORT\" too, or leave out domain";
    refused_text(&text, line_of(&text, "core.a.mcx"), expected);
    for no_domain in ["", "127.0.0.1", "b_mcx.example", "sip:b.mcx.example"] {
        let ca = Authority::new();
        let text = with_tls(&ca.sign("a", &[]));
        let text = text.replace("\"b.mcx.example\" }", &format!("\"{no_domain}\" }}"));
        let expected =
            format!("`{no_domain}` is no SIP domain: write the one in the peer's certificate");
        refused_text(&text, line_of(&text, "transport=tls"), &expected);
    }
}

#[test]
fn a_tls_file_that_cannot_be_used_is_named_at_its_own_line() {
    let ca = Authority::new();
    let right = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let missing = right.key.with_file_name("missing.pem");
    let other = ca.sign("other", &["URI:sip:a.mcx.example"]);
    let cases = [
        (
            TlsFiles {
                certificate: missing.clone(),
                ..right.clone()
            },
            "certificate = ",
            "missing.pem: no certificate can be read",
            "write the path of the node's certificate in PEM",
        ),
        (
            TlsFiles {
                certificate: right.key.clone(),
                ..right.clone()
            },
            "certificate = ",
            "a.key.pem: no certificate is in it",
            "write the path of the node's certificate in PEM",
        ),
        (
            TlsFiles {
                key: missing.clone(),
                ..right.clone()
            },
            "key = ",
            "missing.pem: no private key can be read",
            "write the path of the private key of this certificate in PEM",
        ),
        (
            TlsFiles {
                key: other.key.clone(),
                ..right.clone()
            },
            "key = ",
            "other.key.pem: ",
            "write the path of the private key of this certificate in PEM",
        ),
        (
            TlsFiles {
                roots: missing,
                ..right.clone()
            },
            "roots = ",
            "missing.pem: no certificate can be read",
            "write the path of the root certificates of the peers in PEM",
        ),
    ];
    for (files, key, problem, remedy) in cases {
        let text = with_tls(&files);
        let (_, said) = check(&text);
        let start = format!("node.toml:{}: TLS: ", line_of(&text, key));
        let there = |l: &str| l.starts_with(&start) && l.contains(problem) && l.ends_with(remedy);
        assert!(
            said.lines().any(there),
            "{start}{problem} … {remedy}:\n{said}"
        );
        assert!(said.ends_with("1 problem\n"), "{said}");
    }
    let text = with_tls(&right);
    for (key, remedy) in [
        (
            "certificate",
            "write certificate = \"FILE\" in section [tls]",
        ),
        ("key", "write key = \"FILE\" in section [tls]"),
        ("roots", "write roots = \"FILE\" in section [tls]"),
    ] {
        let without: Vec<_> = text
            .lines()
            .filter(|l| !l.starts_with(&format!("{key} = ")))
            .collect();
        let without = without.join("\n");
        refused_text(&without, line_of(&without, "[tls]"), remedy);
    }
}

#[test]
fn a_bound_of_connections_out_of_range_is_named_with_its_range() {
    let out_of = |key: &str, value: &str, expected: &str| {
        let text = example(GATEWAY) + &format!("\n[connections]\n{key} = {value}\n");
        refused_text(&text, text.lines().count(), expected);
    };
    for (key, least, most) in [
        ("most", 1_usize, 1_000_000),
        ("most-per-peer", 1, 1_000_000),
        ("most-of-strangers", 0, 1_000_000),
        ("queue-bytes", 65_536, 1 << 30),
    ] {
        let below = least.checked_sub(1);
        for value in below.into_iter().chain([most + 1]) {
            let expected =
                format!("connections.{key} = {value} is out of range: write {least} to {most}");
            out_of(key, &value.to_string(), &expected);
        }
    }
    for key in ["connect", "handshake", "message", "idle", "write", "ping"] {
        let expected = format!("connections.{key} is out of range: write \"10 ms\" to \"1 d\"");
        out_of(key, "\"9 ms\"", &expected);
        out_of(key, "\"25 h\"", &expected);
        out_of(key, "\"5\"", "write a number and a unit");
    }
    out_of("strangers", "\"refuse\"", "expected `answer` or `ignore`");
    out_of("pings", "\"5 s\"", "unknown field `pings`, expected one of");
}

#[test]
fn a_dns_server_that_is_no_address_is_named() {
    let text = example(GATEWAY) + "\n[dns]\nservers = [\"dns.example\"]\n";
    let expected =
        "`dns.example` is no address of a DNS server: write \"ADDRESS\" or \"ADDRESS:PORT\"";
    refused_text(&text, text.lines().count(), expected);
}

#[test]
fn a_tcp_port_in_use_is_named() {
    let ca = Authority::new();
    let files = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for transport in ["tcp", "tls"] {
        let listen = format!("{transport}:{address}");
        let text = with_tls(&files).replace("tls:127.0.0.1:0", &listen);
        let expected = format!("cannot listen on {listen} ");
        refused_text(&text, line_of(&text, &listen), &expected);
        let expected = "the port is in use: write a free one, or end the program that holds it";
        refused_text(&text, line_of(&text, &listen), expected);
    }
    // UDP has ports of its own.
    let datagrams = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = format!("tcp:{}", datagrams.local_addr().unwrap());
    let (output, said) = check(&with_tls(&files).replace("tls:127.0.0.1:0", &listen));
    assert!(output.status.success(), "{said}");
}
