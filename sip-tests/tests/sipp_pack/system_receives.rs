//! SIPp sends, our node is the system under test: every kind of message, every answer, with and without the stay element.

use mcx::state::{StayPhase, VisitorPhase};
use mcx::{MessageKind, Service};
use sip_tests::lab::{ALICE, Lab, Node, Sipp, assert_schema_valid, sent, sipp_installed};

use super::people::{
    alice, from_a_to_b, from_b_to_a, mappings_at_b, publish, register, server, taken_at_b, visitor,
};
use MessageKind::{
    AuthorizationRequest, AuthorizationResponse, DeauthorizationNotification,
    UserAuthorizationNotification,
};

/// Bounds between the sizes in rows/413-513.csv and what else is sent.
const BOUNDS: &str = "\n[limits]\nmessage = 30000\nbody = 10000\n";

fn at_b(lab: &Lab, scenario: &sip_tests::lab::Scenario) {
    scenario.run(lab, "a-server", Some("b-server")).succeeds();
}

fn was_migrated(lab: &Lab, service: Service) -> bool {
    let phase = visitor(lab, service).map(|v| v.phase);
    matches!(phase, Some(VisitorPhase::WasMigrated { .. }))
}

#[test]
fn deauthorizations_in_every_row_of_the_answers() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-answers");
    lab.seed("b-server", mappings_at_b(Some(3)));
    let node = Node::start(&lab, "direct/b-server", |text| format!("{text}{BOUNDS}"));
    for service in Service::ALL {
        let before = lab.stored("b-server");
        let of_stay = |n: &str| from_a_to_b(service, DeauthorizationNotification).key("stay", n);
        at_b(&lab, &of_stay("3").rows("rows/refused"));
        at_b(&lab, &of_stay("3").rows("rows/413-513"));
        let unknown = of_stay("3").key("user", "sip:nobody@a.mcx.example");
        at_b(&lab, &unknown.rows("rows/404-141"));
        let of_another = of_stay("3").key("user", "sip:alice@c.mcx.example");
        at_b(&lab, &of_another.rows("rows/403-179"));
        // Nobody waits for a response any more.
        let late = from_a_to_b(service, AuthorizationResponse).key("result", "true");
        at_b(&lab, &late);
        // Of an earlier stay.
        at_b(&lab, &of_stay("2"));
        assert_eq!(lab.stored("b-server"), before, "{service}");
        at_b(&lab, &of_stay("3"));
        assert!(was_migrated(&lab, service));
        let after = lab.stored("b-server");
        // Once more.
        at_b(&lab, &of_stay("3"));
        assert_eq!(lab.stored("b-server"), after);
    }
    let _ = node.stop();
}

#[test]
fn deauthorizations_without_the_stay_element() {
    if !sipp_installed() {
        return;
    }
    for number in [None, Some(3)] {
        let lab = Lab::new("pack-no-stay");
        lab.seed("b-server", mappings_at_b(number));
        let node = Node::start(&lab, "direct/b-server", |text| text);
        for service in Service::ALL {
            let before = lab.stored("b-server");
            let without = from_a_to_b(service, DeauthorizationNotification);
            // Another id than the mapping's is that of an earlier stay.
            let earlier = without.clone().key("partner_id", "sip:v-1@b.mcx.example");
            at_b(&lab, &earlier);
            assert_eq!(lab.stored("b-server"), before);
            // The same one, or none.
            match service {
                Service::Mcptt => at_b(&lab, &without),
                _ => at_b(&lab, &without.key("partner_id", "")),
            }
            assert!(was_migrated(&lab, service), "{service} {number:?}");
        }
        let _ = node.stop();
    }
}

#[test]
fn what_cannot_be_stored_is_503_with_retry_after() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-503");
    lab.seed("b-server", mappings_at_b(Some(3)));
    let node = Node::start(&lab, "direct/b-server", |text| text);
    let database = lab.folder().join("nodes/b-server.sqlite");
    let other = rusqlite::Connection::open(&database).unwrap();
    let rename = |sql| other.execute_batch(sql).unwrap();
    rename("ALTER TABLE visitor RENAME TO away");
    for service in Service::ALL {
        let scenario = from_a_to_b(service, DeauthorizationNotification).key("stay", "3");
        at_b(&lab, &scenario.rows("rows/503"));
    }
    rename("ALTER TABLE away RENAME TO visitor");
    let _ = node.stop();
}

/// A's server, whose partners send from a second port too: SIPp cannot listen and send at one port in two runs.
fn primary(lab: &Lab) -> Node {
    Node::start(lab, "direct/a-server", |mut text| {
        for system in ["b", "c"] {
            let server = lab.address(&format!("{system}-server"));
            let sender = lab.address(&format!("{system}-sender"));
            let hop = format!("next-hop = \"sip:{server}\"");
            let with = format!("{hop}, sources = [\"{server}\", \"{sender}\"]");
            text = text.replace(&hop, &with);
        }
        text
    })
}

/// The primary is asked by B and by C, hears that alice is at C, and tells B: every message to and from a primary.
fn moves_on(service: Service, with_stay: bool) {
    let lab = Lab::new("pack-p2");
    let node = primary(&lab);
    let (second, nothing) = (if with_stay { "2" } else { "" }, "");
    let at_c =
        |scenario: sip_tests::lab::Scenario| scenario.key("partner_id", "sip:guest@c.mcx.example");
    let to_c = |s: sip_tests::lab::Scenario| s.key("to", server("c"));
    let ask = from_b_to_a(service, AuthorizationRequest);
    let response = taken_at_b(service, AuthorizationResponse).key("result", "true");
    let response = response.key("stay", if with_stay { "1" } else { nothing });
    let taken = response.run(&lab, "b-server", None);
    ask.run(&lab, "b-sender", Some("a-server")).succeeds();
    taken.succeeds();
    let response = to_c(at_c(response)).key("stay", second);
    let taken = response.run(&lab, "c-server", None);
    let ask = at_c(ask).key("from", server("c"));
    ask.run(&lab, "c-sender", Some("a-server")).succeeds();
    taken.succeeds();
    let told = taken_at_b(service, DeauthorizationNotification).key("stay", "1");
    let told: Sipp = told.run(&lab, "b-server", None);
    let arrived = at_c(from_b_to_a(service, UserAuthorizationNotification));
    let arrived = arrived.key("from", server("c")).key("stay", second);
    arrived.run(&lab, "c-sender", Some("a-server")).succeeds();
    told.succeeds();
    for system in ["b", "c", "b"] {
        node.wait_for(&["verdict=delivered", &format!("{system}.mcx.example has it")]);
    }
    let (_, records) = node.stop();
    assert_schema_valid(&sent(&records));
    let stored = lab.stored("a-server");
    assert_eq!(stored.outbox, []);
    let (key, home) = &stored.homes[0];
    assert_eq!(*key, alice(service));
    let phases = ["b", "c"].map(|system| {
        let system = mcx::SystemId::new(&format!("{system}.mcx.example"));
        home.stay_at(&system).unwrap().phase
    });
    assert_eq!(phases, [StayPhase::Ended, StayPhase::Open]);
}

#[test]
fn a_user_who_moves_on_from_partners_with_and_without_the_stay_element() {
    if sipp_installed() {
        for service in Service::ALL {
            moves_on(service, service != Service::McVideo);
        }
        moves_on(Service::Mcptt, false);
    }
}

#[test]
fn events_of_clients() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-events");
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let at_a = |scenario: sip_tests::lab::Scenario| {
        scenario.run(&lab, "a-core", Some("a-server")).succeeds();
    };
    let authorized = |service| {
        let homes = lab.stored("a-server").homes;
        let home = homes.into_iter().find(|(key, _)| *key == alice(service));
        home.map(|(_, home)| home.authorization.is_some())
    };
    for service in Service::ALL {
        let valid = register(&lab, service, "a", ALICE, "");
        // A token of another issuer, and one that is over.
        let foreign = lab.token("b", &[(&format!("{service}_id"), ALICE)], 3600);
        let over = lab.token("a", &[(&format!("{service}_id"), ALICE)], -10);
        for token in [foreign, over] {
            at_a(valid.clone().key("token", token).rows("events/403-101"));
        }
        assert_eq!(authorized(service), None);
        at_a(valid.clone());
        assert_eq!(authorized(service), Some(true));
        at_a(valid.key("expires", "0"));
        assert_eq!(authorized(service), Some(false));
        at_a(publish(&lab, service, "a", ALICE));
        assert_eq!(authorized(service), Some(false));
    }
    let _ = node.stop();
}
