//! L2: stays are ordered by their numbers, or, where a peer sends none, by the partner's id.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::*;
use common::{ALICE_AT_B, at, system};
use mcx::state::{Command, MOST_REPLACED, MemoryRows, Notice, StayPhase, Verdict, VisitorPhase};

fn mapped(number: Option<u64>) -> MemoryRows {
    let mut rows = MemoryRows::default();
    assert_eq!(verdict(&mut rows, &map("b", number, 1)), Verdict::Mapped);
    rows
}

const ENDED: fn() -> Verdict = || Verdict::Ended {
    stop_at: at(10),
    purge_at: purge_at(),
};

#[test]
fn an_older_number_never_ends_a_newer_stay() {
    let mut b = mapped(Some(8));
    let before = b.clone();
    for older in [0, 1, 7] {
        assert_eq!(
            verdict(&mut b, &end(Some(older), Some(ALICE_AT_B))),
            Verdict::Stale
        );
    }
    assert_eq!(b, before);
    assert_eq!(verdict(&mut b, &end(Some(8), Some(ALICE_AT_B))), ENDED());
}

#[test]
fn the_number_decides_and_not_the_id_when_both_sides_have_one() {
    let mut b = mapped(Some(8));
    let other = Some("sip:somebody-else@b.mcx.example");
    assert_eq!(verdict(&mut b, &end(Some(8), other)), ENDED());
    let mut b = mapped(Some(8));
    assert_eq!(verdict(&mut b, &end(Some(8), None)), ENDED());
}

#[test]
fn peers_without_numbers_are_ordered_by_the_partner_id() {
    let other = Some("sip:earlier@b.mcx.example");
    for (stored, named) in [(None, None), (None, Some(3)), (Some(3), None)] {
        let mut b = mapped(stored);
        assert_eq!(verdict(&mut b, &end(named, other)), Verdict::Stale);
        assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
        assert_eq!(verdict(&mut b, &end(named, Some(ALICE_AT_B))), ENDED());
        let mut b = mapped(stored);
        assert_eq!(verdict(&mut b, &end(named, None)), ENDED());
    }
}

#[test]
fn a_notification_newer_than_the_stored_stay_ends_it_and_the_late_response_is_stale() {
    let mut b = mapped(Some(3));
    assert_eq!(verdict(&mut b, &end(Some(5), Some(ALICE_AT_B))), ENDED());
    assert_eq!(visitor(&b).number, Some(5));
    for late in [3, 4, 5] {
        assert_eq!(verdict(&mut b, &map("b", Some(late), 2)), Verdict::Stale);
    }
    assert_eq!(verdict(&mut b, &map("b", Some(6), 2)), Verdict::Mapped);
    assert_eq!(visitor(&b).phase, VisitorPhase::Migrated);
}

#[test]
fn a_newer_notification_moves_the_mark_of_an_ended_stay_too() {
    let mut b = mapped(Some(3));
    run(&mut b, &end(Some(3), None));
    let phase = visitor(&b).phase;
    assert_eq!(verdict(&mut b, &end(Some(5), None)), Verdict::AlreadyEnded);
    assert_eq!(visitor(&b).number, Some(5));
    assert_eq!(visitor(&b).phase, phase, "retention does not begin anew");
    assert_eq!(verdict(&mut b, &map("b", Some(4), 2)), Verdict::Stale);
    assert_eq!(verdict(&mut b, &end(Some(4), None)), Verdict::Stale);
}

#[test]
fn the_response_of_the_same_stay_again_changes_nothing_that_counts() {
    let mut b = mapped(Some(3));
    let before = b.clone();
    assert_eq!(verdict(&mut b, &map("b", Some(3), 1)), Verdict::Mapped);
    assert_eq!(b, before);
    assert_eq!(verdict(&mut b, &map("b", Some(2), 2)), Verdict::Stale);
    assert_eq!(b, before);
}

#[test]
fn a_report_of_an_earlier_stay_at_the_same_partner_ends_that_one_alone() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &returns(2));
    deliver_all(&mut a);
    run(&mut a, &allow("b", 3));
    let before = a.homes.clone();
    assert_eq!(verdict(&mut a, &moved("b", Some(1), 1)), Verdict::Stale);
    assert_eq!(a.homes, before);
    assert_eq!(owed(&a), [("b".to_owned(), 1)], "not stay 2");
}

#[test]
fn what_the_primary_never_allowed_is_refused() {
    let mut a = MemoryRows::default();
    assert_eq!(
        verdict(&mut a, &moved("b", Some(1), 1)),
        Verdict::NeverAllowed
    );
    run(&mut a, &allow("b", 1));
    let before = a.clone();
    for command in [
        moved("b", Some(2), 1),
        moved("c", Some(1), 1),
        moved("c", None, 1),
    ] {
        assert_eq!(verdict(&mut a, &command), Verdict::NeverAllowed);
    }
    assert_eq!(a, before);
}

#[test]
fn a_report_without_number_means_the_stay_of_that_id() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("c", 1));
    run(&mut a, &allow("b", 2));
    let ended = vec![(system("c"), 1)];
    assert_eq!(
        verdict(&mut a, &moved("b", None, 2)),
        Verdict::Moved { ended }
    );
    let mcx::state::Command::UserMoved {
        key,
        system,
        number,
        procedure,
        at,
        ..
    } = moved("b", None, 2)
    else {
        unreachable!();
    };
    let other_id = mcx::state::Command::UserMoved {
        partner_id: common::id("sip:earlier@b.mcx.example"),
        key,
        system,
        number,
        procedure,
        at,
    };
    assert_eq!(verdict(&mut a, &other_id), Verdict::Stale);
}

#[test]
fn a_report_of_a_stay_that_ended_meanwhile_tells_the_partner_again() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &returns(2));
    deliver_all(&mut a);
    let outcome = run(&mut a, &moved("b", Some(1), 1));
    assert_eq!(outcome.verdict, Verdict::Stale);
    assert_eq!(outcome.appended.len(), 1);
    assert_eq!(owed(&a), [("b".to_owned(), 1)]);
    assert!(home(&a).authorization.is_some(), "she is still at home");
}

/// The first notification may be under way, and be answered "user unknown" although the partner
/// stores its mapping a moment later: the second must not be lost with the first.
#[test]
fn telling_the_partner_again_does_not_rely_on_the_notification_under_way() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    let first = run(&mut a, &returns(2)).appended;
    let again = run(&mut a, &moved("b", Some(1), 1)).appended;
    assert_eq!(again.len(), 1, "owed beside the one that is under way");
    let done = mcx::state::Command::OutboxDone {
        id: first.first().unwrap().id,
    };
    run(&mut a, &done);
    assert_eq!(owed(&a), [("b".to_owned(), 1)]);
    // The report itself repeated owes nothing more.
    assert!(run(&mut a, &moved("b", Some(1), 1)).appended.is_empty());
}

/// A late copy of an earlier request opens a stay at the partner where she is already. Her
/// partner's report names the number it knows; she left the others all the same (P2.2).
#[test]
fn a_report_with_an_older_number_ends_what_is_older_still() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("c", 1));
    run(&mut a, &moved("c", Some(1), 1));
    run(&mut a, &allow("b", 2));
    assert_eq!(
        verdict(&mut a, &allow("b", 7)),
        Verdict::Allowed { number: 3 }
    );
    run(&mut a, &moved("b", Some(2), 2));
    assert_eq!(owed(&a), [("c".to_owned(), 1)]);
    assert_eq!(home(&a).current().unwrap().number, 3);
    assert_eq!(
        home(&a).stay_at(&system("c")).unwrap().phase,
        StayPhase::Ended
    );
}

/// The same, seen from where she went next: the partner left behind has the older number, and
/// is told of it, not of the one that may be her next stay there.
#[test]
fn a_stay_hidden_by_a_late_request_ends_when_she_moves_on() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &moved("b", Some(1), 1));
    run(&mut a, &allow("c", 2));
    run(&mut a, &allow("b", 7));
    let ended = vec![(system("b"), 1)];
    assert_eq!(
        verdict(&mut a, &moved("c", Some(2), 2)),
        Verdict::Moved { ended }
    );
    assert_eq!(owed(&a), [("b".to_owned(), 1)]);
    let stay = home(&a).stay_at(&system("b")).unwrap();
    assert_eq!(
        (stay.number, stay.oldest, stay.phase),
        (3, 2, StayPhase::Open)
    );
    // Once is enough.
    assert_eq!(
        verdict(&mut a, &moved("c", Some(2), 2)),
        Verdict::Moved { ended: vec![] }
    );
}

/// The request of her next stay, for which the partner gave her another id.
fn allow_as(partner_id: &str, name: &str, n: u8) -> Command {
    let Command::AllowMigration {
        key,
        system,
        procedure,
        in_reply_to,
        at,
        expires,
        ..
    } = allow(name, n)
    else {
        unreachable!();
    };
    Command::AllowMigration {
        partner_id: common::id(partner_id),
        key,
        system,
        procedure,
        in_reply_to,
        at,
        expires,
    }
}

/// Partner, id there and number of what is owed.
fn owed_ids(rows: &MemoryRows) -> Vec<(String, u64)> {
    let owed = rows
        .outbox
        .values()
        .filter_map(|row| match &row.row.notice {
            Notice::Deauthorization { partner_id, number } => {
                let id = partner_id.as_ref().unwrap().as_str().to_owned();
                Some((id, *number))
            }
            _ => None,
        });
    owed.collect()
}

/// A partner that sends no numbers knows a stay by the id that it gave for it: the one that ended is named, never
/// that of her newest there.
#[test]
fn a_stay_that_a_newer_one_hides_is_named_by_its_own_id() {
    let (old, new) = ("sip:guest-1@c.mcx.example", "sip:guest-3@c.mcx.example");
    let mut a = MemoryRows::default();
    run(&mut a, &allow_as(old, "c", 1));
    run(&mut a, &allow("b", 2));
    run(&mut a, &allow_as(new, "c", 3));
    run(&mut a, &moved("b", Some(2), 2));
    assert_eq!(owed_ids(&a), [(old.to_owned(), 1)]);
    // Once is enough; and when she comes home, the newer one is named.
    run(&mut a, &moved("b", Some(2), 2));
    assert_eq!(owed_ids(&a).len(), 1);
    run(&mut a, &returns(4));
    let owed = owed_ids(&a);
    assert!(owed.contains(&(new.to_owned(), 3)), "{owed:?}");
    assert_eq!(owed.len(), 3, "C twice, and B");
}

#[test]
fn all_ids_of_stays_that_are_over_are_named() {
    let (old, new) = ("sip:guest-1@c.mcx.example", "sip:guest-3@c.mcx.example");
    let mut a = MemoryRows::default();
    run(&mut a, &allow_as(old, "c", 1));
    run(&mut a, &allow_as(new, "c", 2));
    run(&mut a, &returns(3));
    assert_eq!(owed_ids(&a), [(old.to_owned(), 1), (new.to_owned(), 2)]);
}

#[test]
fn so_many_hidden_stays_are_kept_and_no_more() {
    let mut a = MemoryRows::default();
    for n in 1..=20 {
        run(
            &mut a,
            &allow_as(&format!("sip:guest-{n}@c.mcx.example"), "c", n),
        );
    }
    let stay = home(&a).stay_at(&system("c")).unwrap();
    assert_eq!(stay.replaced.len(), MOST_REPLACED);
    assert_eq!((stay.number, stay.oldest), (20, 1));
    assert_eq!(stay.replaced.last().unwrap().number, 19);
}

#[test]
fn the_newest_of_several_stays_is_where_she_is() {
    let mut a = MemoryRows::default();
    run(&mut a, &allow("b", 1));
    run(&mut a, &allow("c", 2));
    run(&mut a, &moved("b", Some(1), 1));
    assert_eq!(owed(&a), [], "B's report is of the older stay");
    assert_eq!(home(&a).current().unwrap().system, system("c"));
    run(&mut a, &moved("c", Some(2), 2));
    assert_eq!(owed(&a), [("b".to_owned(), 1)]);
}
