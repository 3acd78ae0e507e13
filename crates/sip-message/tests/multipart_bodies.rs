//! RFC 2046 §5.1: bodies of several parts, as peers really send them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use sip_message::multipart::{Builder, MultipartError, by_content_id, leaves, parts};
use sip_message::{HeaderName, Limits, MediaType, Part};

fn split(content_type: &str, body: impl Into<Bytes>) -> Result<Vec<Part>, MultipartError> {
    let content_type = MediaType::parse(content_type.as_bytes()).unwrap();
    parts(&content_type, &body.into(), &Limits::default())
}

fn bodies(parts: &[Part]) -> Vec<&[u8]> {
    parts.iter().map(|part| part.body.as_ref()).collect()
}

const SIMPLE: &str = "\r\npreamble\r\n--not it\r\n--simple boundary\r\n\
\r\nno header\r\n\
--simple boundary \t\r\n\
Content-Type: application/vnd.3gpp.mcptt-info+xml\r\n\
Content-ID: <info@h>\r\n\
\r\n<x/>\r\n\r\n\
--simple boundary\r\n\
Content-Type: application/sdp\r\n\
--simple boundary--\r\nepilogue\r\n--simple boundary\r\n";

#[test]
fn parts_lie_between_boundaries() {
    let body = Bytes::from_static(SIMPLE.as_bytes());
    let parts = split(
        "multipart/mixed; boundary=\"simple boundary\"",
        body.clone(),
    )
    .unwrap();
    assert_eq!(bodies(&parts), [&b"no header"[..], b"<x/>\r\n", b""]);
    assert!(parts[0].headers.is_empty() && parts[0].content_type().unwrap().is("text", "plain"));
    let info = parts[1].content_type().unwrap();
    assert!(info.is("application", "vnd.3gpp.mcptt-info+xml"));
    assert!(parts[2].content_type().unwrap().is("application", "sdp"));
    assert_eq!(
        by_content_id(&parts, b"info@h").unwrap().body,
        parts[1].body
    );
    assert!(by_content_id(&parts, b"other@h").is_none());
    let whole = body.as_ptr_range();
    assert!(
        whole.contains(&parts[1].body.as_ptr()),
        "a part is a slice, not a copy"
    );
}

#[test]
fn lines_may_end_in_lf() {
    let body = SIMPLE.replace("\r\n", "\n");
    let parts = split("multipart/mixed;boundary=\"simple boundary\"", body).unwrap();
    assert_eq!(bodies(&parts), [&b"no header"[..], b"<x/>\n", b""]);
}

#[test]
fn blank_lines_may_come_before_the_first_boundary_and_none_at_all() {
    for start in ["", "\r\n", "\n", "\r\n\r\n\r\n"] {
        let parts = split(
            "multipart/related;boundary=b",
            format!("{start}--b\r\n\r\nx\r\n--b--"),
        )
        .unwrap();
        assert_eq!(bodies(&parts), [b"x"]);
    }
}

#[test]
fn binary_parts_are_untouched() {
    let binary: Vec<u8> = (0..=255).chain(*b"\r\n--bb\r\n--b\r x--b\r\n").collect();
    let mut body = b"--b\r\nContent-Type: a/b\r\n\r\n".to_vec();
    body.extend(&binary);
    body.extend(b"\r\n--b--");
    assert_eq!(
        bodies(&split("multipart/mixed;boundary=b", body).unwrap()),
        [binary]
    );
}

#[test]
fn broken_bodies_are_errors() {
    for (content_type, body, expected) in [
        (
            "text/plain;boundary=b",
            "--b--",
            MultipartError::NotMultipart,
        ),
        ("multipart/mixed", "--b--", MultipartError::Boundary),
        (
            "multipart/mixed;boundary=\"\"",
            "----",
            MultipartError::Boundary,
        ),
        (
            "multipart/mixed;boundary=\"b \"",
            "--b --",
            MultipartError::Boundary,
        ),
        (
            "multipart/mixed;boundary=\"b\\\"\"",
            "--b\"--",
            MultipartError::Boundary,
        ),
        ("multipart/mixed;boundary=b", "", MultipartError::Unclosed),
        (
            "multipart/mixed;boundary=b",
            "--b\r\n\r\nx",
            MultipartError::Unclosed,
        ),
        (
            "multipart/mixed;boundary=b",
            "--b\r\n\r\nx\r\n--b",
            MultipartError::Unclosed,
        ),
        (
            "multipart/mixed;boundary=b",
            "--b\r\n\r\nx\r\n--b\r\n",
            MultipartError::Unclosed,
        ),
        (
            "multipart/mixed;boundary=b",
            "--b\r\n\r\nx --b--",
            MultipartError::Unclosed,
        ),
        (
            "multipart/mixed;boundary=b",
            "--b\r\n\r\nx\r\n--b\r\nno colon\r\n--b--",
            MultipartError::Part(1),
        ),
    ] {
        assert_eq!(
            split(content_type, body).map(|_| ()),
            Err(expected),
            "{content_type} {body:?}"
        );
    }
    let long = "b".repeat(71);
    let closed = format!("--{long}--");
    assert_eq!(
        split(&format!("multipart/mixed;boundary={long}"), closed).map(|_| ()),
        Err(MultipartError::Boundary)
    );
    assert!(
        split("multipart/mixed;boundary=b", "--b--")
            .unwrap()
            .is_empty()
    );
}

#[test]
fn parts_are_bounded() {
    let many = |count: usize| format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(count));
    assert_eq!(
        split("multipart/mixed;boundary=b", many(32)).unwrap().len(),
        32
    );
    assert_eq!(
        split("multipart/mixed;boundary=b", many(33)).map(|_| ()),
        Err(MultipartError::TooManyParts)
    );
    let headers = format!("--b\r\n{}\r\n\r\n--b--", "a: b\r\n".repeat(257));
    assert_eq!(
        split("multipart/mixed;boundary=b", headers).map(|_| ()),
        Err(MultipartError::Part(0))
    );
}

fn nested(depth: usize) -> (String, Vec<u8>) {
    let mut inner = ("text/plain".to_owned(), b"core".to_vec());
    for level in 0..depth {
        let boundary = format!("{}x", "b".repeat(level));
        let (content_type, body) = Builder::new(&boundary)
            .part(&inner.0, &[], &inner.1)
            .part("text/plain", &[], format!("level {level}"))
            .finish()
            .unwrap();
        inner = (content_type, body.to_vec());
    }
    inner
}

#[test]
fn parts_may_nest_to_a_bound() {
    let all = |depth| {
        let (content_type, body) = nested(depth);
        leaves(
            &MediaType::parse(content_type.as_bytes()).unwrap(),
            &body.into(),
            &Limits::default(),
        )
    };
    let found = all(4).unwrap();
    assert_eq!(
        bodies(&found),
        [&b"core"[..], b"level 0", b"level 1", b"level 2", b"level 3"]
    );
    assert_eq!(all(5).map(|_| ()), Err(MultipartError::TooDeep));
    let (content_type, body) = nested(2);
    let outer = split(&content_type, body).unwrap();
    let inner = split(
        std::str::from_utf8(outer[0].headers.first(&HeaderName::ContentType).unwrap()).unwrap(),
        outer[0].body.clone(),
    );
    assert_eq!(bodies(&inner.unwrap()), [&b"core"[..], b"level 0"]);
}

#[test]
fn what_is_built_comes_apart_again() {
    let (content_type, body) = Builder::new("a 'b'(c)+_,-./:=?d")
        .part(
            "application/sdp",
            &[(HeaderName::ContentDisposition, "session")],
            b"v=0\r\n",
        )
        .part("application/octet-stream", &[], [0u8, 255, b'\r', b'\n'])
        .finish()
        .unwrap();
    let parts = split(&content_type, body).unwrap();
    assert_eq!(bodies(&parts), [&b"v=0\r\n"[..], &[0, 255, b'\r', b'\n']]);
    assert!(
        parts[0]
            .headers
            .content_disposition()
            .unwrap()
            .unwrap()
            .is("session")
    );
}

#[test]
fn builders_refuse_boundaries_that_occur_and_lines_that_slip_in() {
    assert!(Builder::new("").finish().is_err());
    assert!(Builder::new("a\r\nb").finish().is_err());
    assert!(
        Builder::new("b")
            .part("a/b", &[], "x\r\n--b--\r\n")
            .finish()
            .is_err()
    );
    assert!(Builder::new("b").part("a/b", &[], "--bc").finish().is_err());
    assert!(
        Builder::new("b")
            .part("a/b\r\nX: y", &[], "")
            .finish()
            .is_err()
    );
    assert!(
        Builder::new("b")
            .part("a/b", &[(HeaderName::ContentId, "<a>\n")], "")
            .finish()
            .is_err()
    );
    let no_token = HeaderName::Other(bytes::Bytes::from_static(b"X Y"));
    let built = Builder::new("b")
        .part("a/b", &[(no_token, "x")], "")
        .finish();
    assert_eq!(built.unwrap_err().to_string(), "X Y: malformed");
}

#[test]
fn the_parts_of_a_digest_are_messages_unless_they_say_otherwise() {
    let body = Bytes::from_static(
        b"--b\r\n\r\nFrom: a\r\n\r\nhi\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--",
    );
    let kind = |kind: &str| {
        let parts = split(kind, body.clone()).unwrap();
        let text = |part: &Part| format!("{:?}", part.content_type().unwrap());
        (text(&parts[0]), text(&parts[1]))
    };
    let html = "text/html".to_owned();
    assert_eq!(
        kind("multipart/Digest;boundary=b"),
        ("message/rfc822".to_owned(), html.clone())
    );
    assert_eq!(
        kind("multipart/mixed;boundary=b"),
        ("text/plain".to_owned(), html)
    );
}

#[test]
fn a_content_id_of_two_parts_names_neither() {
    let (content_type, body) = Builder::new("b1")
        .part("text/plain", &[(HeaderName::ContentId, "<one@h>")], "1")
        .part("text/plain", &[(HeaderName::ContentId, "<two@h>")], "2")
        .part("text/plain", &[(HeaderName::ContentId, "<one@h>")], "3")
        .finish()
        .unwrap();
    let parts = split(&content_type, body).unwrap();
    assert!(by_content_id(&parts, b"one@h").is_none());
    assert!(by_content_id(&parts, b"two@h").is_some());
}
