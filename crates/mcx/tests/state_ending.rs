//! P1.E1, P1.N2: when the service stops for a user who left, and how long his mapping lives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::*;
use common::{ALICE_AT_B, alice, at, id, procedure};
use mcx::state::{
    ClockAnchor, Command, Event, EventKind, MemoryRows, NEVER, NewEvent, Verdict, VisitorPhase,
};

/// Alice's stay 7 at B was de-authorized: she is served until 40, and kept until 100.
fn stopping() -> MemoryRows {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(7), 1));
    let ended = Verdict::Ended {
        stop_at: at(40),
        purge_at: at(100),
    };
    assert_eq!(verdict(&mut b, &end_after(Some(7), at(40), at(100))), ended);
    b
}

fn expire(rows: &mut MemoryRows, seconds: u64) -> (usize, usize) {
    let command = Command::Expire {
        at: at(seconds),
        limit: 10,
    };
    match verdict(rows, &command) {
        Verdict::Expired {
            stopped, purged, ..
        } => (stopped, purged),
        other => panic!("{other:?}"),
    }
}

fn sessions_ended(seconds: u64) -> Command {
    Command::SessionsEnded {
        key: alice(),
        at: at(seconds),
    }
}

fn event(seq: u64, kind: EventKind, seconds: u64) -> Event {
    Event {
        seq,
        event: NewEvent {
            kind,
            key: alice(),
            partner_id: id(ALICE_AT_B),
            number: Some(7),
            procedure: Some(procedure(99)),
            at: at(seconds),
        },
    }
}

fn events(rows: &MemoryRows) -> Vec<Event> {
    rows.events.values().cloned().collect()
}

#[test]
fn she_is_served_until_her_grace_period_is_over() {
    let mut b = stopping();
    let phase = VisitorPhase::Stopping {
        since: at(10),
        stop_at: at(40),
        purge_at: at(100),
    };
    assert_eq!(visitor(&b).phase, phase);
    assert_eq!(expire(&mut b, 39), (0, 0));
    assert_eq!(events(&b), []);
    assert_eq!(expire(&mut b, 41), (1, 0));
    let was = VisitorPhase::WasMigrated {
        since: at(41),
        purge_at: at(100),
    };
    assert_eq!(visitor(&b).phase, was);
    assert_eq!(expire(&mut b, 99), (0, 0));
    assert_eq!(expire(&mut b, 100), (0, 1));
    let told = [
        event(1, EventKind::ServiceStopped, 41),
        event(2, EventKind::MappingPurged, 100),
    ];
    assert_eq!(events(&b), told);
}

#[test]
fn at_once_is_an_event_too() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(7), 1));
    let outcome = run(&mut b, &end(Some(7), None));
    let stopped = event(1, EventKind::ServiceStopped, 10);
    assert_eq!(outcome.events, std::slice::from_ref(&stopped));
    run(&mut b, &end(Some(7), None));
    assert_eq!(events(&b), [stopped], "told once");
}

#[test]
fn the_end_of_her_last_session_cuts_it_short() {
    let mut b = stopping();
    let purge_at = at(80);
    assert_eq!(
        verdict(&mut b, &sessions_ended(20)),
        Verdict::Stopped { purge_at },
        "as long as she was to be kept, but from now"
    );
    assert_eq!(events(&b), [event(1, EventKind::ServiceStopped, 20)]);
    assert_eq!(verdict(&mut b, &sessions_ended(21)), Verdict::NotStopping);
    assert_eq!(expire(&mut b, 50), (0, 0), "stopped once");
    assert_eq!(expire(&mut b, 80), (0, 1));
    assert_eq!(verdict(&mut b, &sessions_ended(81)), Verdict::Unknown);
}

#[test]
fn the_end_of_a_session_ends_no_stay() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(7), 1));
    assert_eq!(verdict(&mut b, &sessions_ended(20)), Verdict::NotStopping);
    assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
}

#[test]
fn while_it_stops_nothing_of_the_stay_is_renewed() {
    let mut b = stopping();
    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::NotMigrated
    );
    // Again, and a late one of an earlier stay: the grace period does not begin anew.
    let again = end_after(Some(7), at(400), at(1000));
    assert_eq!(verdict(&mut b, &again), Verdict::AlreadyEnded);
    let older = end_after(Some(6), at(10), at(11));
    assert_eq!(verdict(&mut b, &older), Verdict::Stale);
    assert_eq!(verdict(&mut b, &map("b", Some(7), 1)), Verdict::Stale);
    assert_eq!(expire(&mut b, 40), (1, 0));
}

#[test]
fn a_newer_stay_is_served_on() {
    let mut b = stopping();
    assert_eq!(verdict(&mut b, &map("b", Some(8), 2)), Verdict::Mapped);
    assert_eq!(expire(&mut b, 1000), (0, 0));
    assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
    assert_eq!(events(&b), []);
}

fn step(by: i64, seconds: u64) -> Command {
    Command::ClockStepped {
        by,
        at: at(seconds),
    }
}

#[test]
fn a_step_forward_brings_nothing_forward() {
    let mut b = stopping();
    // At 20 it is 3620: 20 s of grace are left.
    run(&mut b, &step(3_600_000, 3620));
    assert_eq!(expire(&mut b, 3639), (0, 0));
    assert_eq!(expire(&mut b, 3640), (1, 0));
    assert_eq!(expire(&mut b, 3699), (0, 0));
    run(&mut b, &step(3_600_000, 7250));
    assert_eq!(expire(&mut b, 7299), (0, 0));
    assert_eq!(expire(&mut b, 7300), (0, 1));
}

#[test]
fn a_step_back_puts_nothing_off() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(7), 1));
    let ended = Command::EndStay {
        key: alice(),
        partner_id: None,
        number: Some(7),
        procedure: None,
        at: at(5000),
        stop_at: at(5040),
        purge_at: at(5100),
    };
    run(&mut b, &ended);
    run(&mut b, &step(-3_600_000, 1400));
    assert_eq!(expire(&mut b, 1439), (0, 0));
    assert_eq!(expire(&mut b, 1440), (1, 0));
    assert_eq!(expire(&mut b, 1500), (0, 1));
}

#[test]
fn nothing_is_kept_for_longer_than_if_it_had_begun_now() {
    let mut b = stopping();
    // The clock stood at 1970 while the machine started.
    run(&mut b, &step(-1_700_000_000_000, 0));
    run(&mut b, &step(1_700_000_000_000 * 2, 9000));
    assert_eq!(expire(&mut b, 9029), (0, 0));
    assert_eq!(expire(&mut b, 9030), (1, 0));
    assert_eq!(expire(&mut b, 9090), (0, 1));
}

#[test]
fn for_ever_is_not_moved() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(7), 1));
    run(&mut b, &end_after(Some(7), at(40), NEVER));
    run(&mut b, &step(1000, 20));
    let phase = VisitorPhase::Stopping {
        since: mcx::Timestamp(at(11).0),
        stop_at: at(41),
        purge_at: NEVER,
    };
    assert_eq!(visitor(&b).phase, phase);
    assert_eq!(expire(&mut b, 1_000_000_000), (1, 0));
    assert_eq!(expire(&mut b, 1_000_000_000), (0, 0));
}

fn begin(rows: &mut MemoryRows, boot: &str, offset: i64, seconds: u64) {
    let anchor = ClockAnchor {
        boot: boot.into(),
        offset,
    };
    let at = at(seconds);
    run(rows, &Command::ClockAnchored { anchor, at });
}

#[test]
fn a_clock_that_was_set_between_two_processes_moves_deadlines_too() {
    let mut b = stopping();
    begin(&mut b, "first", 1_000_000, 12);
    begin(&mut b, "first", 1_000_900, 13);
    let unmoved = visitor(&b).phase;
    assert!(matches!(unmoved, VisitorPhase::Stopping { stop_at, .. } if stop_at == at(40)));
    begin(&mut b, "first", 1_000_000 + 3_600_000, 3614);
    assert_eq!(expire(&mut b, 3639), (0, 0));
    // A step that a process saw is not seen again by the next one.
    run(&mut b, &step(-3_600_000, 39));
    begin(&mut b, "first", 1_000_000, 39);
    assert_eq!(expire(&mut b, 39), (0, 0));
    assert_eq!(expire(&mut b, 40), (1, 0));
}

#[test]
fn after_a_start_of_the_machine_only_the_wall_clock_counts() {
    let mut b = stopping();
    begin(&mut b, "first", 1_000_000, 12);
    begin(&mut b, "second", 77, 50);
    assert_eq!(expire(&mut b, 50), (1, 0));
}

#[test]
fn events_stay_until_every_sink_has_them() {
    let mut b = MemoryRows::default();
    let sinks = |names: &[&str]| Command::EventSinks {
        names: names.iter().map(|n| (*n).into()).collect(),
    };
    run(&mut b, &sinks(&["file", "webhook"]));
    for number in 1..=5 {
        run(&mut b, &map("b", Some(number), 1));
        run(&mut b, &end(Some(number), None));
    }
    let delivered = |sink: &str, seq| Command::EventsDelivered {
        sink: sink.into(),
        seq,
    };
    let left = |b: &MemoryRows| b.events.keys().copied().collect::<Vec<_>>();
    run(&mut b, &delivered("file", 5));
    run(&mut b, &delivered("webhook", 3));
    run(&mut b, &delivered("webhook", 2));
    run(&mut b, &delivered("nobody", 5));
    assert_eq!(
        verdict(
            &mut b,
            &Command::TrimEvents {
                keep: 4,
                limit: usize::MAX
            }
        ),
        Verdict::Trimmed(1)
    );
    assert_eq!(
        verdict(
            &mut b,
            &Command::TrimEvents {
                keep: 0,
                limit: usize::MAX
            }
        ),
        Verdict::Trimmed(2)
    );
    assert_eq!(left(&b), [4, 5]);
    // A sink that is no longer configured holds nothing up.
    run(&mut b, &sinks(&["file"]));
    run(
        &mut b,
        &Command::TrimEvents {
            keep: 0,
            limit: usize::MAX,
        },
    );
    assert_eq!(left(&b), [0; 0]);
}
