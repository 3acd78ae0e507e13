//! Writes a store of an MC service server with many visitors, for measurements: user000000 and so on of a.mcx.example,
//! in MCPTT, all of them migrated to b.mcx.example with stay 1.
//!
//!     cargo run --release -p mcx-store --example visitors -- b-server.sqlite 10000

use std::error::Error;
use std::path::Path;

use mcx::state::{Authorization, Command, UserKey};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use mcx_store::{SqliteStore, Store as _};

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const FAR_FUTURE: Timestamp = Timestamp(4_000_000_000_000);

/// The visitor of that number, and the message that his mapping owes taken away again.
fn visitor(number: u64) -> Result<[Command; 2], Box<dyn Error>> {
    let id = |text: String| McId::parse(&text).map_err(|_| "no id");
    let mapping = Command::StoreMapping {
        heard: None,
        key: UserKey {
            service: Service::Mcptt,
            primary_id: id(format!("sip:user{number:06}@a.mcx.example"))?,
        },
        primary: SystemId::new("a.mcx.example"),
        partner_id: id(format!("sip:visitor{number:06}@b.mcx.example"))?,
        number: Some(1),
        procedure: ProcedureId::new(NOW, [1; 10]),
        authorization: Authorization {
            until: FAR_FUTURE,
            etag: None,
            registration: None,
        },
        at: NOW,
    };
    Ok([mapping, Command::OutboxDone { id: number + 1 }])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(count)) = (arguments.next(), arguments.next()) else {
        return Err("write: visitors FILE COUNT".into());
    };
    let store = SqliteStore::open(Path::new(&file))?;
    for number in 0..count.parse()? {
        drop(store.apply(visitor(number)?.into()));
    }
    // What was handed over is committed before it ends.
    drop(store);
    Ok(())
}
