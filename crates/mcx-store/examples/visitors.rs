//! Writes a store of an MC service server with many users who migrated, for measurements: user000000 and so on of
//! a.mcx.example, in MCPTT, all of them at b.mcx.example with stay 1; the store of B, or with `home` that of A.
//!
//!     cargo run --release -p mcx-store --example visitors -- b-server.sqlite 10000
//!     cargo run --release -p mcx-store --example visitors -- a-server.sqlite 10000 home

#[path = "support/filling.rs"]
mod filling;

use std::error::Error;
use std::path::Path;

use filling::fill;
use mcx::state::{Authorization, Command, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::SqliteStore;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const FAR_FUTURE: Timestamp = Timestamp(4_000_000_000_000);

/// His key, and his id at B.
fn user(number: u64) -> Result<(UserKey, McId), Box<dyn Error>> {
    let id = |text: String| McId::parse(&text).map_err(|_| "no id");
    let key = UserKey {
        service: Service::Mcptt,
        primary_id: id(format!("sip:user{number:06}@a.mcx.example"))?,
    };
    Ok((key, id(format!("sip:visitor{number:06}@b.mcx.example"))?))
}

/// At B: the mapping of the visitor of that number.
fn mapping(number: u64) -> Result<Command, Box<dyn Error>> {
    let (key, partner_id) = user(number)?;
    Ok(Command::StoreMapping {
        heard: None,
        key,
        primary: SystemId::new("a.mcx.example"),
        partner_id,
        number: Some(1),
        procedure: ProcedureId::new(NOW, [1; 10]),
        authorization: Authorization {
            until: FAR_FUTURE,
            etag: None,
            registration: None,
        },
        at: NOW,
    })
}

/// At A: the stay of the user of that number.
fn stay(number: u64) -> Result<Command, Box<dyn Error>> {
    let (key, partner_id) = user(number)?;
    Ok(Command::AllowMigration {
        key,
        system: SystemId::new("b.mcx.example"),
        partner_id,
        procedure: ProcedureId::new(NOW, [1; 10]),
        in_reply_to: "seed".into(),
        at: NOW,
        expires: Timestamp(1),
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("write: visitors FILE COUNT, or visitors FILE COUNT home".into());
    };
    let command = match arguments.next().as_deref() {
        None => mapping,
        Some("home") => stay,
        Some(other) => return Err(format!("`{other}` is nothing: write home, or nothing").into()),
    };
    let store = SqliteStore::open(Path::new(&file))?;
    // The message that it owes is taken away again.
    let of = |number| {
        Ok(vec![
            command(number)?,
            Command::OutboxDone { id: number + 1 },
        ])
    };
    fill(&store, count.parse()?, of)
}
