//! L3: applying a command twice equals applying it once. And what is owed twice, what is purged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::*;
use common::{ALICE_AT_B, alice, at, id, key, procedure, system};
use mcx::Service;
use mcx::state::{Command, MemoryRows, Parked, StayPhase, Verdict, VisitorPhase};

/// Rows of a server at which Alice both lives and visits: every command finds something to do.
fn busy() -> MemoryRows {
    let mut rows = MemoryRows::default();
    run(&mut rows, &allow("b", 1));
    run(&mut rows, &allow("c", 2));
    run(&mut rows, &map("b", Some(4), 3));
    rows
}

#[test]
fn every_command_twice_is_every_command_once() {
    let parked = Parked {
        status: 403,
        text: "no".into(),
        since: at(1),
    };
    let refuse = Command::RefuseMigration {
        key: alice(),
        system: system("b"),
        partner_id: id(ALICE_AT_B),
        procedure: procedure(9),
        in_reply_to: "x".into(),
        at: at(0),
        expires: at(32),
    };
    let retry = Command::OutboxRetry {
        failure: "no answer".into(),
        id: 1,
        attempts: 4,
        next_at: at(9),
    };
    let commands = [
        returns(5),
        Command::EndHomeAuthorization {
            key: alice(),
            if_match: None,
            at: at(1),
        },
        allow("b", 1),
        allow("b", 6),
        refuse,
        moved("c", Some(2), 2),
        moved("c", None, 2),
        moved("b", Some(1), 1),
        moved("b", Some(9), 1),
        map("b", Some(4), 3),
        map("b", Some(5), 4),
        map("b", Some(3), 4),
        map("b", None, 4),
        refresh("b", Some("t"), None),
        refresh("b", Some("t"), Some("s")),
        register("b", "call-1"),
        Command::EndVisitorAuthorization {
            key: alice(),
            partner_id: id(ALICE_AT_B),
            if_match: None,
            at: at(1),
        },
        end(Some(4), None),
        end(Some(6), None),
        end(Some(3), None),
        end(None, Some(ALICE_AT_B)),
        end_after(Some(6), at(20), purge_at()),
        Command::SessionsEnded {
            key: alice(),
            at: at(15),
        },
        Command::Expire {
            at: at(5000),
            limit: 10,
        },
        Command::OutboxDone { id: 1 },
        retry,
        Command::OutboxPark { id: 2, parked },
    ];
    let mut ended = busy();
    run(&mut ended, &returns(5));
    run(&mut ended, &end(Some(4), None));
    for start in [MemoryRows::default(), busy(), ended] {
        for command in &commands {
            let mut once = start.clone();
            run(&mut once, command);
            let mut twice = once.clone();
            run(&mut twice, command);
            assert_eq!(twice, once, "{command:?}");
        }
    }
}

#[test]
fn a_repeated_request_gets_the_number_it_got() {
    let mut a = MemoryRows::default();
    assert_eq!(
        verdict(&mut a, &allow("b", 1)),
        Verdict::Allowed { number: 1 }
    );
    let before = a.clone();
    assert_eq!(
        verdict(&mut a, &allow("b", 1)),
        Verdict::Allowed { number: 1 }
    );
    assert_eq!(a, before, "one answer is owed");
    deliver_all(&mut a);
    let again = run(&mut a, &allow("b", 1));
    assert_eq!(
        again.appended.len(),
        1,
        "its answer was lost: it is owed anew"
    );
    assert_eq!(
        verdict(&mut a, &allow("b", 2)),
        Verdict::Allowed { number: 2 }
    );
}

#[test]
fn a_repeated_request_for_a_stay_that_ended_is_stale() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &returns(2));
    let before = a.clone();
    assert_eq!(verdict(&mut a, &allow("b", 1)), Verdict::Stale);
    assert_eq!(a, before);
    assert_eq!(
        home(&a).stay_at(&system("b")).unwrap().phase,
        StayPhase::Ended
    );
}

#[test]
fn a_notification_twice_is_a_notification_once() {
    let mut b = MemoryRows::default();
    assert_eq!(verdict(&mut b, &end(Some(1), None)), Verdict::Unknown);
    assert_eq!(b, MemoryRows::default());
    run(&mut b, &map("b", Some(1), 1));
    run(&mut b, &end(Some(1), None));
    let before = b.clone();
    assert_eq!(verdict(&mut b, &end(Some(1), None)), Verdict::AlreadyEnded);
    assert_eq!(b, before);
}

#[test]
fn what_says_the_same_is_owed_once_while_it_waits() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &returns(2));
    assert!(run(&mut a, &returns(2)).appended.is_empty());
    assert_eq!(owed(&a).len(), 1);
    // A parked row waits too, for an operator.
    let row = *a.outbox.keys().max().unwrap();
    let parked = Parked {
        status: 403,
        text: "no".into(),
        since: at(1),
    };
    run(&mut a, &Command::OutboxPark { id: row, parked });
    assert!(run(&mut a, &returns(2)).appended.is_empty());
    assert_eq!(owed(&a).len(), 1);
}

#[test]
fn what_says_something_else_is_owed_beside_it() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &returns(2));
    run(&mut a, &allow("b", 3));
    run(&mut a, &returns(4));
    assert_eq!(owed(&a), [("b".to_owned(), 1), ("b".to_owned(), 2)]);
    let ids: Vec<u64> = a.outbox.keys().copied().collect();
    assert!(ids.is_sorted(), "later rows have greater ids");
}

#[test]
fn rows_of_other_users_services_and_partners_are_others() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(1), 1));
    let Command::StoreMapping {
        primary,
        partner_id,
        number,
        procedure,
        authorization,
        at,
        ..
    } = map("b", Some(1), 1)
    else {
        unreachable!();
    };
    for other in [
        key(Service::McVideo, common::ALICE),
        key(Service::Mcptt, "sip:eve@a.mcx.example"),
    ] {
        let command = Command::StoreMapping {
            heard: None,
            key: other,
            primary: primary.clone(),
            partner_id: partner_id.clone(),
            number,
            procedure,
            authorization: authorization.clone(),
            at,
        };
        assert_eq!(run(&mut b, &command).appended.len(), 1);
    }
    assert_eq!((b.visitors.len(), b.outbox.len()), (3, 3));
    run(&mut b, &end(Some(1), None));
    let migrated = |v: &&mcx::state::Visitor| v.phase == VisitorPhase::Migrated;
    assert_eq!(b.visitors.values().filter(migrated).count(), 2);
}

/// How many mappings were removed.
fn purged(verdict: &Verdict) -> usize {
    match verdict {
        Verdict::Expired { purged, .. } => *purged,
        other => panic!("{other:?}"),
    }
}

#[test]
fn purging_respects_the_retention_and_its_limit() {
    let mut b = MemoryRows::default();
    for (n, seconds) in [(1, 10), (2, 20), (3, 30), (4, 40)] {
        let user = key(Service::Mcptt, &format!("sip:u{n}@a.mcx.example"));
        let Command::StoreMapping {
            primary,
            partner_id,
            procedure,
            authorization,
            ..
        } = map("b", Some(1), n)
        else {
            unreachable!();
        };
        let map = Command::StoreMapping {
            heard: None,
            key: user.clone(),
            primary,
            partner_id,
            number: Some(1),
            procedure,
            authorization,
            at: at(0),
        };
        run(&mut b, &map);
        if n < 4 {
            let end = Command::EndStay {
                key: user,
                partner_id: None,
                number: Some(1),
                procedure: None,
                at: at(0),
                stop_at: at(0),
                purge_at: at(seconds),
            };
            run(&mut b, &end);
        }
    }
    let mut purge = |seconds, limit| {
        let command = Command::Expire {
            at: at(seconds),
            limit,
        };
        (purged(&verdict(&mut b, &command)), b.visitors.len())
    };
    assert_eq!(purge(9, 10), (0, 4));
    assert_eq!(purge(10, 10), (1, 3));
    assert_eq!(purge(1000, 0), (0, 3));
    assert_eq!(purge(1000, 1), (1, 2));
    assert_eq!(purge(1000, 10), (1, 1));
    assert_eq!(purge(u64::MAX / 2000, 10), (0, 1), "in force");
}
