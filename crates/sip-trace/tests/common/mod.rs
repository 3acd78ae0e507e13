//! Records for tests: a small exchange of two servers through two gateways.
// Each test file uses its part of this one.
#![allow(dead_code, clippy::unwrap_used)]

pub mod browser;
pub mod pcapng_reader;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use sip_trace::{DecisionRecord, Direction, MessageRecord, Record, Transport, What};

/// 2026-01-01 00:00:00 UTC.
pub const START_US: u64 = 1_767_225_600_000_000;

pub const A: &str = "A server";
pub const AG: &str = "A gateway";
pub const BG: &str = "B gateway";
pub const B: &str = "B server";

pub fn address(node: &str) -> SocketAddr {
    let port = match node {
        A => 40_001,
        AG => 40_002,
        BG => 40_003,
        B => 40_004,
        // Another one for every other name of these tests.
        other => other
            .bytes()
            .fold(50_000, |port, byte| port + u16::from(byte)),
    };
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Collects records in the order they are told.
#[derive(Default)]
pub struct Story {
    pub records: Vec<Record>,
}

impl Story {
    pub fn sent(&mut self, ms: u64, from: &str, to: &str, bytes: &Bytes) {
        self.message(ms, from, to, Direction::Sent, bytes);
    }

    pub fn received(&mut self, ms: u64, at: &str, from: &str, bytes: &Bytes) {
        self.message(ms, at, from, Direction::Received, bytes);
    }

    /// Sent and 1 ms later received.
    pub fn passed(&mut self, ms: u64, from: &str, to: &str, bytes: &Bytes) {
        self.sent(ms, from, to, bytes);
        self.received(ms + 1, to, from, bytes);
    }

    pub fn decided(
        &mut self,
        ms: u64,
        node: &str,
        requirement: &'static str,
        verdict: &str,
        why: &str,
    ) {
        let decision = DecisionRecord {
            requirement: requirement.into(),
            verdict: verdict.to_owned().into(),
            why: why.to_owned().into(),
            user: Some("sip:alice@a.mcx.example".to_owned()),
            ..DecisionRecord::default()
        };
        self.push(ms, node, What::Decision(decision));
    }

    fn message(&mut self, ms: u64, node: &str, peer: &str, direction: Direction, bytes: &Bytes) {
        let message = MessageRecord::new(
            direction,
            Transport::Udp,
            address(node),
            address(peer),
            bytes.clone(),
        );
        self.push(ms, node, What::Message(message));
    }

    fn push(&mut self, ms: u64, node: &str, what: What) {
        self.records.push(Record {
            seq: self.records.len() as u64,
            wall_us: START_US + ms * 1_000,
            mono_us: None,
            node: Arc::from(node),
            what,
        });
    }
}

/// Carries what two nodes said to each other over one TLS connection, which the first one opened from this port.
pub fn over_tls(records: &mut [Record], (opener, port): (&str, u16), acceptor: &str) {
    let from = SocketAddr::new(address(opener).ip(), port);
    for record in records {
        let What::Message(message) = &mut record.what else {
            continue;
        };
        let (local, peer) = (message.local, message.peer);
        if (local, peer) == (address(opener), address(acceptor)) {
            (message.local, message.opened_here) = (from, true);
        } else if (local, peer) == (address(acceptor), address(opener)) {
            message.peer = from;
        } else {
            continue;
        }
        message.transport = Transport::Tls;
    }
}

/// A de-authorization notification, told apart by its branch.
pub fn notification(branch: &str) -> Bytes {
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
        <mcpttinfo xmlns=\"urn:3gpp:ns:mcpttInfo:1.0\"><mcptt-Params>\
        <mcptt-request-uri type=\"Normal\"><mcpttURI>sip:alice@a.mcx.example</mcpttURI></mcptt-request-uri>\
        <anyExt><req-type type=\"Normal\">\
        <mcpttString>migration-service-deauthorization-notification</mcpttString></req-type></anyExt>\
        </mcptt-Params></mcpttinfo>\r\n";
    Bytes::from(format!(
        "MESSAGE sip:psi@b.mcx.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:40001;branch=z9hG4bK{branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:psi@a.mcx.example>;tag=1\r\n\
         To: <sip:psi@b.mcx.example>\r\n\
         Call-ID: {branch}@a.mcx.example\r\n\
         CSeq: 1 MESSAGE\r\n\
         Content-Type: application/vnd.3gpp.mcptt-info+xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// The answer to it.
pub fn answer(branch: &str, status: &str, warning: Option<&str>) -> Bytes {
    let warning = warning.map(|text| format!("Warning: 399 b.mcx.example \"{text}\"\r\n"));
    Bytes::from(format!(
        "SIP/2.0 {status}\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:40001;branch=z9hG4bK{branch}\r\n\
         From: <sip:psi@a.mcx.example>;tag=1\r\n\
         To: <sip:psi@b.mcx.example>;tag=2\r\n\
         Call-ID: {branch}@a.mcx.example\r\n\
         CSeq: 1 MESSAGE\r\n\
         {}Content-Length: 0\r\n\r\n",
        warning.unwrap_or_default()
    ))
}

/// P1 through both gateways. The first copy from gateway to gateway is lost; the partner's first answer is lost too, so
/// that the retransmission is answered again.
pub fn exchange() -> Vec<Record> {
    let mut story = Story::default();
    let (first, second, third) = (
        notification("one"),
        notification("two"),
        notification("three"),
    );
    let ok = |branch| answer(branch, "200 OK", None);
    story.decided(
        0,
        A,
        "P1.0",
        "started",
        "user is back and was migrated to b.mcx.example (stay 7)",
    );
    story.passed(1, A, AG, &first);
    story.sent(3, AG, BG, &second);
    story.sent(503, AG, BG, &second);
    story.received(504, BG, AG, &second);
    story.decided(
        504,
        BG,
        "L5",
        "trusted",
        "sender is the user's primary system",
    );
    story.passed(505, BG, B, &third);
    story.decided(507, B, "P1.4", "applied", "mapping is was-migrated (stay 7), kept for 24 h because the retention period of this partner says so");
    story.sent(508, B, BG, &ok("three"));
    story.passed(1_005, BG, B, &third);
    story.passed(1_007, B, BG, &ok("three"));
    story.passed(1_009, BG, AG, &ok("two"));
    story.passed(1_011, AG, A, &ok("one"));
    story.records
}
