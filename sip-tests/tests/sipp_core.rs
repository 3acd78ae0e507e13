//! SIPp as the client side of the SIP core towards our MC service server: third-party REGISTER
//! and PUBLISH.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mcx::state::StayPhase;
use sip_tests::lab::{Lab, Node, Sipp, sipp_installed};

const ALICE: &str = "sip:alice@a.mcx.example";
const WARNING_101: &str = r#"<ereg regexp="399 a.mcx.example .101 service authorisation failed" search_in="hdr" header="Warning:" check_it="true" assign_to="1"/>"#;
const EXPIRES: &str =
    r#"<ereg regexp="^ *3600$" search_in="hdr" header="Expires:" check_it="true" assign_to="1"/>"#;

/// A REGISTER of SIPp's towards A's server.
fn register(lab: &Lab, token: &str, elements: &str, status: &str, checks: &str) -> Sipp {
    Sipp::start(
        lab,
        "register",
        "a-core",
        Some("a-server"),
        &[
            ("DOMAIN", "a.mcx.example"),
            ("EXPIRES", "3600"),
            ("SERVICE", "mcptt"),
            ("NAMESPACE", "mcpttInfo"),
            ("TOKEN", token),
            ("ELEMENTS", elements),
            ("STATUS", status),
            ("CHECKS", checks),
            ("REFERENCE", r#"<Reference variables="1"/>"#),
        ],
    )
}

#[test]
fn register_with_a_valid_token_is_answered_with_the_same_expiry() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("register");
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    register(&lab, &token, "", "200", EXPIRES).succeeds();
    node.wait_for(&["P1.0", "nothing to do"]);
    let stored = lab.stored("a-server");
    let (key, home) = &stored.homes[0];
    assert_eq!(key.primary_id.as_str(), ALICE);
    assert!(home.authorization.is_some() && home.stays.is_empty());
    assert!(stored.outbox.is_empty());
    let _ = node.stop();
}

#[test]
fn register_with_a_token_that_proves_nothing_is_answered_403_with_101() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("register-refused");
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let expired = lab.token("a", &[("mcptt_id", ALICE)], -10);
    let another_issuer = lab.token("b", &[("mcptt_id", ALICE)], 3600);
    let another_service = lab.token("a", &[("mcvideo_id", ALICE)], 3600);
    let another_system = lab.token("a", &[("mcptt_id", "sip:eve@b.mcx.example")], 3600);
    let valid = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let (signed_part, _) = valid.rsplit_once('.').unwrap();
    let unsigned = format!("{signed_part}.");
    for token in [
        &*expired,
        &another_issuer,
        &another_service,
        &another_system,
        &unsigned,
        "garbage",
    ] {
        register(&lab, token, "", "403", WARNING_101).succeeds();
    }
    // A token for alice in a document that speaks of bob.
    let bob = "<mcptt-request-uri><mcpttURI>sip:bob@a.mcx.example</mcpttURI></mcptt-request-uri>";
    register(&lab, &valid, bob, "403", WARNING_101).succeeds();
    assert_eq!(lab.stored("a-server"), Default::default());
    let _ = node.stop();
}

#[test]
fn publish_is_refreshed_by_its_entity_tag_and_removed() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("publish");
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let replace = [("DOMAIN", "a.mcx.example"), ("TOKEN", &*token)];
    Sipp::start(&lab, "publish", "a-core", Some("a-server"), &replace).succeeds();
    let stored = lab.stored("a-server");
    assert!(stored.homes[0].1.authorization.is_none());
    let _ = node.stop();
}

#[test]
fn a_migrated_users_publish_at_home_starts_p1() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("publish-p1");
    lab.seed("a-server", vec![sip_tests::lab::stay_at_b()]);
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let partner = sip_tests::lab::receive_deauthorization(&lab, "b-server", "200 OK", "");
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let replace = [("DOMAIN", "a.mcx.example"), ("TOKEN", &*token)];
    Sipp::start(&lab, "publish", "a-core", Some("a-server"), &replace).succeeds();
    partner.succeeds();
    node.wait_for(&["verdict=delivered", "b.mcx.example has it"]);
    let stored = lab.stored("a-server");
    assert_eq!(stored.homes[0].1.stays[0].phase, StayPhase::Ended);
    let _ = node.stop();
}
