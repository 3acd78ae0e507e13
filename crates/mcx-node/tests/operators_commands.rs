//! `mcx users`, `mcx outbox`, `mcx deauthorize` and `mcx sessions-ended` against a running node.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::UdpSocket;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};

use check::{Folder, example};
use mcx::state::{Authorization, Command, Parked, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::{SqliteStore, Store};
use serde_json::Value;

/// A node of system A, killed in the end.
struct Node {
    process: Child,
    config: PathBuf,
    database: PathBuf,
    /// B, who never answers.
    b: UdpSocket,
    _folder: Folder,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Node {
    /// Runs the node on a store in which these commands were carried out.
    fn with(commands: Vec<Command>) -> Self {
        let b = UdpSocket::bind("127.0.0.1:0").unwrap();
        let folder = Folder::new();
        let config = folder.0.join("nodes/a.toml");
        let database = folder.0.join("nodes/a-server.sqlite");
        let there = b.local_addr().unwrap().to_string();
        let text = example("direct/a-server.toml").replace("127.0.0.1:5071", &there);
        std::fs::write(&config, text).unwrap();
        let store = SqliteStore::open(&database).unwrap();
        let done = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        done.block_on(store.apply(commands)).unwrap();
        drop(store);
        let mut process = Process::new(env!("CARGO_BIN_EXE_mcx"))
            .args(["run", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.any(|line| line.unwrap().ends_with(" ready"));
        assert!(ready, "the node does not start: {}", {
            let mut why = String::new();
            process
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut why)
                .unwrap();
            why
        });
        Self {
            process,
            config,
            database,
            b,
            _folder: folder,
        }
    }

    /// Runs a command; exit code, standard output and error.
    fn mcx(&self, args: &[&str]) -> (i32, String, String) {
        let output = Process::new(env!("CARGO_BIN_EXE_mcx"))
            .args(args)
            .arg("--config")
            .arg(&self.config)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    }

    fn says(&self, args: &[&str]) -> String {
        let (code, out, error) = self.mcx(args);
        assert_eq!((code, error.as_str()), (0, ""), "{args:?}");
        out
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let mut args = args.to_vec();
        args.push("--json");
        let lines = self.says(&args);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Kills it; what it logged.
    fn killed(&mut self) -> String {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let mut log = String::new();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        log
    }
}

fn at(seconds: u64) -> Timestamp {
    // 2100, so that nothing is due.
    Timestamp(4_102_444_800_000 + seconds * 1000)
}

fn key(user: &str) -> UserKey {
    UserKey {
        service: Service::Mcptt,
        primary_id: McId::parse(user).unwrap(),
    }
}

fn procedure(number: u8) -> ProcedureId {
    ProcedureId::new(Timestamp(0), [number; 10])
}

const ALICE: &str = "sip:alice@a.mcx.example";
const BOB: &str = "sip:bob@b.mcx.example";

fn allow(partner: &str, number: u8) -> Command {
    Command::AllowMigration {
        key: key(ALICE),
        system: SystemId::new(partner),
        partner_id: McId::parse(&format!("sip:visitor-1@{partner}")).unwrap(),
        procedure: procedure(number),
        in_reply_to: "x".into(),
        at: at(0),
        expires: Timestamp(1),
    }
}

fn visits() -> Command {
    Command::StoreMapping {
        heard: None,
        key: key(BOB),
        primary: SystemId::new("b.mcx.example"),
        partner_id: McId::parse("sip:guest-7@a.mcx.example").unwrap(),
        number: Some(9),
        procedure: procedure(3),
        authorization: Authorization {
            until: at(3600),
            etag: None,
            registration: None,
        },
        at: at(0),
    }
}

#[test]
fn users_are_listed_and_chosen() {
    let node = Node::with(vec![allow("b.mcx.example", 1), visits()]);
    let table = node.says(&["users"]);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("SERVICE  USER "), "{table}");
    assert_eq!(lines.len(), 3, "{table}");
    let words: Vec<_> = lines[1].split_whitespace().collect();
    let expected = [
        "mcptt",
        ALICE,
        "migrated",
        "b.mcx.example",
        "1",
        "2100-01-01T00:00:00Z",
        "-",
        "sip:visitor-1@b.mcx.example",
    ];
    assert_eq!(words, expected);
    assert!(lines[2].contains("visitor migrated"), "{table}");
    let all = node.json(&["users"]);
    assert_eq!(all.len(), 2);
    assert_eq!(all[1]["primary_id"], BOB);
    assert_eq!(
        (&all[1]["own"], &all[1]["stay"]),
        (&false.into(), &9.into())
    );
    for (chosen, count) in [
        (["--service", "mcdata"], 0),
        (["--service", "mcptt"], 2),
        (["--id", "guest-7"], 1),
        (["--id", "alice"], 1),
        (["--system", "b.mcx.example"], 2),
        (["--system", "B.mcx.Example"], 2),
        (["--system", "c.mcx.example"], 0),
        (["--state", "migrated"], 2),
        (["--state", "was-migrated"], 0),
    ] {
        let args = ["users", chosen[0], chosen[1]];
        assert_eq!(node.json(&args).len(), count, "{chosen:?}");
    }
}

#[test]
fn a_parked_row_is_seen_with_its_reason_sent_again_and_dropped() {
    let parked = Parked {
        status: 403,
        text: "100 function not allowed due to local policy".into(),
        since: at(0),
    };
    let returns = Command::EndStays {
        key: key(ALICE),
        procedure: procedure(5),
        at: Timestamp(0),
    };
    let mut node = Node::with(vec![
        allow("b.mcx.example", 1),
        Command::OutboxDone { id: 1 },
        returns,
        Command::OutboxPark { id: 2, parked },
    ]);
    let listed = node.json(&["outbox", "--parked"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], 2);
    assert_eq!(
        listed[0]["why"],
        "refused with 403 100 function not allowed due to local policy"
    );
    assert!(node.says(&["outbox"]).contains("  parked  "));
    let (code, _, error) = node.mcx(&["outbox", "retry", "2"]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("--because"), "{error}");
    let (code, out, error) =
        node.mcx(&["outbox", "retry", "2", "77", "--because", "b has mended it"]);
    assert_eq!((code, out.as_str()), (1, "row 2 is due now\n"));
    assert_eq!(error, "mcx: there is no row 77 in the outbox\n");
    let mut datagram = [0; 4096];
    node.b
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let (length, _) = node.b.recv_from(&mut datagram).unwrap();
    let request = String::from_utf8_lossy(&datagram[..length]).into_owned();
    assert!(
        request.contains("migration-service-deauthorization-notification"),
        "{request}"
    );
    assert!(node.json(&["outbox", "--parked"]).is_empty());
    let said = node.says(&["outbox", "drop", "2", "--because", "b is gone"]);
    assert_eq!(
        said,
        "row 2 is dropped, and is being sent at this moment: it may reach the partner all the same\n"
    );
    assert!(node.json(&["outbox"]).is_empty());
    let log = node.killed();
    assert!(
        log.contains("ordered by uid") && log.contains("b has mended it"),
        "{log}"
    );
    assert!(log.contains("b is gone"), "{log}");
    assert!(!log.contains("alice"), "no user in the log: {log}");
    let store = SqliteStore::open(&node.database).unwrap();
    assert!(store.outbox().unwrap().is_empty(), "durable");
}

#[test]
fn a_user_is_deauthorized_by_hand() {
    let node = Node::with(vec![
        allow("b.mcx.example", 1),
        Command::OutboxDone { id: 1 },
    ]);
    let args = [
        "deauthorize",
        ALICE,
        "--service",
        "mcptt",
        "--because",
        "drill",
    ];
    let said = node.says(&args);
    assert_eq!(said, "de-authorization owed to b.mcx.example (stay 1)\n");
    assert!(node.json(&["users"]).is_empty());
    assert_eq!(
        node.json(&["outbox"])[0]["kind"],
        "migration service de-authorization notification"
    );
    let (code, _, error) = node.mcx(&args);
    assert_eq!(
        (code, error.as_str()),
        (1, "mcx: the user is migrated nowhere\n")
    );
    let nobody = [
        "deauthorize",
        "alice",
        "--service",
        "mcptt",
        "--because",
        "drill",
    ];
    let (code, _, error) = node.mcx(&nobody);
    assert_eq!(
        (code, error.as_str()),
        (1, "mcx: alice is no MC service ID: not a URI\n")
    );
}

#[test]
fn a_reason_is_one_line_that_names_no_user() {
    let node = Node::with(vec![]);
    let long = "x".repeat(501);
    for (reason, expected) in [
        (" ", "needs a reason"),
        (
            "x\n2100-01-01 WARN row 3 is dropped; ordered by uid 0: forged",
            "one line",
        ),
        ("\u{202e}backwards", "one line"),
        ("from the \u{200f}right", "one line"),
        ("SIP:carol@a.mcx.example is gone", "names no user"),
        (&long, "at most 500 characters"),
    ] {
        let (code, _, error) = node.mcx(&["outbox", "drop", "1", "--because", reason]);
        assert_eq!(code, 1, "{reason}");
        assert!(error.contains(expected), "{reason}: {error}");
    }
}

#[test]
fn the_end_of_a_session_is_reported() {
    let leaves = Command::EndStay {
        key: key(BOB),
        partner_id: None,
        number: Some(9),
        procedure: None,
        at: at(0),
        stop_at: at(3600),
        purge_at: at(7200),
    };
    let node = Node::with(vec![visits(), leaves]);
    assert_eq!(node.json(&["users", "--state", "stopping"]).len(), 1);
    let args = [
        "sessions-ended",
        BOB,
        "--service",
        "mcptt",
        "--because",
        "floor control",
    ];
    assert!(node.says(&args).contains("the service stopped"));
    assert_eq!(node.json(&["users", "--state", "was-migrated"]).len(), 1);
    let (code, _, error) = node.mcx(&args);
    assert_eq!(code, 1);
    assert!(error.contains("nothing is to be cut short"), "{error}");
}

#[test]
fn a_node_that_does_not_run_is_named() {
    let mut node = Node::with(vec![]);
    let socket = PathBuf::from(format!("{}.admin", node.database.display()));
    assert!(socket.exists());
    // Killed, it leaves its socket behind.
    node.killed();
    assert!(socket.exists());
    let (code, _, error) = node.mcx(&["users"]);
    assert_eq!(code, 1);
    assert!(
        error.contains("nobody listens there: the node does not run"),
        "{error}"
    );
    std::fs::remove_file(&socket).unwrap();
    let (code, _, error) = node.mcx(&["outbox"]);
    assert_eq!(code, 1);
    assert!(error.contains("no such socket"), "{error}");
    let output = Process::new(env!("CARGO_BIN_EXE_mcx"))
        .arg("users")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("write --config FILE or --socket PATH"),
        "{error}"
    );
}

/// What a partner answered is shown to an operator, on a terminal.
#[test]
fn what_a_partner_says_does_nothing_to_a_terminal() {
    let parked = Parked {
        status: 403,
        text: "go \u{1b}[31maway\u{202e}\n1  mc\u{2028}ptt".into(),
        since: at(0),
    };
    let commands = vec![
        allow("b.mcx.example", 1),
        Command::OutboxPark { id: 1, parked },
    ];
    let node = Node::with(commands);
    let shown = node.says(&["outbox"]);
    assert_eq!(shown.lines().count(), 2, "{shown:?}");
    assert!(
        shown.ends_with("refused with 403 go ?[31maway??1  mc?ptt\n"),
        "{shown:?}"
    );
}

#[test]
fn what_is_no_question_is_told_so() {
    let node = Node::with(vec![]);
    let socket = format!("{}.admin", node.database.display());
    for (line, expected) in [
        ("hello\n", "no question"),
        (
            "{\"users\":{\"id\":\"J\u{fc}rgen\"}}\n",
            "no question: invalid unicode",
        ),
        ("{\"userz\":{}}\n", "unknown variant `userz`"),
        ("{\"users\":{\"colour\":1}}\n", "unknown field `colour`"),
        (
            "{\"order\":{\"what\":{\"retry\":1},\"because\":\" \"}}\n",
            "needs a reason",
        ),
        (&format!("{}\n", "x".repeat(100_000)), "no question"),
    ] {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // As in a terminal that is not of UTF-8.
        let bytes: Vec<_> = line.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let _ = stream.write_all(&bytes);
        let mut answer = String::new();
        // What was not read may cost the answer: the node closes on it.
        let _ = stream.read_to_string(&mut answer);
        assert!(
            answer.contains(expected) || line.len() > 50_000,
            "{line}: {answer}"
        );
    }
    assert!(node.json(&["users"]).is_empty(), "still there");
}
