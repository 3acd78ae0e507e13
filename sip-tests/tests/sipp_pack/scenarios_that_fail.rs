//! Each scenario finds what is wrong: SIPp ends with another exit code than 0, and says what it misses.

use mcx::{MessageKind, Service};
use sip_message::{HeaderName, Message, Request, Response, StatusCode};
use sip_tests::lab::{ALICE, ALICE_AT_B, Lab, Node, Scenario, Wire, sipp_installed};

use super::people::{
    allow_migration, from_a_to_b, mappings_at_b, message, publish, register, server, stay_at_b,
    taken_at_b,
};
use MessageKind::{AuthorizationRequest, DeauthorizationNotification};

const SERVICE: Service = Service::Mcptt;

#[test]
fn senders_that_are_answered_otherwise() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-fails");
    lab.seed("b-server", mappings_at_b(Some(3)));
    let node = Node::start(&lab, "direct/b-server", |text| text);
    let fails = |scenario: &Scenario, at: &str, words: &str| {
        let said = scenario.run(&lab, at, Some("b-server")).fails();
        assert!(said.contains(words), "{said}");
    };
    let ends = from_a_to_b(SERVICE, DeauthorizationNotification).key("stay", "2");
    // Every row but its own.
    for row in ["404-141", "403-179", "403-100", "503"] {
        let expects = ends.clone().rows(&format!("rows/{row}"));
        fails(&expects, "a-server", "the status is another one");
    }
    let unknown = ends.clone().key("user", "sip:nobody@a.mcx.example");
    fails(&unknown, "a-server", "the status is another one");
    // The right status with another Warning.
    let refused = ends.clone().rows("rows/403-100");
    fails(&refused, "stranger", "the header field is not as in");
    // The first line of each of these is answered 200 by a system that checks nothing.
    for row in ["refused", "413-513"] {
        let careless = Wire::new(&lab, &format!("careless-{row}"), "a-server");
        let to = format!("careless-{row}");
        let sends = ends.clone().rows(&format!("rows/{row}"));
        let sipp = sends.run(&lab, "a-server", Some(&to));
        answer(&careless, &request(&careless), StatusCode::OK);
        let said = sipp.fails();
        assert!(said.contains("the status is another one"), "{said}");
    }
    let event = register(&lab, SERVICE, "b", ALICE_AT_B, "").key("token", "none");
    fails(&event, "b-core", "the status is another one");
    let event = event.rows("events/500");
    fails(&event, "b-core", "the status is another one");
    let event = register(&lab, SERVICE, "b", ALICE_AT_B, "").rows("events/403-101");
    fails(&event, "b-core", "the status is another one");
    let event = publish(&lab, SERVICE, "b", ALICE_AT_B).key("token", "none");
    fails(&event, "b-core", "403");
    let _ = node.stop();
}

/// What A tells B of alice is not what SIPp was told to want, one key after the other.
#[test]
fn receivers_that_want_something_else() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-fails-sent");
    lab.seed("a-server", vec![stay_at_b(SERVICE, ALICE, ALICE_AT_B)]);
    let fast = "\n[timers]\nt1 = \"25 ms\"\nt2 = \"200 ms\"\n";
    let node = Node::start(&lab, "direct/a-server", |text| {
        let often = "first = \"100 ms\"\nlongest = \"100 ms\"";
        format!("{text}{fast}").replace("first = \"1 s\"\nlongest = \"5 min\"", often)
    });
    let event = register(&lab, SERVICE, "a", ALICE, "");
    event.run(&lab, "a-core", Some("a-server")).succeeds();
    let right = taken_at_b(SERVICE, DeauthorizationNotification).key("stay", "1");
    let other = Service::McVideo;
    let wrong = [
        taken_at_b(other, DeauthorizationNotification),
        taken_at_b(SERVICE, AuthorizationRequest),
        right.clone().key("to", server("c")),
        right.clone().key("from", server("c")),
        right.clone().key("max_forwards", "7"),
        right.clone().key("user", "sip:alice@a.mcx.exampl"),
        right
            .clone()
            .key("partner_id", "sip:visitor-4712@b.mcx.example"),
        right.clone().key("stay", "2"),
        right.clone().key("result", "true"),
        allow_migration(SERVICE, "true", ""),
        allow_migration(SERVICE, "true", "").key("user", server("c")),
    ];
    for scenario in wrong {
        let said = scenario.run(&lab, "b-server", None).fails();
        assert!(said.contains("Failed regexp match"), "{said}");
    }
    right.run(&lab, "b-server", None).succeeds();
    node.wait_for(&["verdict=delivered"]);
    let _ = node.stop();
}

#[test]
fn a_system_that_takes_what_comes_back() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-fails-loop");
    let sipp = Scenario::new("send-back", SERVICE).run(&lab, "b-server", None);
    let system = Wire::new(&lab, "a-server", "b-server");
    let address = system.address();
    let message = format!(
        "MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:mc-server@a.mcx.example>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\n\
         Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    );
    system.send(message.as_bytes());
    answer(&system, &request(&system), StatusCode::OK);
    let said = sipp.fails();
    assert!(said.contains("200"), "{said}");
}

/// SIPp finds each header field that a system leaves out or changes.
#[test]
fn header_fields_that_are_not_as_they_should() {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new("pack-fails-headers");
    let system = Wire::new(&lab, "a-server", "b-server");
    let kind = DeauthorizationNotification;
    let (from, to) = (server("a"), server("b"));
    let takes = message("answer-message", SERVICE, kind, &from, &to).rows("answers/200");
    let right = format!(
        "MESSAGE {to} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-N\r\nMax-Forwards: 70\r\n\
         From: <{from}>;tag=1\r\nTo: <{to}>\r\nCall-ID: N\r\nCSeq: 1 MESSAGE\r\n\
         P-Asserted-Identity: <{from}>\r\n\
         P-Asserted-Service: urn:urn-7:3gpp-service.ims.icsi.mcptt\r\n\
         Accept-Contact: *;+g.3gpp.mcptt;require;explicit\r\n\
         Accept-Contact: *;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit\r\n\
         Session-ID: 0123456789abcdef0123456789abcdef;remote=00000000000000000000000000000000\r\n\
         P-Charging-Vector: icid-value=1\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n",
        system.address()
    );
    let body = "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><mcptt-request-uri><mcpttURI>sip:alice@a.mcx.example</mcpttURI></mcptt-request-uri><anyExt><req-type><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type><primary-mcptt-id><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id><partner-mcptt-id><mcpttURI>sip:visitor-4711@b.mcx.example</mcpttURI></partner-mcptt-id></anyExt></mcptt-Params></mcpttinfo>";
    let send = |n: usize, head: &str| {
        let head = head.replace("z9hG4bK-N", &format!("z9hG4bK-{n}"));
        let head = head.replace("Call-ID: N", &format!("Call-ID: {n}"));
        let length = body.len();
        system.send(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes());
    };
    // Unchanged it is taken.
    let sipp = takes.run(&lab, "b-server", None);
    send(0, &right);
    sipp.succeeds();
    let Message::Response(taken) = system.receive() else {
        panic!("an answer was expected");
    };
    assert_eq!(taken.status(), StatusCode::OK);
    let changes = [
        ("MESSAGE sip:mc-server", "MESSAGE sip:other"),
        ("Max-Forwards: 70", "Max-Forwards: 69"),
        ("From: <sip:mc-server@a", "From: <sip:mc-server@x"),
        ("To: <sip:mc-server@b", "To: <sip:mc-server@x"),
        (
            "P-Asserted-Identity: <sip:mc-server@a",
            "P-Asserted-Identity: <sip:mc-server@x",
        ),
        ("icsi.mcptt\r\nAccept", "icsi.mcdata\r\nAccept"),
        ("*;+g.3gpp.mcptt;require", "*;+g.3gpp.mcptt;require;x"),
        ("urn%3Aurn-7%3A3gpp", "urn:urn-7:3gpp"),
        ("Session-ID: 0", "Session-ID: x"),
        ("icid-value=1", "orig-ioi=1"),
        ("vnd.3gpp.mcptt-info", "vnd.3gpp.mcvideo-info"),
    ];
    for (n, (old, new)) in changes.into_iter().enumerate() {
        assert!(right.contains(old), "{old}");
        let sipp = takes.run(&lab, "b-server", None);
        send(n + 1, &right.replacen(old, new, 1));
        let said = sipp.fails();
        assert!(said.contains("Failed regexp match"), "{new}: {said}");
    }
}

fn request(system: &Wire) -> Request {
    match system.receive() {
        Message::Request(request) => request,
        Message::Response(response) => panic!("a request was expected, not {response:?}"),
    }
}

fn answer(system: &Wire, request: &Request, status: StatusCode) {
    let answer = Response::to(request, status, Some("t"));
    let answer = answer.header(HeaderName::Server, "careless").finish();
    system.send(answer.unwrap().as_bytes());
}
