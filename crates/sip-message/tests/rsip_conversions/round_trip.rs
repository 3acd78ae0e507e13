//! Every accepted message goes to rsip and comes back meaning the same, or is listed with the reason.

use rsip::SipMessage;
use sip_message::{HeaderName, Headers, Message, Uri};

use crate::corpus::{accepted, assert_listed};

/// What does not go there or does not come back, and why.
const NOT_CONVERTED: &[(&str, &str)] = &[
    ("own/display-name-not-of-utf8", "To: not UTF-8"),
    ("own/every-character-of-a-token", METHOD),
    ("own/methods-unknown", METHOD),
    ("own/nul-escaped-in-quotes", "back: To: control character"),
    ("own/percent-without-escape", METHOD),
    ("own/scheme-of-something-else", SCHEME),
    ("own/scheme-unknown", SCHEME),
    ("own/urn-service-sos", SCHEME),
    ("rfc4475/esc02", METHOD),
    ("rfc4475/intmeth", METHOD),
    ("rfc4475/novelsc", SCHEME),
    ("rfc4475/unkscm", SCHEME),
];

const METHOD: &str = "Method: method without counterpart";
const SCHEME: &str = "Request-URI: neither sip nor sips";

#[test]
fn every_accepted_message_comes_back_meaning_the_same() {
    let mut not_converted = Vec::new();
    for case in accepted() {
        let back = match SipMessage::try_from(&case.message) {
            Ok(theirs) => Message::try_from(&theirs).map_err(|error| format!("back: {error}")),
            Err(error) => Err(error.to_string()),
        };
        match back {
            Ok(back) => assert_same(&case.name, &case.message, &back),
            Err(error) => not_converted.push((case.name, error)),
        }
    }
    assert_listed(NOT_CONVERTED, &not_converted);
}

fn assert_same(name: &str, one: &Message, other: &Message) {
    match (one, other) {
        (Message::Request(one), Message::Request(other)) => {
            assert_eq!(one.method(), other.method(), "{name}");
            assert_same_uri(name, &one.uri().unwrap(), &other.uri().unwrap());
        }
        (Message::Response(one), Message::Response(other)) => {
            assert_eq!(one.status(), other.status(), "{name}");
            let has_name = !matches!(
                rsip::StatusCode::from(one.status().as_u16()),
                rsip::StatusCode::Other(..)
            );
            let reason = other.reason();
            if has_name {
                assert_eq!(reason, one.status().default_reason().as_bytes(), "{name}");
            } else {
                assert_eq!(reason, one.reason(), "{name}");
            }
        }
        _ => panic!("{name}: a request came back as a response, or the other way round"),
    }
    assert_eq!(fields(one.headers()), fields(other.headers()), "{name}");
    assert_eq!(
        other.headers().content_length(),
        Ok(Some(other.body().len()))
    );
    assert_eq!(one.body(), other.body(), "{name}");
    assert!(!other.truncated(), "{name}");
}

/// Names and values in order, without Content-Length, each folding a blank.
fn fields(headers: &Headers) -> Vec<(HeaderName, Vec<u8>)> {
    let unfolded = |value: &[u8]| -> Vec<u8> {
        let lines = value.split(|byte| *byte == b'\n');
        let lines: Vec<&[u8]> = lines.map(<[u8]>::trim_ascii).collect();
        lines.join(&b' ')
    };
    headers
        .iter()
        .filter(|(name, _)| *name != HeaderName::ContentLength)
        .map(|(name, value)| (name, unfolded(value)))
        .collect()
}

fn assert_same_uri(name: &str, one: &Uri<'_>, other: &Uri<'_>) {
    let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
    assert_eq!(lower(one.scheme()), lower(other.scheme()), "{name}");
    assert_eq!(one.user(), other.user(), "{name}");
    assert_eq!(one.password(), other.password(), "{name}");
    assert_eq!(one.host(), other.host(), "{name}");
    assert_eq!(one.port(), other.port(), "{name}");
    let params = |uri: &Uri<'_>| -> Vec<_> {
        uri.params()
            .iter()
            .map(
                |(name, value)| match (lower(name), value.map(<[u8]>::to_vec)) {
                    // compared without case (RFC 3261 §19.1.4)
                    (name, value) if name == b"transport" => (name, value.as_deref().map(lower)),
                    pair => pair,
                },
            )
            .collect()
    };
    assert_eq!(params(one), params(other), "{name}");
    assert!(other.headers().is_empty(), "{name}");
}
