//! SIPp in the place of the primary's MC service server towards our partner server:
//! de-authorizations of every sort, and the migration service authorization response.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mcx::state::VisitorPhase;
use sip_tests::lab::{ALICE, ALICE_AT_B, Lab, Node, Sipp, alice, mapping_at_b, sipp_installed};

const DEAUTHORIZATION: &str = "<req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>";
const WARNING_141: &str = r#"<ereg regexp="399 b.mcx.example .141 user unknown to the participating function" search_in="hdr" header="Warning:" check_it="true" assign_to="1"/>"#;
const WARNING_179: &str = r#"<ereg regexp="399 b.mcx.example .179 service not authorized with the interconnected system" search_in="hdr" header="Warning:" check_it="true" assign_to="1"/>"#;
/// RFC 3428 §7: no body in the 2xx to MESSAGE.
const NO_BODY: &str = r#"<ereg regexp="^ *0$" search_in="hdr" header="Content-Length:" check_it="true" assign_to="1"/>"#;

fn stay(number: u64) -> String {
    format!(
        "<stay xmlns=\"urn:mcx-sip:migration:1\" number=\"{number}\" procedure=\"0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d\"/>"
    )
}

/// SIPp at the address of `at` de-authorizes alice at B.
fn deauthorize(lab: &Lab, at: &str, partner_id: &str, elements: &str, status: &str, checks: &str) {
    Sipp::start(
        lab,
        "message",
        at,
        Some("b-server"),
        &[
            ("TO_PSI", "sip:mc-server@b.mcx.example"),
            ("FROM_PSI", "sip:mc-server@a.mcx.example"),
            ("KIND", DEAUTHORIZATION),
            ("PARTNER_ID", partner_id),
            ("ELEMENTS", elements),
            ("STATUS", status),
            ("CHECKS", checks),
            ("REFERENCE", r#"<Reference variables="1"/>"#),
        ],
    )
    .succeeds();
}

fn phase(lab: &Lab) -> Option<VisitorPhase> {
    let visitors = lab.stored("b-server").visitors;
    let found = visitors.into_iter().find(|(key, _)| *key == alice());
    found.map(|(_, visitor)| visitor.phase)
}

/// B's server with alice's mapping of that stay.
fn server(lab: &Lab, number: Option<u64>) -> Node {
    lab.seed("b-server", mapping_at_b(number));
    Node::start(lab, "direct/b-server", |text| text)
}

#[test]
fn applied_once_however_often_it_comes() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-once");
    let node = server(&lab, Some(3));
    deauthorize(&lab, "a-server", ALICE_AT_B, &stay(3), "200", NO_BODY);
    let after = lab.stored("b-server");
    assert!(matches!(
        phase(&lab),
        Some(VisitorPhase::WasMigrated { .. })
    ));
    deauthorize(&lab, "a-server", ALICE_AT_B, &stay(3), "200", NO_BODY);
    assert_eq!(
        lab.stored("b-server"),
        after,
        "the second changed something (L3)"
    );
    node.wait_for(&["P1.4", "verdict=applied"]);
    node.wait_for(&["L3", "applied before"]);
    let _ = node.stop();
}

#[test]
fn a_late_one_of_an_earlier_stay_changes_nothing() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-late");
    let node = server(&lab, Some(3));
    let before = lab.stored("b-server");
    deauthorize(&lab, "a-server", ALICE_AT_B, &stay(2), "200", NO_BODY);
    assert_eq!(lab.stored("b-server"), before);
    node.wait_for(&["L2", "verdict=stale"]);
    let _ = node.stop();
}

#[test]
fn from_a_peer_that_sends_no_stay_the_partner_id_tells() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-no-stay");
    let node = server(&lab, None);
    let before = lab.stored("b-server");
    let another = "sip:visitor-1@b.mcx.example";
    deauthorize(&lab, "a-server", another, "", "200", NO_BODY);
    assert_eq!(
        lab.stored("b-server"),
        before,
        "another partner id: an earlier stay"
    );
    deauthorize(&lab, "a-server", ALICE_AT_B, "", "200", NO_BODY);
    assert!(matches!(
        phase(&lab),
        Some(VisitorPhase::WasMigrated { .. })
    ));
    let _ = node.stop();
}

#[test]
fn for_a_user_who_never_migrated_here_404_with_141() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-unknown");
    let node = Node::start(&lab, "direct/b-server", |text| text);
    deauthorize(&lab, "a-server", ALICE_AT_B, &stay(1), "404", WARNING_141);
    assert_eq!(lab.stored("b-server"), Default::default());
    let _ = node.stop();
}

#[test]
fn from_anybody_else_403_with_179_and_nothing_changes() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-untrusted");
    let node = server(&lab, Some(1));
    let before = lab.stored("b-server");
    // Another partner with the primary's asserted identity, and an address that nobody knows.
    for at in ["c-server", "stranger"] {
        deauthorize(&lab, at, ALICE_AT_B, &stay(1), "403", WARNING_179);
    }
    assert_eq!(lab.stored("b-server"), before);
    let _ = node.stop();
}

/// The whole of L1 at the partner: SIPp is B's core, A's server that takes the request, and A's
/// server that sends the response.
#[test]
fn a_migration_is_asked_for_and_its_mapping_stored() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("primary-l1");
    // A is a peer that does not know the stay element, and answers from a second port.
    let node = Node::start(&lab, "direct/b-server", |text| {
        let hop = format!("next-hop = \"sip:{}\"", lab.address("a-server"));
        let sources = [lab.address("a-server"), lab.address("a-sender")];
        let sources = format!("{hop}, sources = [\"{}\", \"{}\"]", sources[0], sources[1]);
        text.replace(&hop, &sources)
    });
    let ok = "<send><![CDATA[\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:];tag=1\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n\n]]></send>";
    let receive = |kind: &str, stay: &str| {
        let kind = format!("&lt;mcpttString&gt;{kind}&lt;/mcpttString&gt;");
        Sipp::start(
            &lab,
            "receive",
            "a-server",
            None,
            &[
                ("TO_PSI", "sip:mc-server@a.mcx.example"),
                ("FROM_PSI", "sip:mc-server@b.mcx.example"),
                ("MAX_FORWARDS", "70"),
                ("KIND", &kind),
                ("PARTNER_ID", ALICE_AT_B),
                ("STAY", stay),
                ("ANSWER", ok),
            ],
        )
    };
    let asked = receive("migration-service-authorization-request", "");
    let token = lab.token("b", &[("mcptt_id", ALICE_AT_B)], 3600);
    let primary = format!(
        "<anyExt><primary-mcptt-id><mcpttURI>{ALICE}</mcpttURI></primary-mcptt-id></anyExt>"
    );
    let replace = [
        ("DOMAIN", "b.mcx.example"),
        ("EXPIRES", "3600"),
        ("SERVICE", "mcptt"),
        ("NAMESPACE", "mcpttInfo"),
        ("TOKEN", &*token),
        ("ELEMENTS", &primary),
        ("STATUS", "200"),
        ("CHECKS", ""),
        ("REFERENCE", ""),
    ];
    let client = Sipp::start(&lab, "register", "b-core", Some("b-server"), &replace);
    asked.succeeds();
    assert_eq!(
        phase(&lab),
        None,
        "nothing is stored before the primary allowed it"
    );
    let notified = receive("mc-service-user-authorization-notification", "");
    let response = "<resp-type type=\"Normal\"><mcpttString>migration-service-authorization-response</mcpttString></resp-type><migration-auth-result type=\"Normal\"><mcpttBoolean>true</mcpttBoolean></migration-auth-result>";
    Sipp::start(
        &lab,
        "message",
        "a-sender",
        Some("b-server"),
        &[
            ("TO_PSI", "sip:mc-server@b.mcx.example"),
            ("FROM_PSI", "sip:mc-server@a.mcx.example"),
            ("KIND", response),
            ("PARTNER_ID", ALICE_AT_B),
            ("ELEMENTS", ""),
            ("STATUS", "200"),
            ("CHECKS", NO_BODY),
            ("REFERENCE", r#"<Reference variables="1"/>"#),
        ],
    )
    .succeeds();
    client.succeeds();
    assert_eq!(phase(&lab), Some(VisitorPhase::Migrated));
    notified.succeeds();
    node.wait_for(&["verdict=delivered"]);
    let _ = node.stop();
}
