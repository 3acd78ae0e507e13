//! Both machines as tables: every state, every event. The tables are kept in `machines.txt`, so
//! that a change of a machine is a change that a reader sees; `UPDATE_SNAPSHOT=1` rewrites them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::{Debug, Write as _};
use std::path::Path;

use sip_transaction::{invite_client, invite_server, non_invite_client, non_invite_server};

const INVITE_CLIENT: [invite_client::Event; 10] = {
    use invite_client::Event::*;
    [
        TimerA,
        TimerB,
        TimerC,
        TimerD,
        TimerM,
        CancelTimeout,
        Provisional,
        Success,
        Failure,
        TransportError,
    ]
};

const INVITE_SERVER: [invite_server::Event; 11] = {
    use invite_server::Event::*;
    [
        Retransmission,
        Ack,
        Timer100,
        SendProvisional,
        SendSuccess,
        SendFailure,
        TimerG,
        TimerH,
        TimerI,
        TimerL,
        TransportError,
    ]
};

const CLIENT: [non_invite_client::Event; 6] = {
    use non_invite_client::Event::*;
    [TimerE, TimerF, TimerK, Provisional, Final, TransportError]
};

const SERVER: [non_invite_server::Event; 6] = {
    use non_invite_server::Event::*;
    [
        Retransmission,
        Timer100,
        SendFinal,
        TimerJ,
        ClientGone,
        TransportError,
    ]
};

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

/// Every state and event of one machine.
macro_rules! table {
    ($table:expr, $title:literal, $machine:ident, $events:expr) => {{
        let _ = write!(
            $table,
            "{}\n\nstate       event            next        actions\n",
            $title
        );
        for state in $machine::State::ALL {
            for event in $events {
                let (next, actions) = state.on(event);
                line($table, state, event, next, actions);
            }
        }
    }};
}

fn tables() -> String {
    let mut all = String::new();
    let table = &mut all;
    table!(
        table,
        "INVITE client transaction, RFC 3261 figure 5 with RFC 6026",
        invite_client,
        INVITE_CLIENT
    );
    table.push('\n');
    table!(
        table,
        "INVITE server transaction, RFC 3261 figure 7 with RFC 6026",
        invite_server,
        INVITE_SERVER
    );
    table.push('\n');
    table!(
        table,
        "non-INVITE client transaction, RFC 3261 figure 6",
        non_invite_client,
        CLIENT
    );
    table.push('\n');
    table!(
        table,
        "non-INVITE server transaction, RFC 3261 figure 8 with RFC 4320",
        non_invite_server,
        SERVER
    );
    all
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

/// The end is left by nothing, and every state has a way there.
macro_rules! ends {
    ($machine:ident, $events:expr) => {{
        let terminated = $machine::State::Terminated;
        let mut ending = vec![terminated];
        for event in $events {
            let (next, actions) = terminated.on(event);
            assert_eq!((next, actions.len()), (terminated, 0));
        }
        for _ in $machine::State::ALL {
            for state in $machine::State::ALL {
                if $events
                    .iter()
                    .any(|event| ending.contains(&state.on(*event).0))
                {
                    ending.push(state);
                }
            }
        }
        for state in $machine::State::ALL {
            assert!(ending.contains(&state), "{state:?}");
        }
    }};
}

#[test]
fn nothing_leaves_the_end_and_every_state_can_end() {
    ends!(invite_client, INVITE_CLIENT);
    ends!(invite_server, INVITE_SERVER);
    ends!(non_invite_client, CLIENT);
    ends!(non_invite_server, SERVER);
}
