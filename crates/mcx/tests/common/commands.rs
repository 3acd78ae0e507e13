//! Short forms of the store's commands, about Alice in MCPTT unless told otherwise.

use std::time::Duration;

use mcx::Timestamp;
use mcx::state::{
    Authorization, Command, Home, MemoryRows, Notice, OutboxRow, Outcome, Verdict, Visitor, apply,
};

use super::{ALICE_AT_B, ALICE_AT_C, alice, at, id, procedure, system};

/// Applies one command.
pub fn run(rows: &mut MemoryRows, command: &Command) -> Outcome {
    let Ok(outcome) = apply(rows, command);
    outcome
}

/// Applies one command and answers its verdict.
pub fn verdict(rows: &mut MemoryRows, command: &Command) -> Verdict {
    run(rows, command).verdict
}

pub fn authorization(etag: Option<&str>) -> Authorization {
    Authorization {
        until: at(3600),
        etag: etag.map(str::to_owned),
        registration: None,
    }
}

/// She authorizes at her primary.
pub fn returns(n: u8) -> Command {
    Command::AuthorizeHome {
        key: alice(),
        authorization: authorization(None),
        if_match: None,
        heard: None,
        procedure: procedure(n),
        at: at(0),
    }
}

fn her_id_at(name: &str) -> &'static str {
    match name {
        "b" => ALICE_AT_B,
        _ => ALICE_AT_C,
    }
}

/// The primary allows a stay at `name`.
pub fn allow(name: &str, n: u8) -> Command {
    Command::AllowMigration {
        key: alice(),
        system: system(name),
        partner_id: id(her_id_at(name)),
        procedure: procedure(n),
        in_reply_to: format!("request-{n}"),
        at: at(0),
        expires: at(32),
    }
}

/// The partner `name` tells the primary that she completed service authorization there.
pub fn moved(name: &str, number: Option<u64>, n: u8) -> Command {
    Command::UserMoved {
        key: alice(),
        system: system(name),
        partner_id: id(her_id_at(name)),
        number,
        procedure: procedure(n),
        at: at(0),
    }
}

/// The partner `name` stores its mapping.
pub fn map(name: &str, number: Option<u64>, n: u8) -> Command {
    Command::StoreMapping {
        heard: None,
        key: alice(),
        primary: system("a"),
        partner_id: id(her_id_at(name)),
        number,
        procedure: procedure(n),
        authorization: authorization(None),
        at: at(0),
    }
}

/// She authorizes at the partner `name`.
pub fn refresh(name: &str, etag: Option<&str>, if_match: Option<&str>) -> Command {
    Command::RefreshVisitor {
        heard: None,
        key: alice(),
        partner_id: id(her_id_at(name)),
        authorization: authorization(etag),
        if_match: if_match.map(str::to_owned),
        at: at(0),
    }
}

/// She registers at the partner `name`, with the client's Call-ID.
pub fn register(name: &str, call_id: &str) -> Command {
    Command::RefreshVisitor {
        heard: None,
        key: alice(),
        partner_id: id(her_id_at(name)),
        authorization: Authorization {
            registration: Some(call_id.to_owned()),
            ..authorization(None)
        },
        if_match: None,
        at: at(0),
    }
}

/// The primary de-authorizes her stay at a partner.
pub fn end(number: Option<u64>, partner_id: Option<&str>) -> Command {
    Command::EndStay {
        key: alice(),
        partner_id: partner_id.map(id),
        number,
        procedure: Some(procedure(99)),
        at: at(10),
        stop_at: at(10),
        purge_at: purge_at(),
    }
}

/// The primary de-authorizes her stay at a partner that serves her until later.
pub fn end_after(number: Option<u64>, stop_at: Timestamp, purge_at: Timestamp) -> Command {
    Command::EndStay {
        key: alice(),
        partner_id: None,
        number,
        procedure: Some(procedure(99)),
        at: at(10),
        stop_at,
        purge_at,
    }
}

/// When mappings that [`end`] ended are purged.
pub fn purge_at() -> Timestamp {
    at(10).after(Duration::from_secs(60))
}

pub fn home(rows: &MemoryRows) -> &Home {
    rows.homes.get(&alice()).unwrap()
}

pub fn visitor(rows: &MemoryRows) -> &Visitor {
    rows.visitors.get(&alice()).unwrap()
}

/// De-authorizations in the outbox: partner and number, in order.
pub fn owed(rows: &MemoryRows) -> Vec<(String, u64)> {
    let owed = |row: &OutboxRow| match row.row.notice {
        Notice::Deauthorization { number, .. } => {
            let to = row.row.to.as_str();
            Some((to.split('.').next().unwrap().to_owned(), number))
        }
        _ => None,
    };
    rows.outbox.values().filter_map(owed).collect()
}

/// The outbox was delivered.
pub fn deliver_all(rows: &mut MemoryRows) {
    for row in rows.outbox.keys().copied().collect::<Vec<_>>() {
        assert_eq!(
            verdict(rows, &Command::OutboxDone { id: row }),
            Verdict::Done
        );
    }
}
