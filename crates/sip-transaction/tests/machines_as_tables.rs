//! Both machines as tables: every state, every event. The tables are kept in `machines.txt`, so
//! that a change of a machine is a change that a reader sees; `UPDATE_SNAPSHOT=1` rewrites them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::{Debug, Write as _};
use std::path::Path;

use sip_transaction::{client, server};

const CLIENT_EVENTS: [client::Event; 6] = [
    client::Event::TimerE,
    client::Event::TimerF,
    client::Event::TimerK,
    client::Event::Provisional,
    client::Event::Final,
    client::Event::TransportError,
];

const SERVER_EVENTS: [server::Event; 6] = [
    server::Event::Retransmission,
    server::Event::SendProvisional,
    server::Event::SendFinal,
    server::Event::TimerJ,
    server::Event::ClientGone,
    server::Event::TransportError,
];

fn line(
    table: &mut String,
    from: impl Debug,
    event: impl Debug,
    to: impl Debug,
    does: &[impl Debug],
) {
    let does: Vec<_> = does.iter().map(|action| format!("{action:?}")).collect();
    let (from, event, to) = (format!("{from:?}"), format!("{event:?}"), format!("{to:?}"));
    let line = format!("{from:<10}  {event:<15}  {to:<10}  {}", does.join(", "));
    let _ = writeln!(table, "{}", line.trim_end());
}

fn tables() -> String {
    let mut table = String::from("non-INVITE client transaction, RFC 3261 figure 6\n\n");
    table.push_str("state       event            next        actions\n");
    for state in client::State::ALL {
        for event in CLIENT_EVENTS {
            let (next, actions) = state.on(event);
            line(&mut table, state, event, next, actions);
        }
    }
    table.push_str("\nnon-INVITE server transaction, RFC 3261 figure 8\n\n");
    table.push_str("state       event            next        actions\n");
    for state in server::State::ALL {
        for event in SERVER_EVENTS {
            let (next, actions) = state.on(event);
            line(&mut table, state, event, next, actions);
        }
    }
    table
}

#[test]
fn the_machines_are_those_of_the_snapshot() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines.txt");
    let tables = tables();
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(&path, &tables).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        tables, kept,
        "UPDATE_SNAPSHOT=1 cargo test rewrites the snapshot"
    );
}

#[test]
fn nothing_leaves_the_end_and_every_state_can_end() {
    for event in CLIENT_EVENTS {
        let (next, actions) = client::State::Terminated.on(event);
        assert_eq!((next, actions.len()), (client::State::Terminated, 0));
    }
    for event in SERVER_EVENTS {
        let (next, actions) = server::State::Terminated.on(event);
        assert_eq!((next, actions.len()), (server::State::Terminated, 0));
    }
    for state in client::State::ALL {
        let ends = CLIENT_EVENTS.map(|event| state.on(event).0);
        assert!(ends.contains(&client::State::Terminated), "{state:?}");
    }
    for state in server::State::ALL {
        let ends = SERVER_EVENTS.map(|event| state.on(event).0);
        assert!(ends.contains(&server::State::Terminated), "{state:?}");
    }
}
