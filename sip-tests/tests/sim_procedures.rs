//! The migration procedures over a simulated network: what L1, P1 and P2 claim in calm weather,
//! and that it holds whatever the network, a crash or a clock does (L2, L3, L4).
//!
//! Every chance comes from a seed. `SIM_SEEDS=5000` runs that many seeds a test instead of the
//! few of an ordinary run; `SIM_SEED=17` with a test's name replays one and prints what happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use mcx::Service;
use mcx::state::{StayPhase, VisitorPhase};
use sip_tests::sim::{Datagram, Dice, Hiding, Kind, Place, Plan, User, Weather, World, over_seeds};

const A: Place = Place::A;
const B: Place = Place::B;
const C: Place = Place::C;
const ALICE: User = User {
    name: "alice",
    home: A,
};
const MALLORY: User = User {
    name: "mallory",
    home: A,
};
const SECOND: u64 = 1_000_000;
/// Gone before a lost notification is sent again.
const FAST: (u64, u64) = (0, SECOND / 20);
const ANY_HIDING: [Hiding; 3] = [Hiding::All, Hiding::None, Hiding::Neighbours];

fn calm(hiding: Hiding) -> World {
    let plan = Plan {
        hiding,
        ..Plan::default()
    };
    World::new(1, plan)
}

fn rough(seed: u64) -> World {
    let hiding = Dice::new(seed).pick(&ANY_HIDING);
    let plan = Plan {
        hiding,
        weather: Weather::ROUGH,
        ..Plan::default()
    };
    World::new(seed, plan)
}

/// Travels, waits until all is quiet and checks what holds then.
fn travel(world: &mut World, service: Service, path: &[Place], pause: (u64, u64)) {
    world.travel(ALICE, service, path, pause);
    world.run_until_quiet();
    world.check_at_rest();
}

fn deauthorizations(world: &World) -> Vec<Datagram> {
    let sent = world.datagrams();
    sent.filter(|d| d.is_request() && d.says("-deauthorization-notification<"))
        .cloned()
        .collect()
}

fn is_at(datagram: &Datagram, place: Place, kind: Kind) -> bool {
    datagram.to == place.address(kind)
}

#[test]
fn migration_stores_the_mapping_and_stay_1() {
    for service in Service::ALL {
        for hiding in [Hiding::All, Hiding::None] {
            let mut world = calm(hiding);
            travel(&mut world, service, &[B], FAST);
            let visitor = world.visitor(B, ALICE, service).unwrap();
            assert_eq!(visitor.partner_id, ALICE.id_at(B));
            assert_eq!(visitor.number, Some(1));
            assert_eq!(visitor.phase, VisitorPhase::Migrated);
            let home = world.home(ALICE, service).unwrap();
            let [stay] = home.stays.as_slice() else {
                panic!("one stay: {home:?}");
            };
            assert_eq!((stay.number, stay.phase), (1, StayPhase::Open));
            assert_eq!(stay.partner_id, ALICE.id_at(B));
            assert_eq!(visitor.procedure, Some(stay.procedure));
        }
    }
}

#[test]
fn gateways_are_on_the_way_exactly_where_topology_is_hidden() {
    for (hiding, through) in [(Hiding::All, true), (Hiding::None, false)] {
        let mut world = calm(hiding);
        travel(&mut world, Service::Mcptt, &[B, A], FAST);
        let mut messages = world
            .datagrams()
            .filter(|d| d.says("-notification<"))
            .peekable();
        assert!(messages.peek().is_some());
        let hop = |d: &Datagram| {
            [A, B]
                .iter()
                .any(|p| [d.from, d.to].contains(&p.address(Kind::Gateway)))
        };
        assert!(messages.all(|d| hop(d) == through), "{hiding:?}");
    }
}

#[test]
fn nothing_of_the_inside_is_told_where_topology_is_hidden() {
    let mut world = calm(Hiding::All);
    travel(&mut world, Service::Mcptt, &[B, C, A, B], FAST);
    let gateways = [A, B, C].map(|p| p.address(Kind::Gateway));
    let between = world
        .datagrams()
        .filter(|d| gateways.contains(&d.from) && gateways.contains(&d.to));
    let mut seen = 0;
    for datagram in between {
        seen += 1;
        assert!(!datagram.says("inside."), "a host or PSI of the inside");
        for place in [A, B, C] {
            for kind in [Kind::Server, Kind::Core] {
                let ip = place.address(kind).ip().to_string();
                for end in [":", ";", ">", " ", "\r"] {
                    assert!(!datagram.says(&format!("{ip}{end}")), "an inside address");
                }
            }
        }
    }
    assert!(seen > 20);
}

#[test]
fn a_migration_that_policy_refuses_leaves_nothing() {
    for hiding in [Hiding::All, Hiding::None] {
        let plan = Plan {
            hiding,
            refused: vec![(MALLORY, B)],
            ..Plan::default()
        };
        let mut world = World::new(1, plan);
        world.travel(MALLORY, Service::Mcptt, &[B], FAST);
        world.run_until_quiet();
        world.check_at_rest();
        let [stop] = world.journeys()[0].stops.as_slice() else {
            panic!("one answer");
        };
        assert_eq!((stop.status(), stop.tries), (403, 1));
        let warnings = stop.response.headers().warnings().unwrap();
        assert_eq!(&*warnings[0].text, b"101 service authorisation failed");
        assert!(world.visitor(B, MALLORY, Service::Mcptt).is_none());
        let home = world.home(MALLORY, Service::Mcptt);
        assert!(home.is_none_or(|home| home.stays.is_empty()));
    }
}

#[test]
fn a_user_who_had_not_migrated_starts_nothing() {
    let mut world = calm(Hiding::All);
    travel(&mut world, Service::Mcptt, &[A, A], FAST);
    let messages = world
        .datagrams()
        .filter(|d| d.bytes.starts_with(b"MESSAGE"));
    assert_eq!(messages.count(), 0);
}

#[test]
fn p1_the_return_ends_the_stay_at_the_partner() {
    for service in Service::ALL {
        for hiding in [Hiding::All, Hiding::None] {
            let mut world = calm(hiding);
            travel(&mut world, service, &[B, A], FAST);
            let visitor = world.visitor(B, ALICE, service).unwrap();
            assert_eq!(visitor.number, Some(1));
            assert!(matches!(visitor.phase, VisitorPhase::WasMigrated { .. }));
            assert_eq!(visitor.authorization, None);
            for id in ["P1.0", "P1.1", "P1.4"] {
                assert!(world.decisions().any(|d| d.requirement == id), "{id}");
            }
        }
    }
}

#[test]
fn p2_migrating_on_ends_the_stay_left_behind_and_no_other() {
    for service in Service::ALL {
        for hiding in ANY_HIDING {
            let mut world = calm(hiding);
            travel(&mut world, service, &[B, C], FAST);
            let left = world.visitor(B, ALICE, service).unwrap();
            assert!(matches!(left.phase, VisitorPhase::WasMigrated { .. }));
            let present = world.visitor(C, ALICE, service).unwrap();
            assert_eq!(present.number, Some(2));
            let to_c = deauthorizations(&world)
                .iter()
                .any(|d| is_at(d, C, Kind::Server) || is_at(d, C, Kind::Gateway));
            assert!(!to_c, "C's mapping is untouched");
        }
    }
}

#[test]
fn services_migrate_apart() {
    let mut world = calm(Hiding::All);
    for service in Service::ALL {
        world.travel(ALICE, service, &[B], FAST);
    }
    world.run_until_quiet();
    travel(&mut world, Service::McVideo, &[A], FAST);
    assert!(world.serves(B, ALICE, Service::Mcptt));
    assert!(world.serves(B, ALICE, Service::McData));
}

#[test]
fn a_replayed_deauthorization_never_ends_a_newer_stay() {
    for hiding in [Hiding::All, Hiding::None] {
        let mut world = calm(hiding);
        travel(&mut world, Service::Mcptt, &[B, A], FAST);
        let captured = deauthorizations(&world);
        assert_eq!(captured.len(), if hiding == Hiding::All { 3 } else { 1 });
        travel(&mut world, Service::Mcptt, &[B], FAST);
        let before = world.server(B).rows.clone();
        let home = world.server(A).rows.clone();
        // Long after the transactions that would absorb them, at every hop.
        world.run_for(600 * SECOND);
        for datagram in &captured {
            world.replay(datagram);
            world.run_until_quiet();
        }
        world.check_at_rest();
        assert_eq!(world.server(B).rows, before);
        assert_eq!(world.server(A).rows, home);
        assert!(world.decisions().any(|d| d.verdict == "stale"));
    }
}

#[test]
fn a_was_migrated_mapping_is_purged_when_its_retention_is_over() {
    let plan = Plan {
        retention: std::time::Duration::from_secs(600),
        ..Plan::default()
    };
    let mut world = World::new(1, plan);
    travel(&mut world, Service::Mcptt, &[B, A], FAST);
    assert!(world.visitor(B, ALICE, Service::Mcptt).is_some());
    world.crash(B, Kind::Server, world.now(), 5 * SECOND);
    world.run_for(620 * SECOND);
    assert!(world.visitor(B, ALICE, Service::Mcptt).is_none());
}

#[test]
fn a_clock_that_is_set_purges_nothing_early_and_keeps_nothing_for_ever() {
    const HOUR: i64 = 3_600_000;
    for (step, down) in [(HOUR, false), (-HOUR, false), (HOUR, true), (-HOUR, true)] {
        let plan = Plan {
            retention: std::time::Duration::from_secs(600),
            ..Plan::default()
        };
        let mut world = World::new(1, plan);
        travel(&mut world, Service::Mcptt, &[B, A], FAST);
        if down {
            // Set while no process runs.
            world.crash(B, Kind::Server, world.now(), 20 * SECOND);
        }
        world.set_clock(B, Kind::Server, world.now() + 10 * SECOND, step);
        world.run_for(300 * SECOND);
        assert!(
            world.visitor(B, ALICE, Service::Mcptt).is_some(),
            "{step} {down}: purged early"
        );
        world.run_for(320 * SECOND);
        assert!(
            world.visitor(B, ALICE, Service::Mcptt).is_none(),
            "{step} {down}: kept"
        );
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let run = || {
        let mut world = rough(7);
        disturb(&mut world);
        world.travel(ALICE, Service::Mcptt, &[B, A, C, B], (0, 20 * SECOND));
        world.run_until_quiet();
        world.record().to_vec()
    };
    let (one, other) = (run(), run());
    let differs = one.iter().zip(&other).find(|(a, b)| a != b);
    if let Some((a, b)) = differs {
        panic!("{a}\n{b}");
    }
    assert_eq!(one.len(), other.len());
}

#[test]
fn migration_in_rough_weather() {
    over_seeds("migration_in_rough_weather", 100, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[B], FAST);
    });
}

#[test]
fn refusal_in_rough_weather() {
    over_seeds("refusal_in_rough_weather", 60, |seed| {
        let plan = Plan {
            hiding: Dice::new(seed).pick(&ANY_HIDING),
            weather: Weather::ROUGH,
            refused: vec![(MALLORY, B)],
            ..Plan::default()
        };
        let mut world = World::new(seed, plan);
        world.travel(MALLORY, Service::Mcptt, &[B], FAST);
        world.run_until_quiet();
        world.check_at_rest();
        assert_eq!(world.journeys()[0].stops[0].status(), 403);
        assert!(world.visitor(B, MALLORY, Service::Mcptt).is_none());
    });
}

#[test]
fn p1_in_rough_weather() {
    over_seeds("p1_in_rough_weather", 120, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[B, A], FAST);
    });
}

#[test]
fn p2_in_rough_weather() {
    over_seeds("p2_in_rough_weather", 120, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[B, C], FAST);
    });
}

#[test]
fn back_and_forth_faster_than_notifications() {
    over_seeds("back_and_forth_faster_than_notifications", 150, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[A, B, A, B], FAST);
    });
}

#[test]
fn between_partners_faster_than_notifications() {
    over_seeds("between_partners_faster_than_notifications", 100, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[B, C, B, C], FAST);
    });
}

#[test]
fn any_way_at_any_speed() {
    over_seeds("any_way_at_any_speed", 100, |seed| {
        let mut world = rough(seed);
        let path = any_path(world.dice());
        let slow = world.dice().between(0, 40 * SECOND);
        travel(&mut world, Service::Mcptt, &path, (0, slow));
    });
}

#[test]
fn late_copies_after_a_new_stay_change_nothing() {
    over_seeds("late_copies_after_a_new_stay_change_nothing", 60, |seed| {
        let mut world = rough(seed);
        travel(&mut world, Service::Mcptt, &[B, A], FAST);
        let captured = deauthorizations(&world);
        travel(&mut world, Service::Mcptt, &[C, B], FAST);
        let before = world.server(B).rows.clone();
        for datagram in &captured {
            world.replay(datagram);
            let pause = world.dice().between(0, 5 * SECOND);
            world.run_for(pause);
        }
        world.run_until_quiet();
        world.check_at_rest();
        assert_eq!(world.server(B).rows, before);
    });
}

#[test]
fn crashes_and_partitions_lose_nothing() {
    over_seeds("crashes_and_partitions_lose_nothing", 120, |seed| {
        let mut world = rough(seed);
        disturb(&mut world);
        let path = any_path(world.dice());
        travel(&mut world, Service::Mcptt, &path, (0, 20 * SECOND));
    });
}

#[test]
fn clocks_that_are_set_lose_nothing() {
    over_seeds("clocks_that_are_set_lose_nothing", 60, |seed| {
        let mut world = rough(seed);
        for _ in 0..3 {
            let place = world.dice().pick(&[A, B, C]);
            let at = world.dice().between(0, 60 * SECOND);
            let millis = world.dice().between(0, 600_000);
            let millis = i64::try_from(millis).unwrap() - 300_000;
            world.set_clock(place, Kind::Server, at, millis);
        }
        let path = any_path(world.dice());
        travel(&mut world, Service::Mcptt, &path, (0, 20 * SECOND));
    });
}

/// Some crashes and partitions within the first minutes. A node is down for longer than the
/// network delays anything: what was on its way to the old process is gone before the new one
/// listens.
fn disturb(world: &mut World) {
    let dice = world.dice();
    let crashes: Vec<_> = (0..dice.between(0, 3))
        .map(|_| {
            (
                dice.pick(&[A, B, C]),
                dice.pick(&[Kind::Server, Kind::Server, Kind::Gateway]),
                dice.between(0, 60 * SECOND),
                dice.between(5 * SECOND, 90 * SECOND),
            )
        })
        .collect();
    let cuts: Vec<_> = (0..dice.between(0, 2))
        .map(|_| {
            (
                dice.pick(&[A, B, C]),
                dice.pick(&[A, B, C]),
                dice.between(0, 60 * SECOND),
                dice.between(SECOND, 120 * SECOND),
            )
        })
        .collect();
    for (place, kind, at, down) in crashes {
        world.crash(place, kind, at, down);
    }
    for (one, other, at, length) in cuts {
        world.cut(one, other, at, length);
    }
}

/// Two to six places; the same place may follow itself, as when a user authorizes again.
fn any_path(dice: &mut Dice) -> Vec<Place> {
    (0..dice.between(2, 6))
        .map(|_| dice.pick(&[A, B, C]))
        .collect()
}
