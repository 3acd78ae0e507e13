//! Log injection: what a peer says holds line ends, escape sequences of terminals and lines that look like the log's own. The log of a real
//! node stays one event a line, in both formats, and nothing of it is a peer's words.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::net::UdpSocket;
use std::time::Duration;

use sip_tests::lab::{Lab, Node, alice_returns, sipp_installed, stay_at_b};

/// What would be seen if it got into the log.
const FORGED: &str = "2026-01-01T00:00:00.000000Z ERROR forged";
const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;forged\u{7}\u{9b}31m";

/// The answer to a request that was received, with such words wherever it has words.
fn hostile_answer(request: &str, status: &str) -> String {
    let copied = request.lines().filter(|line| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    let copied: String = copied
        .map(|line| match line.starts_with("To:") {
            true => format!("{line};tag=forged\r\n"),
            false => format!("{line}\r\n"),
        })
        .collect();
    format!(
        "SIP/2.0 {status} {ESCAPES}{FORGED}\r\n{copied}Server: {FORGED}{ESCAPES}\r\n\
         Warning: 399 forged \"179 {FORGED} {ESCAPES}\"\r\nReason: SIP;cause=503;text=\"{FORGED}\"\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Requests of a stranger: folded lines, bare CRs, escapes in every place that is read or named in a reason.
fn hostile_requests() -> Vec<String> {
    let head = |method: &str, uri: &str, more: &str| {
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{}\r\n\
             From: \"{FORGED}\" <sip:forged@x.example>;tag=1\r\nTo: <sip:mc-server@a.mcx.example>\r\n\
             Call-ID: {FORGED}{ESCAPES}{}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n",
            more.len(),
            more.len()
        )
    };
    let uri = "sip:mc-server@a.mcx.example";
    vec![
        head("MESSAGE", uri, &format!("Subject: x\r\n {FORGED}\r\n")),
        head(
            "MESSAGE",
            uri,
            &format!("P-Asserted-Identity: <sip:{FORGED}{ESCAPES}>\r\n"),
        ),
        head(
            "MESSAGE",
            uri,
            &format!("Content-Type: text/{ESCAPES}{FORGED}\r\n"),
        ),
        head("MESSAGE", uri, &format!("Require: forged{ESCAPES}\r\n")),
        head("MESSAGE", uri, &format!("Max-Forwards: \r{FORGED}\r\n")),
        head("forged\u{1b}[2J", uri, "X: 1\r\n"),
        head("OPTIONS", &format!("sip:x@y\n{FORGED}"), "X: 12\r\n"),
        format!("{FORGED}\n{FORGED}\n\n"),
    ]
}

fn stays_clean(test: &str, format: &str) {
    if !sipp_installed() {
        return;
    }
    let lab = Lab::new(test);
    lab.seed("a-server", vec![stay_at_b()]);
    let b: UdpSocket = lab.socket("b-server");
    b.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let log = format!("\n[log]\nlevel = \"debug\"\nformat = \"{format}\"\n");
    let a = Node::start(&lab, "direct/a-server", |text| {
        let text = text.replace("first = \"1 s\"", "first = \"10 ms\"");
        text.replace("longest = \"5 min\"", "longest = \"20 ms\"") + &log
    });
    let stranger = lab.socket("stranger");
    stranger.connect(lab.address("a-server")).unwrap();
    for request in hostile_requests() {
        stranger.send(request.as_bytes()).unwrap();
    }
    alice_returns(&lab);
    // The partner refuses for a while, then for good: both are reasons that somebody is told.
    let mut datagram = [0; 65_536];
    for status in ["503", "500", "403"] {
        let (length, from) = b.recv_from(&mut datagram).unwrap();
        let request = String::from_utf8_lossy(&datagram[..length]).into_owned();
        let answer = hostile_answer(&request, status);
        b.send_to(answer.as_bytes(), from).unwrap();
    }
    let parked = match format {
        "json" => "\"verdict\":\"parked\"",
        _ => "verdict=parked",
    };
    a.wait_for(&[parked]);
    let (log, _) = a.stop();
    assert!(log.contains("refused") || log.contains("dropped"), "{log}");
    for line in log.lines() {
        let controls = line.chars().filter(|c| c.is_control() && *c != '\t');
        assert_eq!(controls.count(), 0, "{}", line.escape_debug());
        assert!(!line.to_lowercase().contains("forged"), "{line}");
        match format {
            "json" => drop(serde_json::from_str::<serde_json::Value>(line).expect(line)),
            _ => assert!(line.starts_with("20"), "{line}"),
        }
    }
}

#[test]
fn in_lines_for_people() {
    stays_clean("log-human", "human");
}

#[test]
fn in_json() {
    stays_clean("log-json", "json");
}
