//! L5 as a whole: {what is said} × {about whom} × {who says it, and how that is proven} × {direct, through
//! gateways}. What is not expressly allowed here is 403 with 179, and changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::{self, GATEWAY_A, GATEWAY_B, GATEWAY_C, INSIDE, INSIDE_A};
use common::world::*;
use common::{ALICE, ALICE_AT_B, ALICE_AT_C, BOB, BOB_AT_A, tokens};
use mcx::document::Document;
use mcx::{Effect, GatewayServer, MessageKind, Random, Role, ServiceServerConfig};

/// Carol is a user of C.
const CAROL: &str = "sip:carol@c.mcx.example";
const NOBODY: &str = "sip:x@nowhere.example";
/// Ids of users: the primary's word for them.
const USERS: [&str; 4] = [ALICE, BOB, CAROL, NOBODY];
/// Ids of partners.
const PARTNER_IDS: [Option<&str>; 5] = [
    Some(ALICE_AT_B),
    Some(ALICE_AT_C),
    Some(BOB_AT_A),
    Some(NOBODY),
    None,
];

/// A system that speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    B,
    C,
    /// The own system's function on the other side of a gateway: the gateway to a server, the server to a gateway.
    Own,
    /// The SIP core, in the name of a client.
    Core,
    Nobody,
}

/// A way to send: from where, and with which identities asserted.
struct Way {
    name: String,
    source: &'static str,
    asserted: Vec<&'static str>,
    /// Who that proves.
    proves: Who,
}

/// The other functions, by their PSI and address.
struct Peers {
    b: (&'static str, &'static str),
    c: (&'static str, &'static str),
    own: Option<(&'static str, &'static str)>,
}

/// Every way to send that is told apart.
fn ways(peers: &Peers) -> Vec<Way> {
    let (own_psi, own_source) = peers
        .own
        .unwrap_or(("sip:own@leak.inside.example", STRANGER));
    let psis = [
        ("B", peers.b.0, Who::B),
        ("C", peers.c.0, Who::C),
        (
            "own",
            own_psi,
            if peers.own.is_some() {
                Who::Own
            } else {
                Who::Nobody
            },
        ),
        ("a client", ALICE, Who::Nobody),
        ("another client", BOB, Who::Nobody),
    ];
    let mut ways = Vec::new();
    for (name, source, at) in [
        ("B", peers.b.1, Who::B),
        ("C", peers.c.1, Who::C),
        (
            "own",
            own_source,
            if peers.own.is_some() {
                Who::Own
            } else {
                Who::Nobody
            },
        ),
        ("stranger", STRANGER, Who::Nobody),
        ("core", CORE, Who::Core),
    ] {
        ways.push(Way {
            name: format!("{name}, no identity"),
            source,
            asserted: vec![],
            proves: at,
        });
        for (as_name, psi, who) in psis {
            // The core asserts who is behind it; everybody else may assert himself.
            let proves = match at {
                Who::Core if who == Who::Nobody => Who::Core,
                Who::Core => who,
                _ if at == who => at,
                _ => Who::Nobody,
            };
            ways.push(Way {
                name: format!("{name} as {as_name}"),
                source,
                asserted: vec![psi],
                proves,
            });
            ways.push(Way {
                name: format!("{name} as {as_name} and B"),
                source,
                asserted: vec![psi, peers.b.0],
                proves: Who::Nobody,
            });
        }
    }
    ways
}

fn system_of(id: &str) -> Who {
    match id.split_once('@').unwrap().1 {
        "b.mcx.example" => Who::B,
        "c.mcx.example" => Who::C,
        "a.mcx.example" => Who::Own,
        _ => Who::Nobody,
    }
}

/// Whether `who` may say that at A's service server.
fn may_say(who: Who, kind: MessageKind, user: &str, partner_id: Option<&str>) -> bool {
    let partner = matches!(who, Who::B | Who::C);
    match kind {
        // The partner that gave the partner id, of Alice; nobody else has users here.
        MessageKind::AuthorizationRequest | MessageKind::UserAuthorizationNotification => {
            partner && user == ALICE && partner_id.is_some_and(|id| system_of(id) == who)
        }
        // The primary, of its user.
        MessageKind::AuthorizationResponse | MessageKind::DeauthorizationNotification => {
            partner && system_of(user) == who
        }
    }
}

fn document(kind: MessageKind, user: &str, partner_id: Option<&str>) -> Document {
    gateway::document(kind, user, partner_id)
}

fn message(way: &Way, kind: MessageKind, user: &str, partner_id: Option<&str>) -> Incoming {
    let body = xml(&document(kind, user, partner_id));
    let headers = match &way.asserted[..] {
        [] => vec![],
        several => {
            let all: Vec<_> = several.iter().map(|psi| format!("<{psi}>")).collect();
            vec![format!("P-Asserted-Identity: {}", all.join(", "))]
        }
    };
    Incoming {
        headers,
        ..Incoming::message("sip:unused@x.example", &body)
    }
}

/// The answer is 403 with 179, and nothing else happens: nothing stored, nothing sent.
fn refused(out: &[Effect], case: &str) {
    let (status, warning) = told(&response(out));
    assert_eq!(status, 403, "{case}");
    let expected =
        "399 a.mcx.example \"179 service not authorized with the interconnected system\"";
    assert_eq!(warning.as_deref(), Some(expected), "{case}");
    assert!(batches(out).is_empty() && sends(out).is_empty(), "{case}");
}

/// Everything that can be said, in every way, to a role that is made anew each time; answers how much is allowed.
fn whole_matrix<R: Role>(
    peers: &Peers,
    fresh: impl Fn() -> Bench<R>,
    may: impl Fn(Who, MessageKind, &str, Option<&str>) -> bool,
) -> (usize, usize) {
    let (mut all, mut allowed) = (0, 0);
    for way in ways(peers) {
        for kind in MessageKind::ALL {
            for user in USERS {
                for partner_id in PARTNER_IDS {
                    let case = format!("{}: {kind} of {user}, {partner_id:?}", way.name);
                    let mut bench = fresh();
                    let before = bench.rows.clone();
                    let request = message(&way, kind, user, partner_id).request();
                    let out = bench.request(way.source, &request);
                    all += 1;
                    let missing =
                        partner_id.is_none() && kind != MessageKind::DeauthorizationNotification;
                    if missing {
                        // A message without an id that it needs is not even that: 400 to those who are known.
                        let (status, _) = told(&response(&out));
                        assert!(matches!(status, 400 | 403), "{case}: {status}");
                        assert!(batches(&out).is_empty() && sends(&out).is_empty(), "{case}");
                    } else if may(way.proves, kind, user, partner_id) {
                        allowed += 1;
                        let denied = responses(&out)
                            .iter()
                            .any(|(_, r)| r.status().as_u16() == 403);
                        assert!(!denied, "{case}: refused");
                    } else {
                        refused(&out, &case);
                        assert_eq!(bench.rows, before, "{case}");
                    }
                }
            }
        }
    }
    (all, allowed)
}

/// A's server with these partners' peers.
fn server(peers: &Peers) -> ServiceServerConfig {
    let mut config = server_a();
    for (partner, (psi, source)) in config.systems.partners.iter_mut().zip([peers.b, peers.c]) {
        partner.peer = peer(psi, source);
    }
    config
}

#[test]
fn at_a_service_server_that_is_reached_directly() {
    let peers = Peers {
        b: (SERVER_B, B),
        c: (SERVER_C, C),
        own: None,
    };
    let fresh = || Bench::server(server(&peers));
    let (all, allowed) = whole_matrix(&peers, fresh, may_say);
    assert_eq!(all, 55 * 4 * 4 * 5);
    // B and C, each as itself, without a name, and through the core.
    assert!(allowed > 50 && allowed < all / 20, "{allowed} of {all}");
}

#[test]
fn at_a_service_server_behind_its_gateway() {
    // Whatever its own gateway lets through was checked there; partners themselves are nobody here.
    let peers = Peers {
        b: (GATEWAY_B, B),
        c: (GATEWAY_C, C),
        own: Some((GATEWAY_A, INSIDE)),
    };
    let gateway = peer(GATEWAY_A, INSIDE);
    let mut config = server_a();
    for partner in &mut config.systems.partners {
        partner.peer = gateway.clone();
    }
    let may = |who, kind, user: &str, partner_id: Option<&str>| {
        who == Who::Own
            && [Who::B, Who::C]
                .into_iter()
                .any(|behind| may_say(behind, kind, user, partner_id))
    };
    let (_, allowed) = whole_matrix(&peers, || Bench::server(config.clone()), may);
    assert!(allowed > 30, "{allowed}");
}

#[test]
fn at_a_gateway() {
    let peers = Peers {
        b: (GATEWAY_B, B),
        c: (GATEWAY_C, C),
        own: Some((INSIDE_A, INSIDE)),
    };
    let fresh = || Bench::new(GatewayServer::new(gateway::config(), Random::new([3; 32])));
    let may = |who, kind: MessageKind, user: &str, partner_id: Option<&str>| match who {
        // Entry: what the partner may say to the server.
        Who::B | Who::C => may_say(who, kind, user, partner_id),
        // Exit: what the own server says as primary of Alice to where she is, and as partner of others about
        // those who are here.
        Who::Own => {
            let at = partner_id.map(system_of);
            if kind.from_primary() {
                user == ALICE && matches!(at, Some(Who::B | Who::C))
            } else {
                matches!(system_of(user), Who::B | Who::C) && at == Some(Who::Own)
            }
        }
        Who::Core | Who::Nobody => false,
    };
    let (_, allowed) = whole_matrix(&peers, fresh, may);
    assert!(allowed > 50, "{allowed}");
}

#[test]
fn clients_events_come_from_the_sip_core_alone() {
    let peers = Peers {
        b: (SERVER_B, B),
        c: (SERVER_C, C),
        own: None,
    };
    for way in ways(&peers) {
        for method in ["REGISTER", "PUBLISH"] {
            let case = format!("{}: {method}", way.name);
            let config = server(&peers);
            let mut bench = Bench::server(config);
            let document = Document {
                access_token: Some(tokens::sign(&tokens::claims(ALICE))),
                ..Document::default()
            };
            let event = Incoming::event(method, &xml(&document));
            let asserted = way
                .asserted
                .iter()
                .map(|psi| format!("P-Asserted-Identity: <{psi}>"));
            let event = asserted.fold(event, |event, line| event.header(&line));
            let out = bench.request(way.source, &event.request());
            if way.source == CORE {
                assert!(
                    responses(&bench.store(out))
                        .iter()
                        .all(|(_, r)| r.status().is_success()),
                    "{case}"
                );
                assert_eq!(bench.rows.homes.len(), 1, "{case}");
            } else {
                refused(&out, &case);
                assert!(bench.rows.homes.is_empty(), "{case}");
            }
        }
    }
}

/// What one id is refused, another spelling of it does not get.
#[test]
fn another_spelling_is_no_other_user() {
    for spelling in [
        "sip:bob@a.mcx.example;x=1",
        "sip:bob@a.mcx.example;user=phone",
        "sip:bob@a.mcx.example:5060",
        "sips:bob@a.mcx.example",
        "sip:bob:secret@a.mcx.example",
    ] {
        let document = xml(&Document {
            kind: Some(MessageKind::AuthorizationRequest),
            primary_id: Some(spelling.into()),
            partner_id: Some(ALICE_AT_B.into()),
            ..Document::default()
        });
        let mut bench = Bench::server(server_a());
        let message = Incoming::message(SERVER_B, &document);
        let out = bench.exchange(B, &message.request());
        assert_eq!(told(&response(&out)).0, 400, "{spelling}");
        assert!(bench.rows.homes.is_empty(), "{spelling}");
    }
}
