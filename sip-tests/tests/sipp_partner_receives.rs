//! SIPp in the place of a partner's MC service server (no topology hiding) or MC gateway server
//! (behind our own gateway): receives what our server owes the partner, checks header fields and
//! document, and answers in every way there is.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mcx::state::StayPhase;
use sip_tests::lab::{
    ALICE, Lab, Node, Sipp, assert_schema_valid, receive_deauthorization, sent, sipp_installed,
    stay_at_b,
};
use sip_trace::Record;

/// SIP timers with which "no answer" is known after 1.6 s.
const FAST: &str = "\n[timers]\nt1 = \"25 ms\"\nt2 = \"200 ms\"\n";

/// The way from A's server to SIPp.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Direct,
    ThroughGateways,
}

/// A's side: its server, alice being on her first stay at B, and its gateway where there is one.
struct Side {
    lab: Lab,
    way: Way,
    server: Node,
    gateway: Option<Node>,
}

impl Side {
    fn new(test: &str, way: Way, timers: &str) -> Self {
        let lab = Lab::new(test);
        lab.seed("a-server", vec![stay_at_b()]);
        let with_timers = |text: String| format!("{text}{timers}");
        let (server, gateway) = match way {
            Way::Direct => (Node::start(&lab, "direct/a-server", with_timers), None),
            Way::ThroughGateways => (
                Node::start(&lab, "gateways/a-server", with_timers),
                Some(Node::start(&lab, "gateways/a-gateway", with_timers)),
            ),
        };
        Self {
            lab,
            way,
            server,
            gateway,
        }
    }

    /// SIPp receives the notification in B's place, and answers.
    fn partner(&self, status: &str, headers: &str) -> Sipp {
        let at = match self.way {
            Way::Direct => "b-server",
            Way::ThroughGateways => "b-gateway",
        };
        receive_deauthorization(&self.lab, at, status, headers)
    }

    /// alice comes home: SIPp's REGISTER towards A's server is answered 200.
    fn alice_returns(&self) {
        let token = self.lab.token("a", &[("mcptt_id", ALICE)], 3600);
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
        Sipp::start(&self.lab, "register", "a-core", Some("a-server"), &replace).succeeds();
    }

    /// What A's outbox holds: the status that each row is parked with, if it is.
    fn owed(&self) -> Vec<Option<u16>> {
        let rows = self.lab.stored("a-server").outbox;
        rows.iter()
            .map(|row| row.parked.as_ref().map(|p| p.status))
            .collect()
    }

    /// Ends the nodes; answers what the last one on the way recorded, and the lab.
    fn end(self) -> (Lab, Vec<Record>) {
        let (log, records) = self.server.stop();
        assert!(!log.contains("alice"), "an identity is in the log:\n{log}");
        let records = match self.gateway {
            Some(gateway) => gateway.stop().1,
            None => records,
        };
        (self.lab, records)
    }
}

fn answered_200_the_notification_is_delivered(way: Way) {
    let side = Side::new("partner-200", way, "");
    let partner = side.partner("200 OK", "");
    side.alice_returns();
    partner.succeeds();
    side.server.wait_for(&["verdict=delivered"]);
    let (lab, records) = side.end();
    let stored = lab.stored("a-server");
    assert_eq!(stored.outbox, []);
    assert_eq!(stored.homes[0].1.stays[0].phase, StayPhase::Ended);
    assert_schema_valid(&sent(&records));
}

fn answered_404_with_141_nothing_is_left_to_end(way: Way) {
    let side = Side::new("partner-404", way, "");
    // The partner says too much of itself; its gateway ought to hide it, ours does.
    let warning = "Warning: 399 secret-b \"141 user unknown to the participating function\"\n\
        Server: secret-b/1.0\nContact: <sip:secret-b.inside>\n";
    let partner = side.partner("404 Not Found", warning);
    side.alice_returns();
    let messages = partner.succeeds();
    side.server
        .wait_for(&["verdict=done", "does not know the user"]);
    let (lab, records) = side.end();
    assert_eq!(lab.stored("a-server").outbox, []);
    if way == Way::ThroughGateways {
        // L6, both directions: nothing of A's inside went out, nothing of B's came in.
        let inside = lab.address("a-server").to_string();
        for secret in [&*inside, "mc-server@a", "a-server"] {
            assert!(!messages.contains(secret), "{secret} in\n{messages}");
        }
        for bytes in sent(&records) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains("secret"), "{text}");
        }
    }
}

fn answered_403_it_is_parked_and_the_operator_told(way: Way) {
    let mut side = Side::new("partner-403", way, "");
    let warning = "Warning: 399 b.mcx.example \"179 service not authorized with the interconnected system\"\n";
    let partner = side.partner("403 Forbidden", warning);
    side.alice_returns();
    partner.succeeds();
    let parked = ["verdict=parked", "403 179 service not authorized"];
    side.server.wait_for(&parked);
    // Parked it stays, across a restart too.
    side.server.restart();
    let recovered = [
        "verdict=recovered",
        "0 owed from before the start, 1 parked",
    ];
    side.server.wait_for(&recovered);
    let (lab, _) = side.end();
    let outbox = lab.stored("a-server").outbox;
    assert_eq!(outbox[0].parked.as_ref().unwrap().status, 403);
}

fn answered_503_it_comes_again_not_before_retry_after(way: Way) {
    let side = Side::new("partner-503", way, "");
    let partner = side.partner("503 Service Unavailable", "Retry-After: 2\n");
    side.alice_returns();
    partner.succeeds();
    let kept = ["verdict=kept", "answered 503: attempt 2 in"];
    let kept = side.server.wait_for(&kept);
    let wait = kept.split("attempt 2 in ").nth(1).unwrap();
    let wait: f64 = wait.split(' ').next().unwrap().parse().unwrap();
    assert!((2.0..3.0).contains(&wait), "{kept}");
    assert_eq!(side.owed(), [None]);
    side.partner("200 OK", "").succeeds();
    side.server.wait_for(&["verdict=delivered"]);
    let (lab, _) = side.end();
    assert_eq!(lab.stored("a-server").outbox, []);
}

fn of_a_partner_that_is_gone_it_is_kept_across_a_kill_and_comes_again(way: Way) {
    let mut side = Side::new("partner-silent", way, FAST);
    let partner = side.partner("", "");
    side.alice_returns();
    partner.succeeds();
    // It took the notification, did not answer, and is gone: ICMP says so at once, and a gateway hands that on as 503.
    match &side.gateway {
        None => side.server.wait_for(&["verdict=kept", "cannot be reached"]),
        Some(gateway) => {
            gateway.wait_for(&["cannot be reached"]);
            side.server.wait_for(&["verdict=kept", "503"])
        }
    };
    side.server.kill();
    assert_eq!(side.owed(), [None]);
    let partner = side.partner("200 OK", "");
    side.server.start_again();
    partner.succeeds();
    side.server.wait_for(&["verdict=delivered"]);
    let (lab, _) = side.end();
    assert_eq!(lab.stored("a-server").outbox, []);
}

/// Each behaviour on both ways.
macro_rules! both_ways {
    ($($behaviour:ident),+ $(,)?) => {
        mod a_partner_server {
            $(#[test]
            fn $behaviour() {
                if super::sipp_installed() {
                    super::$behaviour(super::Way::Direct);
                }
            })+
        }
        mod a_partner_gateway {
            $(#[test]
            fn $behaviour() {
                if super::sipp_installed() {
                    super::$behaviour(super::Way::ThroughGateways);
                }
            })+
        }
    };
}

both_ways!(
    answered_200_the_notification_is_delivered,
    answered_404_with_141_nothing_is_left_to_end,
    answered_403_it_is_parked_and_the_operator_told,
    answered_503_it_comes_again_not_before_retry_after,
    of_a_partner_that_is_gone_it_is_kept_across_a_kill_and_comes_again,
);
