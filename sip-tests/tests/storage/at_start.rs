//! Storage that a node cannot begin with: it ends, and says in one line which file and why.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sip_tests::lab::{Disk, Lab, Node, program, visitors_at_b};

use crate::http;

/// What a node says that cannot start.
fn refuses_to_start(lab: &Lab, config: &str) -> String {
    let config = lab.folder().join(format!("nodes/{config}.toml"));
    let run = Command::new(program())
        .args(["run", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(run.stdout.is_empty(), "it is not ready");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// The lab of a node that ran once on a store.
fn after_a_run(lab: Lab, store: &str) -> Lab {
    lab.seed(store, visitors_at_b(3));
    let node = Node::start(&lab, "direct/b-server", |text| {
        text.replace("\"b-server.sqlite\"", &format!("\"{store}.sqlite\""))
    });
    let _ = node.stop();
    lab
}

#[test]
fn a_store_of_a_newer_version() {
    let lab = after_a_run(Lab::new("store-newer"), "b-server");
    let file = lab.folder().join("nodes/b-server.sqlite");
    let behind = rusqlite::Connection::open(&file).unwrap();
    behind.pragma_update(None, "user_version", 4711).unwrap();
    drop(behind);
    let before = std::fs::read(&file).unwrap();
    let said = refuses_to_start(&lab, "b-server");
    assert!(
        said.contains("b-server.sqlite") && said.contains("4711"),
        "{said}"
    );
    assert!(said.contains("newer"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "it is left alone");
}

#[test]
fn a_store_that_can_only_be_read() {
    let lab = Lab::new("store-ro");
    let Some(disk) = Disk::mount(&lab, "disk", 4096) else {
        return;
    };
    let lab = after_a_run(lab, "disk/b-server");
    disk.make_read_only();
    let said = refuses_to_start(&lab, "b-server");
    assert!(said.contains("b-server.sqlite"), "{said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
}

/// Asks with OPTIONS, again and again, until the answer begins so; nobody may be there yet.
fn asks_until(lab: &Lab, name: &str, status: &str) -> String {
    let (from, to) = (lab.address("asks"), lab.address(name));
    let socket = lab.socket("asks");
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let limit = Instant::now() + Duration::from_secs(20);
    let mut datagram = [0; 65_536];
    for n in 0.. {
        let request = format!(
            "OPTIONS sip:mc-server@b.mcx.example SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{status}{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:b.mcx.example>;tag=1\r\nTo: <sip:mc-server@b.mcx.example>\r\n\
             Call-ID: {status}{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        // An error is that nobody was there a moment ago.
        let _ = socket.send_to(request.as_bytes(), to);
        while let Ok(length) = socket.recv(&mut datagram) {
            let answer = String::from_utf8_lossy(&datagram[..length]).into_owned();
            if answer.starts_with(&format!("SIP/2.0 {status} ")) {
                return answer;
            }
        }
        assert!(Instant::now() < limit, "never {status}");
    }
    unreachable!()
}

/// RFC 3261 §21.5.4: who asks while it takes long to start is told so, and that he may come again.
#[test]
fn a_store_that_opens_late_has_everybody_told_that_the_node_starts() {
    let lab = after_a_run(Lab::new("store-late"), "b-server");
    let file = lab.folder().join("nodes/b-server.sqlite");
    let holds = rusqlite::Connection::open(&file).unwrap();
    holds.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let text = lab.example("direct/b-server");
    lab.address("asks");
    let at = lab.address("http");
    let text = format!("{text}\n[http]\nlisten = \"{at}\"\n");
    let folder = lab.folder().to_owned();
    let config = folder.join("nodes/b-server.toml");
    std::fs::write(&config, text).unwrap();
    let mut node = Command::new(program())
        .args(["run", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let starting = asks_until(&lab, "b-server", "503");
    assert!(starting.contains("\r\nRetry-After: "), "{starting}");
    // Who watches the process sees that it lives: else it would be killed over it.
    let starts = "service-server: starting\n";
    assert_eq!(http::get(at, "/livez"), (200, "alive\n".into()));
    assert_eq!(http::get(at, "/readyz"), (503, starts.into()));
    let (status, metrics) = http::get(at, "/metrics");
    assert_eq!(status, 200);
    let not_ready = "\nmcx_ready{function=\"service-server\"} 0\n";
    assert!(metrics.contains(not_ready), "{metrics}");
    for (command, why) in [
        ("ready", "not ready: starting"),
        ("users", "starting: its store is not open yet"),
    ] {
        let asked = Command::new(program())
            .args([command, "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(asked.status.code(), Some(1));
        let said = String::from_utf8(asked.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
    holds.execute_batch("COMMIT").unwrap();
    asks_until(&lab, "b-server", "200");
    assert_eq!(http::get(at, "/readyz").0, 200);
    let (_, metrics) = http::get(at, "/metrics");
    assert!(metrics.contains("\nmcx_store_usable 1\n"), "{metrics}");
    let mut lines = BufReader::new(node.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with(" ready")));
    node.kill().unwrap();
    node.wait().unwrap();
}

#[test]
fn a_store_that_is_no_database() {
    let lab = after_a_run(Lab::new("store-letter"), "b-server");
    let file = lab.folder().join("nodes/b-server.sqlite");
    std::fs::write(&file, "a letter, and no database".repeat(1000)).unwrap();
    let said = refuses_to_start(&lab, "b-server");
    assert!(said.contains("b-server.sqlite"), "{said}");
    assert!(said.contains("not a database"), "{said}");
}
