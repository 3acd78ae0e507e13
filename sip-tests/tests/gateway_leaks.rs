//! L6 on the wire: a real gateway between an inside that says too much of itself and an outside that tries
//! everything. What the gateway sent outside is searched when it stops; so it is after every other test with one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use bytes::Bytes;
use sip_message::{HeaderName, Message, Request, Response, StatusCode};
use sip_tests::lab::{Lab, Node, Wire};

const ALICE: &str = "sip:alice@a.mcx.example";
const ALICE_AT_B: &str = "sip:visitor-4711@b.mcx.example";
const BOB: &str = "sip:bob@b.mcx.example";
const BOB_AT_A: &str = "sip:visitor-7@a.mcx.example";

/// Header fields that say who is inside, all that the wire profile names and some that nobody knows.
const TELLTALES: &str = "Contact: <sip:telltale-contact@10.77.7.1:5099>\r\n\
    User-Agent: telltale-agent/9.9\r\n\
    Server: telltale-server/9.9\r\n\
    Organization: telltale organization\r\n\
    Record-Route: <sip:telltale-proxy.leak.example;lr>\r\n\
    Path: <sip:telltale-path.leak.example;lr>\r\n\
    Service-Route: <sip:telltale-service.leak.example;lr>\r\n\
    Reply-To: <sip:telltale-reply@leak.example>\r\n\
    Error-Info: <http://telltale-error.leak.example/>\r\n\
    Call-Info: <http://telltale-info.leak.example/>;purpose=info\r\n\
    History-Info: <sip:telltale-history@leak.example>;index=1\r\n\
    P-Charging-Vector: icid-value=5b1dface;icid-generated-at=10.77.7.2;orig-ioi=telltale-ioi\r\n\
    P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=telltalecell\r\n\
    P-Visited-Network-ID: telltale-network.leak.example\r\n\
    Session-ID: 5e55104777777777777777777777777a;remote=5e55104777777777777777777777777b\r\n\
    Warning: 399 telltale-host.leak.example \"telltale agent says so\"\r\n\
    Subject: telltale subject\r\n\
    Reason: SIP;cause=200;text=\"telltale reason\"\r\n\
    X-Unknown: telltale-unknown.leak.example\r\n";

/// What must not be outside, as it stands above.
const NEVER: [&str; 6] = [
    "telltale",
    "10.77.7.",
    "leak.example",
    "5e55104",
    "branch-of-the-inside",
    "call-of-the-inside",
];

fn body(kind: &str, primary: &str, partner: &str, number: u32) -> String {
    format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>\
         <req-type type=\"Normal\"><mcpttString>{kind}</mcpttString></req-type>\
         <primary-mcptt-id type=\"Normal\"><mcpttURI>{primary}</mcpttURI></primary-mcptt-id>\
         <partner-mcptt-id type=\"Normal\"><mcpttURI>{partner}</mcpttURI></partner-mcptt-id>\
         <stay xmlns=\"urn:mcx-sip:migration:1\" number=\"{number}\"/>\
         </anyExt></mcptt-Params></mcpttinfo>"
    )
}

const END: &str = "migration-service-deauthorization-notification";

struct Scene {
    node: Node,
    inside: Wire,
    outside: Wire,
    count: u32,
    _lab: Lab,
}

impl Scene {
    fn new(test: &str) -> Self {
        let lab = Lab::new(test);
        let node = Node::start(&lab, "gateways/a-gateway", |text| text);
        Self {
            node,
            inside: Wire::new(&lab, "a-server", "a-gateway"),
            outside: Wire::new(&lab, "b-gateway", "a-gateway"),
            count: 0,
            _lab: lab,
        }
    }

    /// A request of the inside: towards B about Alice, with everything that tells of who sends it.
    fn inside_says(&mut self, edit: impl FnOnce(String) -> String) -> (Vec<u8>, String) {
        self.count += 1;
        let n = self.count;
        let body = body(END, ALICE, ALICE_AT_B, n);
        let via = self.inside.address();
        let text = format!(
            "MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP {via};branch=z9hG4bK-branch-of-the-inside-{n}\r\n\
             Via: SIP/2.0/UDP 10.77.7.9:5070;branch=z9hG4bK-branch-of-the-inside-deep-{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:mc-server@a.mcx.example>;tag=telltale-tag-{n}\r\n\
             To: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: call-of-the-inside-{n}@10.77.7.9\r\nCSeq: 777 MESSAGE\r\n\
             P-Asserted-Identity: <sip:mc-server@a.mcx.example>\r\n{TELLTALES}\
             Content-Type: application/vnd.3gpp.mcptt-info+xml;telltale=parameter\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        (edit(text).into_bytes(), body)
    }

    /// A request of B's gateway about Bob.
    fn outside_says(&mut self, edit: impl FnOnce(String) -> String) -> Vec<u8> {
        self.count += 1;
        let n = self.count;
        let body = body(END, BOB, BOB_AT_A, n);
        let via = self.outside.address();
        let text = format!(
            "MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0\r\n\
             Via: SIP/2.0/UDP {via};branch=z9hG4bK-out-{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:mc-gateway@b.mcx.example>;tag=out-{n}\r\nTo: <sip:mc-gateway@a.mcx.example>\r\n\
             Call-ID: out-{n}@b.mcx.example\r\nCSeq: 1 MESSAGE\r\n\
             P-Asserted-Identity: <sip:mc-gateway@b.mcx.example>\r\n\
             Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        edit(text).into_bytes()
    }

    /// Ends the gateway, which is searched, and searches once more for what this test says inside.
    fn end(self) {
        let outside = self.outside.address();
        let (_, records) = self.node.stop();
        let mut searched = 0;
        for record in records {
            let sip_trace::What::Message(message) = record.what else {
                continue;
            };
            if message.peer != outside || message.direction != sip_trace::Direction::Sent {
                continue;
            }
            searched += 1;
            let text = String::from_utf8_lossy(&message.bytes).to_ascii_lowercase();
            for word in NEVER {
                assert!(!text.contains(word), "`{word}` outside in\n{text}");
            }
        }
        assert!(searched > 0, "nothing was sent outside");
    }
}

fn request(wire: &Wire) -> Request {
    loop {
        if let Message::Request(request) = wire.receive() {
            return request;
        }
    }
}

/// An answer of the inside, with everything that tells of who gives it.
fn telling(request: &Request, status: u16, reason: &str) -> Bytes {
    let answer = Response::to(
        request,
        StatusCode::new(status).unwrap(),
        Some("telltale-tag-of-an-answer"),
    );
    let bytes = answer.reason(reason).finish().unwrap();
    let text = String::from_utf8(bytes.as_bytes().to_vec()).unwrap();
    let (head, rest) = text.split_once("Content-Length").unwrap();
    Bytes::from(format!(
        "{head}{TELLTALES}Proxy-Authenticate: Digest realm=\"telltale-realm.leak.example\", nonce=\"telltale\"\r\nContent-Length{rest}"
    ))
}

#[test]
fn requests_of_the_inside_and_their_repetitions() {
    let mut scene = Scene::new("leak-requests");
    let (bytes, body) = scene.inside_says(|text| text);
    scene.inside.send(&bytes);
    let first = request(&scene.outside);
    assert_eq!(first.body(), body.as_bytes(), "byte for byte");
    // Not answered: the gateway repeats it by itself.
    let again = request(&scene.outside);
    assert_eq!(again.as_bytes(), first.as_bytes());
    scene.inside.send(&bytes);
    let final_answer = Response::to(&first, StatusCode::OK, Some("far"))
        .finish()
        .unwrap();
    scene.outside.send(final_answer.as_bytes());
    assert_eq!(scene.inside.ask(&bytes).status(), StatusCode::OK);
    // In parts, of which one is a signature, with names of the inside in the headers of the parts.
    let (bytes, _) = scene.inside_says(|text| {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let parts = format!(
            "--in-the-middle\r\nContent-Type: application/vnd.3gpp.mcptt-info+xml\r\n\r\n{body}\r\n\
             --in-the-middle\r\nContent-Type: application/mikey\r\n\r\n\u{1}signature\r\n--in-the-middle--\r\n"
        );
        let head = head.replace(
            "application/vnd.3gpp.mcptt-info+xml;telltale=parameter",
            "multipart/mixed;boundary=in-the-middle;telltale=parameter",
        );
        let (head, _) = head.rsplit_once("Content-Length").unwrap();
        format!("{head}Content-Length: {}\r\n\r\n{parts}", parts.len())
    });
    scene.inside.send(&bytes);
    let sent = String::from_utf8_lossy(&bytes).into_owned();
    let (_, parts) = sent.split_once("\r\n\r\n").unwrap();
    let forwarded = request(&scene.outside);
    assert_eq!(forwarded.body(), parts.as_bytes(), "byte for byte");
    scene.end();
}

#[test]
fn broken_requests_of_the_inside_stay_inside() {
    let mut scene = Scene::new("leak-broken");
    let edits: [fn(String) -> String; 8] = [
        |text| text.replace("<primary-mcptt-id", "<primary-mcptt-id<"),
        |text| {
            text.replace("MESSAGE sip:", "INVITE sip:")
                .replace("777 MESSAGE", "777 INVITE")
        },
        |text| text.replace("Max-Forwards: 70", "Max-Forwards: 0"),
        |text| {
            text.replace(
                "Max-Forwards: 70",
                "Max-Forwards: 70\r\nRequire: telltale-extension",
            )
        },
        |text| text.replace("CSeq: 777", "CSeq: telltale"),
        |text| text.replace("sip:visitor-4711@b.mcx.example", "sip:x@leak.example"),
        |text| {
            text.replace(
                "Content-Type: application/vnd.3gpp.mcptt-info+xml",
                "Content-Type: text/telltale",
            )
        },
        |text| {
            text.replace(
                "\r\n\r\n<mcpttinfo",
                "\r\n\r\n<!DOCTYPE telltale><mcpttinfo",
            )
        },
    ];
    for edit in edits {
        let (bytes, _) = scene.inside_says(edit);
        let answer = scene.inside.ask(&bytes);
        assert!(answer.status().as_u16() >= 400, "{:?}", answer.status());
    }
    // Nothing went out meanwhile: the next that does is the next that is right.
    let (bytes, body) = scene.inside_says(|text| text);
    scene.inside.send(&bytes);
    assert_eq!(request(&scene.outside).body(), body.as_bytes());
    scene.end();
}

#[test]
fn answers_of_the_inside_whatever_they_are() {
    let mut scene = Scene::new("leak-answers");
    for (status, reason) in [
        (200, "OK"),
        (202, "telltale reason phrase"),
        (302, "Moved to telltale.leak.example"),
        (400, "telltale"),
        (401, "telltale"),
        (403, "telltale"),
        (404, "Not at 10.77.7.1"),
        (407, "telltale"),
        (415, "telltale"),
        (420, "telltale"),
        (481, "telltale"),
        (500, "Crashed in /home/telltale"),
        (503, "telltale"),
        (600, "telltale"),
        (699, "telltale"),
    ] {
        let bytes = scene.outside_says(|text| text);
        scene.outside.send(&bytes);
        let asked = request(&scene.inside);
        for provisional in [100, 180, 199] {
            scene
                .inside
                .send(&telling(&asked, provisional, "telltale is ringing"));
        }
        scene.inside.send(&telling(&asked, status, reason));
        let Message::Response(answer) = scene.outside.receive() else {
            panic!("an answer was expected");
        };
        assert_eq!(answer.status().as_u16(), status);
        // Once more: what the gateway keeps is as clean as what it said.
        assert_eq!(scene.outside.ask(&bytes).as_bytes(), answer.as_bytes());
        // A repetition of the inside's, and one that nobody waits for.
        scene.inside.send(&telling(&asked, status, reason));
    }
    scene.end();
}

#[test]
fn whatever_the_outside_tries() {
    let mut scene = Scene::new("leak-outside");
    // One is under way inside all the while.
    let waiting = scene.outside_says(|text| text);
    scene.outside.send(&waiting);
    let asked = request(&scene.inside);
    let edits: [fn(String) -> String; 9] = [
        |text| text.replace("<primary-mcptt-id", "<primary-mcptt-id<"),
        |text| {
            text.replace("MESSAGE sip:", "OPTIONS sip:")
                .replace("1 MESSAGE", "1 OPTIONS")
        },
        |text| {
            text.replace("MESSAGE sip:", "REGISTER sip:")
                .replace("1 MESSAGE", "1 REGISTER")
        },
        |text| text.replace("Max-Forwards: 70", "Max-Forwards: 0"),
        |text| text.replace("Max-Forwards: 70", "Max-Forwards: 70\r\nRequire: x"),
        |text| text.replace("CSeq: 1 MESSAGE", "CSeq: nonsense"),
        |text| text.replace("sip:bob@b.mcx.example", "sip:bob@c.mcx.example"),
        |text| {
            text.replace(
                "Content-Type: application/vnd.3gpp.mcptt-info+xml",
                "Content-Type: text/plain",
            )
        },
        |text| {
            text.replace(
                "P-Asserted-Identity: <sip:mc-gateway@b",
                "P-Asserted-Identity: <sip:mc-gateway@c",
            )
        },
    ];
    for edit in edits {
        let bytes = scene.outside_says(edit);
        let answer = scene.outside.ask(&bytes);
        let accept = answer.headers().first(&HeaderName::Server);
        assert!(accept.is_none(), "software is named");
    }
    // What is no request at all.
    for junk in [
        &b"\r\n\r\n"[..],
        b"\0\0\0",
        b"SIP/2.0 200 OK\r\n\r\n",
        &[0xff; 2000],
    ] {
        scene.outside.send(junk);
    }
    scene.inside.send(&telling(&asked, 200, "OK"));
    assert_eq!(scene.outside.ask(&waiting).status(), StatusCode::OK);
    scene.end();
}
