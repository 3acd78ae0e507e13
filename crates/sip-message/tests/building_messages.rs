//! What is built parses to what was meant, and nothing slips in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, parse, request, with_lines};
use sip_message::{
    BuildErrorKind, HeaderName, Limits, Message, Method, Request, Response, StatusCode, Subject,
    validate,
};

fn own() -> sip_message::RequestBuilder {
    Request::build(Method::Message, "sip:b@example.org")
        .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        .header(HeaderName::From, "<sip:a@example.org>;tag=1")
        .header(HeaderName::To, "<sip:b@example.org>")
        .header(HeaderName::CallId, "1@192.0.2.1")
        .header(HeaderName::CSeq, "1 MESSAGE")
}

#[test]
fn built_requests_parse_again() {
    let body: Vec<u8> = (0..=255).collect();
    let built = own()
        .header(HeaderName::ContentLength, "7")
        .header(HeaderName::from_bytes(b"X-Own").unwrap(), b" \xff ")
        .body("application/octet-stream", body.clone())
        .finish()
        .unwrap();
    assert_eq!(validate::request(&built), Ok(()));
    let again = request(built.as_bytes());
    assert_eq!(
        (again.method(), again.uri_bytes()),
        (&Method::Message, &b"sip:b@example.org"[..])
    );
    assert!(again.headers().iter().eq(built.headers().iter()));
    assert_eq!(again.body().as_ref(), body);
    let (last, length) = built.headers().iter().last().unwrap();
    assert_eq!((last, length), (HeaderName::ContentLength, &b"256"[..]));
    assert_eq!(built.headers().count(&HeaderName::ContentLength), 1);
    let unknown = HeaderName::from_bytes(b"x-own").unwrap();
    assert_eq!(built.headers().first(&unknown), Some(&b"\xff"[..]));
}

#[test]
fn rebuilding_a_message_from_its_fields_changes_no_value() {
    let original = request(message_bytes());
    let mut builder = Request::build(original.method().clone(), "sip:mcptt-server@home1.example");
    for (name, value) in original
        .headers()
        .iter()
        .filter(|(name, _)| *name != HeaderName::Subject)
    {
        builder = builder.header(name.clone(), value);
    }
    let rebuilt = builder.finish().unwrap();
    for (name, value) in rebuilt
        .headers()
        .iter()
        .filter(|(name, _)| *name != HeaderName::ContentLength)
    {
        assert!(
            original.headers().all(&name).any(|other| other == value),
            "{name}"
        );
    }
}

#[test]
fn line_ends_and_nul_are_refused_everywhere() {
    for evil in [
        "a\r\nVia: x",
        "a\nVia: x",
        "a\rb",
        "a\0b",
        "\r\n\r\n",
        "a\r\n b",
    ] {
        let error = own()
            .header(HeaderName::Subject, evil)
            .finish()
            .unwrap_err();
        assert_eq!(error.subject, Subject::Header(HeaderName::Subject));
        assert_eq!(error.kind, BuildErrorKind::ControlCharacter);
        assert_eq!(
            own().body(evil, "").finish().unwrap_err().subject,
            Subject::Header(HeaderName::ContentType)
        );
        let uri = Request::build(Method::Info, evil).finish().unwrap_err();
        assert_eq!(uri.subject, Subject::RequestUri);
        let request = request(with_lines(""));
        let reason = Response::to(&request, StatusCode::OK, None)
            .reason(evil)
            .finish()
            .unwrap_err();
        assert_eq!(reason.subject, Subject::ReasonPhrase);
        assert!(
            Response::to(&request, StatusCode::OK, Some(evil))
                .finish()
                .is_err()
        );
    }
}

#[test]
fn names_methods_and_uris_that_would_be_read_otherwise_are_refused() {
    let name = HeaderName::Other("X: y\r\nZ".into());
    assert_eq!(
        own().header(name, "x").finish().unwrap_err().kind,
        BuildErrorKind::Malformed
    );
    for method in ["", "A B", "A\r\nB", "SIP/2.0"] {
        let error = Request::build(Method::Other(method.into()), "sip:b@h")
            .finish()
            .unwrap_err();
        assert_eq!(error.subject, Subject::Method, "{method:?}");
    }
    for uri in ["", "sip:a b@h", "sip:b@h SIP/2.0", "sip:b@h\t"] {
        let error = Request::build(Method::Info, uri).finish().unwrap_err();
        assert_eq!(error.subject, Subject::RequestUri, "{uri:?}");
    }
}

#[test]
fn responses_have_a_reason_of_their_own_if_wanted() {
    let request = request(with_lines(""));
    let built = Response::to(&request, StatusCode::NOT_FOUND, Some("x"))
        .reason("No such group")
        .header(HeaderName::Warning, "399 h \"why\"")
        .body("text/plain", "hi")
        .finish()
        .unwrap();
    assert_eq!(
        (built.status(), built.reason()),
        (StatusCode::NOT_FOUND, &b"No such group"[..])
    );
    assert_eq!(validate::response(&built), Ok(()));
    assert!(
        built
            .as_bytes()
            .ends_with(b"Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi")
    );
    let empty = Response::to(&request, StatusCode::OK, None)
        .reason("")
        .finish()
        .unwrap();
    assert_eq!(empty.reason(), b"");
    assert!(matches!(parse(empty.as_bytes()), Message::Response(_)));
}

#[test]
fn a_large_body_may_be_built() {
    let built = own().body("a/b", vec![b'x'; 100_000]).finish().unwrap();
    assert_eq!(built.body().len(), 100_000);
    let bytes = built.as_bytes().clone();
    assert!(Message::parse_datagram(bytes, &Limits::default()).is_err());
}

#[test]
fn an_error_has_one_line_whatever_the_name() {
    let name = HeaderName::Other("a\r\nb".into());
    let error = Request::build(Method::Options, "sip:home1.example")
        .header(name, "0")
        .finish()
        .unwrap_err();
    assert_eq!(error.to_string().lines().count(), 1);
}

#[test]
fn what_stands_once_is_written_once() {
    let twice = |builder: sip_message::RequestBuilder, name: HeaderName| {
        let error = builder.finish().unwrap_err();
        assert_eq!(error.subject, Subject::Header(name));
        assert_eq!(error.kind, BuildErrorKind::Duplicate);
    };
    for name in [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        twice(own().header(name.clone(), "<sip:x@example.org>"), name);
    }
    let max = || own().header(HeaderName::MaxForwards, "70");
    twice(
        max().header(HeaderName::MaxForwards, "69"),
        HeaderName::MaxForwards,
    );
    let typed = |builder: sip_message::RequestBuilder| {
        builder.header(HeaderName::ContentType, "text/plain")
    };
    twice(typed(own()).body("text/html", "x"), HeaderName::ContentType);
    twice(typed(own().body("text/html", "x")), HeaderName::ContentType);

    let request = max().finish().unwrap();
    let response = Response::to(&request, StatusCode::OK, Some("b0b"));
    let error = response
        .header(HeaderName::From, "<sip:x@example.org>")
        .finish();
    assert_eq!(error.unwrap_err().kind, BuildErrorKind::Duplicate);
    let second = [(HeaderName::CSeq, &b"2 MESSAGE"[..])];
    let error = Response::bytes_to(&request, StatusCode::OK, Some("b0b"), &[], &second);
    assert_eq!(error.unwrap_err().kind, BuildErrorKind::Duplicate);
}

#[test]
fn a_request_uri_is_written_as_a_uri() {
    for bad in [
        "<sip:a@example.org>",
        "sip:\u{e4}@example.org",
        "\"sip:a\"",
        "sip:a>b",
    ] {
        let error = Request::build(Method::Options, bad).finish().unwrap_err();
        assert_eq!(error.subject, Subject::RequestUri, "{bad}");
        assert_eq!(error.kind, BuildErrorKind::Malformed, "{bad}");
        let error = own()
            .finish()
            .unwrap()
            .edit()
            .uri(bad)
            .finish()
            .unwrap_err();
        assert_eq!(error.subject, Subject::RequestUri, "{bad}");
    }
}

#[test]
fn a_parameter_of_via_is_one_parameter() {
    let request = own().finish().unwrap();
    let with = |name: &[u8], value: &[u8]| {
        Response::bytes_to(&request, StatusCode::OK, None, &[(name, value)], &[])
    };
    for bad in [
        &b"20;received=203.0.113.1"[..],
        b"20, SIP/2.0/UDP evil.example",
        b"a b",
        b"",
        b"\"open",
        b"\"a\"b",
        b"<x>",
        b"a\rb",
    ] {
        let error = with(b"oc", bad).unwrap_err();
        assert_eq!(error.subject, Subject::Header(HeaderName::Via));
        assert_eq!(error.kind, BuildErrorKind::Malformed);
    }
    assert!(with(b"o;c", b"1").is_err());
    for good in [&b"20"[..], b"\"loss;a,b\"", b"2001:db8::1"] {
        let bytes = with(b"oc", good).unwrap();
        let Ok(Message::Response(response)) = Message::parse_datagram(bytes, &Limits::default())
        else {
            panic!("no response");
        };
        let via = response.headers().top_via().unwrap();
        assert_eq!(via.params().get("oc"), Some(Some(good)));
    }
}

#[test]
fn a_method_is_itself_however_it_was_made() {
    use std::collections::HashSet;

    let other = Method::Other("INVITE".into());
    assert_eq!(other, Method::Invite);
    assert_ne!(other, Method::Other("invite".into()));
    assert!(HashSet::from([Method::Invite]).contains(&other));
    let built = Request::build(other, "sip:b@example.org").finish().unwrap();
    assert!(matches!(built.method(), Method::Invite));
}
