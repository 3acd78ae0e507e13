//! `mcx trace tail`.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use clap::Args;
use sip_trace::correlate::ids;
use sip_trace::summary::{Labels, label};
use sip_trace::{Direction, Record, What, ndjson};

use super::live::{Live, Told, complain_of, follow};
use super::redaction::Redaction;
use crate::admin::{Place, TraceFilter};
use crate::cli::out::{printable, say, sayln};

/// `mcx trace tail`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Tail {
    #[command(flatten)]
    live: Live,
    /// Begins with the oldest record that the node still has.
    #[arg(long)]
    all: bool,
    /// The steps that every message takes too: transactions, documents, batches of the store.
    #[arg(long)]
    details: bool,
    /// Records as JSON, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    redaction: Redaction,
}

pub(super) fn tail(args: &Tail) -> Result<(), String> {
    let sockets = args.live.sockets(&args.redaction)?;
    let [socket] = sockets.as_slice() else {
        return Err("one node at a time can be followed".into());
    };
    let from: &[PathBuf] = &sockets;
    let redactor = args.redaction.redactor("what comes", "tail", from)?;
    let mut redactor = redactor.live();
    let place = if args.all { Place::Oldest } else { Place::Now };
    let filter = TraceFilter {
        from: place,
        follow: true,
    };
    follow(socket, filter, |told| {
        let record = match told {
            Told::Record(record) => record,
            Told::Lost(lost) => {
                complain_of(socket, lost);
                return Ok(());
            }
        };
        if !args.details && matches!(&record.what, What::Decision(decision) if decision.detail) {
            return Ok(());
        }
        let allowed = args.redaction.allowed_by(std::iter::once(&*record.node));
        allowed.map_err(io::Error::other)?;
        redactor.learn([&record]);
        if redactor.forgotten() > 0 {
            let why = "more identities than can be looked for came by: begin again";
            return Err(io::Error::other(why));
        }
        let record = redactor.record(&record);
        if args.json {
            let mut line = Vec::new();
            ndjson::write(&record, &mut line)?;
            say(format_args!("{}", String::from_utf8_lossy(&line)));
        } else {
            sayln!("{}", words(&record));
        }
        Ok(())
    })
    .map(drop)
}

/// One record in words. Call-IDs are not among them: they may have a name in them that no record told yet.
fn words(record: &Record) -> String {
    let at = UNIX_EPOCH + Duration::from_micros(record.wall_us);
    let at = humantime::format_rfc3339_millis(at);
    let (said, procedure) = match &record.what {
        What::Message(message) => {
            let (arrow, peer) = match message.direction {
                Direction::Received => ("<-", message.peer),
                Direction::Sent => ("->", message.peer),
            };
            let name = label(&message.bytes, &Labels::default());
            let said = format!("{arrow} {peer} {}  {name}", message.transport.as_str());
            (said, ids(&message.bytes).0)
        }
        What::Decision(decision) => {
            let requirement = &*decision.requirement;
            let verdict = format!("{requirement} {} – {}", decision.verdict, decision.why);
            (format!("*  {}", verdict.trim()), decision.procedure.clone())
        }
    };
    let procedure = procedure.map(|id| format!("  [{id}]")).unwrap_or_default();
    printable(&format!("{at} {}  {said}{procedure}", record.node))
}
