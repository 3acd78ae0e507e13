//! Who asks, for which service, with what software and how urgently.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{parse, with_lines};
use sip_message::{
    Event, HeaderName, MediaType, Message, NameAddr, Product, ResourcePriority, SessionId,
    ValueErrorKind,
};

fn message(lines: &str) -> Message {
    parse(with_lines(&format!("{lines}\r\n")))
}

#[test]
fn services_are_urns_in_a_list() {
    let icsi = "urn:urn-7:3gpp-service.ims.icsi.mcptt";
    let message = message(&format!(
        "P-Asserted-Service: {icsi} , {icsi}.x\r\nP-Asserted-Service: {icsi}.y\r\nP-Preferred-Service: {icsi}"
    ));
    let asserted = message.headers().p_asserted_services().unwrap();
    assert_eq!(asserted.len(), 3);
    assert_eq!(asserted[0].as_bytes(), icsi.as_bytes());
    let preferred = message.headers().p_preferred_services().unwrap();
    assert!(preferred[0].equivalent(&asserted[0]) && !preferred[0].equivalent(&asserted[1]));
    let broken = self::message("P-Asserted-Service: <urn:x:y>");
    let error = broken.headers().p_asserted_services().unwrap_err();
    assert_eq!(error.to_string(), "P-Asserted-Service: malformed at byte 0");
}

#[test]
fn visited_networks_are_tokens_or_quoted() {
    let message = message("P-Visited-Network-ID: other.net;a=1, \"Visited, number \\\"1\\\"\"");
    let networks = message.headers().visited_networks().unwrap();
    let ids: Vec<_> = networks.iter().map(|network| network.id()).collect();
    assert_eq!(ids, [&b"other.net"[..], b"Visited, number \"1\""]);
    assert_eq!(networks[0].params().get("a"), Some(Some(&b"1"[..])));
    assert!(
        self::message("P-Visited-Network-ID: a b")
            .headers()
            .visited_networks()
            .is_err()
    );
}

#[test]
fn history_has_an_index() {
    let message = message(
        "History-Info: <sip:bob@example.org>;index=1, \"Bob\" <sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
    );
    let history = message.headers().history_info().unwrap();
    assert_eq!(
        history
            .iter()
            .map(|entry| entry.index())
            .collect::<Vec<_>>(),
        [&b"1"[..], b"1.1"]
    );
    assert_eq!(history[1].came_from(), Some(("rc", &b"1"[..])));
    assert_eq!(history[0].came_from(), None);
    assert_eq!(history[1].target().uri().headers().len(), 1);
    for bad in [
        "<sip:a@h>",
        "<sip:a@h>;index",
        "<sip:a@h>;index=1..2",
        "<sip:a@h>;index=a",
    ] {
        let message = self::message(&format!("History-Info: {bad}"));
        let error = message.headers().history_info().unwrap_err();
        assert_eq!(error.header(), Some(&HeaderName::HistoryInfo), "{bad}");
        assert_eq!(error.kind, ValueErrorKind::Malformed, "{bad}");
    }
}

#[test]
fn software_names_itself() {
    let message = message("User-Agent: SoftPhone/1.0 beta (on (some) host) SDK / 2\r\nServer: x");
    let products = message.headers().user_agent().unwrap().unwrap();
    let product = |name, version| Product::Product { name, version };
    assert_eq!(
        products,
        [
            product(&b"SoftPhone"[..], Some(&b"1.0"[..])),
            product(b"beta", None),
            Product::Comment(b"(on (some) host)"),
            product(b"SDK", Some(b"2")),
        ]
    );
    let server = message.headers().server().unwrap().unwrap();
    assert_eq!(server, [product(&b"x"[..], None)]);
    for bad in ["", "a/", "/1", "a(b)", "(open", "a,b"] {
        let message = self::message(&format!("Server: {bad}"));
        assert!(message.headers().server().is_err(), "{bad}");
    }
    let many = self::message(&format!("Server: {}", "a ".repeat(300)));
    assert!(many.headers().server().is_err());
    let twice = self::message("Server: a\r\nServer: b");
    let error = twice.headers().server().unwrap_err();
    assert_eq!(error.to_string(), "Server: more than one");
}

#[test]
fn priorities_have_a_namespace() {
    let message = message("Resource-Priority: mcpttp.5, ESNET.1\r\nPriority: emergency");
    let wanted = message.headers().resource_priorities().unwrap();
    assert_eq!(
        (wanted[0].namespace(), wanted[0].priority()),
        (&b"mcpttp"[..], &b"5"[..])
    );
    assert_eq!(wanted[1], ResourcePriority::parse(b"esnet.1").unwrap());
    assert_eq!(message.headers().priority(), Ok(Some(&b"emergency"[..])));
    for bad in ["a", "a.b.c", ".b", "a.", "a b.c"] {
        assert!(ResourcePriority::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let error = self::message("Priority: a b")
        .headers()
        .priority()
        .map(|_| ());
    assert_eq!(
        error.unwrap_err().to_string(),
        "Priority: malformed at byte 1"
    );
}

#[test]
fn lists_of_tokens_have_names() {
    let message = message(
        "Require: a\r\nProxy-Require: b\r\nUnsupported: c, d\r\nSupported:\r\nAllow: MESSAGE\r\ne: gzip\r\nSIP-ETag: x1\r\nSIP-If-Match: x0",
    );
    let headers = message.headers();
    assert_eq!(headers.require().unwrap(), [b"a"]);
    assert_eq!(headers.proxy_require().unwrap(), [b"b"]);
    assert_eq!(headers.unsupported().unwrap(), [b"c", b"d"]);
    assert!(headers.supported().unwrap().is_empty());
    assert_eq!(headers.allow().unwrap(), [b"MESSAGE"]);
    assert_eq!(headers.content_encodings().unwrap(), [b"gzip"]);
    assert_eq!(headers.sip_etag(), Ok(Some(&b"x1"[..])));
    assert_eq!(headers.sip_if_match(), Ok(Some(&b"x0"[..])));
}

#[test]
fn routes_of_registration_and_service() {
    let message = message("Path: <sip:p2;lr>,<sip:p1;lr>\r\nService-Route: <sip:s;lr>");
    assert_eq!(message.headers().paths().unwrap().len(), 2);
    let service = message.headers().service_routes().unwrap();
    assert_eq!(service[0].uri_bytes(), b"sip:s;lr");
}

#[test]
fn credentials_have_names_and_a_bound() {
    let message = message(
        "Authorization: Bearer abc==\r\nProxy-Authorization: Digest username=\"a\"\r\nWWW-Authenticate: Digest realm=\"r\"\r\nProxy-Authenticate: Digest realm=\"p\"",
    );
    let headers = message.headers();
    assert_eq!(
        headers.authorizations().unwrap()[0].token68(),
        Some(&b"abc=="[..])
    );
    assert_eq!(
        headers.proxy_authorizations().unwrap()[0]
            .params()
            .unquoted("username")
            .unwrap()
            .as_ref(),
        b"a"
    );
    assert_eq!(
        headers.www_authenticates().unwrap()[0]
            .params()
            .unquoted("realm")
            .unwrap()
            .as_ref(),
        b"r"
    );
    assert_eq!(
        headers.proxy_authenticates().unwrap()[0].scheme(),
        b"Digest"
    );
}

#[test]
fn values_are_equal_by_their_own_rules() {
    let media = |text: &'static str| MediaType::parse(text.as_bytes()).unwrap();
    assert_eq!(
        media("Text/Plain;Charset=UTF-8"),
        media("text/plain ; charset=utf-8")
    );
    assert_ne!(media("text/plain;charset=utf-8"), media("text/plain"));
    let event = |text: &'static str| Event::parse(text.as_bytes()).unwrap();
    assert_eq!(event("presence;id=1;x=y"), event("presence;id=1"));
    assert_ne!(event("presence;id=1"), event("presence"));
    assert_ne!(event("presence"), event("Presence"));

    let address = |text: &'static str| NameAddr::parse(text.as_bytes()).unwrap();
    for (one, other, same) in [
        ("Ann <sip:a@H>;tag=1", "sip:a@h;tag=1", true),
        ("<sip:a@h>;tag=1;x=y", "<sip:a@h>;tag=1", true),
        ("<sip:a@h>;tag=1;x=y", "<sip:a@h>;tag=1;X=Y", true),
        ("<sip:a@h>;tag=1;x=y", "<sip:a@h>;tag=1;x=z", false),
        ("<sip:a@h>;tag=1", "<sip:a@h>", false),
        ("<sip:a@h>;tag=1", "<sip:a@h>;tag=2", false),
        ("<sip:a@h>", "<sip:b@h>", false),
    ] {
        assert_eq!(
            address(one).equivalent(&address(other)),
            same,
            "{one} {other}"
        );
        assert_eq!(
            address(other).equivalent(&address(one)),
            same,
            "{one} {other}"
        );
    }
}

#[test]
fn a_session_has_two_sides_in_any_order() {
    const A: &str = "ab30317f1a784dc48ff824d0d3715d86";
    const B: &str = "47755a9de7794ba387653f2099600ef2";
    const C: &str = "00000000000000000000000000000001";
    let nil = std::str::from_utf8(SessionId::NIL).unwrap();
    let same = |one: &str, other: &str| {
        let one = SessionId::parse(one.as_bytes()).unwrap();
        let other = SessionId::parse(other.as_bytes()).unwrap();
        assert_eq!(one.same_session(&other), other.same_session(&one));
        one.same_session(&other)
    };
    assert!(same(&format!("{A};remote={B}"), &format!("{B};remote={A}")));
    assert!(same(&format!("{A};remote={B}"), &format!("{A};remote={B}")));
    assert!(same(
        &format!("{A};remote={nil}"),
        &format!("{B};remote={A}")
    ));
    assert!(same(A, &format!("{A};remote={B}")));
    assert!(!same(
        &format!("{A};remote={B}"),
        &format!("{A};remote={C}")
    ));
    assert!(!same(
        &format!("{A};remote={nil}"),
        &format!("{B};remote={nil}")
    ));
    assert!(!same(
        &format!("{A};remote={B}"),
        &format!("{C};remote={nil}")
    ));
}

/// RFC 3261 §25.1: `callid = word [ "@" word ]`, and a word has quotes and brackets.
#[test]
fn call_ids_have_quotes_and_brackets_and_lists_of_them_no_other_commas() {
    let ids = "a\"b, c\"d@<h , <x>@y,\"q\"";
    let message = message(&format!("In-Reply-To: {ids}\r\nIn-Reply-To: <"));
    let headers = message.headers();
    let all: [&[u8]; 5] = [b"a\"b", b"c\"d@<h", b"<x>@y", b"\"q\"", b"<"];
    assert_eq!(headers.in_reply_to().unwrap(), all);
    assert!(headers.items(&HeaderName::InReplyTo).eq(all));
    let request = message.request().unwrap();
    let popped = request.edit().pop(&HeaderName::InReplyTo).finish().unwrap();
    assert_eq!(popped.headers().in_reply_to().unwrap(), all[1..]);
    let error = self::message("In-Reply-To: a, b@c@d")
        .headers()
        .in_reply_to()
        .unwrap_err();
    assert_eq!(error.to_string(), "In-Reply-To: malformed at byte 6");
}

/// RFC 3261 §25.1 and the grammars of the extensions: which lists may have no item.
#[test]
fn a_list_is_empty_where_its_grammar_has_an_empty_one() {
    for name in [
        "Accept",
        "Supported",
        "Allow",
        "Accept-Encoding",
        "k",
        "Recv-Info",
    ] {
        let message = message(&format!("{name}:"));
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert_eq!(message.headers().tokens(&name), Ok(vec![]), "{name}");
        assert_eq!(message.headers().items(&name).count(), 0);
    }
    assert_eq!(message("Accept: ").headers().accept(), Ok(vec![]));
    let unknown = HeaderName::from_bytes(b"X-Own").unwrap();
    assert_eq!(message("X-Own:").headers().tokens(&unknown), Ok(vec![]));
    for name in [
        "Require",
        "Proxy-Require",
        "Unsupported",
        "Content-Encoding",
    ] {
        let message = message(&format!("{name}: \r\n "));
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let error = message.headers().tokens(&name).unwrap_err();
        assert_eq!(error.to_string(), format!("{name}: malformed at byte 0"));
    }
    for name in [
        "Contact",
        "Route",
        "Record-Route",
        "Path",
        "P-Asserted-Identity",
    ] {
        let message = message(&format!("{name}:"));
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        assert!(message.headers().addresses(&name).is_err(), "{name}");
    }
    assert!(message("Contact:").headers().contacts().is_err());
    assert!(message("Warning:").headers().warnings().is_err());
    assert!(message("In-Reply-To:").headers().in_reply_to().is_err());
}
