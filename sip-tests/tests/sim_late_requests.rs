//! Requests that outlive the client who caused them: he gave up, asked again and went on, and
//! then his first request gets through after all (L2).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use mcx::state::{Command, MemoryRows, Notice, UserKey, apply};
use mcx::{ProcedureId, Service, Timestamp};
use sip_tests::sim::{Hiding, Place, Plan, User, World, over_seeds};

const A: Place = Place::A;
const B: Place = Place::B;
const C: Place = Place::C;
const ALICE: User = User {
    name: "alice",
    home: A,
};
const SECOND: u64 = 1_000_000;

/// The third-party REGISTER gets through just before its client gives up, and the request for
/// the primary only after the user has come by a second one and left again.
#[test]
fn a_client_that_gave_up_gets_no_stay_when_his_request_comes_after_all() {
    let name = "a_client_that_gave_up_gets_no_stay_when_his_request_comes_after_all";
    over_seeds(name, 20, |seed| {
        let plan = Plan {
            hiding: Hiding::None,
            ..Plan::default()
        };
        let mut world = World::new(seed, plan);
        world.cut(B, B, 0, 15 * SECOND);
        world.cut(A, B, 15 * SECOND, 17 * SECOND + SECOND / 10);
        world.travel(ALICE, Service::Mcptt, &[B, A], (0, SECOND / 20));
        world.run_until_quiet();
        world.check_at_rest();
    });
}

fn procedure(n: u8) -> ProcedureId {
    ProcedureId::new(Timestamp(1_790_000_000_000), [n; 10])
}

fn key() -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: ALICE.primary_id(),
    }
}

fn allow(place: Place, n: u8) -> Command {
    Command::AllowMigration {
        key: key(),
        system: place.system(),
        partner_id: ALICE.id_at(place),
        procedure: procedure(n),
        in_reply_to: format!("{n}@example"),
        at: Timestamp(0),
        expires: Timestamp(32_000),
    }
}

fn moved(place: Place, number: u64) -> Command {
    Command::UserMoved {
        key: key(),
        system: place.system(),
        partner_id: ALICE.id_at(place),
        number: Some(number),
        procedure: procedure(99),
        at: Timestamp(0),
    }
}

/// De-authorizations that are owed: to whom, and up to which stay.
fn owed(rows: &MemoryRows) -> Vec<(String, u64)> {
    let rows = rows.outbox.values();
    rows.filter_map(|row| match row.row.notice {
        Notice::Deauthorization { number, .. } => Some((row.row.to.to_string(), number)),
        _ => None,
    })
    .collect()
}

#[test]
fn a_late_request_does_not_hide_the_stay_that_the_partner_has() {
    let mut rows = MemoryRows::default();
    for command in [
        allow(C, 1),
        moved(C, 1),
        allow(B, 2),
        // C's first attempt, which its client gave up on before stay 1.
        allow(C, 3),
        moved(B, 2),
    ] {
        let Ok(_) = apply(&mut rows, &command);
    }
    let owed = owed(&rows);
    let told = owed.iter().any(|(to, n)| *to == C.domain() && *n >= 1);
    assert!(told, "C still serves stay 1, and has to be told: {owed:?}");
}
