//! A message that is passed on changes where it was told to, and nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, request, response};
use sip_message::{BuildErrorKind, HeaderName, Subject};

fn lines(bytes: &[u8]) -> Vec<String> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.escape_ascii().to_string())
        .collect()
}

#[test]
fn editing_nothing_changes_nothing() {
    let original = request(message_bytes());
    assert_eq!(
        original.edit().finish().unwrap().as_bytes(),
        original.as_bytes()
    );
    let lf = request("MESSAGE sip:b@h SIP/2.0\nTo:  <sip:b@h>\r\nSubject: a\n b\n\r\nbody\n");
    assert_eq!(lf.edit().finish().unwrap().as_bytes(), lf.as_bytes());
    let response = response(common::RESPONSE);
    assert_eq!(
        response.edit().finish().unwrap().as_bytes(),
        response.as_bytes()
    );
}

#[test]
fn a_proxy_changes_three_lines() {
    let original = request(message_bytes());
    let edited = original
        .edit()
        .push(HeaderName::Via, "SIP/2.0/UDP p;branch=z9hG4bKp")
        .set(HeaderName::MaxForwards, "67")
        .pop(&HeaderName::Route)
        .finish()
        .unwrap();
    let (before, after) = (lines(original.as_bytes()), lines(edited.as_bytes()));
    let changed: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    assert_eq!(
        changed,
        [
            "Via: SIP/2.0/UDP p;branch=z9hG4bKp\\r",
            "Max-Forwards: 67\\r",
            "Route: <sip:cb03a0s09a2sdfglkj490333@scscf1.home1.example;lr>;orig=1\\r"
        ]
    );
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(edited.headers().vias().count(), 4);
    assert_eq!(edited.body(), original.body());
}

#[test]
fn values_are_popped_one_by_one_over_fields() {
    let message = request(message_bytes());
    let mut edit = message.edit();
    for left in (0..3).rev() {
        edit = edit.pop(&HeaderName::Via);
        let edited = edit.clone().finish().unwrap();
        assert_eq!(edited.headers().vias().count(), left);
    }
    let edited = edit
        .pop(&HeaderName::Via)
        .pop(&HeaderName::Route)
        .pop(&HeaderName::Route)
        .finish();
    assert!(!edited.unwrap().headers().contains(&HeaderName::Route));
}

#[test]
fn fields_are_set_removed_and_appended() {
    let original = request(message_bytes());
    let edited = original
        .edit()
        .uri("sip:next@example.org")
        .set(HeaderName::AcceptContact, "*;+x")
        .set(HeaderName::Expires, " 0 ")
        .append(HeaderName::Require, "path")
        .remove(&HeaderName::PAssertedIdentity)
        .remove(&HeaderName::ContentLength)
        .finish()
        .unwrap();
    assert_eq!(edited.uri_bytes(), b"sip:next@example.org");
    assert_eq!(edited.headers().count(&HeaderName::AcceptContact), 1);
    assert_eq!(edited.headers().expires(), Ok(Some(0)));
    assert!(!edited.headers().contains(&HeaderName::PAssertedIdentity));
    assert_eq!(edited.headers().content_length(), Ok(Some(5)));
    assert_eq!(
        edited.headers().iter().last().unwrap().0,
        HeaderName::Require
    );
}

#[test]
fn nothing_slips_in() {
    let original = request(message_bytes());
    for evil in ["a\r\nVia: x", "a\nb", "a\0"] {
        let error = original
            .edit()
            .set(HeaderName::Subject, evil)
            .finish()
            .unwrap_err();
        assert_eq!(error.subject, Subject::Header(HeaderName::Subject));
        assert_eq!(error.kind, BuildErrorKind::ControlCharacter);
        assert!(
            original
                .edit()
                .push(HeaderName::Subject, evil)
                .finish()
                .is_err()
        );
        assert!(
            original
                .edit()
                .append(HeaderName::Subject, evil)
                .finish()
                .is_err()
        );
        assert!(original.edit().uri(evil).finish().is_err());
    }
    assert!(
        original
            .edit()
            .set(HeaderName::ContentLength, "0")
            .finish()
            .is_err()
    );
    assert!(
        original
            .edit()
            .append(HeaderName::Other("a b".into()), "0")
            .finish()
            .is_err()
    );
}

#[test]
fn what_is_set_stands_there_once() {
    let request = request("OPTIONS sip:home1.example SIP/2.0\r\n\r\n");
    let edits = [
        request.edit().set(HeaderName::MaxForwards, "70"),
        request.edit().append(HeaderName::MaxForwards, "70"),
        request.edit().push(HeaderName::MaxForwards, "70"),
    ];
    for edit in edits {
        let edited = edit.set(HeaderName::MaxForwards, "69").finish().unwrap();
        assert_eq!(edited.headers().max_forwards(), Ok(Some(69)));
    }
}

#[test]
fn what_is_removed_is_gone_whoever_wrote_it() {
    let request = request("OPTIONS sip:home1.example SIP/2.0\r\nSubject: a\r\n\r\n");
    let edited = request
        .edit()
        .push(HeaderName::Subject, "b")
        .append(HeaderName::Subject, "c")
        .remove(&HeaderName::Subject)
        .finish()
        .unwrap();
    assert!(!edited.headers().contains(&HeaderName::Subject));
}

#[test]
fn only_a_list_has_a_first_value_to_take_out() {
    let original = request(message_bytes());
    for name in [
        HeaderName::From,
        HeaderName::Subject,
        HeaderName::Date,
        HeaderName::Authorization,
        HeaderName::ContentLength,
        HeaderName::Other("X-Own".into()),
    ] {
        let error = original.edit().pop(&name).finish().unwrap_err();
        assert_eq!(error.subject, Subject::Header(name));
        assert_eq!(error.kind, BuildErrorKind::NotAList);
    }
}
