//! De-authorizations at the partner.

use std::collections::BTreeSet;

use mcx::state::{EventKind, VisitorPhase};
use sip_tests::lab::{Lab, Node, Sipp, sipp_installed, visitor_id, visitor_id_at_b, visitors_at_b};

use super::hunt::{RATE, hunt, users, users_of};

#[test]
fn a_stay_that_was_answered_to_have_ended_has_ended_once() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("crashes-partner");
    let count = users();
    lab.seed("b-server", visitors_at_b(count));
    let mut node = Node::start(&lab, "direct/b-server", |text| text);
    let replace = [
        ("TO", "b.mcx.example"),
        ("FROM", "a.mcx.example"),
        ("KIND", "migration-service-deauthorization-notification"),
    ];
    let rows: Vec<_> = (0..count)
        .map(|n| format!("{};{};1", visitor_id(n), visitor_id_at_b(n)))
        .collect();
    let load = Sipp::load(
        &lab,
        "notifications",
        ("a-server", "b-server"),
        &replace,
        &rows,
        RATE,
    );
    let (_, logged) = hunt(&lab, &mut node, load, ("partner", "verdict=applied"));
    let _ = node.stop();
    let answered = users_of(&logged, "answered");
    let stored = lab.stored("b-server");
    let left = stored
        .visitors
        .iter()
        .filter(|(_, visitor)| matches!(visitor.phase, VisitorPhase::WasMigrated { .. }));
    let left: BTreeSet<_> = left.map(|(key, _)| key.primary_id.as_str()).collect();
    let lost: Vec<_> = answered.difference(&left).collect();
    assert!(lost.is_empty(), "answered, and lost: {lost:?}");
    let events = lab.events("b-server");
    let stopped: Vec<_> = events
        .iter()
        .filter(|event| event.event.kind == EventKind::ServiceStopped)
        .map(|event| event.event.key.primary_id.as_str())
        .collect();
    let distinct: BTreeSet<_> = stopped.iter().copied().collect();
    assert_eq!(stopped.len(), distinct.len(), "a service stopped twice");
    assert_eq!(distinct, left, "what was stored and what is told of it");
    assert_eq!(stored.outbox, []);
    let refused = users_of(&logged, "refused").len();
    assert_eq!(answered.len() + refused, rows.len());
    eprintln!("partner: {} answered, {refused} refused", answered.len());
}
