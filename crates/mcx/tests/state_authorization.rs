//! What refreshes a service authorization, and what begins anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::*;
use common::{ALICE_AT_B, alice, at, id, procedure, system};
use mcx::state::{Authorization, Command, Heard, MemoryRows, Verdict};

/// Her mapping at B, of a registration and a publication.
fn registered() -> MemoryRows {
    let mut b = MemoryRows::default();
    let Command::StoreMapping {
        key,
        primary,
        partner_id,
        number,
        procedure,
        at,
        ..
    } = map("b", Some(1), 1)
    else {
        unreachable!();
    };
    let command = Command::StoreMapping {
        heard: None,
        authorization: Authorization {
            etag: Some("t1".into()),
            registration: Some("call-1".into()),
            ..authorization(None)
        },
        key,
        primary,
        partner_id,
        number,
        procedure,
        at,
    };
    assert_eq!(verdict(&mut b, &command), Verdict::Mapped);
    b
}

#[test]
fn only_the_same_registration_or_publication_refreshes() {
    let mut b = MemoryRows::default();
    let unknown = refresh("b", Some("t1"), Some("t0"));
    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::NotMigrated
    );
    assert_eq!(verdict(&mut b, &unknown), Verdict::NoSuchEntityTag);

    let mut b = registered();
    let before = b.clone();
    assert_eq!(
        verdict(&mut b, &register("b", "call-2")),
        Verdict::NotMigrated
    );
    assert_eq!(
        verdict(&mut b, &register("c", "call-1")),
        Verdict::NotMigrated
    );
    let anew = refresh("b", Some("t9"), None);
    assert_eq!(
        verdict(&mut b, &anew),
        Verdict::NotMigrated,
        "published anew"
    );
    assert_eq!(b, before);

    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::Refreshed
    );
    let publish = refresh("b", Some("t2"), Some("t1"));
    assert_eq!(verdict(&mut b, &publish), Verdict::Refreshed);
    assert_eq!(verdict(&mut b, &publish), Verdict::NoSuchEntityTag);
    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::Refreshed
    );
    let authorization = visitor(&b).authorization.clone().unwrap();
    assert_eq!(
        authorization.etag.as_deref(),
        Some("t2"),
        "a client may have both"
    );
    assert_eq!(authorization.registration.as_deref(), Some("call-1"));
}

#[test]
fn an_authorization_that_ended_is_not_refreshed() {
    let mut b = registered();
    run(
        &mut b,
        &Command::EndVisitorAuthorization {
            key: alice(),
            partner_id: id(ALICE_AT_B),
            if_match: None,
            at: at(1),
        },
    );
    assert_eq!(
        verdict(&mut b, &register("b", "call-1")),
        Verdict::NotMigrated
    );
    let mut b = registered();
    let Command::RefreshVisitor {
        key,
        partner_id,
        authorization,
        if_match,
        ..
    } = register("b", "call-1")
    else {
        unreachable!();
    };
    let late = Command::RefreshVisitor {
        heard: None,
        at: authorization.until,
        key,
        partner_id,
        authorization,
        if_match,
    };
    assert_eq!(verdict(&mut b, &late), Verdict::NotMigrated);
}

#[test]
fn an_entity_tag_is_good_for_as_long_as_its_authorization() {
    let mut a = MemoryRows::default();
    let publish = |etag: &str, if_match: Option<&str>, seconds| Command::AuthorizeHome {
        key: alice(),
        authorization: authorization(Some(etag)),
        if_match: if_match.map(str::to_owned),
        heard: None,
        procedure: procedure(1),
        at: at(seconds),
    };
    let done = Verdict::Authorized { ended: vec![] };
    assert_eq!(verdict(&mut a, &publish("t1", None, 0)), done);
    assert_eq!(
        verdict(&mut a, &publish("t2", Some("t1"), 3600)),
        Verdict::NoSuchEntityTag
    );
    assert_eq!(verdict(&mut a, &publish("t2", Some("t1"), 3599)), done);
}

#[test]
fn a_late_copy_of_an_event_at_home_ends_no_newer_stay() {
    let mut a = MemoryRows::default();
    let heard = |cseq| {
        let Command::AuthorizeHome {
            key,
            authorization,
            procedure,
            at,
            ..
        } = returns(1)
        else {
            unreachable!();
        };
        Command::AuthorizeHome {
            key,
            authorization,
            if_match: None,
            heard: Some(mcx::state::Heard {
                call_id: "x".into(),
                cseq,
            }),
            procedure,
            at,
        }
    };
    let done = Verdict::Authorized { ended: vec![] };
    assert_eq!(verdict(&mut a, &heard(7)), done);
    run(&mut a, &allow("b", 2));
    let before = a.clone();
    assert_eq!(
        verdict(&mut a, &heard(7)),
        Verdict::HeardBefore { etag: None }
    );
    assert_eq!(
        verdict(&mut a, &heard(6)),
        Verdict::HeardBefore { etag: None }
    );
    assert_eq!(a, before);
    // The next request of the same core is a return.
    let ended = vec![(system("b"), 1)];
    assert_eq!(verdict(&mut a, &heard(8)), Verdict::Authorized { ended });
}

#[test]
fn nobody_ends_the_authorization_of_another_visitor() {
    let mut b = MemoryRows::default();
    run(&mut b, &map("b", Some(1), 1));
    let before = b.clone();
    let mallory = Command::EndVisitorAuthorization {
        key: alice(),
        partner_id: id("sip:mallory@b.mcx.example"),
        if_match: None,
        at: at(1),
    };
    assert_eq!(verdict(&mut b, &mallory), Verdict::AnotherUser);
    assert_eq!(b, before);
}

#[test]
fn a_publication_is_removed_by_its_own_entity_tag_alone() {
    let mut a = MemoryRows::default();
    let Command::AuthorizeHome {
        key,
        procedure,
        at: when,
        ..
    } = returns(1)
    else {
        unreachable!();
    };
    let publish = Command::AuthorizeHome {
        key,
        authorization: authorization(Some("t1")),
        if_match: None,
        heard: None,
        procedure,
        at: when,
    };
    run(&mut a, &publish);
    let remove = |tag: &str| Command::EndHomeAuthorization {
        key: alice(),
        if_match: Some(tag.into()),
        at: at(1),
    };
    assert_eq!(verdict(&mut a, &remove("t0")), Verdict::NoSuchEntityTag);
    assert_eq!(verdict(&mut a, &remove("t1")), Verdict::Done);
}

/// A registration at B, as the SIP core's request of that CSeq number handed it over.
fn heard_at_b(cseq: u32) -> Command {
    let mut command = register("b", "call-1");
    if let Command::RefreshVisitor { heard, .. } = &mut command {
        *heard = Some(Heard {
            call_id: "core-1".to_owned(),
            cseq,
        });
    }
    command
}

#[test]
fn a_late_copy_of_an_event_at_a_partner_is_no_new_migration() {
    let mut b = MemoryRows::default();
    let mut stay = map("b", Some(1), 1);
    if let (Command::StoreMapping { heard, .. }, Command::RefreshVisitor { heard: of, .. }) =
        (&mut stay, heard_at_b(7))
    {
        *heard = of;
    }
    run(&mut b, &stay);
    let before = b.clone();
    for late in [6, 7] {
        let verdict = verdict(&mut b, &heard_at_b(late));
        assert_eq!(verdict, Verdict::HeardBefore { etag: None });
    }
    assert_eq!(b, before);
    run(&mut b, &end(Some(1), None));
    let ended = b.clone();
    assert_eq!(verdict(&mut b, &heard_at_b(7)), Verdict::Stale);
    assert_eq!(b, ended);
    assert_eq!(verdict(&mut b, &heard_at_b(8)), Verdict::NotMigrated);
}
