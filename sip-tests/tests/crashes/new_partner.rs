//! Migration at the new partner: users authorize there, who had stays elsewhere (P2.1).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use mcx::SystemId;
use mcx::state::{StayPhase, VisitorPhase};
use sip_tests::lab::{
    Lab, Node, Partner, Sipp, sipp_installed, stays_at, visitor_id, visitor_id_at_b,
};

use super::hunt::{RATE, assert_nobody_was_told_twice, hunt, users, users_of};

const A: &str = "a.mcx.example";
const B: &str = "b.mcx.example";
const C: &str = "c.mcx.example";

#[test]
fn who_was_answered_to_be_authorized_is_mapped_and_the_system_before_is_told() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("crashes-new-partner");
    // Lives are longer here: A may take B for down when it was killed a few times.
    let count = 2 * users();
    lab.seed("a-server", stays_at(C, count));
    let left_behind = Partner::start(&lab, "c-server");
    let primary = Node::start(&lab, "direct/a-server", |text| text);
    let mut node = Node::start(&lab, "direct/b-server", |text| text);
    let row = |n| {
        let (user, here) = (visitor_id(n), visitor_id_at_b(n));
        let token = lab.token("b", &[("mcptt_id", &here)], 36_000);
        format!("{user};{token}")
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    let elements = "<anyExt><primary-mcptt-id type=\"Normal\"><mcpttURI>[field0]</mcpttURI></primary-mcptt-id></anyExt>";
    let replace = [("DOMAIN", B), ("ELEMENTS", elements)];
    let load = Sipp::load(
        &lab,
        "authorizations",
        ("b-core", "b-server"),
        &replace,
        &rows,
        RATE,
    );
    let (_, logged) = hunt(&lab, &mut node, load, ("new partner", "verdict=sends"));
    let limit = Instant::now() + Duration::from_secs(60);
    // What B owes A first, as it makes A owe C.
    for server in ["b-server", "a-server"] {
        while !lab.stored(server).outbox.is_empty() {
            assert!(Instant::now() < limit, "{server} still owes something");
            std::thread::yield_now();
        }
    }
    let _ = node.stop();
    let _ = primary.stop();
    let answered = users_of(&logged, "answered");
    let (at_a, at_b) = (lab.stored("a-server"), lab.stored("b-server"));
    let in_force = at_b
        .visitors
        .iter()
        .filter(|(_, visitor)| visitor.phase == VisitorPhase::Migrated);
    let mapped: BTreeMap<_, _> = in_force
        .map(|(key, visitor)| (key.primary_id.as_str(), visitor.number))
        .collect();
    let lost: Vec<_> = answered
        .iter()
        .filter(|user| !mapped.contains_key(**user))
        .collect();
    assert!(lost.is_empty(), "answered, and lost: {lost:?}");
    let (b, c) = (SystemId::new(B), SystemId::new(C));
    for (key, home) in &at_a.homes {
        let Some(number) = mapped.get(key.primary_id.as_str()) else {
            continue;
        };
        let there = home.stay_at(&b).expect("A allowed it");
        assert_eq!(Some(there.number), *number, "the stay that both mean");
        assert_eq!(there.phase, StayPhase::Open);
        let before = home.stay_at(&c).map(|stay| stay.phase);
        assert_eq!(before, Some(StayPhase::Ended), "the stay before");
    }
    let got = left_behind.got();
    assert!(got.iter().all(|message| message.stay == 1));
    let told: BTreeSet<_> = got.iter().map(|message| message.user.as_str()).collect();
    let moved: BTreeSet<_> = mapped.keys().copied().collect();
    assert_eq!(told, moved, "of whom C was told, and who is at B");
    // A lived on, and knows what it told.
    assert_eq!(assert_nobody_was_told_twice(&got, &[]), 0);
    let refused = users_of(&logged, "refused").len();
    assert_eq!(answered.len() + refused, rows.len());
    eprintln!(
        "new partner: {} answered, {refused} refused, {} mapped of {A}",
        answered.len(),
        mapped.len()
    );
}
