//! RFC 3261 §18.3: what Content-Length does to a datagram, and what is no message at all.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{parse, with_lines};
use sip_message::{Limits, Message, ParseErrorKind, StatusCode, validate};

fn error(bytes: impl AsRef<[u8]>, limits: &Limits) -> (ParseErrorKind, Option<StatusCode>) {
    let error =
        Message::parse_datagram(Bytes::copy_from_slice(bytes.as_ref()), limits).unwrap_err();
    assert!(error.offset <= bytes.as_ref().len());
    (error.kind, error.answerable().map(|_| error.status()))
}

fn kind(bytes: impl AsRef<[u8]>) -> ParseErrorKind {
    error(bytes, &Limits::default()).0
}

#[test]
fn a_message_is_a_request_or_a_response_and_gives_itself() {
    let request = parse(with_lines(""));
    assert_eq!(request.request().unwrap().as_bytes(), request.as_bytes());
    assert!(request.response().is_none() && request.clone().into_response().is_none());
    assert_eq!(
        request.clone().into_request().unwrap().as_bytes(),
        request.as_bytes()
    );
    let response = parse(common::RESPONSE);
    assert_eq!(response.response().unwrap().as_bytes(), response.as_bytes());
    assert!(response.request().is_none() && response.clone().into_request().is_none());
    assert_eq!(
        response.clone().into_response().unwrap().as_bytes(),
        response.as_bytes()
    );
}

#[test]
fn content_length_cuts() {
    let message = parse(with_lines("Content-Length: 2\r\n") + "hello");
    assert_eq!(message.body().as_ref(), b"he");
    assert!(message.as_bytes().ends_with(b"\r\n\r\nhe") && !message.truncated());
}

#[test]
fn without_content_length_the_body_goes_to_the_end() {
    assert_eq!(parse(with_lines("") + "hello").body().as_ref(), b"hello");
}

#[test]
fn content_length_that_promises_more_is_told() {
    for length in [
        "6",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999",
    ] {
        let message = parse(with_lines(&format!("l: {length}\r\n")) + "hello");
        assert!(message.truncated(), "{length}");
        assert_eq!(message.body().as_ref(), b"hello");
    }
}

#[test]
fn content_length_that_says_nothing_does_not_cut() {
    for lines in [
        "l: -1\r\n",
        "l: 0x2\r\n",
        "l: 2, 2\r\n",
        "l:\r\n",
        "l: 2\r\nContent-Length: 3\r\n",
    ] {
        let message = parse(with_lines(lines) + "hello");
        assert_eq!(message.body().as_ref(), b"hello", "{lines}");
        let Message::Request(request) = message else {
            panic!()
        };
        let refusal = validate::request(&request).unwrap_err();
        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert!(refusal.reason.ends_with("Content-Length"), "{refusal}");
    }
    let same = parse(with_lines("l: 2\r\nContent-Length: 02\r\nContent-Type: a/b\r\n") + "hello");
    assert_eq!(same.body().as_ref(), b"he");
}

#[test]
fn keep_alives_are_no_messages() {
    assert_eq!(kind(""), ParseErrorKind::Empty);
    assert_eq!(kind("\r\n\r\n"), ParseErrorKind::KeepAlive);
    assert_eq!(kind("\r\n"), ParseErrorKind::KeepAlive);
}

#[test]
fn what_is_not_sip_is_told_apart_from_broken_sip() {
    for other in [
        "\0\0\0\0",
        "GET / HTTP/1.1\r\n\r\n",
        "hello",
        "\x16\x03\x01\r\n\r\n",
        "\r\r\n",
    ] {
        assert_eq!(kind(other), ParseErrorKind::NotSip, "{other:?}");
    }
    for broken in [
        "INVITE SIP/2.0\r\n\r\n",
        "IN(VITE sip:b@h SIP/2.0\r\n\r\n",
        " INVITE sip:b@h SIP/2.0\r\n\r\n",
        "INVITE sip:b@h SIP/2\r\n\r\n",
        "INVITE sip:b@h SIP/two.0\r\n\r\n",
        "SIP/2.0 99 Too small\r\n\r\n",
        "SIP/2.0 700 Too large\r\n\r\n",
        "SIP/2.0 4294967301 better not break the receiver\r\n\r\n",
        "SIP/2.0 2x0 OK\r\n\r\n",
        "SIP/2.0\r\n\r\n",
    ] {
        assert_eq!(kind(broken), ParseErrorKind::StartLine, "{broken:?}");
    }
}

#[test]
fn a_head_that_does_not_end_is_no_message() {
    let whole = with_lines("");
    for cut in [whole.len() - 2, whole.len() - 1, whole.len() - 3] {
        assert_eq!(kind(&whole[..cut]), ParseErrorKind::NoBlankLine, "{cut}");
    }
    assert_eq!(kind("INVITE sip:b@h SIP/2.0"), ParseErrorKind::NoBlankLine);
}

#[test]
fn broken_lines_are_refused_and_can_be_answered() {
    let limits = Limits::default();
    for (lines, expected) in [
        ("no colon\r\n", ParseErrorKind::HeaderLine),
        (": no name\r\n", ParseErrorKind::HeaderLine),
        ("bad name: x\r\n", ParseErrorKind::HeaderLine),
        ("Subject: a\rb\r\n", ParseErrorKind::BareCr),
        ("Subject: a\r\r\n", ParseErrorKind::BareCr),
        ("Subject: a\0b\r\n", ParseErrorKind::Nul),
    ] {
        let found = error(with_lines(lines), &limits);
        assert_eq!(
            found,
            (expected, Some(StatusCode::BAD_REQUEST)),
            "{lines:?}"
        );
    }
    let first_line_folded = with_lines("").replacen("\r\nVia", "\r\n Via", 1);
    assert_eq!(
        error(first_line_folded, &limits).0,
        ParseErrorKind::HeaderLine
    );
}

#[test]
fn only_requests_with_all_that_is_copied_are_answered_and_never_an_ack() {
    let limits = Limits::default();
    let broken = with_lines("no colon\r\n");
    assert!(error(&broken, &limits).1.is_some());
    assert_eq!(error(broken.replace("OPTIONS", "ACK"), &limits).1, None);
    assert_eq!(error(broken.replace("Call-ID", "X-Id"), &limits).1, None);
    assert_eq!(
        error(common::RESPONSE.replace("l: 0", "l 0"), &limits).1,
        None
    );
}

#[test]
fn every_limit_has_its_answer() {
    let bytes = with_lines("") + "hello";
    let normal = Limits::default;
    for (limits, expected, status) in [
        (
            Limits {
                message: 100,
                ..normal()
            },
            ParseErrorKind::TooLarge,
            StatusCode::MESSAGE_TOO_LARGE,
        ),
        (
            Limits {
                header_fields: 4,
                ..normal()
            },
            ParseErrorKind::TooManyHeaders,
            StatusCode::MESSAGE_TOO_LARGE,
        ),
        (
            Limits {
                body: 4,
                ..normal()
            },
            ParseErrorKind::BodyTooLarge,
            StatusCode::REQUEST_ENTITY_TOO_LARGE,
        ),
    ] {
        let (kind, answer) = error(&bytes, &limits);
        assert_eq!(kind, expected);
        assert!(answer.is_none_or(|answer| answer == status));
        assert_eq!(kind.status(), status);
    }
    let long_head = with_lines(&format!("Subject: {}\r\n", "x".repeat(40_000)));
    let found = error(long_head, &normal());
    assert_eq!(
        found,
        (
            ParseErrorKind::HeadTooLarge,
            Some(StatusCode::MESSAGE_TOO_LARGE)
        )
    );
    let exactly = Limits {
        message: bytes.len(),
        header_bytes: bytes.len() - 5,
        header_fields: 5,
        body: 5,
        ..normal()
    };
    assert!(Message::parse_datagram(Bytes::from(bytes), &exactly).is_ok());
}

#[test]
fn errors_name_no_content() {
    let error = Message::parse_datagram(
        Bytes::from(with_lines("secret-token\r\n")),
        &Limits::default(),
    )
    .unwrap_err();
    assert_eq!(error.to_string(), "malformed header line at byte 176");
    assert!(!format!("{error:?}").contains("secret"));
}
