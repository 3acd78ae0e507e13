//! The table "Answers" of the wire profile, row by row over the wire: what is wrong is answered
//! as the table says, names what is wrong, and changes nothing in the store.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use mcx_store::Snapshot;
use sip_message::{HeaderName, Message, Request, Response};
use sip_tests::lab::{ALICE, ALICE_AT_B, Lab, Node, Wire, mapping_at_b};

const PRIMARY: &str = "<primary-mcptt-id type=\"Normal\"><mcpttURI>sip:alice@a.mcx.example</mcpttURI></primary-mcptt-id>";
const PARTNER: &str = "<partner-mcptt-id type=\"Normal\"><mcpttURI>sip:visitor-4711@b.mcx.example</mcpttURI></partner-mcptt-id>";
const KIND: &str = "<req-type type=\"Normal\"><mcpttString>migration-service-deauthorization-notification</mcpttString></req-type>";
const STAY: &str = "<stay xmlns=\"urn:mcx-sip:migration:1\" number=\"1\"/>";

/// A de-authorization of alice's stay 1 at B, as A's server sends it.
#[derive(Clone)]
struct Notification {
    method: &'static str,
    uri: &'static str,
    call_id: String,
    headers: Vec<String>,
    content_type: &'static str,
    body: String,
}

fn notification(n: usize) -> Notification {
    Notification {
        method: "MESSAGE",
        uri: "sip:mc-server@b.mcx.example",
        call_id: format!("answers-{n}"),
        headers: [
            "Max-Forwards: 70",
            "From: <sip:mc-server@a.mcx.example>;tag=1",
            "To: <sip:mc-server@b.mcx.example>",
            "CSeq: 1 MESSAGE",
            "P-Asserted-Identity: <sip:mc-server@a.mcx.example>",
        ]
        .map(str::to_owned)
        .into(),
        content_type: "application/vnd.3gpp.mcptt-info+xml",
        body: format!(
            "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt>{KIND}{PRIMARY}{PARTNER}{STAY}</anyExt></mcptt-Params></mcpttinfo>"
        ),
    }
}

impl Notification {
    fn replace(mut self, name: &str, line: &str) -> Self {
        self.headers.retain(|h| !h.starts_with(&format!("{name}:")));
        if !line.is_empty() {
            self.headers.push(line.to_owned());
        }
        self
    }

    fn add(mut self, line: &str) -> Self {
        self.headers.push(line.to_owned());
        self
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self.replace("CSeq", &format!("CSeq: 1 {method}"))
    }

    fn body(mut self, edit: impl FnOnce(String) -> String) -> Self {
        self.body = edit(self.body);
        self
    }

    fn uri(mut self, uri: &'static str) -> Self {
        self.uri = uri;
        self
    }

    fn content_type(mut self, media: &'static str) -> Self {
        self.content_type = media;
        self
    }

    fn bytes(&self, from: &Wire) -> Vec<u8> {
        let address = from.address();
        let Self {
            method,
            uri,
            call_id,
            content_type,
            body,
            ..
        } = self;
        let mut text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id};rport\r\nCall-ID: {call_id}\r\n"
        );
        for header in &self.headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        if !content_type.is_empty() {
            text.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        text.into_bytes()
    }
}

/// A change to the notification.
type Edit<'a> = &'a dyn Fn(Notification) -> Notification;

/// A row: what is sent, the status it is owed, the reason phrase, a header field with a text.
struct Row {
    what: &'static str,
    sent: Notification,
    status: u16,
    reason: Option<&'static str>,
    header: Option<(HeaderName, &'static str)>,
}

impl Row {
    fn check(&self, answer: &Response) {
        let what = self.what;
        assert_eq!(
            answer.status().as_u16(),
            self.status,
            "{what}: {}",
            reason(answer)
        );
        if let Some(expected) = self.reason {
            assert_eq!(reason(answer), expected, "{what}");
        }
        if let Some((name, text)) = &self.header {
            let value = answer.headers().first(name).unwrap_or_default();
            let value = String::from_utf8_lossy(value);
            assert!(value.contains(text), "{what}: {name:?} is `{value}`");
        }
    }
}

fn reason(answer: &Response) -> String {
    String::from_utf8_lossy(answer.reason()).into_owned()
}

const NOT_ENTITLED: &str =
    "399 b.mcx.example \"179 service not authorized with the interconnected system\"";

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |what, edit: Edit<'_>, status, reason, header| {
        let sent = edit(notification(rows.len()));
        rows.push(Row {
            what,
            sent,
            status,
            reason,
            header,
        });
    };
    // 404: the user never migrated here.
    row(
        "unknown user",
        &|n| n.body(|b| b.replace("sip:alice@", "sip:carol@")),
        404,
        None,
        Some((
            HeaderName::Warning,
            "399 b.mcx.example \"141 user unknown to the participating function\"",
        )),
    );
    // 403: not entitled to speak for this user.
    let not_entitled = || Some((HeaderName::Warning, NOT_ENTITLED));
    row(
        "another system's user",
        &|n| n.body(|b| b.replace("alice@a.mcx", "alice@c.mcx")),
        403,
        None,
        not_entitled(),
    );
    row(
        "a user of no known system",
        &|n| n.body(|b| b.replace("alice@a.mcx.example", "alice@elsewhere.example")),
        403,
        None,
        not_entitled(),
    );
    row(
        "a spoofed asserted identity",
        &|n| {
            n.replace(
                "P-Asserted-Identity",
                "P-Asserted-Identity: <sip:mc-server@c.mcx.example>",
            )
        },
        403,
        None,
        not_entitled(),
    );
    row(
        "two asserted identities",
        &|n| n.add("P-Asserted-Identity: <sip:mc-server@c.mcx.example>"),
        403,
        None,
        not_entitled(),
    );
    row(
        "an event that is not from the SIP core",
        &|n| n.method("REGISTER"),
        403,
        None,
        Some((
            HeaderName::Warning,
            "399 b.mcx.example \"179 service not authorized with the interconnected system\"",
        )),
    );
    // 400: with a reason phrase that names what is wrong.
    let bad: [(&str, Edit<'_>, &str); 15] = [
        (
            "not well-formed",
            &|n| n.body(|b| b.replace("</anyExt>", "")),
            "MC info document not well-formed at byte 422",
        ),
        (
            "a DTD",
            &|n| n.body(|b| format!("<!DOCTYPE x [<!ENTITY a \"b\">]>{b}")),
            "MC info document has a DTD",
        ),
        (
            "wrong root",
            &|n| n.body(|b| b.replace("mcpttinfo", "mcvideoinfo")),
            "MC info document has the wrong root element",
        ),
        (
            "primary id missing",
            &|n| n.body(|b| b.replace(PRIMARY, "")),
            "Missing element primary-mcptt-id",
        ),
        (
            "kind missing",
            &|n| n.body(|b| b.replace(KIND, "")),
            "Missing element req-type",
        ),
        (
            "kind unknown",
            &|n| n.body(|b| b.replace("deauthorization-notification", "something")),
            "Unknown kind of message",
        ),
        (
            "two different values",
            &|n| {
                n.body(|b| {
                    b.replace(
                        PARTNER,
                        &format!("{PARTNER}{}", PARTNER.replace("4711", "4712")),
                    )
                })
            },
            "Two different values for element partner-mcptt-id",
        ),
        (
            "a value that is no id",
            &|n| n.body(|b| b.replace(ALICE_AT_B, "visitor")),
            "Element partner-mcptt-id: not a URI",
        ),
        (
            "an encrypted value",
            &|n| {
                n.body(|b| {
                    b.replace(
                        "<primary-mcptt-id type=\"Normal\">",
                        "<primary-mcptt-id type=\"Encrypted\">",
                    )
                })
            },
            "Encrypted value of element primary-mcptt-id not supported",
        ),
        (
            "target user is another one",
            &|n| {
                n.body(|b| b.replace("<anyExt>", "<mcptt-request-uri><mcpttURI>sip:bob@a.mcx.example</mcpttURI></mcptt-request-uri><anyExt>"))
            },
            "mcptt-request-uri is another user than primary-mcptt-id",
        ),
        ("no From", &|n| n.replace("From", ""), "Missing From"),
        (
            "two To",
            &|n| n.add("To: <sip:mc-server@b.mcx.example>"),
            "Duplicate To",
        ),
        (
            "malformed CSeq",
            &|n| n.replace("CSeq", "CSeq: one MESSAGE"),
            "Malformed CSeq",
        ),
        (
            "CSeq of another method",
            &|n| n.replace("CSeq", "CSeq: 1 INFO"),
            "CSeq method does not match",
        ),
        (
            "malformed Max-Forwards",
            &|n| n.replace("Max-Forwards", "Max-Forwards: many"),
            "Malformed Max-Forwards",
        ),
    ];
    for (what, edit, reason) in bad {
        row(what, edit, 400, Some(reason), None);
    }
    row(
        "body of another type",
        &|n| n.content_type("text/plain"),
        415,
        None,
        Some((HeaderName::Accept, "application/vnd.3gpp.mcptt-info+xml")),
    );
    row(
        "no body",
        &|n| n.content_type("").body(|_| String::new()),
        415,
        None,
        Some((HeaderName::Accept, "application/vnd.3gpp.mcvideo-info+xml")),
    );
    for method in ["SUBSCRIBE", "INVITE", "FOO"] {
        row(
            "method not handled",
            &|n| n.method(method),
            405,
            None,
            Some((HeaderName::Allow, "MESSAGE, REGISTER, PUBLISH, OPTIONS")),
        );
    }
    row(
        "unknown Require",
        &|n| n.add("Require: 100rel, foo"),
        420,
        None,
        Some((HeaderName::Unsupported, "100rel, foo")),
    );
    row(
        "a body in another coding",
        &|n| n.add("Content-Encoding: gzip"),
        415,
        None,
        Some((HeaderName::AcceptEncoding, "identity")),
    );
    row(
        "a Request-URI of another scheme",
        &|n| n.uri("tel:+1"),
        416,
        None,
        None,
    );
    row(
        "no hop left",
        &|n| n.replace("Max-Forwards", "Max-Forwards: 0"),
        483,
        None,
        None,
    );
    row(
        "too large",
        &|n| n.add(&format!("Subject: {}", "x".repeat(5000))),
        513,
        None,
        None,
    );
    row(
        "body too large",
        &|n| n.body(|b| format!("{b}{}", " ".repeat(2500))),
        413,
        None,
        None,
    );
    rows
}

/// B's server, with bounds that are easy to exceed.
fn server(lab: &Lab) -> Node {
    lab.seed("b-server", mapping_at_b(Some(1)));
    Node::start(lab, "direct/b-server", |text| {
        format!("{text}\n[limits]\nmessage = 5000\nbody = 2000\n")
    })
}

#[test]
fn every_refusal_is_as_the_table_says_and_changes_nothing() {
    let lab = Lab::new("answers");
    let node = server(&lab);
    let primary = Wire::new(&lab, "a-server", "b-server");
    let before = lab.stored("b-server");
    for row in rows() {
        row.check(&primary.ask(&row.sent.bytes(&primary)));
    }
    assert_eq!(lab.stored("b-server"), before);
    // The untouched one is accepted: it is the rows' edits that are refused.
    let answer = primary.ask(&notification(999).bytes(&primary));
    assert_eq!(answer.status().as_u16(), 200, "{}", reason(&answer));
    assert_ne!(lab.stored("b-server"), before);
    let (log, _) = node.stop();
    assert!(!log.contains("alice") && !log.contains(ALICE_AT_B), "{log}");
}

#[test]
fn from_an_unknown_address_even_the_right_words_are_403() {
    let lab = Lab::new("answers-unknown");
    let node = server(&lab);
    let stranger = Wire::new(&lab, "stranger", "b-server");
    let before = lab.stored("b-server");
    let answer = stranger.ask(&notification(0).bytes(&stranger));
    assert_eq!(answer.status().as_u16(), 403);
    let warning = answer.headers().first(&HeaderName::Warning).unwrap();
    assert_eq!(String::from_utf8_lossy(warning), NOT_ENTITLED);
    assert_eq!(lab.stored("b-server"), before);
    let _ = node.stop();
}

#[test]
fn what_is_no_sip_gets_no_answer_and_is_counted() {
    let lab = Lab::new("answers-junk");
    let node = server(&lab);
    let stranger = Wire::new(&lab, "stranger", "b-server");
    let junk: [&[u8]; 5] = [
        b"hello",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"MESSAGE sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP x",
        &[0xff; 1200],
    ];
    for bytes in junk {
        stranger.send(bytes);
    }
    // Keep-alives are no messages, and no junk either (RFC 5626 §3.5.1).
    stranger.send(b"\r\n\r\n");
    // The first thing that comes back is the answer to this.
    let options = notification(0).method("OPTIONS");
    let answer = stranger.ask(&options.bytes(&stranger));
    assert_eq!(answer.status().as_u16(), 200);
    assert_eq!(answer.headers().call_id().unwrap(), b"answers-0");
    let (log, _) = node.stop();
    let stopped = log.lines().find(|l| l.contains("stopped")).unwrap();
    assert!(stopped.contains("not_sip=5"), "{stopped}");
    assert!(stopped.contains("datagrams=7"), "{stopped}");
}

#[test]
fn when_the_store_fails_503_with_retry_after_and_later_it_works_again() {
    let lab = Lab::new("answers-store");
    let node = server(&lab);
    let primary = Wire::new(&lab, "a-server", "b-server");
    let database = lab.folder().join("nodes/b-server.sqlite");
    let other = rusqlite::Connection::open(&database).unwrap();
    other
        .execute_batch("ALTER TABLE visitor RENAME TO away")
        .unwrap();
    let answer = primary.ask(&notification(1).bytes(&primary));
    assert_eq!(answer.status().as_u16(), 503);
    assert!(answer.headers().retry_after().unwrap().is_some());
    other
        .execute_batch("ALTER TABLE away RENAME TO visitor")
        .unwrap();
    let before: Snapshot = lab.stored("b-server");
    let answer = primary.ask(&notification(2).bytes(&primary));
    assert_eq!(answer.status().as_u16(), 200);
    assert_ne!(lab.stored("b-server"), before);
    let (log, _) = node.stop();
    assert_eq!(log.matches("a batch cannot be stored").count(), 1, "{log}");
}

/// alice returned, and B's server has received what A's server owes it.
fn a_notification_on_its_way(lab: &Lab) -> (Node, Wire, Request) {
    lab.seed("a-server", vec![sip_tests::lab::stay_at_b()]);
    let node = Node::start(lab, "direct/a-server", |text| text);
    let partner = Wire::new(lab, "b-server", "a-server");
    let core = Wire::new(lab, "a-core", "a-server");
    let token = lab.token("a", &[("mcptt_id", ALICE)], 3600);
    let mut register = notification(1).method("REGISTER");
    register.body = format!(
        "<mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><mcptt-access-token><mcpttString>{token}</mcpttString></mcptt-access-token></mcptt-Params></mcpttinfo>"
    );
    register = register.replace("P-Asserted-Identity", "");
    assert_eq!(core.ask(&register.bytes(&core)).status().as_u16(), 200);
    match partner.receive() {
        Message::Request(owed) => (node, partner, owed),
        Message::Response(_) => panic!("a request was expected"),
    }
}

#[test]
fn a_request_that_comes_back_to_its_sender_is_a_loop() {
    let lab = Lab::new("answers-loop");
    let (node, partner, owed) = a_notification_on_its_way(&lab);
    // Sent back to where it came from, with one more Via on top, as a proxy would.
    let address = partner.address();
    let via = format!("SIP/2.0/UDP {address};branch=z9hG4bKproxy;rport");
    let looped = owed.with_via(&via);
    let answer = partner.ask(looped.as_bytes());
    assert_eq!(answer.status().as_u16(), 482);
    let _ = node.stop();
}

#[test]
fn a_body_that_comes_back_to_a_gateway_is_a_loop() {
    let lab = Lab::new("answers-gateway-loop");
    let node = Node::start(&lab, "gateways/a-gateway", |text| text);
    let server = Wire::new(&lab, "a-server", "a-gateway");
    let partner = Wire::new(&lab, "b-gateway", "a-gateway");
    server.send(&notification(1).bytes(&server));
    let Message::Request(forwarded) = partner.receive() else {
        panic!("a request was expected");
    };
    assert_eq!(forwarded.headers().max_forwards().unwrap(), Some(69));
    // B's gateway is misconfigured: it sends the same document back, in its own name.
    let mut back = notification(2).replace(
        "P-Asserted-Identity",
        "P-Asserted-Identity: <sip:mc-gateway@b.mcx.example>",
    );
    back.body = String::from_utf8_lossy(forwarded.body()).into_owned();
    let answer = partner.ask(&back.bytes(&partner));
    assert_eq!(answer.status().as_u16(), 482, "{}", reason(&answer));
    let exhausted = notification(3).replace("Max-Forwards", "Max-Forwards: 0");
    assert_eq!(server.ask(&exhausted.bytes(&server)).status().as_u16(), 483);
    let _ = node.stop();
}

/// Two gateways of one system, each told that the way to B leads through the other.
#[test]
fn two_gateways_that_send_to_each_other_end_it_within_one_round() {
    let lab = Lab::new("answers-gateways-loop");
    let [one_at, other_at] = ["a-gateway", "b-gateway"].map(|name| lab.address(name).to_string());
    let (one, other) = (
        "sip:mc-gateway@a.mcx.example",
        "sip:second-gateway@a.mcx.example",
    );
    // The way to B, and a server behind, are both the other gateway.
    let misled = |text: String, psi: &str, address: &str| {
        let start = text.find("[[partner]]").unwrap();
        format!(
            "{}[[gateway.server]]\nservices = [\"mcdata\"]\npsi = \"{psi}\"\nnext-hop = \"sip:{address}\"\n\n\
             [[partner]]\nsystem = \"b.mcx.example\"\ntopology-hiding = true\n\
             gateway = {{ psi = \"sip:mc-gateway@b.mcx.example\", next-hop = \"sip:{address}\" }}\n",
            text[..start].replace("[\"mcptt\", \"mcvideo\", \"mcdata\"]", "[\"mcptt\"]")
        )
    };
    let first = Node::start(&lab, "gateways/a-gateway", |text| {
        misled(text, other, &other_at)
    });
    let example = lab.example("gateways/a-gateway");
    let second = Node::start(&lab, "gateways/b-gateway", |_| {
        let text = example.replace(one, other).replace(&one_at, &other_at);
        let text = text.replace("\"a-gateway\"", "\"b-gateway\"");
        misled(text, one, &one_at)
    });
    let server = Wire::new(&lab, "a-server", "a-gateway");
    let answer = server.ask(&notification(1).bytes(&server));
    assert_eq!(answer.status().as_u16(), 482, "{}", reason(&answer));
    let requests = |records: &[sip_trace::Record]| {
        let sent = sip_tests::lab::sent(records);
        sent.iter()
            .filter(|bytes| bytes.starts_with(b"MESSAGE"))
            .count()
    };
    let (_, there) = first.stop();
    let (_, back) = second.stop();
    assert_eq!((requests(&there), requests(&back)), (1, 1), "one round");
}

#[test]
fn what_a_partner_says_of_a_user_is_kept_and_not_logged() {
    let lab = Lab::new("answers-words");
    let (node, partner, owed) = a_notification_on_its_way(&lab);
    let refusal = Response::to(&owed, sip_message::StatusCode::FORBIDDEN, Some("t"));
    let words = "no sip:alice@a.mcx.example here";
    let refusal = refusal.reason(words).finish().unwrap();
    partner.send(refusal.as_bytes());
    let line = node.wait_for(&["verdict=parked", "refused it with 403"]);
    assert!(line.contains("WARN"), "{line}");
    let (log, _) = node.stop();
    assert!(!log.contains("alice"), "{log}");
    let outbox = lab.stored("a-server").outbox;
    assert_eq!(outbox[0].parked.as_ref().unwrap().text, words);
}
