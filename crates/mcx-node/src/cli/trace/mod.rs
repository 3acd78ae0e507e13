//! `mcx trace`: what was recorded, as lists, ladders and files. Identities are replaced and secrets masked, unless raw
//! exports are allowed.

mod input;
mod list;
mod live;
mod output;
mod redaction;
mod tail;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use sip_trace::correlate::{Procedure, procedures};
use sip_trace::{Record, What};

use super::out::{complainln, sayln};
use crate::admin::{Question, RecorderLine, ask_lines};
use live::Live;
use output::{Form, Output};
use redaction::Redaction;
use tail::Tail;
use watch::Watch;

/// `mcx trace`.
#[derive(Debug, Subcommand)]
pub(super) enum Trace {
    /// Lists the procedures in recordings: id, when, how many messages, who, what began it and how it ended.
    List(List),
    /// Draws a ladder: of one procedure, named by its id (procedure id, Call-ID, Session-ID or ICID; the beginning is
    /// enough) or its number in the list of the same files, or of whole files.
    Ladder(Ladder),
    /// Writes recordings in another form: NDJSON, pcapng for Wireshark and sngrep, a page, a picture.
    Export(Export),
    /// Follows what a running node records: a line of words a record, or one of JSON.
    Tail(Tail),
    /// How many records running nodes made since they started, and how many of them went lost on the way to whom.
    Status(Status),
    /// Copies what matches at a running node into files: `add`, `list`, `stop`.
    #[command(subcommand)]
    Watch(Watch),
    /// Draws the ladders of captures that others made (tcpdump, Wireshark, SIPp), one a procedure: UDP and TCP, pcap and
    /// pcapng.
    Read(Read),
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    live: Live,
    /// Configuration file of a running node; may be given again.
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

fn status(args: &Status) -> Result<(), String> {
    for socket in args.live.sockets_of(&args.config)? {
        let asked = ask_lines(&socket, &Question::Recorder, |line| {
            if args.json {
                sayln!("{line}");
                return Ok(());
            }
            let RecorderLine {
                records,
                missed,
                untold,
            } = serde_json::from_str(line)?;
            let node = socket.display();
            sayln!(
                "{node}  {records} records; {missed} missed by readers; {untold} not told to a collector"
            );
            Ok(())
        });
        asked.map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Where records come from, and what is taken out of them.
#[derive(Debug, Args)]
struct Source {
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    redaction: Redaction,
}

/// Records as they were recorded and as they are shown, in the same order, and where they are from.
struct Loaded {
    records: Vec<Record>,
    redacted: Vec<Record>,
    from: Vec<PathBuf>,
}

impl Source {
    /// The records of files and nodes; `what` is done with them, for the audit of raw exports.
    fn load(&self, files: &[PathBuf], what: &str) -> Result<Loaded, String> {
        let names = &self.names.names;
        let (records, from) = self.live.load(files, names, &self.redaction)?;
        let redacted = self.redaction.apply(&records, what, &from)?;
        Ok(Loaded {
            records,
            redacted,
            from,
        })
    }
}

/// What addresses are called.
#[derive(Debug, Args)]
struct Names {
    /// Name of an address in captures of others, its column in a ladder; may be given again.
    #[arg(long = "name", value_name = "ADDRESS:PORT=NAME", value_parser = input::name)]
    names: Vec<(std::net::SocketAddr, String)>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Trace files of nodes (NDJSON) and captures (pcap, pcapng); several become one story. A running node is one more.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Only procedures in which this text stands somewhere as it was recorded: an MC service ID, a host, a reason.
    #[arg(long, value_name = "TEXT")]
    with: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Ladder {
    /// The id of a procedure, then the files that hold it; or files alone. What is no file is an id.
    #[arg(value_name = "ID|FILE")]
    what: Vec<String>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Trace files of nodes (NDJSON) and captures (pcap, pcapng); several become one story. A running node is one more.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    source: Source,
    /// Only the procedure of this id.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(super) struct Read {
    /// Captures.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    names: Names,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    redaction: Redaction,
}

pub(super) fn trace(command: Trace) -> ExitCode {
    let done = match command {
        Trace::List(args) => list(&args),
        Trace::Ladder(args) => ladder(&args),
        Trace::Export(args) => export(&args),
        Trace::Read(args) => read(&args),
        Trace::Tail(args) => tail::tail(&args),
        Trace::Watch(command) => watch::watch(command),
        Trace::Status(args) => status(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complainln!("mcx: {why}");
            ExitCode::FAILURE
        }
    }
}

fn list(args: &List) -> Result<(), String> {
    let Loaded {
        records, redacted, ..
    } = args.source.load(&args.files, "list")?;
    // Sorted as they were recorded: ids, numbers and the text are of that.
    let wanted = |procedure: &Procedure| {
        let mut own = procedure
            .records
            .iter()
            .filter_map(|index| records.get(*index));
        args.with
            .as_ref()
            .is_none_or(|text| own.any(|record| says(record, text)))
    };
    let all = (1..).zip(of_interest(&records));
    let found: Vec<_> = all.filter(|(_, procedure)| wanted(procedure)).collect();
    list::print(&found, &redacted, args.json)
}

/// The procedures in which there is more than steps that a node takes without anybody's message (a batch of its own).
fn of_interest(records: &[Record]) -> Vec<Procedure> {
    let is_more = |index: &usize| match records.get(*index).map(|record| &record.what) {
        Some(What::Decision(decision)) => !decision.detail,
        Some(What::Message(_)) => true,
        None => false,
    };
    let mut all = procedures(records);
    all.retain(|procedure| procedure.records.iter().any(is_more));
    all
}

/// Whether a record has this text in it.
fn says(record: &Record, text: &str) -> bool {
    match &record.what {
        What::Message(message) => {
            let mut windows = message.bytes.windows(text.len().max(1));
            windows.any(|window| window == text.as_bytes())
        }
        What::Decision(decision) => {
            let user = decision.user.as_deref().unwrap_or_default();
            [user, &decision.why, &decision.verdict]
                .iter()
                .any(|said| said.contains(text))
        }
    }
}

fn ladder(args: &Ladder) -> Result<(), String> {
    let (ids, files): (Vec<_>, Vec<_>) = args
        .what
        .iter()
        .partition(|what| !PathBuf::from(what).exists());
    let id = match ids[..] {
        [] => None,
        [id] => Some(id.as_str()),
        [first, second, ..] => {
            return Err(format!(
                "{first} and {second} are no files, and one id at most can be drawn"
            ));
        }
    };
    let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    let loaded = args.source.load(&files, "ladder").map_err(|why| match id {
        Some(id) if files.is_empty() => format!(
            "{id}: no such file; if it is an id, write the files that hold it behind it ({why})"
        ),
        _ => why,
    })?;
    let (records, title) = of(id, loaded)?;
    args.output.write(&records, Form::Text, &title)
}

fn export(args: &Export) -> Result<(), String> {
    let loaded = args.source.load(&args.files, "export")?;
    let (records, title) = of(args.id.as_deref(), loaded)?;
    args.output.write(&records, Form::Ndjson, &title)
}

fn read(args: &Read) -> Result<(), String> {
    let records = input::load(&args.files, &args.names.names)?;
    let records = args.redaction.apply(&records, "read", &args.files)?;
    if !args.output.is_text() {
        return args
            .output
            .write(&records, Form::Text, &titled(&args.files));
    }
    // One after the other: ladders of a terminal are read from the top.
    let mut all = Vec::new();
    for procedure in of_interest(&records) {
        let own = procedure
            .records
            .iter()
            .filter_map(|index| records.get(*index));
        all.push((procedure.id, own.cloned().collect::<Vec<Record>>()));
    }
    args.output.write_each(&all)
}

/// The redacted records of one procedure, or all, and what they are called. The id is one of what was recorded, or the
/// number that `mcx trace list` gives it.
fn of(id: Option<&str>, loaded: Loaded) -> Result<(Vec<Record>, String), String> {
    let Loaded {
        records,
        redacted,
        from,
    } = loaded;
    let Some(id) = id else {
        return Ok((redacted, titled(&from)));
    };
    let mut all = of_interest(&records);
    let is_called = |at: &usize| all.get(*at).is_some_and(|it| it.is_called(id));
    let called: Vec<usize> = (0..all.len()).filter(is_called).collect();
    let number = id
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1));
    let at = match called[..] {
        [at] => at,
        [] => number.filter(|at| *at < all.len()).ok_or_else(|| {
            format!("{id}: neither an id nor a number of a procedure; `mcx trace list` shows those that there are")
        })?,
        _ => return Err(format!("{id}: more than one id begins so: write more of it")),
    };
    let procedure = all.swap_remove(at);
    let own = procedure
        .records
        .iter()
        .filter_map(|index| redacted.get(*index));
    let own: Vec<Record> = own.cloned().collect();
    // Ids may have names in them: the title is the redacted one.
    let title = procedures(&own)
        .into_iter()
        .next()
        .map(|procedure| procedure.id);
    Ok((own, title.unwrap_or_default()))
}

fn titled(files: &[PathBuf]) -> String {
    let names = files.iter().filter_map(|file| file.file_name());
    let names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.join(", ")
}
