//! RFC 3261 §8.2.6.2, §18.2.1 and RFC 3581 §4: what a response takes from its request.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, request, with_lines};
use sip_message::{HeaderName, Request, Response, StatusCode, validate};

fn from(request: &Request, source: &str) -> Request {
    let mut request = request.clone();
    request.set_source(source.parse().unwrap());
    assert_eq!(request.source(), Some(source.parse().unwrap()));
    request
}

fn top_via(via: &str, source: &str) -> String {
    let request = request(with_lines("").replace("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", via));
    let response = Response::to(&from(&request, source), StatusCode::OK, None)
        .finish()
        .unwrap();
    String::from_utf8(response.headers().first(&HeaderName::Via).unwrap().to_vec()).unwrap()
}

#[test]
fn the_five_are_copied_in_order() {
    let request = request(message_bytes());
    let response = Response::to(&request, StatusCode::OK, Some("t1"))
        .finish()
        .unwrap();
    let (ours, theirs) = (response.headers(), request.headers());
    assert!(ours.all(&HeaderName::Via).eq(theirs.all(&HeaderName::Via)));
    for name in [HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
        assert_eq!(ours.one(&name), theirs.one(&name));
    }
    assert_eq!(ours.to().unwrap().tag(), Some(&b"t1"[..]));
    assert_eq!(
        ours.to().unwrap().uri_bytes(),
        theirs.to().unwrap().uri_bytes()
    );
    assert!(response.as_bytes().starts_with(b"SIP/2.0 200 OK\r\nVia: "));
    assert!(
        response
            .as_bytes()
            .ends_with(b"\r\nContent-Length: 0\r\n\r\n")
    );
    assert_eq!(ours.len(), 7);
}

#[test]
fn the_tag_is_added_once_and_never_to_100() {
    let lines = with_lines("");
    let tagged = request(lines.replace("To: <sip:b@example.org>", "To: sip:b@example.org ; TAG=x"));
    let plain = request(&lines);
    let tag = |request: &Request, status, tag| {
        let response = Response::to(request, status, tag).finish().unwrap();
        response.headers().to().unwrap().tag().map(<[u8]>::to_vec)
    };
    assert_eq!(tag(&tagged, StatusCode::OK, Some("y")), Some(b"x".to_vec()));
    assert_eq!(tag(&plain, StatusCode::TRYING, Some("y")), None);
    assert_eq!(
        tag(&plain, StatusCode::RINGING, Some("y")),
        Some(b"y".to_vec())
    );
    assert_eq!(tag(&plain, StatusCode::OK, None), None);
    assert!(
        Response::to(&plain, StatusCode::OK, Some("a;b"))
            .finish()
            .is_err()
    );
}

#[test]
fn received_and_rport_say_where_the_request_came_from() {
    for (via, source, expected) in [
        (
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            "192.0.2.1:5060",
            "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;branch=1",
            "192.0.2.2:9",
            "SIP/2.0/UDP 192.0.2.1;branch=1;received=192.0.2.2",
        ),
        (
            "SIP/2.0/UDP h.example;branch=1",
            "192.0.2.2:9",
            "SIP/2.0/UDP h.example;branch=1;received=192.0.2.2",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;rport;branch=1",
            "192.0.2.1:9",
            "SIP/2.0/UDP 192.0.2.1;rport=9;branch=1;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP h;rport=1;received=6.6.6.6;branch=1",
            "192.0.2.1:9",
            "SIP/2.0/UDP h;rport=9;branch=1;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP [2001:db8::1]:5060;branch=1",
            "[2001:db8::1]:5060",
            "SIP/2.0/UDP [2001:db8::1]:5060;branch=1",
        ),
        (
            "SIP/2.0/UDP [2001:db8::1];branch=1",
            "[2001:db8::2]:1",
            "SIP/2.0/UDP [2001:db8::1];branch=1;received=2001:db8::2",
        ),
        (
            "SIP/2.0/UDP 192.0.2.1;branch=1",
            "[::ffff:192.0.2.1]:5060",
            "SIP/2.0/UDP 192.0.2.1;branch=1",
        ),
        (
            "SIP/2.0/UDP a;rport , SIP/2.0/UDP b;rport",
            "192.0.2.1:9",
            "SIP/2.0/UDP a;rport=9;received=192.0.2.1 , SIP/2.0/UDP b;rport",
        ),
        (
            "SIP/2.0/UDP a;\r\n x=\"y;,z\"\r\n ;rport",
            "192.0.2.1:9",
            "SIP/2.0/UDP a;x=\"y;,z\";rport=9;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP a;x=\";rport;\";RPORT=1;branch=1",
            "192.0.2.1:9",
            "SIP/2.0/UDP a;x=\";rport;\";RPORT=9;branch=1;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP a;rports=1;RPORT=1;xrport;branch=1, SIP/2.0/UDP b;rport",
            "192.0.2.1:9",
            "SIP/2.0/UDP a;rports=1;RPORT=9;xrport;branch=1;received=192.0.2.1, SIP/2.0/UDP b;rport",
        ),
    ] {
        assert_eq!(top_via(via, source), expected, "{via}");
    }
}

#[test]
fn a_broken_via_goes_back_as_it_came() {
    assert_eq!(top_via("SIP/2.0/UDP ???", "192.0.2.1:9"), "SIP/2.0/UDP ???");
}

#[test]
fn folding_becomes_a_blank() {
    let request = request(with_lines("").replace("CSeq: 1 OPTIONS", "CSeq: 1\r\n \t OPTIONS"));
    let response = Response::to(&request, StatusCode::OK, None)
        .finish()
        .unwrap();
    assert_eq!(
        response.headers().first(&HeaderName::CSeq),
        Some(&b"1 OPTIONS"[..])
    );
}

#[test]
fn timestamp_goes_into_100_only() {
    let request = request(with_lines("Timestamp: 54\r\n"));
    let has = |status| {
        let response = Response::to(&request, status, None).finish().unwrap();
        response.headers().contains(&HeaderName::Timestamp)
    };
    assert!(has(StatusCode::TRYING) && !has(StatusCode::RINGING));
}

#[test]
fn what_is_there_to_be_answered_only_stays_so() {
    let whole = with_lines("l: 2\r\n") + "hi";
    let (cut, _) = whole.split_once("l: 2\r\n").unwrap();
    let torn = [
        with_lines("no colon\r\nl: 0\r\n"),
        with_lines("X\0: y\r\n z\r\n").replace("\r\n", "\n"),
        with_lines(" folded\r\nX: a\r\r\n"),
        with_lines("").replace(" SIP/2.0\r\n", "\r SIP/2.0\r\n"),
        cut.to_owned(),
        format!("{cut}l: 2"),
        with_lines(&"a: b\r\n".repeat(300)),
        with_lines(&format!("l: 2\r\nX: {}\r\n", "x".repeat(40_000))),
        with_lines("X: a\r\n") + &"x".repeat(70_000),
    ];
    for text in torn {
        let bytes = text.into_bytes().into();
        let error = sip_message::Message::parse_datagram(bytes, &Default::default()).unwrap_err();
        let (status, about) = (error.status(), error.to_string());
        let request = error.into_answerable().expect(&about);
        let pushed = request.with_via("SIP/2.0/UDP h;branch=z9hG4bK2");
        let (old, new) = (request.headers(), pushed.headers());
        assert_eq!(new.len(), old.len() + 1, "{about}");
        assert!(new.iter().skip(1).eq(old.iter()), "{about}");
        assert_eq!(new.top_via().unwrap().sent_by(), b"h", "{about}");
        for request in [&request, &pushed] {
            assert_eq!(validate::request(request).unwrap_err().status, status);
            assert!(request.edit().finish().is_err(), "{about}");
            assert!(request.body().is_empty());
            let response = Response::to(request, status, Some("x")).finish().unwrap();
            assert_eq!(
                response.headers().count(&HeaderName::Via),
                request.headers().count(&HeaderName::Via)
            );
        }
    }
}

#[test]
fn what_could_not_be_parsed_can_still_be_answered() {
    let bytes = with_lines("no colon\r\n").into_bytes().into();
    let error = sip_message::Message::parse_datagram(bytes, &Default::default()).unwrap_err();
    let status = error.status();
    let request = error.into_answerable().unwrap();
    let response = Response::to(&from(&request, "192.0.2.7:5060"), status, Some("x"))
        .finish()
        .unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(
        response.headers().top_via().unwrap().received(),
        Some(&b"192.0.2.7"[..])
    );
}

/// What became of a tag behind it, and so whether it is one, nobody could say.
#[test]
fn a_malformed_to_goes_back_as_it_came() {
    for to in [
        "<sip:b@example.org",
        "\"B <sip:b@example.org>",
        "sip:b@example.org;tag=1;;",
        "<sip:b@example.org>;tag=1;tag=2",
        "<sip:b@example.org>;tag",
        "sip:b@example.org?x=y",
        "",
    ] {
        let request =
            request(with_lines("").replace("<sip:b@example.org>\r\n", &format!("{to}\r\n")));
        let response = Response::to(&request, StatusCode::BAD_REQUEST, Some("t1"));
        let response = response.finish().unwrap();
        let headers = response.headers();
        assert_eq!(headers.first(&HeaderName::To), Some(to.as_bytes()));
        // Its transaction is found by all else.
        let (ours, theirs) = (headers, request.headers());
        assert_eq!(
            ours.top_via().unwrap().branch(),
            theirs.top_via().unwrap().branch()
        );
        assert_eq!(ours.cseq(), theirs.cseq());
        assert_eq!(ours.call_id(), theirs.call_id());
    }
}

#[test]
fn received_of_a_malformed_via_is_not_believed_either() {
    for (via, right) in [
        (
            "SIP/2.0/UDP h;received=203.0.113.9;;branch=z9hG4bK1",
            "SIP/2.0/UDP h;;branch=z9hG4bK1;received=192.0.2.7",
        ),
        (
            "SIP/2.0/UDP h;rport=9;Received = 203.0.113.9;ttl=900",
            "SIP/2.0/UDP h;rport=5060;ttl=900;received=192.0.2.7",
        ),
        // What opens a quotation or brackets would swallow what is written here, or let go of what it held.
        (
            "SIP/2.0/UDP h;x=\"open;received=203.0.113.9",
            "SIP/2.0/UDP h;x=open;received=192.0.2.7",
        ),
        (
            "SIP/2.0/UDP h;rport=9<a, b>, SIP/2.0/UDP g",
            "SIP/2.0/UDP h;rport=5060;received=192.0.2.7, SIP/2.0/UDP g",
        ),
        (
            "SIP/2.0 h\r\n ;received\r\n =203.0.113.9, SIP/2.0/UDP g;received=198.51.100.1",
            "SIP/2.0 h;received=192.0.2.7, SIP/2.0/UDP g;received=198.51.100.1",
        ),
        (
            "< SIP/2.0/UDP h;rport=9",
            "SIP/2.0/UDP h;rport=5060;received=192.0.2.7",
        ),
        ("nothing", "nothing"),
    ] {
        assert_eq!(top_via(via, "192.0.2.7:5060"), right);
    }
}
