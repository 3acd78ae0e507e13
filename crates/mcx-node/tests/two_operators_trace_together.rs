//! RFC 8497 from end to end: a procedure that the first operator watches goes marked through both gateways, and both keep it;
//! where one of them does not trust the other with marks, it goes unmarked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use check::example;
use running::Running;
use sip_message::{Limits, Message, Response, StatusCode};
use sip_trace::{Record, What, ndjson};

const PROCEDURE: &str = "0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8d";
const OTHER: &str = "0192d3c4-7a1e-7b60-9f3e-2f4c5a6b7c8e";
const ALICE: &str = "sip:alice@a.mcx.example";

/// A socket that stands for a server.
fn server() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    socket
}

/// A gateway between a server and the gateway of its partner, which it trusts with marks or not.
fn gateway(
    name: &str,
    partner: &str,
    server: SocketAddr,
    beyond: SocketAddr,
    trusted: bool,
) -> Running {
    let text = example(&format!("gateways/{name}-gateway.toml"));
    let (old_server, old_gateway) = match name {
        "a" => ("sip:127.0.0.1:5061", "sip:127.0.0.1:5072"),
        _ => ("sip:127.0.0.1:5071", "sip:127.0.0.1:5062"),
    };
    let system = format!("system = \"{partner}.mcx.example\"");
    let text = text
        .replace(
            &format!("\"{old_server}\""),
            &format!("\"sip:{server}\"\nsources = [\"127.0.0.1\"]"),
        )
        .replace(
            &format!("\"{old_gateway}\""),
            &format!("\"sip:{beyond}\", sources = [\"127.0.0.1\"]"),
        )
        .replace(&system, &format!("{system}\nlogme = {trusted}"));
    Running::start(
        &format!("{name}-gateway"),
        &(text + "\n[trace]\nwatches = \"watches\"\n"),
    )
}

fn notification(call: &str, user: &str, session: &str) -> String {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
        <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params><anyExt><req-type type=\"Normal\"><mcpttString>\
        migration-service-deauthorization-notification</mcpttString></req-type><primary-mcptt-id type=\"Normal\"><mcpttURI>\
        {user}</mcpttURI></primary-mcptt-id><partner-mcptt-id type=\"Normal\"><mcpttURI>sip:visitor@b.mcx.example</mcpttURI>\
        </partner-mcptt-id><stay xmlns=\"urn:mcx-sip:migration:1\" number=\"1\" procedure=\"{PROCEDURE}\"/></anyExt>\
        </mcptt-Params></mcpttinfo>"
    );
    format!(
        "MESSAGE sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{call}\r\n\
        From: <sip:mc-server@a.mcx.example>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {call}\r\n\
        CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nP-Asserted-Identity: <sip:mc-server@a.mcx.example>\r\n{session}\
        Content-Type: application/vnd.3gpp.mcptt-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The next request at a server that has not come before, answered: on a busy machine one may be sent again.
fn taken(server: &UdpSocket, seen: &Mutex<HashSet<Vec<u8>>>) -> Message {
    let mut datagram = [0; 65_536];
    loop {
        let (length, from) = server.recv_from(&mut datagram).unwrap();
        let bytes = datagram[..length].to_vec();
        let is_new = seen.lock().unwrap().insert(bytes.clone());
        let message = Message::parse_datagram(bytes.into(), &Limits::default()).unwrap();
        let Message::Request(request) = &message else {
            panic!("an answer came")
        };
        let answer = Response::to(request, StatusCode::OK, Some("tag"))
            .finish()
            .unwrap();
        server.send_to(answer.as_bytes(), from).unwrap();
        if is_new {
            return message;
        }
    }
}

fn is_marked(message: &Message) -> bool {
    let id = message.headers().session_id().unwrap().unwrap();
    id.params().get("logme").is_some()
}

/// What the node's own watch kept.
fn kept(node: &Running) -> Vec<Record> {
    let folder = node.folder().join("watches");
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let own = |path: &PathBuf| path.to_str().unwrap().contains("-watch-0-");
    let files = files.map(|file| file.unwrap().path()).filter(own);
    files
        .flat_map(|file| ndjson::read_file(file).unwrap())
        .collect()
}

/// The methods and statuses of the messages that were kept, each once, when there are so many.
fn messages(node: &Running, count: usize) -> Vec<String> {
    let first = |seen: &mut HashSet<_>, record: &Record| match &record.what {
        What::Message(message) if !seen.insert((message.direction, message.bytes.clone())) => None,
        What::Message(message) if message.bytes.starts_with(b"SIP/2.0 100 ") => None,
        What::Message(message) => {
            let text = String::from_utf8_lossy(&message.bytes).into_owned();
            text.split(' ')
                .find(|word| !word.starts_with("SIP/"))
                .map(str::to_owned)
        }
        What::Decision(_) => None,
    };
    // Watches look a few times a second: asking takes longer.
    (0..10_000)
        .map(|_| {
            node.says(&["trace", "watch", "list"]);
            let mut seen = HashSet::new();
            let kept = kept(node);
            let messages = kept.iter().filter_map(|record| first(&mut seen, record));
            messages.collect::<Vec<_>>()
        })
        .find(|said| said.len() >= count)
        .expect("messages that are kept")
}

struct Two {
    a: Running,
    b: Running,
    server_b: UdpSocket,
    /// What came there.
    seen: Mutex<HashSet<Vec<u8>>>,
}

/// Two operators, of whom A trusts B with marks or not, and B trusts A or not.
fn two(a_trusts: bool, b_trusts: bool) -> Two {
    let server_b = server();
    // B's answers go where requests come from: A's address in its configuration is never sent to.
    let nowhere = "127.0.0.1:9".parse().unwrap();
    let b = gateway("b", "a", server_b.local_addr().unwrap(), nowhere, b_trusts);
    let a = gateway("a", "b", nowhere, b.address, a_trusts);
    let seen = Mutex::default();
    Two {
        a,
        b,
        server_b,
        seen,
    }
}

impl Two {
    /// Sends a notification through; the message that arrives.
    fn passes(&self, text: &str) -> Message {
        std::thread::scope(|scope| {
            let arrived = scope.spawn(|| taken(&self.server_b, &self.seen));
            let answer = self.a.asked(text);
            assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
            arrived.join().unwrap()
        })
    }
}

const MARKED: &str = "Session-ID: ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000;logme\r\n";

#[test]
fn a_mark_passes_both_gateways_and_both_keep_the_procedure() {
    let two = two(true, true);
    assert!(!is_marked(&two.passes(&notification("plain", ALICE, ""))));
    assert!(is_marked(
        &two.passes(&notification("marked", ALICE, MARKED))
    ));
    for node in [&two.a, &two.b] {
        // Received, sent on, its answer, the answer passed back.
        let said = messages(node, 4);
        assert_eq!(said, ["MESSAGE", "MESSAGE", "200", "200"]);
        let of_marked = |record: &Record| match &record.what {
            What::Message(message) => !message.bytes.windows(5).any(|w| w == b"plain"),
            What::Decision(decision) => {
                decision.procedure.as_deref() == Some(PROCEDURE)
                    || decision.call.is_some()
                    || decision.transaction.is_some()
            }
        };
        assert!(kept(node).iter().all(of_marked));
    }
    // Each of the two sees the other's legs beside its own: one procedure, two gateways, in one ladder.
    let files = |node: &Running| {
        let all = std::fs::read_dir(node.folder().join("watches")).unwrap();
        all.map(|file| file.unwrap().path().to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (of_a, of_b) = (files(&two.a), files(&two.b));
    let all: Vec<&str> = of_a.iter().chain(&of_b).map(String::as_str).collect();
    let listed = two
        .a
        .says(&[&["trace", "list", "--json"], &all[..]].concat());
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(
        listed.contains("\"a-gateway\"") && listed.contains("\"b-gateway\""),
        "{listed}"
    );
}

#[test]
fn a_watched_user_is_marked_towards_the_partner_for_as_long_as_the_watch_lasts() {
    let two = two(true, true);
    let mark = [
        "trace",
        "watch",
        "add",
        "--user",
        "sip:%61lice@A.mcx.example",
        "--because",
        "drill 18",
    ];
    two.a.says(&mark);
    assert!(is_marked(&two.passes(&notification("one", ALICE, ""))));
    let of_bob = notification("two", "sip:bob@a.mcx.example", "");
    assert!(!is_marked(&two.passes(&of_bob.replace(PROCEDURE, OTHER))));
    assert_eq!(messages(&two.b, 4).len(), 4);
    two.a
        .says(&["trace", "watch", "stop", "1", "--because", "drill over"]);
    assert!(!is_marked(&two.passes(&notification("three", ALICE, ""))));
}

#[test]
fn who_is_not_trusted_with_marks_gets_none_and_his_do_not_count() {
    let not_sent = two(false, true);
    assert!(!is_marked(
        &not_sent.passes(&notification("one", ALICE, MARKED))
    ));
    assert!(kept(&not_sent.b).is_empty());
    assert!(
        !messages(&not_sent.a, 4).is_empty(),
        "A's own server may ask A"
    );
    let not_taken = two(true, false);
    assert!(!is_marked(
        &not_taken.passes(&notification("two", ALICE, MARKED))
    ));
    let said = not_taken.b.says(&["trace", "export"]);
    assert!(said.contains("is not trusted with marks"), "{said}");
    assert!(kept(&not_taken.b).is_empty());
}
