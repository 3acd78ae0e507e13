//! L5: who may say what about whom. Everyone else gets 403 and changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::world::*;
use common::{ALICE, ALICE_AT_B, ALICE_AT_C, BOB, BOB_AT_A};
use mcx::document::Document;
use mcx::{MessageKind, Origin, Service, ServiceServerConfig};

const REQUEST: MessageKind = MessageKind::AuthorizationRequest;
const RESPONSE: MessageKind = MessageKind::AuthorizationResponse;
const REPORT: MessageKind = MessageKind::UserAuthorizationNotification;
const END: MessageKind = MessageKind::DeauthorizationNotification;

/// Status of the answer to a message; what is refused changes nothing.
fn status(config: ServiceServerConfig, source: &str, message: &Incoming) -> u16 {
    let mut bench = Bench::server(config);
    let out = bench.exchange(source, &message.request());
    let (status, warning) = told(&response(&out));
    if status == 403 {
        assert!(bench.rows.homes.is_empty() && bench.rows.visitors.is_empty());
        assert!(bench.rows.outbox.is_empty() && sends(&out).is_empty());
        let warning = warning.expect("a Warning");
        assert!(warning.starts_with("399 a.mcx.example \"179 "), "{warning}");
    }
    status
}

fn body(kind: MessageKind, primary: &str, partner: Option<&str>) -> String {
    xml(&Document {
        kind: Some(kind),
        primary_id: Some(primary.into()),
        partner_id: partner.map(str::to_owned),
        result: (kind == RESPONSE).then_some(true),
        ..Document::default()
    })
}

fn says(source: &str, from: &str, kind: MessageKind, primary: &str, partner: &str) -> u16 {
    let message = Incoming::message(from, &body(kind, primary, Some(partner)));
    status(server_a(), source, &message)
}

#[test]
fn the_table() {
    // The partner that gave the id, about a user of this system.
    assert_eq!(says(B, SERVER_B, REQUEST, ALICE, ALICE_AT_B), 200);
    assert_eq!(says(C, SERVER_C, REQUEST, ALICE, ALICE_AT_C), 200);
    // The primary, about its user.
    assert_eq!(says(B, SERVER_B, RESPONSE, BOB, BOB_AT_A), 200);
    assert_eq!(
        says(B, SERVER_B, END, BOB, BOB_AT_A),
        404,
        "entitled; not here"
    );

    // Another partner than the one that gave the id.
    assert_eq!(says(C, SERVER_C, REQUEST, ALICE, ALICE_AT_B), 403);
    assert_eq!(says(C, SERVER_C, REPORT, ALICE, ALICE_AT_B), 403);
    // Another system than the primary.
    assert_eq!(says(C, SERVER_C, END, BOB, BOB_AT_A), 403);
    assert_eq!(says(C, SERVER_C, RESPONSE, BOB, BOB_AT_A), 403);
    // A partner about a user of its own, as if this system were the primary; and the reverse.
    assert_eq!(says(B, SERVER_B, REQUEST, BOB, BOB_AT_A), 403);
    assert_eq!(says(B, SERVER_B, REPORT, BOB, ALICE_AT_B), 403);
    assert_eq!(says(B, SERVER_B, END, ALICE, ALICE_AT_B), 403);
    assert_eq!(says(B, SERVER_B, RESPONSE, ALICE, ALICE_AT_B), 403);
    // Of a service that is not interconnected with B.
    for (kind, primary, partner) in [
        (REQUEST, ALICE, ALICE_AT_B),
        (REPORT, ALICE, ALICE_AT_B),
        (RESPONSE, BOB, BOB_AT_A),
        (END, BOB, BOB_AT_A),
    ] {
        let mut config = server_a();
        config.systems.partners[0].services = vec![Service::McVideo, Service::McData];
        let message = Incoming::message(SERVER_B, &body(kind, primary, Some(partner)));
        assert_eq!(status(config, B, &message), 403, "{kind}");
    }
    // Users of nobody.
    let nobody = "sip:x@nowhere.example";
    for kind in MessageKind::ALL {
        assert_eq!(says(B, SERVER_B, kind, nobody, ALICE_AT_B), 403, "{kind}");
    }
    assert_eq!(says(B, SERVER_B, REQUEST, ALICE, nobody), 403);
    assert_eq!(
        says(B, SERVER_B, REQUEST, ALICE, ALICE),
        403,
        "an id that A gave itself"
    );
}

#[test]
fn a_domain_is_a_domain_and_not_its_end() {
    for (primary, partner) in [
        ("sip:alice@evil-a.mcx.example", ALICE_AT_B),
        ("sip:alice@a.mcx.example.evil.example", ALICE_AT_B),
        (ALICE, "sip:visitor@x.b.mcx.example"),
        (ALICE, "sip:b.mcx.example@c.mcx.example"),
    ] {
        assert_eq!(
            says(B, SERVER_B, REQUEST, primary, partner),
            403,
            "{primary} {partner}"
        );
    }
    assert_eq!(
        says(
            B,
            SERVER_B,
            REQUEST,
            "sip:alice@A.MCX.Example",
            "SIP:v@B.mcx.EXAMPLE"
        ),
        200
    );
}

#[test]
fn who_is_proven_by_the_source() {
    assert_eq!(says(STRANGER, SERVER_B, END, BOB, BOB_AT_A), 403);
    assert_eq!(
        says(C, SERVER_B, END, BOB, BOB_AT_A),
        403,
        "C claims to be B"
    );
    assert_eq!(
        says(B, SERVER_C, END, BOB, BOB_AT_A),
        403,
        "B claims to be C"
    );
    assert_eq!(
        says(B, "sip:mcx@b.mcx.example.evil", END, BOB, BOB_AT_A),
        403
    );
    let anonymous = Incoming {
        headers: vec![],
        ..Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)))
    };
    assert_eq!(
        status(server_a(), B, &anonymous),
        404,
        "the address alone proves it"
    );
    assert_eq!(status(server_a(), STRANGER, &anonymous), 403);
}

#[test]
fn who_is_proven_by_the_core() {
    assert_eq!(says(CORE, SERVER_B, END, BOB, BOB_AT_A), 404);
    assert_eq!(says(CORE, "SIP:mcx@B.MCX.example", END, BOB, BOB_AT_A), 404);
    assert_eq!(says(CORE, SERVER_C, END, BOB, BOB_AT_A), 403);
    // A client behind the core, whatever its document says.
    assert_eq!(says(CORE, BOB, END, BOB, BOB_AT_A), 403);
    assert_eq!(says(CORE, ALICE, REQUEST, ALICE, ALICE_AT_B), 403);
    let anonymous = Incoming {
        headers: vec![],
        ..Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)))
    };
    assert_eq!(status(server_a(), CORE, &anonymous), 403);
}

/// Status of B's notification on a connection from an address, whose certificate names these domains.
fn over_connection(config: &ServiceServerConfig, address: &str, domains: &[&str]) -> u16 {
    let mut bench = Bench::server(config.clone());
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    let domains = domains.iter().map(|&domain| domain.into()).collect();
    let origin = Origin::connection(address.parse().unwrap(), domains);
    let out = bench.request_from(origin, &message.request());
    told(&response(&bench.store(out))).0
}

#[test]
fn who_is_proven_by_the_certificate() {
    let mut config = server_a();
    for (partner, domain) in config
        .systems
        .partners
        .iter_mut()
        .zip(["b.example", "c.example"])
    {
        partner.peer.domain = Some(domain.into());
        partner.peer.sources.clear();
    }
    // From wherever.
    assert_eq!(over_connection(&config, STRANGER, &["b.example"]), 404);
    assert_eq!(
        over_connection(&config, STRANGER, &["x.example", "B.example"]),
        404
    );
    assert_eq!(over_connection(&config, STRANGER, &["c.example"]), 403);
    assert_eq!(over_connection(&config, STRANGER, &["x.example"]), 403);
    assert_eq!(over_connection(&config, B, &[]), 403, "the address alone");
    assert_eq!(
        status(
            config.clone(),
            B,
            &Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)))
        ),
        403,
        "a datagram"
    );
    // The core asserts who is behind it, without a certificate or with one that is nobody's else. Whose certificate says
    // that it is C is not the core, wherever it comes from.
    assert_eq!(over_connection(&config, CORE, &[]), 404);
    assert_eq!(over_connection(&config, CORE, &["core.example"]), 404);
    assert_eq!(over_connection(&config, CORE, &["c.example"]), 403);
    assert_eq!(over_connection(&config, CORE, &["b.example"]), 404);
    // Nor is it B, where B is known by its address.
    let mut addressed = config.clone();
    addressed.systems.partners[0].peer = server_a().systems.partners[0].peer.clone();
    assert_eq!(over_connection(&addressed, B, &["c.example"]), 403);
    assert_eq!(over_connection(&addressed, B, &["x.example"]), 404);
    // A core that is known by its domain is the core with any other name too.
    config.core.domain = Some("core.example".into());
    assert_eq!(
        over_connection(&config, CORE, &["core.example", "c.example"]),
        404
    );
    assert_eq!(over_connection(&config, CORE, &["c.example"]), 403);
    assert_eq!(over_connection(&config, CORE, &[]), 403);
}

#[test]
fn one_identity_is_asserted_and_not_two() {
    let of = |line: &str| {
        let message = Incoming {
            headers: vec![line.into()],
            ..Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)))
        };
        status(server_a(), CORE, &message)
    };
    assert_eq!(
        of(&format!(
            "P-Asserted-Identity: <{SERVER_B}>, <tel:+12125551212>"
        )),
        404
    );
    assert_eq!(
        of(&format!("P-Asserted-Identity: <{SERVER_B}>, <{SERVER_C}>")),
        403
    );
    assert_eq!(
        of(&format!(
            "P-Asserted-Identity: <{SERVER_C}>\r\nP-Asserted-Identity: <{SERVER_B}>"
        )),
        403
    );
    assert_eq!(of("P-Asserted-Identity: <nonsense"), 403);
    assert_eq!(
        of(&format!("P-Preferred-Identity: <{SERVER_B}>")),
        403,
        "that is a wish"
    );
}

#[test]
fn one_address_of_two_functions_proves_neither_alone() {
    let mut config = server_a();
    config.systems.partners[1].peer.sources = config.systems.partners[0].peer.sources.clone();
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    assert_eq!(status(config.clone(), B, &message), 404);
    let anonymous = Incoming {
        headers: vec![],
        ..message.clone()
    };
    assert_eq!(status(config.clone(), B, &anonymous), 403);
    // Two partners behind one gateway: the gateway speaks for both.
    config.systems.partners[1].peer.psi = SERVER_B.into();
    assert_eq!(status(config, B, &anonymous), 404);
}

#[test]
fn a_port_counts_where_it_is_configured() {
    let mut config = server_a();
    config.systems.partners[0].peer.sources[0].port = Some(5060);
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    assert_eq!(status(config.clone(), B, &message), 404);
    assert_eq!(status(config, "192.0.2.2:5061", &message), 403);
}

#[test]
fn the_port_of_a_connection_tells_nothing() {
    let mut config = server_a();
    config.systems.partners[0].peer.sources[0].port = Some(5060);
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    assert_eq!(status(config.clone(), "tcp:192.0.2.2:40000", &message), 404);
    assert_eq!(status(config, "tcp:192.0.2.9:5060", &message), 403);
}

#[test]
fn where_a_domain_is_wanted_only_its_certificate_proves_it() {
    let mut config = server_a();
    config.systems.partners[0].peer.domain = Some("b.mcx.example".into());
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    for (source, expected) in [
        ("tls:192.0.2.2:40000 b.mcx.example", 404),
        ("tls:192.0.2.2:40000 other.example B.MCX.example", 404),
        // The right address without the certificate, over whatever transport; the certificate of somebody else.
        (B, 403),
        ("tcp:192.0.2.2:40000", 403),
        ("tls:192.0.2.2:40000 c.mcx.example", 403),
        ("tls:192.0.2.2:40000 sub.b.mcx.example", 403),
        // The certificate from an address that is not the peer's.
        ("tls:192.0.2.9:40000 b.mcx.example", 403),
    ] {
        assert_eq!(
            status(config.clone(), source, &message),
            expected,
            "{source}"
        );
    }
    // Where no address is written, the certificate is enough.
    config.systems.partners[0].peer.sources.clear();
    assert_eq!(
        status(
            config.clone(),
            "tls:192.0.2.9:40000 b.mcx.example",
            &message
        ),
        404
    );
    assert_eq!(
        status(config, "tls:192.0.2.9:40000 c.mcx.example", &message),
        403
    );
}

#[test]
fn a_sip_core_may_have_to_prove_its_domain_too() {
    let mut config = server_a();
    config.core.domain = Some("core.a.mcx.example".into());
    let message = Incoming::message(SERVER_B, &body(END, BOB, Some(BOB_AT_A)));
    let core: std::net::SocketAddr = CORE.parse().unwrap();
    let proven = format!("tls:{core} core.a.mcx.example");
    assert_eq!(status(config.clone(), &proven, &message), 404);
    assert_eq!(status(config, CORE, &message), 403);
}

#[test]
fn a_stranger_learns_nothing_from_what_is_wrong_with_his_message() {
    let broken = Incoming::message(SERVER_B, "<mcpttinfo");
    assert_eq!(status(server_a(), STRANGER, &broken), 403);
    assert_eq!(status(server_a(), B, &broken), 400);
}
