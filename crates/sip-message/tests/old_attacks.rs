//! Attacks on SIP parsers that worked elsewhere, one a test: `docs/security.md` says why they cannot harm here.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::with_lines;
use sip_message::{
    Framed, HeaderName, Limits, Message, Method, NameAddr, ParseError, ParseErrorKind, Request,
    StreamFramer, validate,
};

fn parse(text: impl Into<Vec<u8>>) -> Result<Message, ParseError> {
    Message::parse_datagram(Bytes::from(text.into()), &Limits::default())
}

fn request(text: impl Into<Vec<u8>>) -> Request {
    match parse(text) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// What the sender is answered.
fn answer(text: impl Into<Vec<u8>>) -> String {
    match parse(text) {
        Ok(Message::Request(request)) => match validate::request(&request) {
            Ok(()) => "taken".to_owned(),
            Err(refusal) => refusal.to_string(),
        },
        Ok(Message::Response(_)) => panic!("a response"),
        Err(error) => format!("{} {error}", error.status()),
    }
}

/// A message, and a second one that an attacker hides behind it.
fn smuggled(lines: &str) -> String {
    with_lines(lines) + "OPTIONS sip:hidden@example.org SIP/2.0\r\n\r\n"
}

#[test]
fn a_content_length_does_not_wrap() {
    for length in [
        "4294967296",
        "4294967301",
        "18446744073709551616",
        "18446744073709551621",
    ] {
        let text = with_lines(&format!("Content-Length: {length}\r\n")) + "hello";
        let request = request(text.clone());
        assert!(request.truncated(), "{length}");
        assert_eq!(request.body().as_ref(), b"hello");
        assert!(answer(text).starts_with("400 "), "{length}");
        // On a stream it is the end of the stream, not of some message.
        let mut framer = StreamFramer::new(Limits::default());
        framer.push(with_lines(&format!("Content-Length: {length}\r\n")));
        assert!(framer.next().unwrap().is_err());
        assert!(framer.is_broken() && framer.next().is_none());
    }
    for length in ["-1", "+5", "5 5", "0x5", "5,5", "5;x", "", "\x0c5"] {
        let text = with_lines(&format!("Content-Length: {length}\r\n")) + "hello";
        assert_eq!(answer(text), "400 Malformed Content-Length", "{length}");
    }
}

#[test]
fn a_missing_blank_line_hides_no_second_message() {
    let head = with_lines("");
    let head = head.strip_suffix("\r\n").unwrap();
    assert_eq!(parse(head).unwrap_err().kind, ParseErrorKind::NoBlankLine);
    let both = format!("{head}{}", with_lines(""));
    let error = parse(both).unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::HeaderLine);
    assert_eq!(error.status().to_string(), "400");
}

#[test]
fn differing_content_lengths_are_refused_and_agreeing_ones_are_one() {
    let text = smuggled("Content-Length: 0\r\nContent-Length: 5\r\n");
    assert_eq!(answer(text.clone()), "400 Duplicate Content-Length");
    assert_eq!(
        answer(smuggled("l: 0\r\nContent-Length: 5\r\n")),
        "400 Duplicate Content-Length"
    );
    let mut framer = StreamFramer::new(Limits::default());
    framer.push(text);
    let error = framer.next().unwrap().unwrap_err();
    assert_eq!(error.kind, ParseErrorKind::ContentLength);
    assert!(framer.is_broken(), "nothing after it is read");
    assert_eq!(
        answer(with_lines("Content-Length: 0\r\nl: 00\r\n")),
        "taken"
    );
}

#[test]
fn what_follows_content_length_is_no_message_of_a_datagram() {
    let request = request(smuggled("Content-Length: 0\r\n"));
    assert!(request.body().is_empty());
    assert!(!request.as_bytes().ends_with(b"SIP/2.0\r\n\r\n"));
}

#[test]
fn a_bare_carriage_return_ends_no_line() {
    for lines in [
        "Subject: a\rP-Asserted-Identity: <sip:boss@example.org>\r\n",
        "Subject: a\r\r\n",
        "\rSubject: a\r\n",
    ] {
        let error = parse(with_lines(lines)).unwrap_err();
        assert_eq!(error.kind, ParseErrorKind::BareCr);
        let answerable = error.answerable().expect("an answer is owed");
        assert!(
            !answerable
                .headers()
                .contains(&HeaderName::PAssertedIdentity)
        );
    }
}

#[test]
fn a_bare_line_feed_ends_a_line_here_and_everywhere_it_is_passed_on() {
    let request = request(with_lines("Subject: a\nP-Asserted-Identity: <sip:a@b>\r\n"));
    assert_eq!(request.headers().count(&HeaderName::PAssertedIdentity), 1);
    // Whoever removes the field for lack of trust removes it also for one who reads it as the end of Subject.
    let passed_on = request
        .edit()
        .remove(&HeaderName::PAssertedIdentity)
        .finish()
        .unwrap();
    let bytes = passed_on.as_bytes();
    assert!(!bytes.windows(10).any(|ten| ten == b"P-Asserted"));
}

#[test]
fn a_head_that_ends_in_bare_line_feeds_ends_for_every_reader_where_it_is_passed_on() {
    // One who knows no line end but CRLF would read on in the body, and find an identity there that nobody removed.
    let body = "z\r\nP-Asserted-Identity: <sip:boss@example.org>\r\n\r\nhello";
    let lines = format!("Content-Length: {}\r\nSubject: a\n\n{body}", body.len());
    let request = request(with_lines("").replace("\r\n\r\n", &format!("\r\n{lines}")));
    assert_eq!(request.body(), body);
    let edited = request.edit().push(HeaderName::Via, "x").finish().unwrap();
    for passed_on in [edited, request.with_via("x")] {
        let bytes = passed_on.as_bytes();
        let end = memchr::memmem::find(bytes, b"\r\n\r\n").unwrap();
        assert_eq!(&bytes[end + 4..], body.as_bytes());
        assert_eq!(passed_on.body(), body);
        assert_eq!(
            passed_on.headers().first(&HeaderName::Subject),
            Some(&b"a"[..])
        );
    }
}

#[test]
fn nul_cuts_nothing_off() {
    for lines in [
        "Subject: a\0b\r\n",
        "Sub\0ject: a\r\n",
        "Contact: <sip:a@b\0.example.org>\r\n",
    ] {
        assert_eq!(
            parse(with_lines(lines)).unwrap_err().kind,
            ParseErrorKind::Nul
        );
    }
    let text = with_lines("").replace("sip:b@example.org SIP", "sip:b@example.org\0x SIP");
    assert!(parse(text).is_err());
    let text = with_lines("").replace("b@example.org SIP", "b\\\0@example.org SIP");
    assert_eq!(parse(text).unwrap_err().kind, ParseErrorKind::Nul);
    // Behind a backslash that is escaped itself it is not.
    for (escapes, right) in [
        ("\\", true),
        ("\\\\", false),
        ("\\\\\\", true),
        ("\\\\\\\\", false),
    ] {
        let text = with_lines(&format!("Subject: \"a{escapes}\0\"\r\n"));
        let kind = parse(text).err().map(|error| error.kind);
        assert_eq!(kind, (!right).then_some(ParseErrorKind::Nul), "{escapes}");
        let enclosed = format!("SIP/2.0 200 OK\r\nSubject: \"a{escapes}\0\"");
        let kind = Message::parse_enclosed(enclosed.into(), &Limits::default()).err();
        assert_eq!(kind.is_none(), right, "{escapes}");
    }
    // In a body it is a byte like any other.
    let body = request(with_lines("Content-Type: a/b\r\n") + "a\0b");
    assert_eq!(body.body().as_ref(), b"a\0b");
}

#[test]
fn white_space_before_the_colon_makes_no_other_header() {
    let request = request(with_lines("Content-Length \t: 3\r\nContent-Type : a/b\r\n") + "abcdef");
    assert_eq!(request.body().as_ref(), b"abc");
    assert_eq!(request.headers().count(&HeaderName::ContentLength), 1);
    for line in ["Content Length: 3\r\n", ": 3\r\n", " Content-Length: 3\r\n"] {
        let both = format!("{line}Subject: a\r\n");
        let with = with_lines("").replacen("Via:", &format!("{both}Via:"), 1);
        assert_eq!(parse(with).unwrap_err().kind, ParseErrorKind::HeaderLine);
    }
}

#[test]
fn who_speaks_is_said_once() {
    for (line, name) in [
        ("From: <sip:boss@example.org>;tag=2\r\n", "From"),
        ("f: <sip:boss@example.org>;tag=2\r\n", "From"),
        ("To: <sip:boss@example.org>\r\n", "To"),
        ("i: 2\r\n", "Call-ID"),
        ("CSeq: 2 OPTIONS\r\n", "CSeq"),
        ("Max-Forwards: 1\r\nMax-Forwards: 2\r\n", "Max-Forwards"),
        ("Content-Type: a/b\r\nc: c/d\r\n", "Content-Type"),
        ("Expires: 1\r\nExpires: 2\r\n", "Expires"),
        ("Event: a\r\no: b\r\n", "Event"),
        (
            "P-Served-User: <sip:a@b>\r\nP-Served-User: <sip:c@d>\r\n",
            "P-Served-User",
        ),
    ] {
        assert_eq!(answer(with_lines(line)), format!("400 Duplicate {name}"));
    }
    let two_tags = with_lines("").replace(";tag=1", ";tag=1;tag=2");
    assert_eq!(answer(two_tags), "400 Malformed From");
}

#[test]
fn a_display_name_is_no_address() {
    let value = br#""sip:boss@example.org" <sip:mallory@evil.example>"#;
    assert_eq!(
        NameAddr::parse(value).unwrap().uri_bytes(),
        b"sip:mallory@evil.example"
    );
    let value = br#""x\" <sip:boss@example.org>, \"" <sip:mallory@evil.example>"#;
    assert_eq!(
        NameAddr::parse(value).unwrap().uri_bytes(),
        b"sip:mallory@evil.example"
    );
    let text = with_lines(&format!(
        "P-Asserted-Identity: {}\r\n",
        String::from_utf8_lossy(value)
    ));
    let ids = request(text);
    assert_eq!(ids.headers().p_asserted_identities().unwrap().len(), 1);
    for bad in [
        &b"<sip:boss@example.org> <sip:mallory@evil.example>"[..],
        b"<sip:boss@example.org><sip:mallory@evil.example>",
        b"<<sip:boss@example.org>",
        b"\"x <sip:boss@example.org>",
        b"<sip:boss@example.org@evil.example>",
    ] {
        assert!(NameAddr::parse(bad).is_err(), "{}", bad.escape_ascii());
    }
}

#[test]
fn headers_hide_in_no_uri() {
    let text = with_lines("").replace("sip:b@example.org SIP", "sip:b@h?P-Asserted-Identity=x SIP");
    assert_eq!(answer(text), "400 Headers in Request-URI");
    for uri in [
        "sip:a@b%00",
        "sip:a@b\\n",
        "sip:a b@c",
        "sip:a@b%",
        "sip:a@b;x=%4",
    ] {
        assert!(sip_message::Uri::parse(uri.as_bytes()).is_err(), "{uri}");
    }
}

#[test]
fn a_stream_in_drops_costs_no_more_than_one_in_one_piece() {
    let limits = Limits::default();
    let mut framer = StreamFramer::new(limits.clone());
    framer.push("OPTIONS sip:a@b SIP/2.0\r\n");
    let mut most = 0;
    let error = loop {
        framer.push("x");
        match framer.next() {
            Some(framed) => break framed.unwrap_err(),
            None => most = framer.pending(),
        }
    };
    assert_eq!(error.kind, ParseErrorKind::HeadTooLarge);
    assert_eq!(most, limits.header_bytes);
    assert!(framer.is_broken() && framer.pending() == 0, "nothing kept");
    let mut framer = StreamFramer::new(limits);
    for byte in with_lines("Content-Length: 0\r\n").bytes() {
        framer.push([byte]);
    }
    assert!(matches!(framer.next(), Some(Ok(Framed::Message(_)))));
}

#[test]
fn control_characters_are_bytes_of_fields_that_nobody_reads_and_of_no_others() {
    for control in (0x01..0x20u8).chain([0x7f]) {
        if matches!(control, b'\t' | b'\n' | b'\r') {
            continue;
        }
        let control = char::from(control);
        let mine = HeaderName::from_bytes(b"X-Own").unwrap();
        let read = request(with_lines(&format!("X-Own: a{control}b{control}\r\n")));
        let value = format!("a{control}b{control}");
        assert_eq!(read.headers().one(&mine), Ok(value.as_bytes()));
        assert_eq!(validate::request(&read), Ok(()));
        // a name is a token, and what is read has a grammar
        assert!(parse(with_lines(&format!("X-O{control}wn: a\r\n"))).is_err());
        let read = request(with_lines(&format!("Require: a{control}b\r\n")));
        assert!(read.headers().require().is_err());
        assert!(validate::request(&read).is_err());
    }
}

#[test]
fn content_length_is_guarded_in_every_spelling() {
    let request = common::request(with_lines("Content-Type: a/b\r\nl: 2\r\n") + "hi");
    for spelling in [&b"l"[..], b"L", b"content-length"] {
        let name = HeaderName::Other(bytes::Bytes::copy_from_slice(spelling));
        assert_eq!(name, HeaderName::ContentLength);
        assert!(request.edit().set(name.clone(), "1").finish().is_err());
        let edited = request.edit().remove(&name).finish().unwrap();
        assert_eq!(edited.as_bytes(), request.as_bytes());
        assert!(request.edit().pop(&name).finish().is_err());
        let built = Request::build(Method::Message, "sip:b@h")
            .header(name, "99")
            .body("a/b", "hi")
            .finish()
            .unwrap();
        assert_eq!(built.headers().content_length(), Ok(Some(2)));
    }
}
