//! Nodes that speak over connections: a return procedure over TCP and over mutual TLS, who is who by the domain in a
//! certificate, SIPp as partner over TCP, certificates that change while a node runs, and strangers who get nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;
use std::time::Duration;

use mcx::state::VisitorPhase;
use mcx_node::transport::tls::TlsFiles;
use sip_tests::lab::{
    ALICE_AT_B, Authority, Lab, Node, Over, Sipp, Stunnel, alice, alice_returns, mapping_at_b,
    project, receive_deauthorization_over, sipp_installed, stay_at_b, stunnel_installed,
};
use sip_trace::{Record, Transport, What};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Section [tls] with these files.
fn tls(files: &TlsFiles) -> String {
    format!(
        "\n[tls]\ncertificate = \"{}\"\nkey = \"{}\"\nroots = \"{}\"\n",
        files.certificate.display(),
        files.key.display(),
        files.roots.display(),
    )
}

/// The example of `node` listening over `transport` too, its hop to the server of `partner` over the same.
fn over(lab: &Lab, text: &str, node: &str, partner: &str, transport: &str) -> String {
    let (own, peer) = (lab.address(node), lab.address(&format!("{partner}-server")));
    let (own_too, peer_too) = match transport {
        // TLS has ports of its own.
        "tls" => (
            lab.address(&format!("{node}-tls")),
            lab.address(&format!("{partner}-server-tls")),
        ),
        _ => (own, peer),
    };
    let domain = match transport {
        "tls" => format!(", domain = \"{partner}.mcx.example\""),
        _ => String::new(),
    };
    let listen = format!("\"{transport}:{own_too}\"");
    let text = match text.contains(&listen) {
        true => text.to_owned(),
        false => text.replacen(
            &format!("listen = [\"udp:{own}\""),
            &format!("listen = [\"udp:{own}\", {listen}"),
            1,
        ),
    };
    text.replace(
        &format!("next-hop = \"sip:{peer}\""),
        &format!("next-hop = \"sip:{peer_too};transport={transport}\"{domain}"),
    )
}

/// A's server, owing B nothing yet; alice is on her first stay there.
fn a_server(lab: &Lab, edit: impl FnOnce(String) -> String) -> Node {
    lab.seed("a-server", vec![stay_at_b()]);
    Node::start(lab, "direct/a-server", edit)
}

/// B's server, with the mapping of that stay.
fn b_server(lab: &Lab, edit: impl FnOnce(String) -> String) -> Node {
    lab.seed("b-server", mapping_at_b(Some(1)));
    Node::start(lab, "direct/b-server", edit)
}

fn phase(lab: &Lab) -> Option<VisitorPhase> {
    let visitors = lab.stored("b-server").visitors;
    let found = visitors.into_iter().find(|(key, _)| *key == alice());
    found.map(|(_, visitor)| visitor.phase)
}

/// What carried the messages that a node recorded.
fn carried_by(records: &[Record]) -> BTreeSet<&'static str> {
    let transports = records.iter().filter_map(|record| match &record.what {
        What::Message(m) => Some(match m.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }),
        _ => None,
    });
    transports.collect()
}

/// P1 from A's server to B's: alice's mapping there ends.
fn a_return_ends_the_mapping(lab: &Lab, a: Node, b: Node, transport: &'static str) {
    alice_returns(lab);
    a.wait_for(&["verdict=delivered"]);
    assert!(matches!(phase(lab), Some(VisitorPhase::WasMigrated { .. })));
    let (_, records) = a.stop();
    assert_eq!(lab.stored("a-server").outbox, []);
    assert_eq!(carried_by(&records), BTreeSet::from(["udp", transport]));
    let (_, records) = b.stop();
    assert_eq!(carried_by(&records), BTreeSet::from([transport]));
}

#[test]
fn a_return_over_tcp() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("nodes-tcp");
    let b = b_server(&lab, |text| over(&lab, &text, "b-server", "a", "tcp"));
    let a = a_server(&lab, |text| over(&lab, &text, "a-server", "b", "tcp"));
    a_return_ends_the_mapping(&lab, a, b, "tcp");
}

#[test]
fn a_return_over_mutual_tls() {
    if !sipp_installed() {
        return;
    }
    let (lab, ca) = (Lab::new("nodes-tls"), Authority::new());
    let of_a = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let of_b = ca.sign("b", &["URI:sip:b.mcx.example"]);
    let b = b_server(&lab, |text| {
        over(&lab, &text, "b-server", "a", "tls") + &tls(&of_b)
    });
    let a = a_server(&lab, |text| {
        over(&lab, &text, "a-server", "b", "tls") + &tls(&of_a)
    });
    a_return_ends_the_mapping(&lab, a, b, "tls");
}

/// L5: who has a certificate that B trusts, but not A's name, is nobody in A's name.
fn the_impostor_is_refused(domain: &str, core: Option<&str>) {
    let (lab, ca) = (Lab::new("nodes-impostor"), Authority::new());
    let of_b = ca.sign("b", &["URI:sip:b.mcx.example"]);
    let of_impostor = ca.sign("impostor", &[&format!("URI:sip:{domain}")]);
    let b = b_server(&lab, |text| {
        let text = over(&lab, &text, "b-server", "a", "tls");
        let text = over(&lab, &text, "b-server", "c", "tls") + &tls(&of_b);
        let own = lab.address("b-core").to_string();
        text.replace(&own, core.unwrap_or(&own))
    });
    let before = lab.stored("b-server");
    let impostor = a_server(&lab, |text| {
        over(&lab, &text, "a-server", "b", "tls") + &tls(&of_impostor)
    });
    alice_returns(&lab);
    impostor.wait_for(&["verdict=parked", "403 179 service not authorized"]);
    assert_eq!(lab.stored("b-server"), before);
    let (_, records) = b.stop();
    assert_eq!(carried_by(&records), BTreeSet::from(["tls"]));
    let _ = impostor.stop();
}

#[test]
fn another_domain_than_the_primarys_is_refused_and_changes_nothing() {
    if sipp_installed() {
        the_impostor_is_refused("x.mcx.example", Some("127.0.0.1"));
    }
}

/// C is a partner of B, and its host B's SIP core's.
#[test]
fn another_partner_on_the_host_of_the_core_is_refused_and_changes_nothing() {
    if sipp_installed() {
        the_impostor_is_refused("c.mcx.example", None);
    }
}

/// The other way round: A does not tell alice's return to whoever has B's address, but not B's name.
#[test]
fn nothing_is_sent_to_a_server_of_another_domain() {
    if !sipp_installed() {
        return;
    }
    let (lab, ca) = (Lab::new("nodes-not-b"), Authority::new());
    let of_a = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let of_c = ca.sign("c", &["URI:sip:c.mcx.example"]);
    let not_b = b_server(&lab, |text| {
        over(&lab, &text, "b-server", "a", "tls") + &tls(&of_c)
    });
    let before = lab.stored("b-server");
    let a = a_server(&lab, |text| {
        over(&lab, &text, "a-server", "b", "tls") + &tls(&of_a)
    });
    alice_returns(&lab);
    // Who looks into the log or the outbox sees what is to be mended.
    let why = "does not name the domain that was meant";
    a.wait_for(&["WARN", "not proven", why]);
    a.wait_for(&["verdict=kept", "cannot be reached by TLS", why]);
    not_b.wait_for(&["WARN", "not let in", "does not accept the certificate"]);
    let (_, records) = not_b.stop();
    assert_eq!(carried_by(&records), BTreeSet::new());
    assert_eq!(lab.stored("b-server"), before);
    let _ = a.stop();
}

/// The example with TLS between gateways, with certificates made as its README says.
#[test]
fn a_return_through_gateways_that_speak_tls() {
    if !sipp_installed() || !openssl_installed() {
        return;
    }
    let lab = Lab::new("nodes-gateways-tls");
    let readme = std::fs::read_to_string(project().join("docs/examples/tls/README.md")).unwrap();
    let commands: Vec<_> = readme
        .lines()
        .filter_map(|l| l.strip_prefix("    "))
        .collect();
    assert_eq!(commands.len(), 7, "{commands:?}");
    let made = Command::new("sh")
        .args(["-e", "-c", &commands.join("\n")])
        .current_dir(lab.folder().join("nodes"))
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    lab.seed("a-server", vec![stay_at_b()]);
    lab.seed("b-server", mapping_at_b(Some(1)));
    let start = |example: &str| Node::start(&lab, example, |text| text);
    let b = start("gateways/b-server");
    let [gateway_a, gateway_b] = ["tls/a-gateway", "tls/b-gateway"].map(start);
    let a = start("gateways/a-server");
    alice_returns(&lab);
    a.wait_for(&["verdict=delivered"]);
    assert!(matches!(
        phase(&lab),
        Some(VisitorPhase::WasMigrated { .. })
    ));
    for gateway in [gateway_a, gateway_b] {
        let (_, records) = gateway.stop();
        assert_eq!(carried_by(&records), BTreeSet::from(["tls", "udp"]));
    }
    let _ = (a.stop(), b.stop());
}

fn openssl_installed() -> bool {
    let there = Command::new("openssl").arg("version").output().is_ok();
    if !there {
        eprintln!(
            "SKIPPED: openssl is not installed (Debian package openssl); sip-tests/run installs it"
        );
    }
    there
}

#[test]
fn sipp_receives_as_partner_over_tcp() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("nodes-sipp-tcp");
    let a = a_server(&lab, |text| over(&lab, &text, "a-server", "b", "tcp"));
    let partner = receive_deauthorization_over(&lab, Over::Tcp, "b-server", "200 OK", "");
    alice_returns(&lab);
    let messages = partner.succeeds();
    assert!(messages.contains("Via: SIP/2.0/TCP"), "{messages}");
    a.wait_for(&["verdict=delivered"]);
    let _ = a.stop();
    assert_eq!(lab.stored("a-server").outbox, []);
}

#[test]
fn sipp_sends_as_primary_over_tcp() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("nodes-sipp-sends");
    let b = b_server(&lab, |text| over(&lab, &text, "b-server", "a", "tcp"));
    deauthorize(&lab, Over::Tcp, "a-server", "200");
    assert!(matches!(
        phase(&lab),
        Some(VisitorPhase::WasMigrated { .. })
    ));
    let (_, records) = b.stop();
    assert_eq!(carried_by(&records), BTreeSet::from(["tcp"]));
}

/// SIPp at the address of `at` ends alice's stay at B in A's name.
fn deauthorize(lab: &Lab, over: Over, at: &str, status: &str) {
    let kind = "<req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>";
    let stay = "<stay xmlns=\"urn:mcx-sip:migration:1\" number=\"1\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\"/>";
    let replace = [
        ("TO_PSI", "sip:mc-server@b.mcx.example"),
        ("FROM_PSI", "sip:mc-server@a.mcx.example"),
        ("KIND", kind),
        ("PARTNER_ID", ALICE_AT_B),
        ("ELEMENTS", stay),
        ("STATUS", status),
        ("CHECKS", ""),
        ("REFERENCE", ""),
    ];
    Sipp::start_over(lab, over, "message", at, Some("b-server"), &replace).succeeds();
}

/// A connection through stunnel to a node, whose keep-alives are answered (RFC 5626 §3.5.1) while it lasts.
struct Ping(TcpStream);

impl Ping {
    fn new(lab: &Lab, stunnel: &str) -> Self {
        let stream = TcpStream::connect(lab.address(stunnel)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    fn is_answered(&mut self) -> bool {
        let mut pong = [0; 2];
        let sent = self.0.write_all(b"\r\n\r\n");
        sent.and_then(|()| self.0.read_exact(&mut pong)).is_ok() && pong == *b"\r\n"
    }
}

#[test]
fn a_certificate_is_replaced_while_the_node_runs() {
    if !stunnel_installed() {
        return;
    }
    let (lab, ca) = (Lab::new("nodes-reload"), Authority::new());
    let files = ca.sign("b", &["DNS:old.mcx.example"]);
    let of_client = ca.sign("client", &["URI:sip:a.mcx.example"]);
    let b = b_server(&lab, |text| {
        over(&lab, &text, "b-server", "a", "tls") + &tls(&files)
    });
    let stunnel =
        |at: &str, domain: &str| Stunnel::client(&lab, at, "b-server-tls", &of_client, domain);
    let old = stunnel("expects-old", "old.mcx.example");
    let new = stunnel("expects-new", "new.mcx.example");
    let mut open = Ping::new(&lab, "expects-old");
    assert!(open.is_answered());
    assert!(!Ping::new(&lab, "expects-new").is_answered());
    // A file that cannot be used is named, and changes nothing.
    std::fs::write(&files.certificate, "nothing").unwrap();
    b.hang_up();
    let wrong = files.certificate.display().to_string();
    b.wait_for(&["everything stays as it was", &wrong]);
    assert!(open.is_answered());
    assert!(Ping::new(&lab, "expects-old").is_answered());
    ca.sign("b", &["DNS:new.mcx.example"]);
    b.hang_up();
    b.wait_for(&["configuration read anew: changed: certificates"]);
    assert!(Ping::new(&lab, "expects-new").is_answered());
    assert!(!Ping::new(&lab, "expects-old").is_answered());
    // What was open goes on.
    assert!(open.is_answered());
    drop((old, new));
    let _ = b.stop();
}

/// What a stranger gets for a request of another system's name, when a known peer was answered after it.
fn a_stranger_gets(strangers: &str) -> Vec<u8> {
    let lab = Lab::new("nodes-strangers");
    let b = b_server(&lab, |text| {
        format!("{text}\n[connections]\nstrangers = \"{strangers}\"\n")
    });
    // Peers of a lab share an address; this is another one.
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let own = stranger.local_addr().unwrap();
    for bytes in [
        format!(
            "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK1;rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@a.mcx.example>;tag=1\r\nTo: <sip:b@b.mcx.example>\r\n\
             Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
        ),
        "OPTIONS sip:x SIP/2.0\r\n\r\n".to_owned(),
        "\r\n\r\n".to_owned(),
    ] {
        stranger
            .send_to(bytes.as_bytes(), lab.address("b-server"))
            .unwrap();
    }
    deauthorize(&lab, Over::Udp, "a-server", "200");
    // One socket, one after the other: what it was going to get it has.
    stranger.set_nonblocking(true).unwrap();
    let mut got = vec![0; 65_535];
    let length = stranger.recv(&mut got).unwrap_or_default();
    got.truncate(length);
    let _ = b.stop();
    got
}

#[test]
fn strangers_get_not_a_byte_where_they_are_ignored() {
    if !sipp_installed() {
        return;
    }
    let answered = a_stranger_gets("answer");
    assert!(answered.starts_with(b"SIP/2.0 403 "), "{answered:?}");
    assert_eq!(a_stranger_gets("ignore"), b"");
}

#[test]
fn a_peer_that_is_known_by_its_certificate_is_no_stranger() {
    if !sipp_installed() {
        return;
    }
    let (lab, ca) = (Lab::new("nodes-known"), Authority::new());
    let of_a = ca.sign("a", &["URI:sip:a.mcx.example"]);
    let of_b = ca.sign("b", &["URI:sip:b.mcx.example"]);
    let b = b_server(&lab, |text| {
        let text = over(&lab, &text, "b-server", "a", "tls");
        // Nothing but certificates tells B whom it knows: its core and C are elsewhere, and A comes from wherever.
        let text = over(&lab, &text, "b-server", "c", "tls")
            .replace(
                &format!("sip:{}", lab.address("a-server-tls")),
                "sip:a-server.a.mcx.example:5061",
            )
            .replace(
                &format!("sip:{}", lab.address("c-server-tls")),
                "sip:c-server.c.mcx.example:5061",
            )
            .replace(&lab.address("b-core").to_string(), "127.0.0.1");
        format!(
            "{text}{}\n[connections]\nstrangers = \"ignore\"\n",
            tls(&of_b)
        )
    });
    let a = a_server(&lab, |text| {
        over(&lab, &text, "a-server", "b", "tls") + &tls(&of_a)
    });
    a_return_ends_the_mapping(&lab, a, b, "tls");
}
