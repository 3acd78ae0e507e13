//! SIPp in the place of a partner's MC service server or MC gateway server: receives what ours
//! owes it, checks header fields and document, and answers in every way there is.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mcx::state::StayPhase;
use sip_tests::lab::{
    ALICE, Lab, Node, Sipp, receive_deauthorization, sent, sipp_installed, stay_at_b,
};

/// alice comes home: SIPp's REGISTER towards A's server is answered 200.
fn alice_returns(lab: &Lab) {
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let replace = [
        ("DOMAIN", "a.mcx.example"),
        ("EXPIRES", "3600"),
        ("SERVICE", "mcptt"),
        ("NAMESPACE", "mcpttInfo"),
        ("TOKEN", &token),
        ("ELEMENTS", ""),
        ("STATUS", "200"),
        ("CHECKS", ""),
        ("REFERENCE", ""),
    ];
    Sipp::start(lab, "register", "a-core", Some("a-server"), &replace).succeeds();
}

/// A's server, alice being on her first stay at B.
fn server(lab: &Lab) -> Node {
    lab.seed("a-server", vec![stay_at_b()]);
    Node::start(lab, "direct/a-server", |text| text)
}

/// What A's outbox holds: the status that each row is parked with, if it is.
fn owed(lab: &Lab) -> Vec<Option<u16>> {
    let rows = lab.stored("a-server").outbox;
    rows.iter()
        .map(|row| row.parked.as_ref().map(|p| p.status))
        .collect()
}

#[test]
fn answered_200_the_notification_is_delivered() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-200");
    let node = server(&lab);
    let partner = receive_deauthorization(&lab, "b-server", "200 OK", "");
    alice_returns(&lab);
    partner.succeeds();
    node.wait_for(&["verdict=delivered"]);
    let (log, records) = node.stop();
    assert_eq!(owed(&lab), []);
    assert_eq!(
        lab.stored("a-server").homes[0].1.stays[0].phase,
        StayPhase::Ended
    );
    assert!(!log.contains("alice"), "an identity is in the log:\n{log}");
    sip_tests::lab::assert_schema_valid(&sent(&records));
}

#[test]
fn answered_404_with_141_nothing_is_left_to_end() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-404");
    let node = server(&lab);
    let warning = "Warning: 399 b.mcx.example \"141 user unknown to the participating function\"\n";
    let partner = receive_deauthorization(&lab, "b-server", "404 Not Found", warning);
    alice_returns(&lab);
    partner.succeeds();
    node.wait_for(&["verdict=done", "does not know the user"]);
    let _ = node.stop();
    assert_eq!(owed(&lab), []);
}

#[test]
fn answered_403_the_notification_is_parked_and_the_operator_told() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-403");
    let mut node = server(&lab);
    let warning = "Warning: 399 b.mcx.example \"179 service not authorized with the interconnected system\"\n";
    let partner = receive_deauthorization(&lab, "b-server", "403 Forbidden", warning);
    alice_returns(&lab);
    partner.succeeds();
    node.wait_for(&["verdict=parked", "403 179 service not authorized"]);
    // Parked it stays, across a restart too.
    node.restart();
    node.wait_for(&[
        "verdict=recovered",
        "0 owed from before the start, 1 parked",
    ]);
    let _ = node.stop();
    assert_eq!(owed(&lab), [Some(403)]);
}

#[test]
fn answered_503_the_notification_comes_again_not_before_retry_after() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-503");
    let node = server(&lab);
    let partner = receive_deauthorization(
        &lab,
        "b-server",
        "503 Service Unavailable",
        "Retry-After: 2\n",
    );
    alice_returns(&lab);
    partner.succeeds();
    let kept = node.wait_for(&["verdict=kept", "answered 503: attempt 2 in"]);
    let wait = kept.split("attempt 2 in ").nth(1).unwrap();
    let wait: f64 = wait.split(' ').next().unwrap().parse().unwrap();
    assert!((2.0..3.0).contains(&wait), "{kept}");
    assert_eq!(owed(&lab), [None]);
    let partner = receive_deauthorization(&lab, "b-server", "200 OK", "");
    partner.succeeds();
    node.wait_for(&["verdict=delivered"]);
    let _ = node.stop();
    assert_eq!(owed(&lab), []);
}

#[test]
fn without_an_answer_the_notification_is_kept_across_a_kill_and_comes_again() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-silent");
    lab.seed("a-server", vec![stay_at_b()]);
    let fast = "[timers]\nt1 = \"25 ms\"\nt2 = \"200 ms\"\n";
    let mut node = Node::start(&lab, "direct/a-server", |text| format!("{text}\n{fast}"));
    let partner = receive_deauthorization(&lab, "b-server", "", "");
    alice_returns(&lab);
    partner.succeeds();
    node.wait_for(&["verdict=kept", "did not answer"]);
    node.kill();
    assert_eq!(owed(&lab), [None]);
    let partner = receive_deauthorization(&lab, "b-server", "200 OK", "");
    node.start_again();
    partner.succeeds();
    node.wait_for(&["verdict=delivered"]);
    let _ = node.stop();
    assert_eq!(owed(&lab), []);
}

#[test]
fn a_partner_gateway_receives_the_notification_from_ours() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("partner-gateway");
    lab.seed("a-server", vec![stay_at_b()]);
    let server = Node::start(&lab, "gateways/a-server", |text| text);
    let gateway = Node::start(&lab, "gateways/a-gateway", |text| text);
    // SIPp answers like a server that says too much of itself.
    let talkative = "Server: secret-b/1.0\nContact: <sip:secret-host-b.inside>\n\
        Warning: 399 secret-host-b \"141 user unknown to the participating function\"\n";
    let partner = receive_deauthorization(&lab, "b-gateway", "404 Not Found", talkative);
    alice_returns(&lab);
    let messages = partner.succeeds();
    server.wait_for(&["verdict=done", "does not know the user"]);
    let (_, records) = gateway.stop();
    let _ = server.stop();
    assert_eq!(owed(&lab), []);
    // Nothing of the inside is in what the partner received.
    let inside = lab.address("a-server").to_string();
    assert!(
        !messages.contains(&inside) && !messages.contains("mc-server@a"),
        "{messages}"
    );
    // And nothing of the partner's inside is in what the own server was answered.
    for bytes in sent(&records) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("secret"), "{text}");
    }
    sip_tests::lab::assert_schema_valid(&sent(&records));
}
