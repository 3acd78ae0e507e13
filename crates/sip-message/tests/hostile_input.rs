//! Whatever comes: no panic, bounded work, and the right result.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{message_bytes, with_lines};
use sip_message::multipart;
use sip_message::{
    Credentials, Date, Framed, HeaderName, Headers, Limits, MediaType, Message, NameAddr, Params,
    ParseErrorKind, Response, SessionId, StatusCode, StreamFramer, Uri, ValueErrorKind, Via,
    Warning, validate,
};

/// A value of 60 kB in an otherwise good message, under limits that let it through.
fn long(name: &str, value: &str) -> Message {
    let limits = Limits {
        header_bytes: 65_535,
        values: 100_000,
        ..Limits::default()
    };
    let bytes = Bytes::from(with_lines(&format!("{name}: {value}\r\n")));
    Message::parse_datagram(bytes, &limits).unwrap()
}

#[test]
fn long_lists_are_split_once() {
    let message = long("Supported", &vec!["a"; 30_000].join(","));
    assert_eq!(
        message
            .headers()
            .tokens(&HeaderName::Supported)
            .unwrap()
            .len(),
        30_000
    );
    let message = long("Supported", &",".repeat(60_000));
    assert_eq!(
        message.headers().items(&HeaderName::Supported).count(),
        60_001
    );
    assert!(message.headers().tokens(&HeaderName::Supported).is_err());
}

#[test]
fn long_quotes_and_escapes_are_read_once() {
    let message = long("Contact", &"\"".repeat(60_000));
    assert_eq!(
        message.headers().contacts().unwrap_err().kind,
        ValueErrorKind::Malformed
    );
    let message = long("Contact", &format!("\"{}", "\\".repeat(59_999)));
    assert!(message.headers().contacts().is_err());
    let message = long(
        "Contact",
        &format!("\"{}\" <sip:a@h>", "\\\"".repeat(29_000)),
    );
    let contacts = message.headers().contacts().unwrap();
    assert_eq!(contacts[0].display_name().unwrap().len(), 29_000);
    let message = long("Contact", &"<".repeat(60_000));
    assert!(message.headers().contacts().is_err());
    let message = long("Contact", &"\",\"<".repeat(15_000));
    assert!(message.headers().contacts().is_err());
}

#[test]
fn long_parameters_and_nested_comments_are_refused() {
    let message = long("Contact", &format!("<sip:a@h>{}", ";a".repeat(30_000)));
    assert!(message.headers().contacts().is_err());
    let message = long("Contact", &format!("<sip:a@h{}>", ";a".repeat(30_000)));
    assert!(message.headers().contacts().is_err());
    let message = long("Retry-After", &format!("1 {}", "(".repeat(60_000)));
    assert!(message.headers().retry_after().is_err());
}

#[test]
fn long_folding_is_one_value() {
    let message = long("Subject", &format!("a{}b", "\r\n ".repeat(20_000)));
    assert_eq!(
        message.headers().first(&HeaderName::Subject).unwrap().len(),
        60_002
    );
    let response = long("Supported", "x").headers().len();
    assert_eq!(response, 6);
}

#[test]
fn long_bodies_of_near_boundaries_are_read_once() {
    let body = Bytes::from("--b\n--b-\n".repeat(7_000));
    let content_type = MediaType::parse(b"multipart/mixed;boundary=b").unwrap();
    assert!(multipart::parts(&content_type, &body, &Limits::default()).is_err());
    let dashes = Bytes::from("-".repeat(60_000));
    assert!(multipart::parts(&content_type, &dashes, &Limits::default()).is_err());
}

/// A form feed is white space to `trim_ascii` and its like, and to no SIP grammar: whoever takes it for some reads
/// another Content-Length than the next element.
#[test]
fn a_form_feed_is_no_white_space() {
    let limits = Limits::default();
    let parse = |lines: &str| Message::parse_datagram(Bytes::from(with_lines(lines)), &limits);
    let error = parse("Content-Length\x0c: 3\r\n").unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::HeaderLine);
    let message = parse("Content-Length: 3\x0c\r\n").unwrap();
    assert!(message.headers().content_length().is_err());
    let Message::Request(request) = message else {
        panic!("a request");
    };
    assert!(validate::request(&request).is_err());
    assert!(
        parse("Supported: a,\x0cb\r\n")
            .unwrap()
            .headers()
            .tokens(&HeaderName::Supported)
            .is_err()
    );
}

/// Reads all that can be read.
fn read_everything(headers: &Headers, body: &Bytes) {
    let limits = Limits::default();
    let _ = headers.vias().filter(|via| via.is_ok()).count();
    let _ = (
        headers.top_via(),
        headers.from(),
        headers.to(),
        headers.call_id(),
        headers.cseq(),
    );
    let _ = (
        headers.max_forwards(),
        headers.expires(),
        headers.min_expires(),
        headers.date(),
    );
    let _ = (
        headers.content_length(),
        headers.content_id(),
        headers.retry_after(),
    );
    let _ = (
        headers.contacts(),
        headers.routes(),
        headers.record_routes(),
        headers.accept(),
    );
    let _ = (
        headers.p_asserted_identities(),
        headers.warnings(),
        headers.reasons(),
    );
    let _ = (
        headers.in_reply_to(),
        headers.reject_contacts(),
        headers.access_network_infos(),
    );
    let _ = (
        headers.event(),
        headers.content_disposition(),
        headers.tokens(&HeaderName::Allow),
    );
    let _ = headers.credentials(&HeaderName::Authorization);
    if let Ok(Some(session)) = headers.session_id() {
        assert_eq!(session.local().len(), 32);
    }
    if let Ok(Some(vector)) = headers.charging_vector() {
        let _ = (vector.icid_value(), vector.orig_ioi());
    }
    for accept in headers.accept_contacts().into_iter().flatten() {
        assert_eq!(accept.params().iter().count(), accept.params().len());
    }
    if let Ok(Some(content_type)) = headers.content_type() {
        let _ = multipart::leaves(&content_type, body, &limits);
    }
    for (_, value) in headers.iter() {
        for params in [
            Params::parse(value).ok(),
            NameAddr::parse(value).ok().map(|value| value.params()),
            Via::parse(value).ok().map(|value| value.params()),
            Uri::parse(value).ok().map(|value| value.params()),
            Uri::parse(value).ok().map(|value| value.headers()),
            Credentials::parse(value).ok().map(|value| value.params()),
        ] {
            let Some(params) = params else { continue };
            assert_eq!(
                params.iter().count(),
                params.len(),
                "two readings of the same bytes"
            );
        }
        if let Ok(uri) = Uri::parse(value) {
            assert!(uri.equivalent(&uri));
        }
        let _ = (
            SessionId::parse(value),
            Warning::parse(value),
            Date::parse(value),
        );
    }
}

/// Parses, reads, answers, prints and parses again.
fn exercise(bytes: &Bytes) {
    let limits = Limits::default();
    let parsed = Message::parse_datagram(bytes.clone(), &limits);
    let _ = Message::parse_enclosed(bytes.clone(), &limits);
    let request = match parsed {
        Ok(message) => {
            read_everything(message.headers(), message.body());
            let again = Message::parse_datagram(message.as_bytes().clone(), &limits).unwrap();
            assert_eq!(again.as_bytes(), message.as_bytes());
            assert!(again.headers().iter().eq(message.headers().iter()));
            match message {
                Message::Request(request) => {
                    let edit = request
                        .edit()
                        .pop(&HeaderName::Via)
                        .push(HeaderName::Via, "SIP/2.0/UDP h");
                    let edited = edit.set(HeaderName::MaxForwards, "1").finish();
                    let edited = edited.expect("a request that was parsed can be edited");
                    assert_eq!(edited.headers().max_forwards(), Ok(Some(1)));
                    assert_eq!(edited.body(), request.body());
                    Some(request)
                }
                Message::Response(response) => {
                    let _ = validate::response(&response);
                    None
                }
            }
        }
        Err(error) => error.into_answerable(),
    };
    if let Some(mut request) = request {
        let _ = (validate::request(&request), request.uri());
        request.set_source(([192, 0, 2, 1], 5060).into());
        let response = Response::to(&request, StatusCode::BAD_REQUEST, Some("t")).finish();
        let response = response.expect("a request that was parsed can be answered");
        assert_eq!(response.headers().count(&HeaderName::ContentLength), 1);
        assert!(response.headers().count(&HeaderName::From) <= 1);
        read_everything(
            request.with_via("SIP/2.0/UDP h;branch=z9hG4bK2").headers(),
            request.body(),
        );
    }
    let mut framer = StreamFramer::new(limits);
    let (one, two) = bytes.split_at(bytes.len() / 2);
    for piece in [one, two] {
        framer.push(piece);
        for framed in framer.by_ref().flatten() {
            if let Framed::Message(message) = framed {
                read_everything(message.headers(), message.body());
            }
        }
    }
}

/// xorshift64*: the same sequence in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound.max(1)
    }
}

#[test]
fn twenty_thousand_mutations_do_no_harm() {
    let mut multipart = with_lines("Content-Type: multipart/mixed;boundary=\"b\"\r\n").into_bytes();
    multipart.extend(b"--b\r\nContent-Type: multipart/alternative;boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b\r\n\r\ny\r\n--b--\r\n");
    let samples = [
        message_bytes().to_vec(),
        common::RESPONSE.as_bytes().to_vec(),
        multipart,
    ];
    let tokens: [&[u8]; 24] = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\"",
        b"\\",
        b"<",
        b">",
        b",",
        b";",
        b":",
        b"=",
        b"@",
        b"%",
        b"[",
        b"]",
        b"(",
        b"--b",
        b"\r\n ",
        b"\xff",
        b" ",
        b"99999999999999999999",
        b"\r\n\r\n",
        b"SIP/2.0",
    ];
    let mut random = Random(0x5eed_0f51_9000_0001);
    for _ in 0..20_000 {
        let mut bytes = samples[random.below(samples.len())].clone();
        for _ in 0..=random.below(4) {
            let at = random.below(bytes.len());
            let end = (at + random.below(12)).min(bytes.len());
            match random.below(5) {
                0 => drop(bytes.drain(at..end)),
                1 => drop(bytes.splice(at..at, tokens[random.below(tokens.len())].iter().copied())),
                2 => bytes[at] = random.below(256) as u8,
                3 => {
                    let piece = bytes[at..end].to_vec();
                    let to = random.below(bytes.len());
                    drop(bytes.splice(to..to, piece));
                }
                _ => {
                    drop(bytes.splice(at..end, tokens[random.below(tokens.len())].iter().copied()))
                }
            }
            if bytes.is_empty() {
                bytes.push(b'x');
            }
        }
        exercise(&Bytes::from(bytes));
    }
}

#[test]
fn every_prefix_of_a_message_does_no_harm() {
    let bytes = message_bytes();
    for end in 0..bytes.len() {
        exercise(&bytes.slice(..end));
    }
}
