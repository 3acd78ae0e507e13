//! `mcx check` names what is wrong with listeners, certificates, next hops and bounds of connections: file, line, and
//! what to write instead.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../../sip-tests/src/lab/certificates.rs"]
mod certificates;
#[path = "common/check.rs"]
mod check;

use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::time::{Duration, SystemTime};

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

/// Self-signed, without extensions: by `openssl x509 -req -signkey`.
const OF_VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBEzCBuQIUfHOZqCUBKVbY36zDynq2dwQ/PTgwCgYIKoZIzj0EAwIwDDEKMAgG
A1UEAwwBYTAeFw0yNjExMzAxMDAxMzFaFw0zNjExMjcxMDAxMzFaMAwxCjAIBgNV
BAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQL8KdSPfazbufxMNXMQBTO
2uYLldGGZG1Wb4lMgmTuoog9CXEXQCF7ophpmZBOnYCQMY2yKonq5xuDn/ya5QKd
MAoGCCqGSM49BAMCA0kAMEYCIQDc00RT62CwGwAuym6DgKj82Fgm41PtNfAZKn7v
EzV7PAIhAISkqsRwIQl6rTSJ5RTOkozmrnQfHxAPJdvHTZXJicIJ
-----END CERTIFICATE-----
";

/// By `openssl pkey -aes256`.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgLhryQ08xg5wICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEECMc6hEQmsrJmh1crKwRy50EgZBC
ZytaUhrRYx+EDK/kwjJzIup/SxUdt5MC155UXZ+5nk7pCHX+7eauZiO8aaTRqt20
lZkaXvupe3VlT14G1rv31CoVOeJaCMtZERnjA1DpazcdfU0Q4EXVdh8oK+MKCjSL
pyWiKg11/v09oUV6QD0evvYs2/Rh2Zg1ZWXGVkLKDWWKehv45RB3nSHDtKA9KIE=
-----END ENCRYPTED PRIVATE KEY-----
";

#[test]
fn a_tls_file_that_cannot_be_used_is_named_at_its_own_line() {
    let ca = Authority::new();
    let right = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let missing = right.key.with_file_name("missing.pem");
    let other = ca.sign("other", &["URI:sip:a.mcx.example"]);
    let written = |name: &str, pem: &str| {
        let path = right.key.with_file_name(name);
        std::fs::write(&path, pem).unwrap();
        path
    };
    let pem = std::fs::read_to_string(&right.certificate).unwrap();
    let damaged = written("damaged.pem", &pem.replacen("MII", "MIJ", 1));
    let cases = [
        (
            TlsFiles {
                certificate: damaged,
                ..right.clone()
            },
            "certificate = ",
            "damaged.pem: the certificate is damaged",
            "write the path of the node's certificate in PEM",
        ),
        (
            TlsFiles {
                certificate: written("v1.pem", OF_VERSION_1),
                ..right.clone()
            },
            "certificate = ",
            "v1.pem: the certificate is of an old version of X.509",
            "write the path of the node's certificate in PEM",
        ),
        (
            TlsFiles {
                key: written("encrypted.pem", ENCRYPTED),
                ..right.clone()
            },
            "key = ",
            "encrypted.pem: the private key is encrypted, and nobody is there to be asked for its passphrase; `openssl pkey \
             -in FILE -out NEW` makes one without",
            "write the path of the private key of this certificate in PEM",
        ),
        (
            TlsFiles {
                key: right.roots.clone(),
                ..right.clone()
            },
            "key = ",
            "roots.pem: no private key is in it",
            "write the path of the private key of this certificate in PEM",
        ),
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
            "other.key.pem: the private key is that of another certificate",
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

/// Days from now on.
fn days(from: i64, to: i64) -> Range<SystemTime> {
    let day = |n: i64| {
        let distance = Duration::from_secs(n.unsigned_abs() * 86_400);
        match n < 0 {
            true => SystemTime::now() - distance,
            false => SystemTime::now() + distance,
        }
    };
    day(from)..day(to)
}

const OWN: &[&str] = &["URI:sip:a.mcx.example"];

#[test]
fn a_certificate_that_no_peer_takes_now_is_named() {
    let ca = Authority::new();
    let ended = ca.sign_for(days(-90, -1), "ended", OWN);
    let later = ca.sign_for(days(1, 90), "later", OWN);
    for (files, expected) in [
        (&ended, "ended.pem: the certificate ended on 20"),
        (&later, "later.pem: the certificate begins on 20"),
    ] {
        let text = with_tls(files);
        refused_text(&text, line_of(&text, "certificate = "), expected);
        let remedy = "no peer takes it: write the path of one that is valid now";
        refused_text(&text, line_of(&text, "certificate = "), remedy);
    }
}

/// What the certificate has to name is what a peer's own configuration demands: a SIP domain of this system (RFC 5922).
#[test]
fn a_certificate_that_names_somebody_else_is_named() {
    let ca = Authority::new();
    for names in [
        &["URI:sip:b.mcx.example"][..],
        &["DNS:b.mcx.example"],
        &["DNS:xa.mcx.example"],
        // A URI there is what counts, whatever names are beside it.
        &["URI:sip:b.mcx.example", "DNS:a.mcx.example"],
    ] {
        let text = with_tls(&ca.sign("a", names));
        let expected = "a.mcx.example, as peers demand (RFC 5922): write the path of one with \
                        subjectAltName URI:sip:a.mcx.example";
        refused_text(&text, line_of(&text, "certificate = "), expected);
    }
    let nobody: [&[&str]; 4] = [
        &[],
        &["DNS:*.a.mcx.example"],
        &["URI:sip:server@a.mcx.example"],
        &["URI:https://a.mcx.example"],
    ];
    for names in nobody {
        let text = with_tls(&ca.sign("a", names));
        let expected = "the certificate names no SIP domain";
        refused_text(&text, line_of(&text, "certificate = "), expected);
    }
    for names in [
        &["DNS:A.mcx.example"][..],
        &["URI:sip:gateway.a.mcx.example"],
        &["URI:sip:b.mcx.example", "URI:sip:a.mcx.example"],
        &["IP:127.0.0.1"],
    ] {
        let (output, said) = check(&with_tls(&ca.sign("a", names)));
        assert!(output.status.success(), "{names:?}: {said}");
        assert_eq!(said, "", "{names:?}");
    }
    // Identities of this system may be under other domains than its id.
    let text = with_tls(&ca.sign("a", &["URI:sip:mcx.a.example"]));
    let other = "id = \"a.mcx.example\"\ndomains = [\"a.mcx.example\", \"mcx.a.example\"]";
    let (output, said) = check(&text.replace("id = \"a.mcx.example\"", other));
    assert!(output.status.success(), "{said}");
}

/// Who renews in time hears of it in time; and a root is a name and a key to this program, whatever its end.
#[test]
fn what_ends_soon_and_roots_that_ended_are_noted() {
    let (ca, old) = (Authority::new(), Authority::valid(days(-90, -1)));
    let soon = ca.sign_for(days(-60, 20), "soon", OWN);
    let mut by_old = old.sign_for(days(-60, 90), "by-old", OWN);
    by_old.roots = old.sign("unused", &[]).roots;
    for (files, key, expected) in [
        (&soon, "certificate", "soon.pem: the certificate ends on 20"),
        (&by_old, "roots", "roots.pem: its certificate 1 ended on 20"),
    ] {
        let text = with_tls(files);
        let (output, said) = check(&text);
        assert!(output.status.success(), "{said}");
        let line = line_of(&text, &format!("{key} = "));
        let start = format!("node.toml:{line}: note: TLS: ");
        let there = |l: &str| l.starts_with(&start) && l.contains(expected);
        assert!(said.lines().count() == 1 && there(&said), "{said}");
    }
    let (output, said) = check(&with_tls(&ca.sign_for(days(-60, 31), "later", OWN)));
    assert!(output.status.success() && said.is_empty(), "{said}");
    // Of several, the first to end.
    let both = std::fs::read_to_string(&soon.roots).unwrap()
        + &std::fs::read_to_string(&by_old.roots).unwrap();
    std::fs::write(soon.roots.with_file_name("both.pem"), both).unwrap();
    let mut files = ca.sign("a", OWN);
    files.roots = soon.roots.with_file_name("both.pem");
    let (output, said) = check(&with_tls(&files));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("its certificate 2 ended on 20"), "{said}");
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
