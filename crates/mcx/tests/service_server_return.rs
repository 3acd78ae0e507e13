//! P1 at the primary: what a client's service authorization starts, and when it is answered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::commands::{allow, home, moved, owed, run};
use common::tokens::{IDMS_B_KEY, claims, sign, sign_with};
use common::world::*;
use common::{ALICE, ALICE_AT_B, BOB};
use mcx::document::Document;
use mcx::{Effect, MessageKind, Service, ServiceServer};
use serde_json::json;
use sip_message::HeaderName;

fn document(token: String) -> String {
    xml(&Document {
        access_token: Some(token),
        ..Document::default()
    })
}

/// Alice publishes with a good token.
fn publish() -> Incoming {
    Incoming::event("PUBLISH", &document(sign(&claims(ALICE))))
}

/// A's server while Alice is at B.
fn alice_at_b() -> Bench<ServiceServer> {
    let mut bench = Bench::server(server_a());
    run(&mut bench.rows, &allow("b", 1));
    run(&mut bench.rows, &moved("b", Some(1), 1));
    common::commands::deliver_all(&mut bench.rows);
    bench
}

#[test]
fn success_is_answered_only_after_it_is_durable() {
    let mut bench = alice_at_b();
    let out = bench.request(CORE, &publish().request());
    assert!(responses(&out).is_empty() && sends(&out).is_empty());
    assert_eq!(batches(&out).len(), 1);
    let out = bench.store(out);
    assert_eq!(response(&out).status().as_u16(), 200);
    let (_, notification) = send(&out);
    let before = |e: &Effect| matches!(e, Effect::Respond { .. } | Effect::Send { .. });
    assert!(matches!(
        out.iter().find(|e| before(e)),
        Some(Effect::Respond { .. })
    ));

    let found = Document::read(
        notification.body(),
        &common::profile(Service::Mcptt),
        mcx::document::Bounds::default(),
    )
    .unwrap();
    assert_eq!(found.kind, Some(MessageKind::DeauthorizationNotification));
    assert_eq!(found.request_uri.as_deref(), Some(ALICE));
    assert_eq!(found.primary_id.as_deref(), Some(ALICE));
    assert_eq!(found.partner_id.as_deref(), Some(ALICE_AT_B));
    assert_eq!(found.stay_number(), Some(1));
    assert!(found.procedure().is_some());
}

#[test]
fn the_notification_has_the_header_fields_of_the_profile() {
    let mut config = server_a();
    config.systems.partners[0].peer.route = vec!["<sip:proxy.a.mcx.example;lr>".into()];
    let mut bench = Bench::server(config);
    run(&mut bench.rows, &allow("b", 1));
    common::commands::deliver_all(&mut bench.rows);
    let out = bench.exchange(CORE, &publish().request());
    let (_, request) = send(&out);
    let headers = request.headers();
    let all = |name: HeaderName| -> Vec<String> {
        let text = |v: &[u8]| String::from_utf8_lossy(v).into_owned();
        headers.all(&name).map(text).collect()
    };
    assert_eq!(request.uri_bytes(), SERVER_B.as_bytes());
    assert_eq!(all(HeaderName::To), [format!("<{SERVER_B}>")]);
    assert!(all(HeaderName::From)[0].starts_with(&format!("<{SERVER_A}>;tag=")));
    assert_eq!(
        all(HeaderName::PAssertedIdentity),
        [format!("<{SERVER_A}>")]
    );
    let icsi = "urn:urn-7:3gpp-service.ims.icsi.mcptt";
    assert_eq!(all(HeaderName::PAssertedService), [icsi]);
    assert_eq!(
        all(HeaderName::AcceptContact),
        [
            "*;+g.3gpp.mcptt;require;explicit",
            "*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit"
        ]
    );
    assert_eq!(all(HeaderName::MaxForwards), ["70"]);
    assert_eq!(all(HeaderName::CSeq), ["1 MESSAGE"]);
    assert_eq!(all(HeaderName::Route), ["<sip:proxy.a.mcx.example;lr>"]);
    assert!(headers.session_id().unwrap().is_some());
    let vector = headers.charging_vector().unwrap().unwrap();
    assert!(vector.icid_value().is_some());
    let media = "application/vnd.3gpp.mcptt-info+xml";
    assert_eq!(all(HeaderName::ContentType), [media]);
    assert!(
        sip_message::validate::request(&request.with_via("SIP/2.0/UDP h;branch=z9hG4bKx")).is_ok()
    );
}

#[test]
fn a_store_that_fails_is_503_and_nothing_is_sent() {
    let mut bench = alice_at_b();
    let out = bench.request(CORE, &publish().request());
    let (id, _) = batches(&out).remove(0);
    let out = bench.store_fails(id);
    let response = response(&out);
    assert_eq!(response.status().as_u16(), 503);
    assert!(response.headers().retry_after().unwrap().is_some());
    assert!(sends(&out).is_empty() && batches(&out).is_empty());
    assert!(
        bench
            .after(std::time::Duration::from_secs(600))
            .iter()
            .all(|e| matches!(e, Effect::Decide(_)))
    );
    // The client comes again.
    let out = bench.exchange(CORE, &publish().request());
    assert_eq!(sends(&out).len(), 1);
}

#[test]
fn a_user_who_had_not_migrated_starts_nothing() {
    let mut bench = Bench::server(server_a());
    let out = bench.exchange(CORE, &publish().request());
    assert_eq!(response(&out).status().as_u16(), 200);
    assert!(sends(&out).is_empty() && bench.rows.outbox.is_empty());
}

#[test]
fn a_publication_is_answered_with_entity_tag_and_expiry() {
    let mut bench = Bench::server(server_a());
    let first = response(&bench.exchange(CORE, &publish().header("Expires: 600").request()));
    let tag = value(&first, HeaderName::SipEtag).unwrap();
    assert_eq!(value(&first, HeaderName::Expires).as_deref(), Some("600"));
    let line = format!("SIP-If-Match: {tag}");
    let refresh = |cseq: u32| {
        let publish = publish().header(&line).request();
        let text = String::from_utf8(publish.as_bytes().to_vec()).unwrap();
        let text = text.replace("CSeq: 7", &format!("CSeq: {cseq}"));
        match sip_message::Message::parse_datagram(text.into(), &Default::default()) {
            Ok(sip_message::Message::Request(request)) => request,
            _ => unreachable!(),
        }
    };
    let second = response(&bench.exchange(CORE, &refresh(8)));
    assert_eq!(second.status().as_u16(), 200);
    assert_ne!(value(&second, HeaderName::SipEtag).unwrap(), tag);
    assert_eq!(value(&second, HeaderName::Expires).as_deref(), Some("3600"));
    let third = response(&bench.exchange(CORE, &refresh(9)));
    assert_eq!(third.status().as_u16(), 412);
}

#[test]
fn a_third_party_registration_carries_the_clients_own() {
    let mut bench = alice_at_b();
    let inner = Incoming {
        method: "REGISTER",
        ..publish()
    };
    let inner = inner.request();
    let register = Incoming {
        method: "REGISTER",
        content_type: "message/sip".into(),
        body: String::from_utf8(inner.as_bytes().to_vec()).unwrap(),
        headers: vec!["Expires: 1200".into()],
        ..publish()
    };
    let out = bench.exchange(CORE, &register.request());
    let response = response(&out);
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        value(&response, HeaderName::Expires).as_deref(),
        Some("1200")
    );
    assert_eq!(value(&response, HeaderName::SipEtag), None);
    assert_eq!(sends(&out).len(), 1);
    let authorization = home(&bench.rows).authorization.clone().unwrap();
    assert_eq!(
        authorization.registration.as_deref(),
        Some("call@x.example")
    );
}

/// TS 24.229 clause 5.4.1.7: whether the client's REGISTER is inside is up to the filter criteria, and a client may ask for services by
/// PUBLISH alone. A refusal would have his registration ended.
#[test]
fn a_registration_that_asks_for_no_service_is_heard_and_starts_nothing() {
    let mut bench = alice_at_b();
    let inner = "REGISTER sip:a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKc\r\nMax-Forwards: 70\r\n\
        From: <sip:phone@a.mcx.example>;tag=c\r\nTo: <sip:phone@a.mcx.example>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\
        Content-Length: 0\r\n\r\n";
    for (content_type, body) in [("", ""), ("message/sip", inner)] {
        for expires in ["1200", "0"] {
            let register = Incoming {
                method: "REGISTER",
                content_type: content_type.into(),
                body: body.into(),
                headers: vec![format!("Expires: {expires}")],
                ..publish()
            };
            let out = bench.exchange(CORE, &register.request());
            let response = response(&out);
            assert_eq!(response.status().as_u16(), 200, "{body}");
            assert_eq!(
                value(&response, HeaderName::Expires).as_deref(),
                Some(expires)
            );
            assert!(sends(&out).is_empty());
            assert!(home(&bench.rows).authorization.is_none());
        }
    }
    // What is no registration of a client is what it was.
    let text = Incoming {
        method: "REGISTER",
        content_type: "text/plain".into(),
        body: "hello".into(),
        ..publish()
    };
    let out = bench.exchange(CORE, &text.request());
    assert_eq!(response(&out).status().as_u16(), 415);
}

/// RFC 3327, RFC 3608: they tell a registrar and its client the way to each other, who are neither of them here.
#[test]
fn path_and_service_route_change_nothing_and_go_nowhere() {
    let ways = [
        "Supported: path".to_owned(),
        "Path: <sip:telltale-edge.a.mcx.example;lr>".to_owned(),
        "Service-Route: <sip:telltale-core.a.mcx.example;lr;orig>".to_owned(),
    ];
    let mut bench = alice_at_b();
    let inner = Incoming {
        method: "REGISTER",
        headers: ways.to_vec(),
        ..publish()
    };
    let inner = String::from_utf8(inner.request().as_bytes().to_vec()).unwrap();
    let register = Incoming {
        method: "REGISTER",
        content_type: "message/sip".into(),
        body: inner,
        headers: [&ways[..], &["Expires: 1200".to_owned()]].concat(),
        ..publish()
    };
    let out = bench.exchange(CORE, &register.request());
    let answer = response(&out);
    assert_eq!(answer.status().as_u16(), 200);
    assert!(!common::contains(answer.as_bytes(), "telltale"));
    let (_, sent) = send(&out);
    assert!(!common::contains(sent.as_bytes(), "telltale"));
    assert!(sent.headers().first(&HeaderName::Path).is_none());
    // A hop that insists on Path has not found its registrar.
    let insists = register.header("Require: path").request();
    let answer = response(&bench.exchange(CORE, &insists));
    assert_eq!(answer.status().as_u16(), 420);
    assert_eq!(
        value(&answer, HeaderName::Unsupported).as_deref(),
        Some("path")
    );
}

#[test]
fn expires_zero_ends_the_authorization_and_starts_nothing() {
    let mut bench = alice_at_b();
    bench.exchange(CORE, &publish().request());
    let rows = bench.rows.outbox.len();
    let out = bench.exchange(CORE, &publish().header("Expires: 0").request());
    let response = response(&out);
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(value(&response, HeaderName::Expires).as_deref(), Some("0"));
    assert_eq!(value(&response, HeaderName::SipEtag), None);
    assert_eq!(home(&bench.rows).authorization, None);
    assert_eq!(bench.rows.outbox.len(), rows);
    // A de-registration that says no more than that is fine, and changes nothing.
    let bare = Incoming {
        method: "REGISTER",
        headers: vec!["Expires: 0".into()],
        content_type: String::new(),
        body: String::new(),
        ..publish()
    };
    let before = bench.rows.clone();
    let out = bench.exchange(CORE, &bare.request());
    assert_eq!(responses(&out)[0].1.status().as_u16(), 200);
    assert_eq!(bench.rows, before);
}

#[test]
fn a_token_that_proves_nothing_is_403_with_101_and_changes_nothing() {
    let mut expired = claims(ALICE);
    expired["exp"] = json!(common::START / 1000);
    let of_video = json!({"iss": common::tokens::ISSUER, "aud": common::tokens::AUDIENCE,
        "exp": common::START / 1000 + 60, "mcvideo_id": ALICE});
    let tokens = [
        Some(sign(&expired)),
        Some(sign_with(IDMS_B_KEY, &claims(ALICE))),
        Some(common::tokens::unsigned(
            &json!({"alg": "none"}),
            &claims(ALICE),
        )),
        Some(sign(&of_video)),
        Some(sign(&claims(BOB))),
        Some("garbage".into()),
        None,
    ];
    let mut bench = alice_at_b();
    let before = bench.rows.clone();
    for token in tokens {
        let document = xml(&Document {
            access_token: token.clone(),
            ..Document::default()
        });
        for method in ["PUBLISH", "REGISTER"] {
            let out = bench.request(CORE, &Incoming::event(method, &document).request());
            let (status, warning) = told(&response(&out));
            let expected = "399 a.mcx.example \"101 service authorisation failed\"";
            assert_eq!((status, warning.as_deref()), (403, Some(expected)));
            assert!(batches(&out).is_empty() && sends(&out).is_empty());
        }
    }
    // A good token of one for the id of another.
    for element in ["mcptt-request-uri", "primary-mcptt-id", "partner-mcptt-id"] {
        let token = sign(&claims(ALICE));
        let body = common::documents::params(&format!(
            "<mcptt-access-token>{token}</mcptt-access-token><{element}>sip:eve@a.mcx.example</{element}>"
        ));
        let out = bench.request(CORE, &Incoming::event("PUBLISH", &body).request());
        assert_eq!(response(&out).status().as_u16(), 403, "{element}");
        assert!(batches(&out).is_empty());
    }
    assert_eq!(bench.rows, before);
}

#[test]
fn events_come_from_the_core_alone() {
    let mut bench = alice_at_b();
    for source in [B, C, STRANGER] {
        for method in ["PUBLISH", "REGISTER"] {
            let event = Incoming::event(method, &publish().body);
            let out = bench.request(source, &event.request());
            assert_eq!(response(&out).status().as_u16(), 403);
            assert!(batches(&out).is_empty());
        }
    }
    assert_eq!(owed(&bench.rows), []);
}

#[test]
fn one_event_authorizes_several_services() {
    let mut bench = alice_at_b();
    let mut both = claims(ALICE);
    both["mcvideo_id"] = json!(ALICE);
    let token = sign(&both);
    let video = Document {
        access_token: Some(token.clone()),
        ..Document::default()
    }
    .write(&common::profile(Service::McVideo));
    let body = format!(
        "--x\nContent-Type: application/vnd.3gpp.mcptt-info+xml\n\n{}\n\
         --x\nContent-Type: application/vnd.3gpp.mcvideo-info+xml\n\n{video}\n\
         --x\nContent-Type: application/poc-settings+xml\n\n<poc-settings/>\n--x--\n",
        document(token)
    );
    let event = Incoming {
        content_type: "multipart/mixed;boundary=x".into(),
        body,
        ..publish()
    };
    let out = bench.exchange(CORE, &event.request());
    assert_eq!(response(&out).status().as_u16(), 200);
    assert_eq!(bench.rows.homes.len(), 2);
    assert_eq!(sends(&out).len(), 1, "she had migrated in MCPTT alone");
}
