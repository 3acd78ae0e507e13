//! The table "What rsip cannot hold" of the module's page, line by line, and what the page says beside it.

use bytes::Bytes;
use rsip::typed;
use sip_message::rsip::{ConversionError, ConversionErrorKind as Kind, HeaderField};
use sip_message::{
    CSeq, HeaderName, Host, Limits, MediaType, Message, Method, NameAddr, ParameterizedToken,
    Request, Response, StatusCode, Subject, Uri, ValueErrorKind, Via, Warning,
};

fn assert_error<T: std::fmt::Debug>(
    converted: Result<T, ConversionError>,
    subject: Subject,
    kind: Kind,
) {
    assert_eq!(converted.unwrap_err(), ConversionError { subject, kind });
}

fn header(name: HeaderName) -> Subject {
    Subject::Header(name)
}

fn uri(text: &str) -> Result<rsip::Uri, ConversionError> {
    rsip::Uri::try_from(&Uri::parse(text.as_bytes()).unwrap())
}

fn via(text: &str) -> Result<typed::Via, ConversionError> {
    typed::Via::try_from(&Via::parse(text.as_bytes()).unwrap())
}

fn parse(text: &str) -> Message {
    let text = Bytes::copy_from_slice(text.as_bytes());
    Message::parse_datagram(text, &Limits::default()).unwrap()
}

const REST: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    From: <sip:a@example.org>;tag=1\r\n\
    To: <sip:b@example.org>;tag=2\r\n\
    Call-ID: 1@192.0.2.1\r\n\
    CSeq: 1 OPTIONS\r\n";

#[test]
fn strings_hold_utf8_only() {
    let field = HeaderField::from((HeaderName::Subject, &b"\xff"[..]));
    assert_error(
        rsip::Header::try_from(&field),
        header(HeaderName::Subject),
        Kind::NotUtf8,
    );
    let to = NameAddr::parse(b"\"\xff\" <sip:b@example.org>").unwrap();
    assert_error(
        typed::To::try_from(&to),
        header(HeaderName::To),
        Kind::NotUtf8,
    );
    assert_error(
        rsip::Host::try_from(&Host::Name(b"\xff")),
        Subject::Value("host"),
        Kind::NotUtf8,
    );
}

#[test]
fn methods_are_fourteen_and_written_in_capitals() {
    for theirs in rsip::Method::all() {
        let ours = Method::from(theirs);
        assert!(!matches!(ours, Method::Other(_)), "{ours}");
        assert_eq!(ours.to_string(), theirs.to_string());
        assert_eq!(rsip::Method::try_from(&ours), Ok(theirs));
        let by_hand = Method::Other(Bytes::copy_from_slice(ours.as_bytes()));
        assert_eq!(rsip::Method::try_from(&by_hand), Ok(theirs));
    }
    for name in [&b"FOO"[..], b"invite"] {
        let method = Method::from_bytes(name).unwrap();
        assert_error(
            rsip::Method::try_from(&method),
            Subject::Method,
            Kind::Method,
        );
        let cseq = CSeq {
            number: 1,
            method: name,
        };
        assert_error(
            typed::CSeq::try_from(&cseq),
            header(HeaderName::CSeq),
            Kind::Method,
        );
    }
    assert_error(
        uri("sip:a.example;method=FOO"),
        Subject::Value("URI"),
        Kind::Method,
    );
}

#[test]
fn transports_are_seven() {
    for transport in rsip::Transport::all() {
        let text = format!("SIP/2.0/{} a.example", transport.to_string().to_lowercase());
        assert_eq!(via(&text).unwrap().transport, transport);
    }
    assert_error(
        via("SIP/2.0/X a.example"),
        header(HeaderName::Via),
        Kind::Transport,
    );
    assert_error(
        uri("sip:a.example;transport=x"),
        Subject::Value("URI"),
        Kind::Transport,
    );
}

#[test]
fn versions_are_two() {
    assert_eq!(
        via("SIP/1.0/UDP a.example").unwrap().version,
        rsip::Version::V1
    );
    for other in ["SIP/3.0/UDP a.example", "X/2.0/UDP a.example"] {
        assert_error(via(other), header(HeaderName::Via), Kind::Version);
    }
    let version = Subject::Value("SIP-Version");
    let request = parse(&format!("OPTIONS sip:a.example SIP/1.0\r\n{REST}\r\n"));
    assert_error(
        rsip::SipMessage::try_from(&request),
        version.clone(),
        Kind::Version,
    );
    let response = parse(&format!("SIP/7.0 200 OK\r\n{REST}\r\n"));
    assert_error(
        rsip::SipMessage::try_from(&response),
        version,
        Kind::Version,
    );
}

#[test]
fn uris_are_sip_or_sips_and_have_no_headers() {
    for other in ["tel:+12015550123", "urn:service:sos", "http://a.example/"] {
        assert_error(uri(other), Subject::Value("URI"), Kind::Scheme);
        let request = parse(&format!("OPTIONS {other} SIP/2.0\r\n{REST}\r\n"));
        assert_error(
            rsip::SipMessage::try_from(&request),
            Subject::RequestUri,
            Kind::Scheme,
        );
        let from = format!("<{other}>;tag=1");
        assert_error(
            typed::From::try_from(&NameAddr::parse(from.as_bytes()).unwrap()),
            header(HeaderName::From),
            Kind::Scheme,
        );
    }
    assert_error(
        uri("sip:a.example?Subject=x"),
        Subject::Value("URI"),
        Kind::UriHeaders,
    );
    let uri = uri("SIPS:j.user:s%41@A.example:05061;lr;TRANSPORT=Tcp;x=%5b").unwrap();
    assert_eq!(uri.scheme, Some(rsip::Scheme::Sips));
    assert_eq!(uri.auth, Some(("j.user", Some("s%41")).into()));
    assert_eq!(
        uri.to_string(),
        "sips:j.user:s%41@A.example:5061;lr;transport=TCP;x=%5b"
    );
}

#[test]
fn routes_have_no_display_name_and_reply_to_has_none() {
    let message = parse(&format!(
        "OPTIONS sip:a.example SIP/2.0\r\n{REST}\
         Route: <sip:p1.example;lr>, <sip:p2.example;lr>;x\r\n\
         Route: <sip:p3.example>\r\n\
         Record-Route: P <sip:p4.example>\r\n\r\n"
    ));
    let headers = message.headers();
    let route = typed::Route::try_from(headers).unwrap();
    assert_eq!(
        route.to_string(),
        "<sip:p1.example;lr>,<sip:p2.example;lr>;x,<sip:p3.example>"
    );
    let back = HeaderField::try_from(&route).unwrap();
    assert_eq!(
        back.value,
        b"<sip:p1.example;lr>, <sip:p2.example;lr>;x, <sip:p3.example>"
    );
    assert_error(
        typed::RecordRoute::try_from(headers),
        header(HeaderName::RecordRoute),
        Kind::DisplayName,
    );
    let address = NameAddr::parse(b"R <sip:b@example.org>").unwrap();
    assert_error(
        typed::ReplyTo::try_from(&address),
        header(HeaderName::ReplyTo),
        Kind::DisplayName,
    );
    let address = NameAddr::parse(b"<sip:b@example.org>;x=1").unwrap();
    let back = HeaderField::try_from(&typed::ReplyTo::try_from(&address).unwrap()).unwrap();
    assert_eq!(back.value, b"<sip:b@example.org>;x=1");
}

#[test]
fn parameters_of_media_types_have_values() {
    let media = MediaType::parse(b"Application/SDP;x=1;y=\"a \\\"b\\\"\"").unwrap();
    let theirs = typed::ContentType::try_from(&media).unwrap();
    assert_eq!(
        theirs.0,
        typed::MediaType::Sdp(vec![("x", "1").into(), ("y", "a \"b\"").into()])
    );
    let back = HeaderField::try_from(&theirs).unwrap();
    assert_eq!(back.value, br#"application/sdp;x=1;y="a \"b\"""#);
    let media = MediaType::parse(b"a/b;x").unwrap();
    assert_error(
        typed::ContentType::try_from(&media),
        header(HeaderName::ContentType),
        Kind::NoValue,
    );
    let disposition = ParameterizedToken::parse(b"Render;handling=optional").unwrap();
    let theirs = typed::ContentDisposition::try_from(&disposition).unwrap();
    let back = HeaderField::try_from(&theirs).unwrap();
    assert_eq!(back.value, b"render;handling=optional");
    let disposition = ParameterizedToken::parse(b"session;x").unwrap();
    assert_error(
        typed::ContentDisposition::try_from(&disposition),
        header(HeaderName::ContentDisposition),
        Kind::NoValue,
    );
}

#[test]
fn warnings_come_from_hosts() {
    for text in [
        "399 a.example \"x\"",
        "399 a.example:5060 \"x \\\"y\\\"\"",
        "399 [2001:db8::1]:5060 \"\"",
    ] {
        let warning = Warning::parse(text.as_bytes()).unwrap();
        let theirs = typed::Warning::try_from(&warning).unwrap();
        let back = HeaderField::try_from(&theirs).unwrap();
        assert_eq!(back.value, text.as_bytes());
    }
    let warning = Warning::parse(b"399 ~pseudonym \"x\"").unwrap();
    assert_error(
        typed::Warning::try_from(&warning),
        header(HeaderName::Warning),
        Kind::Host,
    );
}

#[test]
fn a_message_cut_short_is_not_passed_off_as_whole() {
    let short = parse(&format!(
        "OPTIONS sip:a.example SIP/2.0\r\n{REST}Content-Type: a/b\r\nContent-Length: 9\r\n\r\nx"
    ));
    assert_error(
        rsip::SipMessage::try_from(&short),
        Subject::Value("message"),
        Kind::Truncated,
    );
}

#[test]
fn what_is_malformed_is_not_mended_on_the_way() {
    let blanks = parse(&format!("OPTIONS  sip:a.example SIP/2.0\r\n{REST}\r\n"));
    let malformed = Kind::Value(ValueErrorKind::Malformed);
    assert_error(
        rsip::SipMessage::try_from(&blanks),
        Subject::Value("Request-Line"),
        malformed.clone(),
    );
    let torn = format!("OPTIONS sip:a.example SIP/2.0\r\n{REST}no header line\r\n\r\n");
    let torn = Message::parse_datagram(torn.into(), &Limits::default()).unwrap_err();
    assert_error(
        rsip::Request::try_from(torn.answerable().unwrap()),
        Subject::Value("message"),
        malformed,
    );
}

#[test]
fn reason_phrases_stay_where_the_code_has_no_name() {
    let response = |line: &str| match parse(&format!("SIP/2.0 {line}\r\n{REST}\r\n")) {
        Message::Response(response) => response,
        Message::Request(_) => unreachable!("a status line"),
    };
    let there = |line: &str| rsip::Response::try_from(&response(line));
    let back = |line: &str| Response::try_from(&there(line).unwrap()).unwrap();
    assert_eq!(back("200 Fine").reason(), b"OK");
    assert_eq!(back("202 Fine").reason(), b"Fine");
    assert_eq!(back("299").reason(), b"");
    assert_eq!(there("200 Fine").unwrap().status_code, rsip::StatusCode::OK);
    for code in 100..700 {
        let ours = StatusCode::new(code).unwrap();
        let theirs = rsip::StatusCode::from(ours);
        assert_eq!(theirs.code(), code);
        assert_eq!(StatusCode::try_from(&theirs), Ok(ours));
    }
    let beyond = rsip::StatusCode::Other(700, String::new());
    assert!(StatusCode::try_from(&beyond).is_err());
}

#[test]
fn what_rsip_prints_wrong_we_print_right() {
    let v6 = uri("sip:[2001:db8::1]:5060").unwrap();
    assert_eq!(v6.to_string(), "sip:2001:db8::1:5060");
    let message = parse(&format!(
        "OPTIONS sip:[2001:db8::1] SIP/2.0\r\n{REST}Content-Type: a/b;c=\"d;e\"\r\n\r\n"
    ));
    let Message::Request(request) = message else {
        unreachable!("a request line");
    };
    let mut theirs = rsip::Request::try_from(&request).unwrap();
    theirs.body = vec![0xff];
    assert!(theirs.to_string().ends_with('\u{fffd}'));
    let ours = Request::try_from(&theirs).unwrap();
    assert_eq!(ours.uri_bytes(), b"sip:[2001:db8::1]");
    assert_eq!(ours.body().as_ref(), b"\xff");
    let media = request.headers().content_type().unwrap().unwrap();
    let media = typed::ContentType::try_from(&media).unwrap();
    assert_eq!(media.to_string(), "a/b; c=d;e");
    let back = HeaderField::try_from(&media).unwrap();
    assert_eq!(back.value, b"a/b;c=\"d;e\"");
}

#[test]
fn lists_of_a_message_become_one_value() {
    let message = parse(&format!(
        "OPTIONS sip:a.example SIP/2.0\r\n{REST}\
         Allow: ACK, PRACK\r\n\
         Allow: MESSAGE\r\n\
         Accept: application/sdp;q=0.3,\r\n */*\r\n\
         In-Reply-To: 1@a.example\r\n\
         In-Reply-To: 2\r\n\
         Priority: Urgent\r\n\r\n"
    ));
    let allow = typed::Allow::try_from(message.headers()).unwrap();
    assert_eq!(HeaderField::from(&allow).value, b"ACK, PRACK, MESSAGE");
    let accept = typed::Accept::try_from(message.headers()).unwrap();
    let back = HeaderField::try_from(&accept).unwrap();
    assert_eq!(back.value, b"application/sdp;q=0.3, */*");
    let replied = typed::InReplyTo::try_from(message.headers()).unwrap();
    let back = HeaderField::try_from(&replied).unwrap();
    assert_eq!(back.value, b"1@a.example, 2");
    let priority = typed::Priority::try_from(message.headers()).unwrap();
    assert_eq!(priority, typed::Priority::Urgent);
    let back = HeaderField::try_from(&priority).unwrap();
    assert_eq!(back.value, b"urgent");
    let bare = parse(&format!("OPTIONS sip:a.example SIP/2.0\r\n{REST}\r\n"));
    let missing = Kind::Value(ValueErrorKind::Missing);
    assert_error(
        typed::Accept::try_from(bare.headers()),
        header(HeaderName::Accept),
        missing.clone(),
    );
    assert_error(
        typed::Route::try_from(bare.headers()),
        header(HeaderName::Route),
        missing,
    );
    let message = parse(&format!(
        "OPTIONS sip:a.example SIP/2.0\r\n{REST}Allow: ACK, FOO\r\nAccept: a/b;c\r\n\r\n"
    ));
    assert_error(
        typed::Allow::try_from(message.headers()),
        header(HeaderName::Allow),
        Kind::Method,
    );
    assert_error(
        typed::Accept::try_from(message.headers()),
        header(HeaderName::Accept),
        Kind::NoValue,
    );
}
