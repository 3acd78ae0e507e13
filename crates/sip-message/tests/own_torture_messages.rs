//! Messages of our own that make the points of RFC 4475 and RFC 5118, for clones without the published ones.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use bytes::Bytes;
use common::request;
use sip_message::{HeaderName, Host, Limits, Message, Method, StatusCode, validate};

/// Everything folded, compact, spaced and in odd case (RFC 4475 §3.1.1.1).
const TORTUOUS: &str = "SUBSCRIBE sip:room%2011;floor=1@[2001:db8::77]:5070;foo=%22;lr SIP/2.0\r\n\
tO :\r\n\
\x20\"A \\\"quoted\\\" \\\\ name\" \r\n\
\t<sip:room@example.org;x=y?Subject=a%20b>\r\n\
\x20;   tag    = 1918181833n\r\n\
f:sip:caller@[2001:db8::1] ;\r\n\
\x20 tag = 98asjd8\r\n\
mAX-fORWARDS:\r\n\
\x200068\r\n\
call-id: odd(<>:\\\"/[]?{})@{[x]}\r\n\
CSEQ: 0009\r\n\
\x20 SUBSCRIBE\r\n\
V  : SIP  / 2.0\r\n\
\x20/ UDP\r\n\
\x20   192.0.2.2;branch=390skdjuw\r\n\
vIA:SIP/2.0/TLS spindle.example.org : 7654 ; received = 2001:db8::9:255 ;\r\n\
\x20branch = z9hG4bK9ikj8  , SIP/ 2.0/SCTP [::ffff:192.0.2.3] ; branch=z9hG4bK30239\r\n\
NewFangledHeader:   newfangled value\r\n\
\x20continued newfangled value\r\n\
UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n\
extensionHeader-!.%*+_`'~: \u{fffd}\u{442}\r\n\
Route:\r\n\
\x20<sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
o: presence . x\r\n\
m:\"Quoted \\\"\\\"\" <sip:jdrosen@example.com> ; newparam = newvalue ; secondparam ; q = 0.33,\r\n\
\x20  tel:+1-900-555-0100 ; q=0.1 , t~!* <urn:service:sos>\r\n\
k:\r\n\
Content-Length:   4\r\n\
c: multipart/mixed; boundary=\"x \\y\"\r\n\
\r\n\
body and more";

#[test]
fn a_tortuous_message_is_understood_throughout() {
    let request = request(TORTUOUS);
    assert_eq!(validate::request(&request), Ok(()));
    assert_eq!(request.method(), &Method::Subscribe);
    assert_eq!(request.body().as_ref(), b"body");
    assert_eq!(
        request.as_bytes().as_ref(),
        &TORTUOUS.as_bytes()[..TORTUOUS.len() - 9]
    );

    let uri = request.uri().unwrap();
    assert_eq!(
        (uri.user(), uri.port()),
        (Some(&b"room%2011;floor=1"[..]), Some(5070))
    );
    assert_eq!(uri.params().get("foo"), Some(Some(&b"%22"[..])));

    let headers = request.headers();
    let to = headers.to().unwrap();
    assert_eq!(to.display_name().unwrap().as_ref(), b"A \"quoted\" \\ name");
    assert_eq!(
        (to.tag(), to.uri().headers().len()),
        (Some(&b"1918181833n"[..]), 1)
    );
    assert_eq!(headers.from().unwrap().tag(), Some(&b"98asjd8"[..]));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.call_id(), Ok(&b"odd(<>:\\\"/[]?{})@{[x]}"[..]));
    assert_eq!(headers.cseq().unwrap().number, 9);

    let vias: Vec<_> = headers.vias().map(Result::unwrap).collect();
    let transports: Vec<_> = vias.iter().map(|via| via.transport()).collect();
    assert_eq!(transports, [&b"UDP"[..], b"TLS", b"SCTP"]);
    assert_eq!(
        (vias[1].port(), vias[1].sent_by()),
        (Some(7654), &b"spindle.example.org : 7654"[..])
    );
    assert_eq!(vias[1].received(), Some(&b"2001:db8::9:255"[..]));
    assert!(matches!(vias[2].host(), Host::IPv6(address) if address.to_ipv4_mapped().is_some()));

    let contacts = headers.contacts().unwrap();
    assert_eq!(contacts[0].params().get("q"), Some(Some(&b"0.33"[..])));
    assert_eq!(
        contacts[1].uri().telephone_number(),
        Some(&b"+1-900-555-0100"[..])
    );
    assert_eq!(contacts[2].uri().scheme(), b"urn");
    assert!(headers.tokens(&HeaderName::Supported).unwrap().is_empty());
    assert!(
        headers.event().is_err(),
        "a broken value costs only those who ask for it"
    );
    assert_eq!(
        headers
            .content_type()
            .unwrap()
            .unwrap()
            .param("boundary")
            .unwrap()
            .as_ref(),
        b"x y"
    );
}

#[test]
fn escaped_nul_and_controls_in_quotes_are_kept() {
    let to = b"\"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:b@h>;tag=1";
    let mut bytes = b"OPTIONS sip:b@h SIP/2.0\r\nTo: ".to_vec();
    bytes.extend(to);
    bytes.extend(b"\r\n\r\n");
    let request = request(&bytes);
    let name = request
        .headers()
        .to()
        .unwrap()
        .display_name()
        .unwrap()
        .into_owned();
    assert_eq!(name, b"BEL:\x07 NUL:\x00 DEL:\x7f");
    assert_eq!(request.as_bytes(), &bytes);
}

#[test]
fn a_very_long_message_is_understood() {
    let mut text = String::from("INVITE sip:");
    text += &"u".repeat(500);
    text += "@example.org SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n";
    for number in 0..33 {
        text += &format!("v: SIP/2.0/TCP sip{number}.example.com;branch=z9hG4bK{number}\r\n");
    }
    text += &format!(
        "t: \"{}\" <sip:b@{}example.org>\r\n",
        "n".repeat(3000),
        "sub.".repeat(60)
    );
    text += &format!(
        "f: <sip:a@h>;tag={};{}=1\r\n",
        "t".repeat(1000),
        "p".repeat(1000)
    );
    text += &format!(
        "i: {}@h\r\nCSeq: 2147483647 INVITE\r\nMax-Forwards: 70\r\n\r\n",
        "i".repeat(1000)
    );
    let request = request(&text);
    assert_eq!(validate::request(&request), Ok(()));
    assert_eq!(request.headers().vias().count(), 34);
    assert_eq!(request.headers().from().unwrap().tag().unwrap().len(), 1000);
}

#[test]
fn a_second_request_behind_the_first_is_not_read() {
    let first = "REGISTER sip:h SIP/2.0\r\nl: 0\r\n\r\n";
    let message = Message::parse_datagram(
        Bytes::from(format!("\r\n{first}INVITE sip:evil@h SIP/2.0\r\n\r\n")),
        &Limits::default(),
    );
    assert_eq!(message.unwrap().as_bytes().as_ref(), first.as_bytes());
}

#[test]
fn ipv6_belongs_in_brackets() {
    for (uri, verdict) in [
        ("sip:[2001:db8::10]", None),
        ("sip:user@[2001:db8::10:5070]", None),
        ("sip:user@[2001:db8::10]:5070", None),
        ("sip:user@[2001:db8::192.0.2.1]", None),
        ("sip:2001:db8::10", Some(StatusCode::BAD_REQUEST)),
        (
            "sip:user@[2001:db8:::192.0.2.1]",
            Some(StatusCode::BAD_REQUEST),
        ),
        (
            "sip:user@[2001:db8::10%25eth0]",
            Some(StatusCode::BAD_REQUEST),
        ),
        (
            "sip:user@[1:2:3:4:5:6:7:8:9]",
            Some(StatusCode::BAD_REQUEST),
        ),
    ] {
        let bytes = common::with_lines("").replacen("sip:b@example.org", uri, 1);
        let refusal = validate::request(&request(bytes)).err();
        assert_eq!(refusal.map(|refusal| refusal.status), verdict, "{uri}");
    }
}
