//! One datagram: read as the simple reading does, or refused with a reason that is there.

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message, ParseError, ParseErrorKind, Request, validate};

use crate::naive::{self, Reading};
use crate::read;

/// Any bytes.
pub fn run(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    for limits in [Limits::default(), crate::tight()] {
        let parsed = Message::parse_datagram(bytes.clone(), &limits);
        let again = naive::datagram(input, &limits);
        match (&parsed, &again) {
            (Ok(message), Some(reading)) => {
                reading.agrees(message);
                comma_lists(message);
                read::message(message, &limits);
                if let Message::Request(request) = message {
                    valid(request, reading);
                }
            }
            (Err(error), None) => refused(input, error, &limits),
            (Ok(message), None) => panic!("taken: {message:?}"),
            (Err(error), Some(reading)) => {
                panic!(
                    "{error}, but it begins with {}",
                    reading.start.escape_ascii()
                )
            }
        }
        enclosed(&bytes, &limits, &parsed);
    }
}

fn comma_lists(message: &Message) {
    let headers = message.headers();
    for (name, value) in headers.iter() {
        // Quotes and brackets are characters of a Call-ID.
        let again = match name == HeaderName::InReplyTo && !value.is_empty() {
            true => value.split(|byte| *byte == b',').map(naive::trim).collect(),
            false => naive::items(value),
        };
        if headers.count(&name) == 1 {
            let items: Vec<_> = headers.items(&name).collect();
            assert_eq!(items, again, "the items of {name}");
        }
    }
}

/// The reason of a refusal is there, at its place.
fn refused(input: &[u8], error: &ParseError, limits: &Limits) {
    let line_ends = input.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
    assert!(error.offset <= input.len(), "{error}");
    let at = input.get(error.offset).copied();
    match error.kind {
        ParseErrorKind::Empty => assert!(input.is_empty()),
        ParseErrorKind::KeepAlive => assert!(line_ends),
        ParseErrorKind::TooLarge => assert!(input.len() > limits.message),
        ParseErrorKind::HeadTooLarge => assert!(input.len() > limits.header_bytes),
        ParseErrorKind::BodyTooLarge => assert!(input.len() > limits.body),
        ParseErrorKind::TooManyHeaders => {
            let lines = input.split(|byte| *byte == b'\n').count();
            assert!(lines > limits.header_fields);
        }
        ParseErrorKind::BareCr => {
            assert_eq!(at, Some(b'\r'));
            assert_ne!(input.get(error.offset + 1), Some(&b'\n'));
        }
        ParseErrorKind::Nul => assert_eq!(at, Some(0)),
        ParseErrorKind::ContentLength => panic!("a datagram needs no Content-Length"),
        ParseErrorKind::NotSip
        | ParseErrorKind::StartLine
        | ParseErrorKind::HeaderLine
        | ParseErrorKind::NoBlankLine => {}
    }
    let status = error.status().to_string();
    assert!(["400", "413", "513"].contains(&status.as_str()), "{status}");
    if let Some(request) = error.answerable() {
        assert!(request.body().is_empty(), "read for answering only");
        read::everything(request.headers(), request.body(), limits);
    }
}

/// What is valid has what every message has, once, however it is counted.
fn valid(request: &Request, reading: &Reading<'_>) {
    if let Err(refusal) = validate::request(request) {
        let status = refusal.status.to_string();
        assert_eq!(status == "505", !request.version_is_sip2(), "{refusal}");
        assert!(status == "505" || status == "400", "{refusal}");
        let text = refusal.reason.as_bytes();
        assert!(!text.is_empty() && text.iter().all(|b| (b' '..0x7f).contains(b)));
        return;
    }
    for name in [
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ] {
        assert_eq!(reading.all(&name).count(), 1, "{name}");
    }
    for name in [
        HeaderName::MaxForwards,
        HeaderName::ContentType,
        HeaderName::Expires,
        HeaderName::Event,
    ] {
        assert!(reading.all(&name).count() <= 1, "{name}");
    }
    assert!(reading.all(&HeaderName::Via).count() > 0);
    assert!(!reading.truncated);
    let lengths = reading.all(&HeaderName::ContentLength).count();
    assert!(lengths == 0 || naive::content_length(&reading.fields).is_some());
    assert_eq!(reading.start.split(|byte| *byte == b' ').count(), 3);
    let cseq = reading.all(&HeaderName::CSeq).next().unwrap();
    assert!(naive::unfold(cseq).ends_with(&[b" ", request.method().as_bytes()].concat()));
    let typed = reading.all(&HeaderName::ContentType).count() == 1;
    assert!(typed || reading.body.is_empty());
}

/// Inside another message the blank line may be missing, and nothing else.
fn enclosed(bytes: &Bytes, limits: &Limits, alone: &Result<Message, ParseError>) {
    match (Message::parse_enclosed(bytes.clone(), limits), alone) {
        (Ok(inside), Ok(alone)) => {
            assert_eq!(inside.as_bytes(), alone.as_bytes());
            assert_eq!(inside.body(), alone.body());
            assert!(inside.headers().iter().eq(alone.headers().iter()));
        }
        (Ok(inside), Err(error)) => {
            assert_eq!(error.kind, ParseErrorKind::NoBlankLine);
            assert!(inside.body().is_empty());
            read::message(&inside, limits);
        }
        (Err(inside), Err(_)) => assert!(inside.offset <= bytes.len()),
        (Err(error), Ok(_)) => panic!("{error} only inside another message"),
    }
}
