//! What is wrong with a message, and the answer it is owed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, request, response, with_lines};
use sip_message::{StatusCode, validate};

fn refusal(bytes: impl AsRef<[u8]>) -> Option<String> {
    validate::request(&request(bytes))
        .err()
        .map(|refusal| refusal.to_string())
}

#[test]
fn good_messages_pass() {
    assert_eq!(refusal(message_bytes()), None);
    assert_eq!(refusal(with_lines("")), None);
    assert_eq!(validate::response(&response(common::RESPONSE)), Ok(()));
}

#[test]
fn mandatory_headers_are_named_when_missing_duplicate_or_malformed() {
    let good = with_lines("");
    for (name, line) in [
        ("Via", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"),
        ("From", "From: <sip:a@example.org>;tag=1\r\n"),
        ("To", "To: <sip:b@example.org>\r\n"),
        ("Call-ID", "Call-ID: 1@192.0.2.1\r\n"),
        ("CSeq", "CSeq: 1 OPTIONS\r\n"),
    ] {
        assert_eq!(
            refusal(good.replace(line, "")),
            Some(format!("400 Missing {name}"))
        );
        let broken = good.replace(line, &format!("{name}: \"\r\n"));
        let malformed = refusal(broken);
        let expected = (name != "Call-ID").then(|| format!("400 Malformed {name}"));
        assert_eq!(malformed, expected);
        if name != "Via" {
            let twice = good.replace(line, &line.repeat(2));
            assert_eq!(refusal(twice), Some(format!("400 Duplicate {name}")));
        }
    }
}

#[test]
fn every_via_is_read() {
    let lines = with_lines("Via: SIP/2.0/UDP 192.0.2.9, SIP/2.0/UDP\r\n");
    assert_eq!(refusal(lines).unwrap(), "400 Malformed Via");
}

#[test]
fn request_lines_are_checked() {
    let good = with_lines("");
    for (line, expected) in [
        (
            "OPTIONS sip:b@example.org SIP/3.0",
            "505 Version Not Supported",
        ),
        (
            "OPTIONS sip:b@example.org SIP/2.00",
            "505 Version Not Supported",
        ),
        (
            "OPTIONS  sip:b@example.org SIP/2.0",
            "400 Malformed Request-Line",
        ),
        (
            "OPTIONS sip:b@example.org  SIP/2.0",
            "400 Malformed Request-Line",
        ),
        (
            "OPTIONS sip:b@example.org SIP/2.0 ",
            "400 Malformed Request-Line",
        ),
        (
            "OPTIONS <sip:b@example.org> SIP/2.0",
            "400 Malformed Request-URI",
        ),
        (
            "OPTIONS sip:b@example.org;a b SIP/2.0",
            "400 Malformed Request-URI",
        ),
        (
            "OPTIONS sip:b@example.org?X=y SIP/2.0",
            "400 Headers in Request-URI",
        ),
        (
            "options sip:b@example.org SIP/2.0",
            "400 CSeq method does not match",
        ),
        (
            "INVITE sip:b@example.org SIP/2.0",
            "400 CSeq method does not match",
        ),
    ] {
        let bytes = good.replace("OPTIONS sip:b@example.org SIP/2.0", line);
        assert_eq!(refusal(bytes).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(
        refusal(good.replace("SIP/2.0\r\nVia", "sip/2.0\r\nVia")),
        None
    );
}

#[test]
fn other_values_are_checked_when_they_are_there() {
    for (lines, expected) in [
        ("Max-Forwards: 256\r\n", "400 Malformed Max-Forwards"),
        (
            "Max-Forwards: 1\r\nMax-Forwards: 2\r\n",
            "400 Duplicate Max-Forwards",
        ),
        ("Expires: 1\r\nExpires: 2\r\n", "400 Duplicate Expires"),
        (
            "Contact: <sip:a@h>;expires=1;Expires=2\r\n",
            "400 Malformed Contact",
        ),
        ("Contact: <sip:a@h\r\n", "400 Malformed Contact"),
        ("Route: sip:p?x=y\r\n", "400 Malformed Route"),
        (
            "Record-Route: <sip:p;lr>,\r\n",
            "400 Malformed Record-Route",
        ),
        ("Require: a b\r\n", "400 Malformed Require"),
        (
            "Date: Fri, 01 Jan 2010 16:00:00 EST\r\n",
            "400 Malformed Date",
        ),
        ("Content-Type: text\r\n", "400 Malformed Content-Type"),
        (
            "c: a/b\r\nContent-Type: a/b\r\n",
            "400 Duplicate Content-Type",
        ),
        ("Subject: a\r\ns: b\r\n", "400 Duplicate Subject"),
        (
            "SIP-If-Match: a\r\nSIP-If-Match: b\r\n",
            "400 Duplicate SIP-If-Match",
        ),
        (
            "Content-Length: 1\r\n",
            "400 Content-Length larger than message",
        ),
        ("Content-Length: one\r\n", "400 Malformed Content-Length"),
        (
            "Content-Length: 0\r\nContent-Length: 1\r\n",
            "400 Duplicate Content-Length",
        ),
    ] {
        assert_eq!(
            refusal(with_lines(lines)).as_deref(),
            Some(expected),
            "{lines}"
        );
    }
}

#[test]
fn a_body_says_what_it_is() {
    assert_eq!(
        refusal(with_lines("") + "x").as_deref(),
        Some("400 Missing Content-Type")
    );
    assert_eq!(refusal(with_lines("c: a/b\r\n") + "x"), None);
    assert_eq!(refusal(with_lines("l: 0\r\n") + "x"), None);
}

#[test]
fn responses_that_cannot_be_trusted_are_named() {
    for (from, to, expected) in [
        ("CSeq: 1 ", "CSeq: 4294967296 ", "CSeq: malformed at byte 0"),
        ("l: 0", "l: 1", "Content-Length: malformed at byte 0"),
        (
            "SIP/2.0 503",
            "SIP/3.0 503",
            "SIP-Version: malformed at byte 0",
        ),
        ("t: \"B\" <sip:b@example.org>;tag=2\r\n", "", "To: missing"),
    ] {
        let bytes = common::RESPONSE.replacen(from, to, 1);
        let error = validate::response(&response(bytes)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

/// A final answer that vanishes because of a field that nobody needs is asked for again, for ever.
#[test]
fn what_a_response_says_besides_may_be_malformed() {
    for (from, to) in [
        ("Warning: 399 ", "Warning: 1812 "),
        ("Retry-After: 120", "Retry-After: soon"),
        ("l: 0", "Contact: <<<\r\nExpires: never\r\nl: 0"),
    ] {
        let bytes = common::RESPONSE.replacen(from, to, 1);
        assert_ne!(bytes, common::RESPONSE);
        assert_eq!(validate::response(&response(bytes)), Ok(()), "{to}");
    }
}

#[test]
fn refusals_name_headers_and_no_content() {
    let secret = with_lines("").replace("<sip:a@example.org>;tag=1", "<secret");
    let refusal = validate::request(&request(secret)).unwrap_err();
    assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
    assert!(!format!("{refusal:?}{refusal}").contains("secret"));
}

#[test]
fn lists_that_cannot_be_empty_are_refused() {
    for name in [
        "Contact",
        "Route",
        "Record-Route",
        "Require",
        "Proxy-Require",
        "Via",
    ] {
        let told = refusal(with_lines(&format!("{name}: \r\n")));
        assert_eq!(told, Some(format!("400 Malformed {name}")));
    }
    let empty = "Accept:\r\nSupported:\r\nAllow:\r\nSubject:\r\nOrganization:\r\n";
    assert_eq!(refusal(with_lines(empty)), None);
}

/// RFC 3891 §6.1, RFC 3911 §7.1, RFC 4538 §7: one each. RFC 6050 §4.1: a list.
#[test]
fn dialogs_are_named_once_and_services_in_a_list() {
    for name in ["Replaces", "Join", "Target-Dialog"] {
        let line = format!("{name}: 1@h;to-tag=1;from-tag=2\r\n");
        assert_eq!(refusal(with_lines(&line)), None);
        let told = refusal(with_lines(&line.repeat(2)));
        assert_eq!(told, Some(format!("400 Duplicate {name}")));
    }
    let service = "P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n";
    assert_eq!(refusal(with_lines(&service.repeat(2))), None);
}
