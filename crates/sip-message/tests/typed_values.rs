//! All other typed values of header fields: what they give, and which forms are refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, parse, request, response, with_lines};
use sip_message::{Credentials, Event, HeaderName, MediaType, SessionId, Warning};

fn texts(values: Vec<&[u8]>) -> Vec<&str> {
    values
        .into_iter()
        .map(|value| std::str::from_utf8(value).unwrap())
        .collect()
}

#[test]
fn numbers_that_do_not_fit_are_malformed() {
    for (line, ok) in [
        ("Max-Forwards: 255", true),
        ("Max-Forwards: 256", false),
        ("Max-Forwards: -1", false),
        ("Max-Forwards: 70 hops", false),
        ("Expires: 1\r\nExpires: 1", false),
        ("Max-Forwards: 1\r\nMax-Forwards: 1", false),
    ] {
        let message = parse(with_lines(&format!("{line}\r\n")));
        let (hops, expires) = (
            message.headers().max_forwards(),
            message.headers().expires(),
        );
        assert_eq!(hops.is_ok() && expires.is_ok(), ok, "{line}");
    }
    for (value, seconds) in [
        ("4294967295", u32::MAX),
        (" \r\n 60", 60),
        ("4294967296", 3600),
        ("", 3600),
        ("soon", 3600),
    ] {
        let message = parse(with_lines(&format!(
            "Expires: {value}\r\nContact: <sip:a@h>;expires={value}\r\n"
        )));
        assert_eq!(message.headers().expires(), Ok(Some(seconds)), "{value}");
        if let Ok(contacts) = message.headers().contacts() {
            assert_eq!(contacts[0].expires(), Some(seconds), "{value}");
        }
    }
    let error = parse(with_lines("Max-Forwards: 70x\r\n"))
        .headers()
        .max_forwards()
        .unwrap_err();
    assert_eq!(error.to_string(), "Max-Forwards: malformed at byte 2");
}

#[test]
fn token_lists_run_over_fields() {
    let (message, response) = (parse(message_bytes()), response(common::RESPONSE));
    assert_eq!(
        texts(message.headers().tokens(&HeaderName::Supported).unwrap()),
        ["timer", "100rel", "path"]
    );
    assert_eq!(
        texts(response.headers().tokens(&HeaderName::Allow).unwrap()),
        ["INVITE", "ACK", "BYE", "MESSAGE"]
    );
    assert!(
        response
            .headers()
            .tokens(&HeaderName::Require)
            .unwrap()
            .is_empty()
    );
    let broken = parse(with_lines("Require: a,,b\r\nSupported:\r\n"));
    let error = broken.headers().tokens(&HeaderName::Require).unwrap_err();
    assert_eq!(error.to_string(), "Require: malformed at byte 2");
    assert!(
        broken
            .headers()
            .tokens(&HeaderName::Supported)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_3gpp_adds_is_typed() {
    let message = parse(message_bytes());
    let headers = message.headers();
    let vector = headers.charging_vector().unwrap().unwrap();
    assert_eq!(
        vector.icid_value().unwrap().as_ref(),
        b"AyretyU0dm+6O2IrT5tAFrbHLso=023551024"
    );
    assert_eq!(vector.orig_ioi().unwrap().as_ref(), b"home1.example");
    assert_eq!(vector.icid_generated_at().unwrap().as_ref(), b"192.0.2.8");
    assert_eq!(vector.term_ioi(), None);
    let accept = headers.accept_contacts().unwrap();
    assert_eq!(accept.len(), 2);
    assert!(accept.iter().all(|one| one.require() && one.explicit()));
    let icsi = accept[0].params().unquoted("+g.3gpp.icsi-ref").unwrap();
    assert_eq!(icsi.as_ref(), b"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt");
    assert!(accept[1].params().contains("+g.3gpp.mcptt"));
    let network = headers.access_network_infos().unwrap();
    assert!(network[0].is("3gpp-e-utran-fdd"));
    let session = headers.session_id().unwrap().unwrap();
    assert_eq!(session.local(), b"ab30317f1a784dc48ff824d0d3715d86");
    assert_eq!(session.remote(), Some(&SessionId::NIL[..]));
}

#[test]
fn session_ids_are_32_lower_case_digits() {
    let id = "ab30317f1a784dc48ff824d0d3715d86";
    assert_eq!(SessionId::parse(id.as_bytes()).unwrap().remote(), None);
    for bad in [
        id[1..].to_owned(),
        format!("{id}0"),
        id.to_uppercase(),
        format!("{id};remote"),
        format!("{id};remote=1"),
        format!("{id};remote={id};remote={id}"),
        format!("{id};remote=\"{id}\""),
    ] {
        assert!(SessionId::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn warnings_reasons_and_retry_after_tell_why() {
    let response = response(common::RESPONSE);
    let warnings = response.headers().warnings().unwrap();
    assert_eq!(
        (warnings[0].code, warnings[0].agent),
        (399, &b"server.example"[..])
    );
    assert_eq!(warnings[0].text.as_ref(), b"first, with \"quotes\"");
    assert_eq!(
        (warnings[1].agent, warnings[1].text.as_ref()),
        (&b"[2001:db8::1]:5060"[..], &b"second"[..])
    );
    assert_eq!(response.headers().retry_after(), Ok(Some(120)));
    for bad in [
        "39 a \"b\"",
        "3999 a \"b\"",
        "1812 a \"b\"",
        "399 \"b\"",
        "399 a b",
        "399 a \"b",
    ] {
        assert!(Warning::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let message = parse(message_bytes());
    let reasons = message.headers().reasons().unwrap();
    assert_eq!(
        (reasons[0].protocol(), reasons[0].cause()),
        (&b"SIP"[..], Some(200))
    );
    assert_eq!(reasons[0].text().unwrap().as_ref(), b"done, well");
    assert_eq!(
        (reasons[1].protocol(), reasons[1].cause()),
        (&b"Q.850"[..], Some(16))
    );
}

#[test]
fn content_and_events_are_typed() {
    let (request, response) = (request(message_bytes()), response(common::RESPONSE));
    let content = request.headers().content_type().unwrap().unwrap();
    assert!(content.is("TEXT", "plain") && !content.is("text", "html"));
    assert_eq!(
        content.params().unquoted("CharSet").unwrap().as_ref(),
        b"utf-8"
    );
    assert_eq!(request.headers().content_length(), Ok(Some(5)));
    let event = response.headers().event().unwrap().unwrap();
    assert_eq!(
        (event.package(), event.id()),
        (&b"presence.winfo"[..], Some(&b"a1"[..]))
    );
    assert!(Event::parse(b"presence winfo").is_err());
    let disposition = response.headers().content_disposition().unwrap().unwrap();
    assert!(disposition.is("render") && disposition.params().contains("handling"));
    assert_eq!(
        texts(response.headers().in_reply_to().unwrap()),
        ["70710@saturn.example.com", "17320@saturn.example.com"]
    );
    assert_eq!(
        (
            response.headers().expires(),
            response.headers().min_expires()
        ),
        (Ok(Some(0)), Ok(Some(60)))
    );
    let accept = parse(with_lines(
        "Accept: application/sdp;level=1, */*;q=0\r\nContent-ID: <a@b>\r\n",
    ));
    assert!(accept.headers().accept().unwrap()[1].is("*", "*"));
    assert_eq!(accept.headers().content_id(), Ok(Some(&b"a@b"[..])));
    for bad in [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain;",
        "text/plain charset=x",
        "a/b;boundary=1;boundary=2",
    ] {
        assert!(MediaType::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert_eq!(
        request.headers().date().unwrap().unwrap().unix_seconds(),
        1_289_690_940
    );
}

#[test]
fn credentials_hold_parameters_or_a_token() {
    let message = parse(message_bytes());
    let digest = message
        .headers()
        .credentials(&HeaderName::Authorization)
        .unwrap()[0];
    assert_eq!(digest.scheme(), b"Digest");
    assert_eq!(
        digest.params().unquoted("realm").unwrap().as_ref(),
        b"home1, example"
    );
    assert_eq!(
        (digest.params().len(), digest.params().get("nc")),
        (7, Some(Some(&b"00000001"[..])))
    );
    let bearer = Credentials::parse(b"Bearer eyJ0eXAi.eyJhdWQi.aG9tZTE_-w==").unwrap();
    assert_eq!(
        bearer.token68(),
        Some(&b"eyJ0eXAi.eyJhdWQi.aG9tZTE_-w=="[..])
    );
    let challenge = Credentials::parse(b"Bearer authz_server=\"https://a/\"").unwrap();
    assert!(challenge.token68().is_none() && challenge.params().contains("authz_server"));
    for bad in [
        "Digest",
        "Digest ",
        "Digest a=b,,c=d",
        "Digest a=b c=d",
        "\"Digest\" a=b",
    ] {
        assert!(Credentials::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

/// RFC 3261 §7.3.1, §20.17.
#[test]
fn a_folded_date_is_a_date() {
    let folded = "Sat,\r\n 13 \r\n\tNov\n 2010\r\n  23:29:00\r\n GMT";
    let message = parse(with_lines(&format!("Date: {folded}\r\n")));
    let seconds = message.headers().date().unwrap().unwrap().unix_seconds();
    assert_eq!(seconds, 1_289_690_940);
    assert_eq!(common_refusal(&format!("Date: {folded}\r\n")), None);
    for bad in [
        "Sat,13 Nov 2010 23:29:00 GMT",
        "Sat,  13 Nov 2010 23:29:00 GMT",
        "Sat,\t13 Nov 2010 23:29:00 GMT",
        "Sat, 13 Nov 2010 23:\r\n 29:00 GMT",
    ] {
        assert!(sip_message::Date::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn common_refusal(lines: &str) -> Option<String> {
    let checked = sip_message::validate::request(&request(with_lines(lines)));
    checked.err().map(|refusal| refusal.to_string())
}

#[test]
fn folding_in_quotes_is_one_blank() {
    let message = parse(with_lines(
        "Warning: 399 h \"two\r\n  lines\"\r\nReason: SIP;text=\"a \r\n\tb\"\r\n\
         Content-Type: multipart/mixed;boundary=\"a\r\n b\"\r\n",
    ));
    let headers = message.headers();
    assert_eq!(headers.warnings().unwrap()[0].text.as_ref(), b"two lines");
    let reason = headers.reasons().unwrap()[0];
    assert_eq!(reason.text().as_deref(), Some(&b"a b"[..]));
    let content_type = headers.content_type().unwrap().unwrap();
    assert_eq!(
        content_type.params().unquoted("boundary").as_deref(),
        Some(&b"a b"[..])
    );
    assert!(reason.params().is("text", "a b"));
}

/// RFC 2045 §5.1: quotes are no part of a value, and values have case but where they are defined otherwise (RFC 2046
/// §4.1.2: charset; §5.1.1: not boundary).
#[test]
fn media_types_are_equal_whatever_their_quotes() {
    let same = |one: &str, other: &str| {
        let (one, other) = (one.as_bytes(), other.as_bytes());
        let (one, other) = (
            MediaType::parse(one).unwrap(),
            MediaType::parse(other).unwrap(),
        );
        assert_eq!(one == other, other == one);
        one == other
    };
    assert!(same(
        "multipart/mixed;boundary=\"b1\"",
        "Multipart/MIXED;Boundary=b1"
    ));
    assert!(same(
        "text/plain;charset=UTF-8",
        "text/plain;charset=\"utf-8\""
    ));
    assert!(same(
        "text/plain;a=\"b\\\"c\";d=e",
        "text/plain;d=\"e\";a=\"\\b\\\"c\""
    ));
    assert!(same(
        "message/external-body;access-type=URL",
        "message/external-body;access-type=url"
    ));
    assert!(!same(
        "multipart/mixed;boundary=b1",
        "multipart/mixed;boundary=B1"
    ));
    assert!(!same("text/plain;charset=utf-8", "text/plain"));
    assert!(!same(
        "text/plain;format=flowed",
        "text/plain;format=Flowed"
    ));
    assert!(!same("text/plain;a=b;c=d", "text/plain;a=d;c=b"));
}
