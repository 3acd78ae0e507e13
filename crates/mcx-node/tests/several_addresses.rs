//! A node that listens on several addresses sends from the one that the system's routes to the target lead from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/running.rs"]
mod running;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use check::example;
use mcx::state::{Command, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::{SqliteStore, Store as _};
use running::Running;

/// Owes B a response to a request for migration.
fn owe(nodes: &Path) {
    let id = |text: &str| McId::parse(text).unwrap();
    let allow = Command::AllowMigration {
        key: UserKey {
            service: Service::Mcptt,
            primary_id: id("sip:alice@a.mcx.example"),
        },
        system: SystemId::new("b.mcx.example"),
        partner_id: id("sip:visitor-1@b.mcx.example"),
        procedure: ProcedureId::new(Timestamp(1_700_000_000_000), [1; 10]),
        in_reply_to: "x".into(),
        at: Timestamp(1_700_000_000_000),
        expires: Timestamp(4_000_000_000_000),
    };
    let store = SqliteStore::open(&nodes.join("a-server.sqlite")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(store.apply(vec![allow])).unwrap();
}

#[test]
fn the_one_that_the_routes_lead_from() {
    let b = UdpSocket::bind("127.0.0.1:0").unwrap();
    b.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let text = example("direct/a-server.toml")
        .replace("127.0.0.1:5071", &b.local_addr().unwrap().to_string())
        .replace(
            "\"udp:127.0.0.1:0\"",
            "\"udp:127.0.9.9:0\", \"udp:127.0.0.1:0\"",
        );
    let _node = Running::prepared("a-server", &text, owe);
    let mut buffer = [0; 65_535];
    let (length, from) = b.recv_from(&mut buffer).unwrap();
    assert_eq!(from.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(
        text.contains(&format!("Via: SIP/2.0/UDP {from};")),
        "{text}"
    );
}
