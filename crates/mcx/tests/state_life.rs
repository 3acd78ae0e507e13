//! The whole life of a user's stays, by the store's commands alone: P1, P2, L1.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::*;
use common::{ALICE_AT_B, ALICE_AT_C, alice, at, id, procedure, system};
use mcx::state::{Command, MemoryRows, Notice, StayPhase, Verdict, VisitorPhase};

/// Alice is at B, as A sees it.
fn at_b() -> MemoryRows {
    let mut a = MemoryRows::default();
    assert_eq!(
        verdict(&mut a, &allow("b", 1)),
        Verdict::Allowed { number: 1 }
    );
    assert_eq!(
        verdict(&mut a, &moved("b", Some(1), 1)),
        Verdict::Moved { ended: vec![] }
    );
    deliver_all(&mut a);
    a
}

#[test]
fn a_user_who_had_not_migrated_starts_nothing() {
    let mut a = MemoryRows::default();
    let outcome = run(&mut a, &returns(1));
    assert_eq!(outcome.verdict, Verdict::Authorized { ended: vec![] });
    assert!(outcome.appended.is_empty() && a.outbox.is_empty());
}

#[test]
fn p1_the_return_owes_the_partner_a_notification() {
    let mut a = at_b();
    let outcome = run(&mut a, &returns(2));
    let ended = vec![(system("b"), 1)];
    assert_eq!(outcome.verdict, Verdict::Authorized { ended });
    let [row] = outcome.appended.as_slice() else {
        panic!("one row is owed");
    };
    assert_eq!(row.row.to, system("b"));
    assert_eq!(row.row.procedure, procedure(2));
    assert_eq!(row.row.expires, None, "it is owed for ever");
    let expected = Notice::Deauthorization {
        partner_id: Some(id(ALICE_AT_B)),
        number: 1,
    };
    assert_eq!(row.row.notice, expected);
    assert_eq!(a.outbox.get(&row.id), Some(row));
    assert_eq!(home(&a).current(), None);
    assert_eq!(
        home(&a).stay_at(&system("b")).unwrap().phase,
        StayPhase::Ended
    );
    assert!(home(&a).authorization.is_some());
}

#[test]
fn p1_the_partner_keeps_the_mapping_as_was_migrated() {
    let mut b = MemoryRows::default();
    assert_eq!(verdict(&mut b, &map("b", Some(1), 1)), Verdict::Mapped);
    assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
    let ended = Verdict::Ended {
        stop_at: at(10),
        purge_at: purge_at(),
    };
    assert_eq!(verdict(&mut b, &end(Some(1), Some(ALICE_AT_B))), ended);
    let was = VisitorPhase::WasMigrated {
        since: at(10),
        purge_at: purge_at(),
    };
    assert_eq!(visitor(&b).phase, was);
    assert_eq!(visitor(&b).authorization, None, "never used to serve her");
    assert_eq!(visitor(&b).procedure, Some(procedure(99)));
    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::NotMigrated
    );
}

#[test]
fn p2_moving_on_ends_the_stay_left_behind_and_no_other() {
    let mut a = at_b();
    assert_eq!(
        verdict(&mut a, &allow("c", 2)),
        Verdict::Allowed { number: 2 }
    );
    let b = home(&a).stay_at(&system("b")).unwrap().phase;
    assert_eq!(b, StayPhase::Open, "asking alone ends nothing");
    let ended = vec![(system("b"), 1)];
    assert_eq!(
        verdict(&mut a, &moved("c", Some(2), 2)),
        Verdict::Moved { ended }
    );
    assert_eq!(owed(&a), [("b".to_owned(), 1)]);
    assert_eq!(home(&a).current().unwrap().system, system("c"));
    assert_eq!(home(&a).authorization, None);
}

#[test]
fn a_user_who_is_authorized_elsewhere_is_no_longer_authorized_at_home() {
    let mut a = MemoryRows::default();
    run(&mut a, &returns(1));
    run(&mut a, &allow("b", 2));
    assert!(
        home(&a).authorization.is_some(),
        "asking alone ends nothing"
    );
    run(&mut a, &moved("b", Some(1), 2));
    assert_eq!(home(&a).authorization, None);
}

#[test]
fn a_return_ends_every_open_stay() {
    let mut a = at_b();
    run(&mut a, &allow("c", 2));
    let ended = vec![(system("b"), 1), (system("c"), 2)];
    assert_eq!(verdict(&mut a, &returns(3)), Verdict::Authorized { ended });
    assert_eq!(owed(&a), [("b".to_owned(), 1), ("c".to_owned(), 2)]);
}

#[test]
fn the_first_migration_after_a_return_is_a_newer_stay() {
    let mut a = at_b();
    run(&mut a, &returns(2));
    assert_eq!(
        verdict(&mut a, &allow("b", 3)),
        Verdict::Allowed { number: 2 }
    );
    let stay = home(&a).stay_at(&system("b")).unwrap();
    assert_eq!((stay.number, stay.phase), (2, StayPhase::Open));
    assert_eq!(home(&a).stays.len(), 1, "one stay a partner");
}

#[test]
fn l1_the_answer_to_a_migration_is_owed_until_nobody_waits() {
    let mut a = MemoryRows::default();
    let outcome = run(&mut a, &allow("b", 1));
    let row = &outcome.appended.first().unwrap().row;
    assert_eq!(row.expires, Some(at(32)));
    let expected = Notice::AuthorizationResponse {
        partner_id: id(ALICE_AT_B),
        number: Some(1),
        in_reply_to: "request-1".into(),
    };
    assert_eq!(row.notice, expected);
}

#[test]
fn l1_a_refusal_opens_no_stay() {
    let mut a = MemoryRows::default();
    let refuse = Command::RefuseMigration {
        key: alice(),
        system: system("b"),
        partner_id: id(ALICE_AT_B),
        procedure: procedure(1),
        in_reply_to: "request-1".into(),
        at: at(0),
        expires: at(32),
    };
    let outcome = run(&mut a, &refuse);
    assert_eq!(outcome.verdict, Verdict::Done);
    let notice = &outcome.appended.first().unwrap().row.notice;
    assert_eq!(notice.number(), None);
    assert!(a.homes.is_empty());
    assert_eq!(
        verdict(&mut a, &moved("b", Some(1), 1)),
        Verdict::NeverAllowed
    );
}

#[test]
fn p2_the_new_partner_owes_the_primary_a_notification() {
    let mut c = MemoryRows::default();
    let outcome = run(&mut c, &map("c", Some(2), 2));
    let row = &outcome.appended.first().unwrap().row;
    assert_eq!((&row.to, row.expires), (&system("a"), None));
    let expected = Notice::UserAuthorization {
        partner_id: id(ALICE_AT_C),
        number: Some(2),
    };
    assert_eq!(row.notice, expected);
}

#[test]
fn ending_the_authorization_keeps_stay_and_mapping() {
    let mut a = at_b();
    run(&mut a, &returns(2));
    let before = home(&a).stays.clone();
    run(
        &mut a,
        &Command::EndHomeAuthorization {
            key: alice(),
            if_match: None,
            at: at(1),
        },
    );
    assert_eq!(home(&a).authorization, None);
    assert_eq!(home(&a).stays, before);

    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(1), 1));
    run(
        &mut b,
        &Command::EndVisitorAuthorization {
            key: alice(),
            partner_id: id(ALICE_AT_B),
            if_match: None,
            at: at(1),
        },
    );
    assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
    assert_eq!(visitor(&b).authorization, None);
}
