//! The test messages of RFC 4475 and RFC 5118, which are not shipped with the project. Absent, these tests pass and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use sip_message::{Limits, Message, StatusCode, validate};

/// RFC 4475 §3.1.1, and those of §3.2 to §3.4 that are right as far as an element without an application can tell.
const VALID: &[&str] = &[
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
    "badbranch",
    "unkscm",
    "novelsc",
    "unksm2",
    "bext01",
    "invut",
    "regaut01",
    "bcast",
    "zeromf",
    "cparam01",
    "cparam02",
    "regescrt",
    "sdp01",
    "inv2543",
];

/// RFC 4475 §3.1.2 and §3.3: requests that are refused, and with what.
const REFUSED: &[(&str, StatusCode)] = &[
    ("badinv01", StatusCode::BAD_REQUEST),
    ("clerr", StatusCode::BAD_REQUEST),
    ("ncl", StatusCode::BAD_REQUEST),
    ("scalar02", StatusCode::BAD_REQUEST),
    ("quotbal", StatusCode::BAD_REQUEST),
    ("ltgtruri", StatusCode::BAD_REQUEST),
    ("lwsruri", StatusCode::BAD_REQUEST),
    ("lwsstart", StatusCode::BAD_REQUEST),
    ("trws", StatusCode::BAD_REQUEST),
    ("escruri", StatusCode::BAD_REQUEST),
    ("baddate", StatusCode::BAD_REQUEST),
    ("regbadct", StatusCode::BAD_REQUEST),
    ("badaspec", StatusCode::BAD_REQUEST),
    ("baddn", StatusCode::BAD_REQUEST),
    ("badvers", StatusCode::VERSION_NOT_SUPPORTED),
    ("mismatch01", StatusCode::BAD_REQUEST),
    ("mismatch02", StatusCode::BAD_REQUEST),
    ("insuf", StatusCode::BAD_REQUEST),
    ("multi01", StatusCode::BAD_REQUEST),
    ("mcl01", StatusCode::BAD_REQUEST),
];

/// RFC 4475 §3.1.2: responses that are dropped.
const DROPPED: &[&str] = &["scalarlg", "bigcode"];

/// RFC 5118 §4: right ones …
const VALID_IPV6: &[&str] = &[
    "ipv6-good",
    "port-ambiguous",
    "port-unambiguous",
    "via-received-param-with-delim",
    "via-received-param-no-delim",
    "ipv6-in-sdp",
    "mult-ip-in-header",
    "mult-ip-in-sdp",
    "ipv4-mapped-ipv6",
    "ipv6-correct-abnf-2-colons",
];

/// … and wrong ones.
const REFUSED_IPV6: &[&str] = &["ipv6-bad", "ipv6-bug-abnf-3-colons"];

/// A second request after the first, and Content-Lengths that are smaller than the body.
const CUT: &[&str] = &[
    "dblreq",
    "ipv6-in-sdp",
    "mult-ip-in-sdp",
    "ipv4-mapped-ipv6",
];

fn read(folder: &str, name: &str) -> Option<Bytes> {
    let torture = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/torture"
    ));
    match fs::read(torture.join(folder).join(format!("{name}.dat"))) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(_) => {
            eprintln!("\n!!! {folder}/{name}.dat is not here: NOT TESTED !!!\n");
            None
        }
    }
}

/// The verdict on a message: accepted, answered with a status, or dropped.
fn verdict(bytes: &Bytes) -> Result<Message, Option<StatusCode>> {
    let message = Message::parse_datagram(bytes.clone(), &Limits::default())
        .map_err(|error| error.answerable().map(|_| error.status()))?;
    match &message {
        Message::Request(request) => {
            validate::request(request).map_err(|refusal| Some(refusal.status))?;
        }
        Message::Response(response) => validate::response(response).map_err(|_| None)?,
    }
    Ok(message)
}

#[test]
fn valid_messages_are_accepted_and_go_out_as_they_came() {
    let valid = VALID.iter().map(|name| ("rfc4475", name));
    for (folder, name) in valid.chain(VALID_IPV6.iter().map(|name| ("rfc5118", name))) {
        let Some(bytes) = read(folder, name) else {
            continue;
        };
        let message = verdict(&bytes).unwrap_or_else(|status| panic!("{name}: {status:?}"));
        let out = message.as_bytes();
        assert!(bytes.windows(out.len()).any(|part| part == out), "{name}");
        if !CUT.contains(name) {
            assert!(
                out.trim_ascii() == bytes.trim_ascii(),
                "{name}: something was cut"
            );
        }
    }
}

#[test]
fn invalid_requests_are_refused_with_the_status_the_rfc_names() {
    let ipv6 = REFUSED_IPV6
        .iter()
        .map(|name| ("rfc5118", name, StatusCode::BAD_REQUEST));
    for (folder, name, status) in REFUSED
        .iter()
        .map(|(name, status)| ("rfc4475", name, *status))
        .chain(ipv6)
    {
        let Some(bytes) = read(folder, name) else {
            continue;
        };
        assert_eq!(verdict(&bytes).map(|_| ()), Err(Some(status)), "{name}");
    }
}

#[test]
fn invalid_responses_are_dropped() {
    for name in DROPPED {
        let Some(bytes) = read("rfc4475", name) else {
            continue;
        };
        assert_eq!(verdict(&bytes).map(|_| ()), Err(None), "{name}");
    }
}

#[test]
fn every_message_has_a_verdict() {
    let known = VALID.len() + REFUSED.len() + DROPPED.len();
    assert_eq!((known, VALID_IPV6.len() + REFUSED_IPV6.len()), (49, 12));
}
