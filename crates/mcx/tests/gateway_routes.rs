//! P1.2, P1.3: where a gateway sends what, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::gateway::*;
use common::world::{
    B, Bench, C, CORE, Incoming, STRANGER, response, responses, sends, told, value,
};
use common::{ALICE, ALICE_AT_B, ALICE_AT_C, BOB, BOB_AT_A};
use mcx::{Effect, GatewayServer, MessageKind, Random, Service};
use sip_message::HeaderName;

const REQUEST: MessageKind = MessageKind::AuthorizationRequest;
const RESPONSE: MessageKind = MessageKind::AuthorizationResponse;
const REPORT: MessageKind = MessageKind::UserAuthorizationNotification;
const END: MessageKind = MessageKind::DeauthorizationNotification;

/// Where a message goes: next hop and Request-URI, or the status of its refusal.
fn goes(source: &str, message: &Incoming) -> Result<(String, String), u16> {
    goes_through(gateway(), source, message)
}

fn goes_through(
    mut gateway: Bench<GatewayServer>,
    source: &str,
    message: &Incoming,
) -> Result<(String, String), u16> {
    let out = gateway.request(source, &message.request());
    let mut sent = sends(&out);
    if let Some((_, hop, request)) = sent.pop() {
        assert!(sent.is_empty() && responses(&out).is_empty());
        let uri = String::from_utf8(request.uri_bytes().to_vec()).unwrap();
        return Ok((hop.uri, uri));
    }
    let (status, warning) = told(&response(&out));
    if status == 403 {
        let warning = warning.unwrap();
        assert!(warning.starts_with("399 a.mcx.example \"179 "), "{warning}");
    }
    Err(status)
}

fn to(hop: &str, psi: &str) -> Result<(String, String), u16> {
    Ok((format!("sip:{hop}"), psi.to_owned()))
}

/// A and B interconnect MCVideo alone; the messages are of MCPTT.
#[test]
fn of_a_service_that_is_not_interconnected_nothing_passes_either_way() {
    let narrow = || {
        let mut config = config();
        config.systems.partners[0].services = vec![Service::McVideo];
        Bench::new(GatewayServer::new(config, Random::new([3; 32])))
    };
    for kind in [RESPONSE, END] {
        let leaving = says(INSIDE_A, kind, ALICE, Some(ALICE_AT_B));
        assert_eq!(goes_through(narrow(), INSIDE, &leaving), Err(403), "{kind}");
        let arriving = says(GATEWAY_B, kind, BOB, Some(BOB_AT_A));
        assert_eq!(goes_through(narrow(), B, &arriving), Err(403), "{kind}");
        let other = says(INSIDE_A, kind, ALICE, Some(ALICE_AT_C));
        assert_eq!(goes_through(narrow(), INSIDE, &other), to(C, GATEWAY_C));
    }
    for kind in [REQUEST, REPORT] {
        let leaving = says(INSIDE_A, kind, BOB, Some(BOB_AT_A));
        assert_eq!(goes_through(narrow(), INSIDE, &leaving), Err(403), "{kind}");
        let arriving = says(GATEWAY_B, kind, ALICE, Some(ALICE_AT_B));
        assert_eq!(goes_through(narrow(), B, &arriving), Err(403), "{kind}");
    }
    let unnamed = Incoming {
        uri: EXIT_B.into(),
        ..says(INSIDE_A, END, ALICE, None)
    };
    assert_eq!(goes_through(narrow(), INSIDE, &unnamed), Err(403));
}

#[test]
fn the_exit() {
    for kind in [RESPONSE, END] {
        let message = says(INSIDE_A, kind, ALICE, Some(ALICE_AT_B));
        assert_eq!(goes(INSIDE, &message), to(B, GATEWAY_B), "{kind}");
        let message = says(INSIDE_A, kind, ALICE, Some(ALICE_AT_C));
        assert_eq!(goes(INSIDE, &message), to(C, GATEWAY_C), "{kind}");
    }
    for kind in [REQUEST, REPORT] {
        let message = says(INSIDE_A, kind, BOB, Some(BOB_AT_A));
        assert_eq!(goes(INSIDE, &message), to(B, GATEWAY_B), "{kind}");
    }
}

#[test]
fn the_exit_by_request_uri_when_the_document_does_not_name_it() {
    let message = says(INSIDE_A, END, ALICE, None);
    let addressed = Incoming {
        uri: EXIT_B.into(),
        ..message.clone()
    };
    assert_eq!(goes(INSIDE, &addressed), to(B, GATEWAY_B));
    assert_eq!(goes(INSIDE, &message), Err(403), "to nobody");
}

#[test]
fn the_entry() {
    for kind in [REQUEST, REPORT] {
        let message = says(GATEWAY_B, kind, ALICE, Some(ALICE_AT_B));
        assert_eq!(goes(B, &message), to(INSIDE, INSIDE_A), "{kind}");
    }
    for kind in [RESPONSE, END] {
        let message = says(GATEWAY_B, kind, BOB, Some(BOB_AT_A));
        assert_eq!(goes(B, &message), to(INSIDE, INSIDE_A), "{kind}");
    }
    let message = says(GATEWAY_B, END, BOB, None);
    assert_eq!(
        goes(B, &message),
        to(INSIDE, INSIDE_A),
        "the partner id may be unknown"
    );
}

#[test]
fn the_entry_by_service() {
    let video = common::profile(Service::McVideo);
    let message = Incoming {
        content_type: video.media_type(),
        body: document(END, BOB, Some(BOB_AT_A)).write(&video),
        ..arriving()
    };
    assert_eq!(goes(B, &message), to("10.9.8.8:5060", VIDEO_A));
    let data = common::profile(Service::McData);
    let message = Incoming {
        content_type: data.media_type(),
        body: document(END, BOB, Some(BOB_AT_A)).write(&data),
        ..arriving()
    };
    assert_eq!(goes(B, &message), Err(415), "no server of that service");
}

#[test]
fn what_the_inside_may_not_say_does_not_leave() {
    let nobody = "sip:x@nowhere.example";
    for (kind, primary, partner) in [
        (END, BOB, Some(BOB_AT_A)),
        (END, BOB, Some(ALICE_AT_B)),
        (END, ALICE, Some(ALICE)),
        (END, ALICE, Some(nobody)),
        (RESPONSE, BOB, Some(BOB_AT_A)),
        (REQUEST, ALICE, Some(ALICE_AT_B)),
        (REQUEST, BOB, Some(ALICE_AT_B)),
        (REPORT, nobody, Some(BOB_AT_A)),
    ] {
        let message = says(INSIDE_A, kind, primary, partner);
        assert_eq!(
            goes(INSIDE, &message),
            Err(403),
            "{kind} {primary} {partner:?}"
        );
    }
}

#[test]
fn a_message_without_the_id_that_it_needs_goes_nowhere() {
    let request = says(INSIDE_A, REQUEST, BOB, None);
    assert_eq!(goes(INSIDE, &request), Err(400));
    let report = says(GATEWAY_B, REPORT, ALICE, None);
    assert_eq!(goes(B, &report), Err(400));
}

#[test]
fn what_a_partner_may_not_say_does_not_enter() {
    for (source, from, kind, primary, partner) in [
        (C, GATEWAY_C, END, BOB, Some(BOB_AT_A)),
        (C, GATEWAY_C, RESPONSE, BOB, Some(BOB_AT_A)),
        (C, GATEWAY_C, REPORT, ALICE, Some(ALICE_AT_B)),
        (B, GATEWAY_B, END, ALICE, Some(ALICE_AT_B)),
        (B, GATEWAY_B, REQUEST, BOB, Some(BOB_AT_A)),
        (B, GATEWAY_B, REPORT, ALICE, Some(ALICE_AT_C)),
        (B, GATEWAY_C, END, BOB, Some(BOB_AT_A)),
        (B, INSIDE_A, END, ALICE, Some(ALICE_AT_B)),
        (STRANGER, GATEWAY_B, END, BOB, Some(BOB_AT_A)),
        (STRANGER, INSIDE_A, END, ALICE, Some(ALICE_AT_B)),
    ] {
        let message = says(from, kind, primary, partner);
        assert_eq!(goes(source, &message), Err(403), "{from} {kind}");
    }
}

#[test]
fn functions_behind_the_core_are_told_apart_by_the_asserted_identity() {
    assert_eq!(goes(CORE, &leaving()), to(B, GATEWAY_B));
    assert_eq!(goes(CORE, &arriving()), to(INSIDE, INSIDE_A));
    let client = says(ALICE, END, ALICE, Some(ALICE_AT_B));
    assert_eq!(goes(CORE, &client), Err(403));
}

#[test]
fn what_is_wrong_is_refused_by_its_own_status() {
    let refused = |message: &Incoming| goes(B, message).unwrap_err();
    for method in ["INVITE", "REGISTER", "PUBLISH", "SUBSCRIBE"] {
        let message = Incoming {
            method,
            ..arriving()
        };
        assert_eq!(refused(&message), 405, "{method}");
    }
    assert_eq!(refused(&arriving().header("Require: foo")), 420);
    assert_eq!(refused(&arriving().header("Max-Forwards: 0")), 483);
    let text = Incoming {
        content_type: "text/plain".into(),
        ..arriving()
    };
    assert_eq!(refused(&text), 415);
    for body in [
        arriving().body.replace("</mcpttinfo>", ""),
        arriving().body.replace("primary-mcptt-id", "x"),
        arriving().body.replace("req-type", "x"),
        arriving().body.replace("sip:bob@", "tel:bob@"),
        arriving()
            .body
            .replace("migration-service-deauthorization", "x"),
    ] {
        let message = Incoming { body, ..arriving() };
        assert_eq!(refused(&message), 400, "{}", message.body);
    }
    let mut gateway = gateway();
    let out = gateway.request(B, &text.request());
    let accept = value(&response(&out), HeaderName::Accept).unwrap();
    assert!(accept.contains("mcptt-info+xml") && !accept.contains("mcdata"));
}

#[test]
fn a_loop_is_482() {
    let mut gateway = gateway();
    let out = gateway.request(INSIDE, &leaving().request());
    let (id, _, forwarded) = sends(&out).remove(0);
    // It comes back from where it is being sent to, with whatever header fields.
    let back = Incoming {
        headers: vec![format!("P-Asserted-Identity: <{GATEWAY_B}>")],
        ..leaving()
    };
    let out = gateway.request(B, &back.request());
    assert_eq!(response(&out).status().as_u16(), 482);
    // Nor may another bring it than who first did: two gateways, each the other's server and way out.
    let other = Incoming {
        headers: vec![format!("P-Asserted-Identity: <{VIDEO_A}>")],
        ..leaving()
    };
    let out = gateway.request("10.9.8.8:5060", &other.request());
    assert_eq!(response(&out).status().as_u16(), 482);
    // Another message is no loop, and neither is a repetition by who brought it.
    assert_eq!(sends(&gateway.request(B, &arriving().request())).len(), 1);
    assert_eq!(
        sends(&gateway.request(INSIDE, &leaving().request())).len(),
        1
    );
    // It is over when it is answered, by both copies.
    for id in gateway.sent.keys().copied().collect::<Vec<_>>() {
        gateway.answer(id, &common::world::reply(&forwarded, 200, &[]));
    }
    assert!(!gateway.sent.contains_key(&id));
    let out = gateway.request(B, &back.request());
    assert_eq!(response(&out).status().as_u16(), 403, "policy, not a loop");
}

#[test]
fn each_leg_is_a_decision() {
    for (source, message, requirement) in [(INSIDE, leaving(), "P1.2"), (B, arriving(), "P1.3")] {
        let mut gateway = gateway();
        let out = gateway.request(source, &message.request());
        let joined = |e: &&Effect| match e {
            Effect::Decide(d) => {
                d.requirement == requirement && d.procedure == Some(common::procedure(1))
            }
            _ => false,
        };
        assert_eq!(out.iter().filter(joined).count(), 1, "{requirement}");
    }
}
