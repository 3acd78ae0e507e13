//! What came in goes out byte for byte, and nothing is lost or reordered on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::{message_bytes, parse, request, with_lines};
use sip_message::{HeaderName, Limits, Message, Method};

#[test]
fn a_message_prints_as_it_came() {
    for bytes in [
        message_bytes(),
        Bytes::from_static(common::RESPONSE.as_bytes()),
    ] {
        assert_eq!(parse(&bytes).as_bytes(), &bytes);
    }
}

#[test]
fn all_header_fields_are_there_in_order_with_folding_inside() {
    let message = parse(message_bytes());
    let names: Vec<String> = message
        .headers()
        .iter()
        .map(|(name, _)| name.to_string())
        .collect();
    assert_eq!(names.len(), 24);
    assert_eq!(names[..4], ["Via", "Via", "Max-Forwards", "Route"]);
    assert_eq!(names[21..], ["X-Unknown", "Content-Type", "Content-Length"]);
    let subject = message.headers().first(&HeaderName::Subject).unwrap();
    assert_eq!(subject, b"folded\r\n\t over two lines");
    let unknown = HeaderName::from_bytes(b"x-unknown").unwrap();
    assert_eq!(
        message.headers().first(&unknown),
        Some(&b"kept; as = \"it is\""[..])
    );
}

#[test]
fn bytes_that_are_not_utf8_cost_nobody_else_anything() {
    let mut bytes = with_lines("Subject: ").into_bytes();
    let at = bytes.len() - 2;
    bytes.splice(
        at..at,
        *b"\xff\xfe\r\nMax-Forwards: 7\r\nContent-Type: a/b\r\n",
    );
    bytes.extend(0..=255u8);
    let request = request(&bytes);
    assert_eq!(
        request.headers().first(&HeaderName::Subject),
        Some(&b"\xff\xfe"[..])
    );
    assert_eq!(request.headers().max_forwards(), Ok(Some(7)));
    assert_eq!(request.body().len(), 256);
    assert_eq!(request.as_bytes(), &bytes);
}

#[test]
fn values_may_begin_on_the_next_line_and_lines_may_end_in_lf() {
    let request = request("MESSAGE sip:b@h SIP/2.0\nSubject:\n  later\n \n\t twice\nTo:\n\nbody");
    let subject = request.headers().first(&HeaderName::Subject).unwrap();
    assert_eq!(subject, b"later\n \n\t twice");
    assert_eq!(request.headers().first(&HeaderName::To), Some(&b""[..]));
    assert_eq!(request.body().as_ref(), b"body");
}

#[test]
fn unknown_methods_schemes_and_reasons_are_kept() {
    let request = request("n!ew isbn:2983792873 SIP/2.0\r\n\r\n");
    assert_eq!(request.method(), &Method::from_bytes(b"n!ew").unwrap());
    assert_eq!(request.uri().unwrap().scheme(), b"isbn");
    let response = common::response("SIP/2.0 200 = 2**3 \u{43d} * 19^2\r\n\r\n");
    assert_eq!(response.reason(), "= 2**3 \u{43d} * 19^2".as_bytes());
    assert_eq!(common::response("SIP/2.0 299 \r\n\r\n").reason(), b"");
    assert_eq!(common::response("sip/2.0 299\r\n\r\n").reason(), b"");
}

#[test]
fn line_ends_before_the_start_line_are_no_part_of_the_message() {
    let bytes = with_lines("");
    assert_eq!(
        parse(format!("\r\n\r\n{bytes}")).as_bytes(),
        bytes.as_bytes()
    );
}

#[test]
fn pushing_a_via_leaves_all_else_as_it_is() {
    let old = request(message_bytes());
    let new = old.with_via("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnew\r\n;evil");
    assert_eq!(
        new.headers().top_via().unwrap().host().to_string(),
        "192.0.2.9"
    );
    assert_eq!(new.headers().vias().count(), 4);
    assert_eq!(new.headers().len(), old.headers().len() + 1);
    assert!(new.headers().iter().skip(1).eq(old.headers().iter()));
    assert_eq!((new.body(), new.uri_bytes()), (old.body(), old.uri_bytes()));
    let line = "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnew;evil\r\n";
    let text = String::from_utf8(new.as_bytes().to_vec()).unwrap();
    assert_eq!(text.replacen(line, "", 1).as_bytes(), old.as_bytes());
    let bare = request("OPTIONS sip:b@h SIP/2.0\r\n\r\n").with_via("SIP/2.0/UDP h");
    assert_eq!(
        bare.as_bytes().as_ref(),
        b"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"
    );
}

#[test]
fn debug_output_holds_no_content() {
    let message = parse(message_bytes());
    let request = request(message_bytes());
    let text = format!(
        "{message:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        message.headers(),
        request.uri(),
        request.headers().from(),
        request.headers().vias().collect::<Vec<_>>(),
        request.headers().credentials(&HeaderName::Authorization),
        request.headers().session_id(),
    );
    for secret in ["ann", "home1", "171828", "hello", "6629", "ab30"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn an_enclosed_message_may_lack_its_blank_line() {
    let bytes = Bytes::from_static(b"MESSAGE sip:b@h SIP/2.0\r\nTo: <sip:b@h>\r\nFrom: <sip:a@h>");
    let message = Message::parse_enclosed(bytes.clone(), &Limits::default()).unwrap();
    assert_eq!(message.headers().from().unwrap().uri_bytes(), b"sip:a@h");
    assert_eq!(message.as_bytes(), &bytes);
    assert!(Message::parse_datagram(bytes, &Limits::default()).is_err());
}
