//! L6: nothing of the inside leaves in a request but the body.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::time::Duration;

use common::gateway::*;
use common::telltales::{head, hides, telltale};
use common::world::{B, Incoming, send, sends};
use common::{ALICE, ALICE_AT_B};
use mcx::MessageKind;
use sip_message::{HeaderName, Limits, Request};

#[test]
fn a_request_that_leaves_is_made_anew() {
    let mut gateway = gateway();
    let request = telltale(leaving());
    let (_, out) = send(&gateway.request(INSIDE, &request));
    hides(head(out.as_bytes()));
    assert_eq!(out.body(), request.body(), "byte for byte");
    let one = |name| String::from_utf8_lossy(out.headers().one(&name).unwrap()).into_owned();
    assert_eq!(out.uri_bytes(), GATEWAY_B.as_bytes());
    assert_eq!(one(HeaderName::To), format!("<{GATEWAY_B}>"));
    assert!(one(HeaderName::From).starts_with(&format!("<{GATEWAY_A}>;tag=")));
    assert_eq!(one(HeaderName::PAssertedIdentity), format!("<{GATEWAY_A}>"));
    assert!(one(HeaderName::CallId).ends_with("@a.mcx.example"));
    assert_eq!(one(HeaderName::CSeq), "1 MESSAGE");
    assert_eq!(one(HeaderName::MaxForwards), "69");
    assert_eq!(
        one(HeaderName::PAssertedService),
        "urn:urn-7:3gpp-service.ims.icsi.mcptt"
    );
    assert_eq!(out.headers().count(&HeaderName::AcceptContact), 2);
    assert!(out.headers().session_id().unwrap().is_some());
    // Nothing else, whatever came in.
    let known = [
        "Max-Forwards",
        "From",
        "To",
        "Call-ID",
        "CSeq",
        "P-Asserted-Identity",
        "P-Asserted-Service",
        "Accept-Contact",
        "Session-ID",
        "P-Charging-Vector",
        "Content-Type",
        "Content-Length",
    ];
    for (name, _) in out.headers().iter() {
        assert!(known.contains(&name.as_str()), "{}", name.as_str());
    }
}

#[test]
fn a_request_that_enters_is_made_anew_too() {
    let mut gateway = gateway();
    let (_, out) = send(&gateway.request(B, &telltale(arriving())));
    let text = String::from_utf8_lossy(head(out.as_bytes())).replace(INSIDE_A, "");
    hides(text.as_bytes());
    assert_eq!(out.uri_bytes(), INSIDE_A.as_bytes());
}

#[test]
fn two_requests_of_one_sender_cannot_be_told_to_be_his() {
    let mut gateway = gateway();
    let first = send(&gateway.request(INSIDE, &telltale(leaving()))).1;
    let second = send(&gateway.request(INSIDE, &telltale(leaving()))).1;
    for name in [HeaderName::CallId, HeaderName::From, HeaderName::SessionId] {
        assert_ne!(
            first.headers().first(&name),
            second.headers().first(&name),
            "{name:?}"
        );
    }
}

#[test]
fn the_charging_id_is_kept_unless_it_names_a_host() {
    let icid = |vector: &str| {
        let mut gateway = gateway();
        let message = leaving().header(&format!("P-Charging-Vector: {vector}"));
        let (_, out) = send(&gateway.request(INSIDE, &message.request()));
        let vector = out.headers().charging_vector().unwrap().unwrap();
        assert_eq!(vector.orig_ioi().unwrap().as_ref(), b"a.mcx.example");
        assert_eq!(vector.icid_generated_at(), None);
        String::from_utf8(vector.icid_value().unwrap().to_vec()).unwrap()
    };
    assert_eq!(icid("icid-value=AyretyU0dm6O2IrT5t"), "AyretyU0dm6O2IrT5t");
    assert_eq!(
        icid("icid-value=\"AyretyU0dm6O2IrT5t\";x=leak"),
        "AyretyU0dm6O2IrT5t"
    );
    for told in ["1234@leak.inside", "1234-leak.inside", "10.9.8.7", "\"\""] {
        let made = icid(&format!("icid-value=\"{}\"", told.trim_matches('"')));
        assert!(made.len() == 32 && !made.contains("leak"), "{made}");
    }
}

#[test]
fn max_forwards_goes_down_by_one() {
    for (before, after) in [
        ("Max-Forwards: 70", "69"),
        ("Max-Forwards: 1", "0"),
        ("X-None: 1", "69"),
        ("Max-Forwards: 255", "254"),
    ] {
        let mut gateway = gateway();
        let (_, out) = send(&gateway.request(INSIDE, &leaving().header(before).request()));
        let text = out.headers().first(&HeaderName::MaxForwards).unwrap();
        assert_eq!(text, after.as_bytes(), "{before}");
    }
}

#[test]
fn the_body_goes_on_byte_for_byte() {
    let document = leaving().body;
    let odd = format!(
        "\nA preamble \u{1f6a8}\n--b\nContent-Type: application/vnd.3gpp.mcptt-info+xml\n\n{document}\n--b\r\n\
         Content-Type: application/pkcs7-signature\r\n\r\n\u{0}\u{1}binary\r\n--b--\r\nepilogue"
    );
    for (media, body) in [
        (leaving().content_type, document.clone()),
        (
            leaving().content_type,
            document.replace('\n', "\r\n ") + "\n\n<!-- -->",
        ),
        ("multipart/mixed;boundary=\"b\"".into(), odd),
    ] {
        let mut gateway = gateway();
        let message = Incoming {
            content_type: media,
            body,
            ..leaving()
        };
        let request = message.request();
        let (_, out) = send(&gateway.request(INSIDE, &request));
        assert_eq!(out.body(), request.body());
        // What comes out can be read as what went in.
        let found = |r: &Request| {
            let (profile, limits) = (mcx::Profile::default(), Limits::default());
            let bounds = mcx::document::Bounds::default();
            mcx::document::documents(r.headers(), r.body(), &profile, &limits, bounds).unwrap()
        };
        assert_eq!(found(&out), found(&request));
    }
}

#[test]
fn parameters_of_the_content_type_stay_behind() {
    let media = "application/vnd.3gpp.mcptt-info+xml";
    for (before, after) in [
        (format!("{media};x=leak"), media.to_owned()),
        (
            "multipart/mixed;x=leak;boundary=\"b 1\"".into(),
            "multipart/mixed;boundary=\"b 1\"".into(),
        ),
    ] {
        let mut gateway = gateway();
        let body = match before.starts_with("multipart") {
            true => format!(
                "--b 1\r\nContent-Type: {media}\r\n\r\n{}\r\n--b 1--\r\n",
                leaving().body
            ),
            false => leaving().body,
        };
        let message = Incoming {
            content_type: before,
            body,
            ..leaving()
        };
        let (_, out) = send(&gateway.request(INSIDE, &message.request()));
        hides(head(out.as_bytes()));
        let content_type = out.headers().one(&HeaderName::ContentType).unwrap();
        assert_eq!(String::from_utf8_lossy(content_type), after);
    }
}

#[test]
fn in_reply_to_is_translated_and_forgotten() {
    let request = MessageKind::AuthorizationRequest;
    let response = MessageKind::AuthorizationResponse;
    let mut gateway = gateway();
    let asked = says(GATEWAY_B, request, ALICE, Some(ALICE_AT_B));
    let (_, inner) = send(&gateway.request(B, &asked.request()));
    let ours = String::from_utf8(inner.headers().call_id().unwrap().to_vec()).unwrap();
    let says = |line: String| says(INSIDE_A, response, ALICE, Some(ALICE_AT_B)).header(&line);
    let mut passes = |line: String| {
        let out = gateway.request(INSIDE, &says(line).request());
        let (_, _, request) = sends(&out).remove(0);
        let value = request.headers().first(&HeaderName::InReplyTo);
        value.map(|v| String::from_utf8_lossy(v).into_owned())
    };
    assert_eq!(
        passes(format!("In-Reply-To: {ours}")).as_deref(),
        Some("call@x.example")
    );
    assert_eq!(passes("In-Reply-To: leak-unknown@inside".into()), None);
    assert_eq!(passes("X-None: 1".into()), None);
    gateway.after(Duration::from_secs(64));
    let other = common::gateway::says(
        GATEWAY_B,
        request,
        "sip:eve@a.mcx.example",
        Some(ALICE_AT_B),
    );
    gateway.request(B, &other.request());
    let out = gateway.request(INSIDE, &says(format!("In-Reply-To: {ours}")).request());
    let (_, _, late) = sends(&out).remove(0);
    assert!(
        !late.headers().contains(&HeaderName::InReplyTo),
        "nobody waits any more"
    );
}
