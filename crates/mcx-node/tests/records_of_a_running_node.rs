//! What a running node recorded, asked for at its admin socket: listed, drawn, followed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use check::{Folder, example};
use mcx_node::admin::{self, Asked, MOST_FOLLOWERS};
use mcx_node::local_socket::Listener;
use mcx_node::watches::Watches;
use running::Running;
use serde_json::Value;
use sip_trace::{Capacity, DecisionRecord, Recorder};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

/// A request that every node answers at once.
fn request(call: &str) -> String {
    format!(
        "OPTIONS sip:mc-gateway@a.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{call}\r\n\
        From: <sip:alice@a.mcx.example>;tag=1\r\nTo: <sip:mc-gateway@a.mcx.example>\r\nCall-ID: {call}\r\n\
        CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

fn nobody(text: &str) {
    assert!(!text.contains("alice"), "{text}");
}

#[test]
fn a_running_node_is_listed_and_drawn_like_a_file() {
    let node = Running::start("a-gateway", &example("gateways/a-gateway.toml"));
    for call in ["alice-one", "alice-two"] {
        assert!(node.asked(&request(call)).starts_with("SIP/2.0 "));
    }
    let listed = node.says(&["trace", "list", "--json"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    nobody(&listed);
    let ladder = node.says(&["trace", "ladder", "alice-two"]);
    assert_eq!(ladder.matches("OPTIONS").count(), 1, "{ladder}");
    nobody(&ladder);
    // Beside a file, the same node by its socket.
    let file = node.folder().join("one.ndjson");
    let written = node.says(&["trace", "export", "--id", "1"]);
    std::fs::write(&file, &written).unwrap();
    let socket = node.folder().join("a-gateway.admin");
    let both = [
        "trace",
        "list",
        "--json",
        file.to_str().unwrap(),
        "--socket",
        socket.to_str().unwrap(),
    ];
    // It is of the same transaction, whatever its Call-ID is called there.
    assert_eq!(node.says(&both).lines().count(), 2);
    // With a file, --config names no node to ask.
    assert_eq!(
        node.says(&["trace", "list", "--json", both[3]])
            .lines()
            .count(),
        1
    );
    node.killed();
}

#[test]
fn two_running_nodes_are_one_ladder() {
    let one = Running::start("a-gateway", &example("gateways/a-gateway.toml"));
    let two = Running::start("b-gateway", &example("gateways/b-gateway.toml"));
    one.asked(&request("alice-both"));
    let of_b = request("alice-both").replace("a.mcx.example SIP", "b.mcx.example SIP");
    two.asked(&of_b);
    let ladder = one.says(&[
        "trace",
        "ladder",
        "alice-both",
        "--config",
        two.config.to_str().unwrap(),
    ]);
    let heading = ladder.lines().next().unwrap();
    assert!(
        heading.contains("a-gateway") && heading.contains("b-gateway"),
        "{ladder}"
    );
    assert_eq!(ladder.matches("OPTIONS").count(), 2, "{ladder}");
    nobody(&ladder);
}

#[test]
fn what_went_lost_is_a_number() {
    // Nobody listens there.
    let collector = "\n[trace.collector]\naddress = \"tcp:127.0.0.1:1\"\nagent = 1\n";
    let node = Running::start(
        "a-gateway",
        &(example("gateways/a-gateway.toml") + collector),
    );
    node.asked(&request("one"));
    let status = || -> serde_json::Value {
        let said = node.says(&["trace", "status", "--json"]);
        serde_json::from_str(&said).unwrap()
    };
    let told = (0..10_000).map(|_| status()).find(|now| now["untold"] != 0);
    let told = told.expect("what is lost is counted");
    assert_eq!(told["missed"], 0);
    assert!(told["records"].as_u64().unwrap() >= 4, "{told}");
    let said = node.says(&["trace", "status"]);
    assert!(said.contains("not told to a collector"), "{said}");
}

#[test]
fn a_node_that_records_nothing_says_so() {
    let text = example("gateways/a-gateway.toml") + "\n[trace]\nring-mib = 0\n";
    let node = Running::start("a-gateway", &text);
    let (code, _, error) = node.mcx(&["trace", "list"]);
    assert_eq!(code, 1);
    assert!(error.contains("nothing is recorded"), "{error}");
}

#[test]
fn tail_tells_in_words_what_comes_and_names_nobody() {
    let node = Running::start("a-gateway", &example("gateways/a-gateway.toml"));
    node.asked(&request("one"));
    let mut tail = node
        .command(&["trace", "tail", "--all"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut until = |what: &str| {
        let mut said = String::new();
        for line in lines.by_ref() {
            said.push_str(&line.unwrap());
            said.push('\n');
            if said.lines().last().unwrap().contains(what) {
                break;
            }
        }
        said
    };
    let first = until("-> ");
    assert!(
        first.contains("a-gateway  <- 127.0.0.1:") && first.contains("OPTIONS"),
        "{first}"
    );
    // It follows: this comes after it began.
    node.asked(&request("two"));
    let second = until("-> ");
    assert!(second.contains("OPTIONS"), "{second}");
    tail.kill().unwrap();
    tail.wait().unwrap();
    let mut tail = node
        .command(&["trace", "tail", "--all", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let requests = lines.map(Result::unwrap).filter(|l| l.contains("OPTIONS"));
    let requests: Vec<String> = requests.take(2).collect();
    tail.kill().unwrap();
    tail.wait().unwrap();
    for request in requests {
        assert!(request.contains("From: <sip:u-"), "{request}");
        nobody(&(request + &first + &second));
    }
}

/// An admin socket over a ring of that many records.
struct Socket {
    recorder: Recorder,
    folder: Folder,
    stop: watch::Sender<bool>,
    _runtime: Runtime,
}

fn socket(records: usize) -> Socket {
    let folder = Folder::new();
    let capacity = Capacity {
        records,
        ..Capacity::default()
    };
    let recorder = Recorder::new("node", capacity);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = Listener::bind(&folder.0.join("x")).unwrap();
    let (stop, stopped) = watch::channel(false);
    let watches = Arc::new(Watches::new(None, "node", recorder.reader(), Vec::new()));
    let (direct, _) = mpsc::channel(1);
    let asked = Asked::new(None, Some(recorder.reader()), watches, Vec::new(), direct);
    runtime.spawn(admin::serve(listener, asked, stopped));
    Socket {
        recorder,
        folder,
        stop,
        _runtime: runtime,
    }
}

impl Socket {
    fn ask(&self, question: &str) -> impl Iterator<Item = Value> + use<> {
        let mut stream = UnixStream::connect(self.folder.0.join("x")).unwrap();
        let wait = Some(Duration::from_secs(20));
        stream.set_read_timeout(wait).unwrap();
        writeln!(stream, "{question}").unwrap();
        let lines = BufReader::new(stream).lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    }

    fn record(&self, why: &str) {
        let decision = DecisionRecord {
            why: why.to_owned().into(),
            ..Default::default()
        };
        self.recorder.decision(1, &decision);
    }
}

#[test]
fn a_slow_asker_loses_records_and_is_told_how_many_and_nobody_waits_for_him() {
    const ALL: u64 = 20_000;
    let socket = socket(100);
    let answer = socket.ask(r#"{"trace":{"from":{"seq":0},"follow":true}}"#);
    let why = "x".repeat(1000);
    // Far more than a socket's buffer, while nobody reads.
    for _ in 0..ALL {
        socket.record(&why);
    }
    let (mut came, mut lost, mut next) = (0, 0, 0);
    for line in answer {
        if let Some(more) = line["lost"].as_u64() {
            lost += more;
            next += more;
            continue;
        }
        assert_eq!(line["seq"].as_u64(), Some(next), "a gap that is told");
        (came, next) = (came + 1, next + 1);
        if next == ALL {
            break;
        }
    }
    assert_eq!(came + lost, ALL);
    assert!(lost > ALL / 2, "{lost}");
}

#[test]
fn an_answer_ends_with_what_there_was_and_begins_where_it_is_asked_to() {
    let socket = socket(10);
    for _ in 0..15 {
        socket.record("");
    }
    let seqs = |question: &str| -> Vec<Value> { socket.ask(question).collect() };
    let oldest = seqs(r#"{"trace":{}}"#);
    assert_eq!(oldest.len(), 11);
    assert_eq!(
        (&oldest[0]["seq"], &oldest[10]),
        (&5.into(), &Value::from("all"))
    );
    let from = seqs(r#"{"trace":{"from":{"seq":13}}}"#);
    assert_eq!((from.len(), &from[0]["seq"]), (3, &13.into()));
    let early = seqs(r#"{"trace":{"from":{"seq":2}}}"#);
    assert_eq!(
        (&early[0]["lost"], &early[1]["seq"]),
        (&3.into(), &5.into())
    );
    assert_eq!(seqs(r#"{"trace":{"from":{"seq":99}}}"#), ["all"]);
}

#[test]
fn so_many_follow_and_no_more() {
    let socket = socket(10);
    socket.record("");
    let follow = r#"{"trace":{"follow":true}}"#;
    let mut followers = Vec::new();
    for _ in 0..MOST_FOLLOWERS {
        let mut answer = socket.ask(follow);
        assert_eq!(answer.next().unwrap()["seq"], 0);
        followers.push(answer);
    }
    let refused = socket.ask(follow).next().unwrap();
    let why = refused["error"].as_str().unwrap();
    assert!(why.contains("follow already"), "{why}");
    // Who goes makes room, as soon as it is noticed.
    followers.pop();
    let found = (0..1000).any(|_| {
        let mut answer = socket.ask(follow);
        answer.next().unwrap()["error"].is_null()
    });
    assert!(found);
    socket.stop.send(true).unwrap();
    // The rest are let go.
    assert!(followers.into_iter().all(|mut rest| rest.next().is_none()));
}
