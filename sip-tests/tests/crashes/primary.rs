//! The two procedures at the primary: a user returns (P1), a user moves on to a third system (P2).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mcx::SystemId;
use mcx::state::StayPhase;
use sip_tests::lab::{Lab, Node, Partner, Sipp, sipp_installed, stays_at, visitor_id};

use super::hunt::{Kill, RATE, assert_nobody_was_told_twice, hunt, users, users_of};

const B: &str = "b.mcx.example";
const C: &str = "c.mcx.example";

#[test]
fn who_was_answered_to_be_home_has_left_the_partner_who_is_told() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("crashes-return");
    let count = users();
    lab.seed("a-server", stays_at(B, count));
    let partner = Partner::start(&lab, "b-server");
    let mut node = Node::start(&lab, "direct/a-server", |text| text);
    let row = |n| {
        let user = visitor_id(n);
        let token = lab.token("a", &[("mcptt_id", &user)], 36_000);
        format!("{user};{token}")
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    let load = Sipp::load(
        &lab,
        "authorizations",
        ("a-core", "a-server"),
        &[("DOMAIN", "a.mcx.example"), ("ELEMENTS", "")],
        &rows,
        RATE,
    );
    let (kills, logged) = hunt(&lab, &mut node, load, ("return", "verdict=sends"));
    everybody_is_told("return", lab, node, &partner, &kills, &logged);
}

#[test]
fn who_was_answered_to_be_elsewhere_has_left_the_partner_who_is_told() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("crashes-moved");
    let count = users();
    lab.seed("a-server", stays_at(B, count));
    lab.seed("a-server", stays_at(C, count));
    let partner = Partner::start(&lab, "b-server");
    let mut node = Node::start(&lab, "direct/a-server", |text| text);
    let replace = [
        ("TO", "a.mcx.example"),
        ("FROM", C),
        ("KIND", "mc-service-user-authorization-notification"),
    ];
    let rows: Vec<_> = (0..count)
        .map(|n| format!("{};sip:guest-{n}@{C};2", visitor_id(n)))
        .collect();
    let load = Sipp::load(
        &lab,
        "notifications",
        ("c-server", "a-server"),
        &replace,
        &rows,
        RATE,
    );
    let (kills, logged) = hunt(&lab, &mut node, load, ("moved", "verdict=sends"));
    let lab = everybody_is_told("moved", lab, node, &partner, &kills, &logged);
    let at_c = |home: &mcx::state::Home| home.stay_at(&SystemId::new(C)).unwrap().phase;
    let homes = lab.stored("a-server").homes;
    assert!(homes.iter().all(|(_, home)| at_c(home) == StayPhase::Open));
}

/// The stay at B of everybody who was answered has ended, once, and B was told.
fn everybody_is_told(
    name: &str,
    lab: Lab,
    node: Node,
    partner: &Partner,
    kills: &[Kill],
    logged: &str,
) -> Lab {
    let limit = Instant::now() + Duration::from_secs(60);
    while !lab.stored("a-server").outbox.is_empty() {
        assert!(Instant::now() < limit, "something is still owed");
        std::thread::yield_now();
    }
    let _ = node.stop();
    let answered = users_of(logged, "answered");
    let stored = lab.stored("a-server");
    let b = SystemId::new(B);
    let ended = stored.homes.iter().filter(|(_, home)| {
        home.stay_at(&b)
            .is_some_and(|stay| stay.phase == StayPhase::Ended && stay.number == 1)
    });
    let ended: BTreeSet<_> = ended.map(|(key, _)| key.primary_id.as_str()).collect();
    let lost: Vec<_> = answered.difference(&ended).collect();
    assert!(lost.is_empty(), "answered, and lost: {lost:?}");
    let got = partner.got();
    assert!(got.iter().all(|message| message.stay == 1));
    let told: BTreeSet<_> = got.iter().map(|message| message.user.as_str()).collect();
    assert_eq!(told, ended, "who left, and of whom the partner was told");
    let again = assert_nobody_was_told_twice(&got, kills);
    let refused = users_of(logged, "refused").len();
    let answered = answered.len();
    eprintln!(
        "{name}: {answered} answered, {refused} refused, {} told, {again} of them again after a kill",
        told.len()
    );
    lab
}
