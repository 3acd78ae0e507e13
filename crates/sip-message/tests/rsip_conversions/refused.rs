//! What comes from rsip is what it says, or does not get in: its types take any text for any part.

use rsip::message::HasHeaders;
use rsip::{Domain, Param, param, typed};
use sip_message::rsip::{HeaderField, UriBuf};
use sip_message::{Host, Request, Response};

fn uri() -> rsip::Uri {
    rsip::Uri {
        scheme: Some(rsip::Scheme::Sip),
        auth: Some(("b", None::<String>).into()),
        host_with_port: Domain::new("example.org").into(),
        ..rsip::Uri::default()
    }
}

fn headers() -> Vec<rsip::Header> {
    use rsip::headers::{CSeq, CallId, From, To, Via};
    vec![
        Via::from("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1").into(),
        From::from("<sip:a@example.org>;tag=1").into(),
        To::from("<sip:b@example.org>;tag=2").into(),
        CallId::from("1@192.0.2.1").into(),
        CSeq::from("1 OPTIONS").into(),
    ]
}

fn request() -> rsip::Request {
    rsip::Request {
        method: rsip::Method::Options,
        uri: uri(),
        version: rsip::Version::V2,
        headers: headers().into(),
        body: Vec::new(),
    }
}

/// Why a request is refused that was changed so.
fn refused(change: impl FnOnce(&mut rsip::Request)) -> String {
    let mut changed = request();
    change(&mut changed);
    Request::try_from(&changed).unwrap_err().to_string()
}

fn other(name: &str, value: &str) -> rsip::Header {
    rsip::Header::Other(name.into(), value.into())
}

fn param(name: &str, value: &str) -> Param {
    Param::Other(name.into(), Some(value.into()))
}

#[test]
fn what_is_right_gets_in() {
    let mut theirs = request();
    assert!(Request::try_from(&theirs).is_ok());
    theirs.body = b"hello".to_vec();
    let headers = theirs.headers_mut();
    headers.push(other("c", "text/plain"));
    headers.push(other("l", "5"));
    headers.push(other("s", "lunch"));
    let ours = Request::try_from(&theirs).unwrap();
    let text = String::from_utf8(ours.as_bytes().to_vec()).unwrap();
    assert!(
        text.ends_with(
            "Content-Type: text/plain\r\nSubject: lunch\r\nContent-Length: 5\r\n\r\nhello"
        ),
        "{text}"
    );
}

#[test]
fn line_ends_are_no_way_in() {
    let injected = "x\r\nP-Asserted-Identity: <sip:boss@example.org>";
    let value = refused(|r| r.headers.push(rsip::Header::Subject(injected.into())));
    assert_eq!(value, "Subject: control character");
    let value = refused(|r| r.headers.push(other("X-Own", "a\0b")));
    assert_eq!(value, "X-Own: control character");
    let name = refused(|r| r.headers.push(other("X-Own: a\r\nX-Two", "b")));
    assert_eq!(name, "header-name: malformed");
    let status = rsip::StatusCode::Other(299, injected.into());
    let response = rsip::Response {
        status_code: status,
        version: rsip::Version::V2,
        headers: headers().into(),
        body: Vec::new(),
    };
    let error = Response::try_from(&response).unwrap_err().to_string();
    assert_eq!(error, "Reason-Phrase: control character");
}

#[test]
fn the_body_is_as_long_as_its_length_says() {
    let length = "Content-Length: not the length of the body";
    assert_eq!(refused(|r| r.headers.push(other("l", "5"))), length);
    assert_eq!(refused(|r| r.headers.push(other("l", "0, 0"))), length);
    let untyped = refused(|r| r.body = b"hello".to_vec());
    assert_eq!(untyped, "Content-Type: missing");
}

#[test]
fn what_is_built_validates() {
    let missing = refused(|r| r.headers = headers().split_off(1).into());
    assert_eq!(missing, "request: Missing Via");
    let other_method = refused(|r| r.method = rsip::Method::Invite);
    assert_eq!(other_method, "request: CSeq method does not match");
    let twice = refused(|r| r.headers.push(other("From", "<sip:x@example.org>;tag=1")));
    assert_eq!(twice, "From: more than one");
    let version = refused(|r| r.version = rsip::Version::V1);
    assert_eq!(version, "SIP-Version: version without counterpart");
}

#[test]
fn no_part_of_a_uri_becomes_another() {
    let refused = |change: fn(&mut rsip::Uri)| {
        let mut changed = uri();
        change(&mut changed);
        UriBuf::try_from(&changed).unwrap_err().to_string()
    };
    type Change = fn(&mut rsip::Uri);
    let changes: [(Change, &str); 15] = [
        (|u| u.scheme = None, "URI: neither sip nor sips"),
        (
            |u| u.scheme = Some(rsip::Scheme::Other("tel".into())),
            "URI: neither sip nor sips",
        ),
        (|u| u.headers.push(1), "URI: headers in a URI"),
        (
            |u| u.auth = Some(("a@b", None::<&str>).into()),
            "user: malformed",
        ),
        (
            |u| u.auth = Some(("a:b", None::<&str>).into()),
            "user: malformed",
        ),
        (
            |u| u.auth = Some(("", None::<&str>).into()),
            "user: malformed",
        ),
        (
            |u| u.auth = Some(("a%4", None::<&str>).into()),
            "user: malformed",
        ),
        (
            |u| u.auth = Some(("a", Some("b@c")).into()),
            "password: malformed",
        ),
        (
            |u| u.host_with_port = Domain::new("a b").into(),
            "host: malformed",
        ),
        (
            |u| u.host_with_port = Domain::new(" a").into(),
            "host: malformed",
        ),
        (
            |u| u.host_with_port = Domain::new("a;lr").into(),
            "host: malformed",
        ),
        (
            |u| u.host_with_port = Domain::new("a:5060").into(),
            "host: malformed",
        ),
        (|u| u.params.push(param("a;b", "c")), "URI: malformed"),
        (|u| u.params.push(param("a", "b;c")), "URI: malformed"),
        (|u| u.params.push(param("a", "")), "URI: malformed"),
    ];
    for (change, why) in changes {
        assert_eq!(refused(change), why);
    }
    let many: Vec<Param> = (0..300).map(|n| param("p", &n.to_string())).collect();
    let many = rsip::Uri {
        params: many,
        ..uri()
    };
    assert!(UriBuf::try_from(&many).is_err());
}

#[test]
fn what_rsip_calls_a_domain_may_be_an_address() {
    for (text, ip) in [("192.0.2.1", true), ("[2001:db8::1]", true), ("a.b", false)] {
        let theirs = rsip::Host::Domain(Domain::new(text));
        let ours = Host::try_from(&theirs).unwrap();
        assert_eq!(ours.ip().is_some(), ip, "{text}");
        assert_eq!(ours.to_string(), text);
    }
}

#[test]
fn typed_values_are_no_way_in_either() {
    let tag = |text: &str| vec![Param::Tag(param::Tag::new(text))];
    for (name, params, why) in [
        (Some("a\r\nb"), tag("1"), "From: control character"),
        (Some("a <sip:x@y>, b"), tag("1"), "From: malformed"),
        (Some("\"a\" b\""), tag("1"), "From: malformed"),
        (None, tag("1;x"), "From: malformed"),
        (None, tag("1\r\nX: y"), "From: malformed"),
        (None, tag(""), "From: malformed"),
        (None, [tag("1"), tag("2")].concat(), "From: malformed"),
    ] {
        let from = typed::From {
            display_name: name.map(Into::into),
            uri: uri(),
            params,
        };
        let error = HeaderField::try_from(&from).unwrap_err().to_string();
        assert_eq!(error, why);
    }
    let via = |uri: rsip::Uri, params| typed::Via {
        version: rsip::Version::V2,
        transport: rsip::Transport::Udp,
        uri,
        params,
    };
    let error = HeaderField::try_from(&via(uri(), Vec::new())).unwrap_err();
    assert_eq!(error.to_string(), "Via: malformed");
    let sent_by = || rsip::Uri::from(rsip::Host::from(Domain::new("a.example")));
    let more: [fn(&mut rsip::Uri); 4] = [
        |u| u.scheme = Some(rsip::Scheme::Sip),
        |u| u.auth = Some(("a", None::<&str>).into()),
        |u| u.params.push(Param::Lr),
        |u| u.headers.push(1),
    ];
    for more in more {
        let mut uri = sent_by();
        more(&mut uri);
        let error = HeaderField::try_from(&via(uri.clone(), Vec::new())).unwrap_err();
        assert_eq!(error.to_string(), "Via: malformed");
        let text = "x".to_owned();
        let warning = typed::Warning {
            code: 399,
            uri,
            text,
        };
        let error = HeaderField::try_from(&warning).unwrap_err();
        assert_eq!(error.to_string(), "Warning: malformed");
    }
    let good = HeaderField::try_from(&via(sent_by(), vec![param("rport", "1")])).unwrap();
    assert_eq!(good.value, b"SIP/2.0/UDP a.example;rport=1");
    let error = HeaderField::try_from(&via(sent_by(), vec![param("rport", "x")])).unwrap_err();
    assert_eq!(error.to_string(), "Via: malformed");
    let cseq = typed::CSeq {
        seq: 1 << 31,
        method: rsip::Method::Ack,
    };
    let error = HeaderField::try_from(&cseq).unwrap_err();
    assert_eq!(error.to_string(), "CSeq: malformed");
    let route = typed::Route(Vec::new().into());
    let error = HeaderField::try_from(&route).unwrap_err();
    assert_eq!(error.to_string(), "Route: missing");
    let media = typed::ContentType(typed::MediaType::Other("a/b\r\nX: y".into(), Vec::new()));
    let error = HeaderField::try_from(&media).unwrap_err();
    assert_eq!(error.to_string(), "Content-Type: malformed");
    for texts in [&["a b"][..], &["1", "2,3"], &[], &["a@b@c"]] {
        let replied = typed::InReplyTo(texts.iter().map(ToString::to_string).collect());
        let error = HeaderField::try_from(&replied).unwrap_err();
        assert_eq!(error.to_string(), "In-Reply-To: malformed");
    }
    // quotes are characters of a word
    let replied = typed::InReplyTo(vec!["a\"".to_owned(), "b\"".to_owned()]);
    assert!(HeaderField::try_from(&replied).is_ok());
    let priority = typed::Priority::Other("a\r\nX: y".into());
    let error = HeaderField::try_from(&priority).unwrap_err();
    assert_eq!(error.to_string(), "Priority: malformed");
}
