//! The machines as tables, every state and every event, and as drawings. They are kept in `machines.txt` and in
//! `docs/transactions.md`, so that a change of a machine is a change that a reader sees; `UPDATE_SNAPSHOT=1` rewrites
//! them.
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

/// One arrow of a drawing: from, to, and what it does on which events.
type Arrow = (String, String, Vec<(String, Vec<String>)>);

/// Draws an arrow, on the one that is there from and to the same states. What changes nothing is not drawn.
fn draw(
    arrows: &mut Vec<Arrow>,
    from: impl Debug,
    event: impl Debug,
    to: impl Debug,
    does: &[impl Debug],
) {
    let (from, event, to) = (format!("{from:?}"), format!("{event:?}"), format!("{to:?}"));
    if from == to && does.is_empty() {
        return;
    }
    let does: Vec<_> = does.iter().map(|action| format!("{action:?}")).collect();
    let does = does.join(", ");
    let same = |arrow: &&mut Arrow| (&arrow.0, &arrow.1) == (&from, &to);
    match arrows.iter_mut().find(same) {
        None => arrows.push((from, to, vec![(does, vec![event])])),
        Some((.., labels)) => match labels.iter_mut().find(|label| label.0 == does) {
            None => labels.push((does, vec![event])),
            Some((_, events)) => events.push(event),
        },
    }
}

/// The drawing of one machine.
macro_rules! drawing {
    ($begins:expr, $machine:ident, $events:expr) => {{
        let mut arrows = Vec::new();
        for state in $machine::State::ALL {
            for event in $events {
                let (next, actions) = state.on(event);
                draw(&mut arrows, state, event, next, actions);
            }
        }
        let first = $machine::State::ALL[0];
        let mut text = format!(
            "```mermaid\nstateDiagram-v2\n    [*] --> {first:?}: {}\n",
            $begins
        );
        for (from, to, labels) in arrows {
            let labels: Vec<_> = labels
                .into_iter()
                .map(|(does, events)| match does.as_str() {
                    "" => events.join(", "),
                    _ => format!("{} / {does}", events.join(", ")),
                })
                .collect();
            let _ = writeln!(text, "    {from} --> {to}: {}", labels.join("<br>"));
        }
        text + "    Terminated --> [*]\n```\n"
    }};
}

fn drawings() -> String {
    let head = "# Transactions\n\n\
        Four machines, drawn from the tables that the endpoint runs (`crates/sip-transaction/src`): on an arrow stands the \
        event, behind the stroke\nwhat is done. What changes nothing is left out; `crates/sip-transaction/tests/machines.txt` \
        has every state and event.\n`UPDATE_SNAPSHOT=1 cargo test -p sip-transaction --test machines_as_tables` writes this \
        page anew.\n";
    let parts = [
        (
            "INVITE client",
            "RFC 3261 §17.1.1, RFC 6026 §7.2. A 2xx and each repeat of it is handed up: its ACK, with a branch of its own, is \
             the user's to send,\nand so is a BYE to a branch of a fork that he does not want. Any other final answer is \
             acknowledged here; `cancel` waits for a 1xx by itself.",
            drawing!("INVITE sent", invite_client, INVITE_CLIENT),
        ),
        (
            "INVITE server",
            "RFC 3261 §17.2.1, RFC 6026 §7.1. The user sends his 2xx again until its ACK comes (§13.3.1.4), and answers 487 \
             after `Cancelled`.\nWhile he has not answered, the transaction stays: how long that may take is his to say.",
            drawing!("INVITE came", invite_server, INVITE_SERVER),
        ),
        (
            "Non-INVITE client",
            "RFC 3261 §17.1.2. The user learns of one final answer, or of one failure.\nA 408 does not come from this side \
             of the network (RFC 4320): silence is a `Failed` after 64·T1.",
            drawing!("request sent", non_invite_client, CLIENT),
        ),
        (
            "Non-INVITE server",
            "RFC 3261 §17.2.2, RFC 4320. The user gives one final answer within 64·T1, or is too late.\nThe 100 is sent for \
             him when the client's Timer E has come to T2; any other 1xx of his, and a 408, is not.",
            drawing!("request came", non_invite_server, SERVER),
        ),
    ];
    let parts = parts.map(|(title, left, drawing)| format!("\n## {title}\n\n{left}\n\n{drawing}"));
    head.to_owned() + &parts.concat()
}

/// The text is what is kept there.
fn kept(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_SNAPSHOT").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, kept,
        "UPDATE_SNAPSHOT=1 cargo test rewrites the snapshot"
    );
}

#[test]
fn the_machines_are_those_of_the_snapshot() {
    kept("tests/machines.txt", &tables());
}

#[test]
fn the_drawings_are_those_of_the_machines() {
    kept("../../docs/transactions.md", &drawings());
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
