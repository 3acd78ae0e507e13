//! What refreshes a service authorization, and what begins anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::alice;
use common::at;
use common::commands::*;
use common::procedure;
use mcx::state::{Authorization, Command, MemoryRows, Verdict};

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
    run(&mut b, &Command::EndVisitorAuthorization { key: alice() });
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
