//! SIPp is the core and the primary of a user who visits our node: migration, and what follows.

use mcx::state::VisitorPhase;
use mcx::{MessageKind, Service};
use sip_tests::lab::{ALICE, ALICE_AT_B, Lab, Node, assert_schema_valid, sent, sipp_installed};

use super::people::{allow_migration, from_a_to_b, register, taken_at_a, visitor};

/// alice migrates to B and is de-authorized; her primary knows the stay element, or does not.
fn migrates_and_leaves(service: Service, stay: &str) {
    let lab = Lab::new("pack-l1");
    let node = Node::start(&lab, "direct/b-server", |text| text);
    let primary = allow_migration(service, "true", stay).run(&lab, "a-server", None);
    let event = register(&lab, service, "b", ALICE_AT_B, ALICE);
    event.run(&lab, "b-core", Some("b-server")).succeeds();
    primary.succeeds();
    let mapping = visitor(&lab, service).unwrap();
    assert_eq!(mapping.phase, VisitorPhase::Migrated);
    assert_eq!(
        mapping.number.map(|n| n.to_string()).unwrap_or_default(),
        stay
    );
    let told = taken_at_a(service, MessageKind::UserAuthorizationNotification);
    let told = told.key("stay", stay).run(&lab, "a-server", None);
    told.succeeds();
    node.wait_for(&["verdict=delivered"]);
    let ends = from_a_to_b(service, MessageKind::DeauthorizationNotification);
    let ends = ends.key("stay", stay);
    ends.run(&lab, "a-server", Some("b-server")).succeeds();
    let phase = visitor(&lab, service).unwrap().phase;
    assert!(
        matches!(phase, VisitorPhase::WasMigrated { .. }),
        "{phase:?}"
    );
    let (_, records) = node.stop();
    assert_schema_valid(&sent(&records));
}

#[test]
fn a_primary_that_numbers_stays() {
    if sipp_installed() {
        for service in Service::ALL {
            migrates_and_leaves(service, "4");
        }
    }
}

#[test]
fn a_primary_that_does_not_know_the_stay_element() {
    if sipp_installed() {
        for service in Service::ALL {
            migrates_and_leaves(service, "");
        }
    }
}

#[test]
fn a_primary_that_refuses_and_one_that_does_not_respond() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-l1-refused");
    let node = Node::start(&lab, "direct/b-server", |text| {
        text.replace(
            "migration-timeout = \"20 s\"",
            "migration-timeout = \"1 s\"",
        )
    });
    for service in Service::ALL {
        let event = register(&lab, service, "b", ALICE_AT_B, ALICE);
        let primary = allow_migration(service, "false", "").run(&lab, "a-server", None);
        let refused = event.clone().rows("events/403-101");
        refused.run(&lab, "b-core", Some("b-server")).succeeds();
        primary.succeeds();
        // It takes the request, checked in full, and there it ends.
        let request = taken_at_a(service, MessageKind::AuthorizationRequest);
        let request = request.run(&lab, "a-server", None);
        let in_vain = event.rows("events/500");
        in_vain.run(&lab, "b-core", Some("b-server")).succeeds();
        request.succeeds();
    }
    assert_eq!(lab.stored("b-server"), Default::default());
    let (_, records) = node.stop();
    assert_schema_valid(&sent(&records));
}
