//! P1.E1, P1.N2 at a service server: policy, time, and a wall clock that is set.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::BOB;
use common::visit::{self, deauthorize, from_b};
use common::world::*;
use mcx::state::{Command, EventKind, VisitorPhase};
use mcx::{ByPartner, Effect, Service, ServiceServer, ServiceServerConfig, Stop};

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// A's server, at which Bob stays, with that policy.
fn bench(stop: ByPartner<Stop>) -> Bench<ServiceServer> {
    let config = ServiceServerConfig { stop, ..server_a() };
    let rows = visit::bench().rows;
    let mut bench = Bench::server(config);
    bench.rows = rows;
    bench
}

fn after(grace: u64) -> ByPartner<Stop> {
    ByPartner {
        default: Stop::After(seconds(grace)),
        ..ByPartner::default()
    }
}

fn phase(bench: &Bench<ServiceServer>) -> Option<VisitorPhase> {
    let key = common::key(Service::Mcptt, BOB);
    bench.rows.visitors.get(&key).map(|v| v.phase)
}

fn kinds(bench: &Bench<ServiceServer>) -> Vec<EventKind> {
    bench.rows.events.values().map(|e| e.event.kind).collect()
}

fn verdicts(effects: &[Effect]) -> Vec<(&str, &str)> {
    let decisions = effects.iter().filter_map(|effect| match effect {
        Effect::Decide(decision) => Some((decision.requirement, decision.verdict.as_ref())),
        _ => None,
    });
    decisions.collect()
}

#[test]
fn after_a_grace_period_the_service_stops_to_the_moment() {
    let mut bench = bench(after(25));
    assert_eq!(from_b(&mut bench, &deauthorize(7)).status().as_u16(), 200);
    assert!(matches!(phase(&bench), Some(VisitorPhase::Stopping { .. })));
    bench.after(Duration::from_millis(24_999));
    assert!(matches!(phase(&bench), Some(VisitorPhase::Stopping { .. })));
    assert_eq!(
        bench.role.deadline_in(bench.clock.0.mono),
        Some(Duration::from_millis(1))
    );
    let out = bench.after(Duration::from_millis(1));
    assert_eq!(verdicts(&out), [("P1.E1", "stopped")]);
    assert!(matches!(
        phase(&bench),
        Some(VisitorPhase::WasMigrated { .. })
    ));
    assert_eq!(kinds(&bench), [EventKind::ServiceStopped]);
    // The retention of 60 s begins when the service stopped.
    bench.after(seconds(59));
    assert!(phase(&bench).is_some());
    bench.after(seconds(11));
    assert_eq!(phase(&bench), None);
    assert_eq!(
        kinds(&bench),
        [EventKind::ServiceStopped, EventKind::MappingPurged]
    );
}

#[test]
fn the_partners_choice_goes_before_the_services_and_that_before_the_rest() {
    let immediately = |phase| matches!(phase, Some(VisitorPhase::WasMigrated { .. }));
    let mut stop = after(25);
    stop.services.insert(Service::Mcptt, Stop::Immediately);
    let mut by_service = bench(stop.clone());
    from_b(&mut by_service, &deauthorize(7));
    assert!(immediately(phase(&by_service)));
    stop.partners
        .insert(common::system("b"), Stop::After(seconds(5)));
    let mut by_partner = bench(stop);
    from_b(&mut by_partner, &deauthorize(7));
    assert!(!immediately(phase(&by_partner)));
    by_partner.after(seconds(5));
    assert!(immediately(phase(&by_partner)));
}

#[test]
fn a_clock_that_is_set_forward_stops_nothing_early() {
    let mut bench = bench(after(25));
    from_b(&mut bench, &deauthorize(7));
    bench.after(seconds(5));
    bench.clock.0.wall = bench.clock.0.wall.after(seconds(3600));
    let out = bench.after(seconds(10));
    assert_eq!(verdicts(&out), [("P1.N2", "clock set")]);
    bench.after(seconds(9));
    assert!(matches!(phase(&bench), Some(VisitorPhase::Stopping { .. })));
    bench.after(seconds(11));
    assert!(matches!(
        phase(&bench),
        Some(VisitorPhase::WasMigrated { .. })
    ));
}

#[test]
fn deadlines_that_could_not_be_moved_are_moved_later_and_nothing_expires_before() {
    let mut bench = bench(after(25));
    from_b(&mut bench, &deauthorize(7));
    bench.after(seconds(5));
    bench.clock.0.wall = bench.clock.0.wall.after(seconds(3600));
    let out = bench.input(mcx::Input::Tick);
    let [(id, batch)] = batches(&out).try_into().unwrap();
    assert!(matches!(
        batch[..],
        [Command::ClockStepped { by: 3_600_000, .. }]
    ));
    bench.store_fails(id);
    // The next input sees the whole step once more, and asks for nothing else before it.
    bench.clock.advance(seconds(10));
    let out = bench.input(mcx::Input::Tick);
    let stored = batches(&out);
    assert!(matches!(
        stored[0].1[..],
        [Command::ClockStepped { by: 3_600_000, .. }]
    ));
    bench.store(out);
    assert!(matches!(phase(&bench), Some(VisitorPhase::Stopping { .. })));
    bench.after(seconds(10));
    assert!(matches!(
        phase(&bench),
        Some(VisitorPhase::WasMigrated { .. })
    ));
}

/// The store knows of it by then (how the clocks stand is the first that it is told), and moves deadlines itself.
#[test]
fn a_clock_that_is_set_while_the_store_opens_is_not_seen_a_second_time() {
    let mut bench = bench(after(25));
    // Somebody asks whether it is ready.
    let out = bench.input(mcx::Input::Tick);
    bench.store(out);
    bench.clock.0.wall = bench.clock.0.wall.after(seconds(3600));
    let out = bench.input(mcx::Input::Recovered {
        owed: Vec::new(),
        last: 0,
    });
    assert!(!verdicts(&out).contains(&("P1.N2", "clock set")), "{out:?}");
    let stepped = |batch: &[Command]| {
        let is_step = |command: &Command| matches!(command, Command::ClockStepped { .. });
        batch.iter().any(is_step)
    };
    assert!(batches(&out).iter().all(|(_, batch)| !stepped(batch)));
}

#[test]
fn a_clock_that_is_slewed_is_followed_when_it_has_gone_far_enough() {
    let mut bench = bench(after(1000));
    from_b(&mut bench, &deauthorize(7));
    let mut set = 0;
    for _ in 0..50 {
        bench.clock.0.wall = bench.clock.0.wall.after(Duration::from_millis(100));
        let out = bench.after(seconds(1));
        set += verdicts(&out).iter().filter(|v| v.1 == "clock set").count();
    }
    assert_eq!(set, 2, "5 s in steps of 2");
}

/// Time until the next deadline.
trait DeadlineIn {
    fn deadline_in(&self, now: std::time::Instant) -> Option<Duration>;
}

impl<R: mcx::Role> DeadlineIn for R {
    fn deadline_in(&self, now: std::time::Instant) -> Option<Duration> {
        self.deadline().map(|at| at.saturating_duration_since(now))
    }
}
