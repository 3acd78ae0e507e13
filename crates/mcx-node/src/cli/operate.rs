//! The operator's commands: `mcx ready`, `mcx reload`, `mcx drain`, `mcx users`, `mcx outbox`, `mcx deauthorize`, `mcx sessions-ended`. They ask the running
//! node at its admin socket.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};
use mcx::Service;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::out::{complainln, sayln};
use super::table;
use crate::admin::question::{User, Wanted};
use crate::admin::{
    AskError, End, OutboxFilter, OutboxLine, Question, State, UserFilter, UserLine, ask,
};
use crate::config;

/// The configuration may have got another `admin`, or another store, since the node read it.
const ELSEWHERE: &str = "if it was started with another admin socket, it listens there until it is restarted: name that \
                         with --socket PATH";

/// Which node.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Node {
    /// Configuration file of the node.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Its admin socket.
    #[arg(long, value_name = "PATH", global = true)]
    socket: Option<PathBuf>,
}

/// `mcx users`.
#[derive(Debug, Args)]
pub(super) struct Users {
    #[command(flatten)]
    node: Node,
    /// Of this service: mcptt, mcvideo or mcdata.
    #[arg(long, value_parser = service)]
    service: Option<Service>,
    /// Whose MC service ID, in the primary or the partner system, has this in it.
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// Own users at this partner, and visiting users of this system.
    #[arg(long)]
    system: Option<String>,
    /// Who stand like this.
    #[arg(long)]
    state: Option<State>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// `mcx outbox`.
#[derive(Debug, Args)]
pub(super) struct Outbox {
    #[command(subcommand)]
    order: Option<RowOrder>,
    #[command(flatten)]
    node: Node,
    /// Of this service: mcptt, mcvideo or mcdata.
    #[arg(long, value_parser = service)]
    service: Option<Service>,
    /// About users whose MC service ID in the primary system has this in it.
    #[arg(long, value_name = "TEXT")]
    id: Option<String>,
    /// Owed to this partner.
    #[arg(long)]
    system: Option<String>,
    /// Only rows that wait for an operator.
    #[arg(long)]
    parked: bool,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum RowOrder {
    /// Sends rows now, parked or not; what comes before in the same user's and partner's order goes first.
    Retry {
        /// Their ids, as `mcx outbox` shows them.
        #[arg(required = true)]
        ids: Vec<u64>,
        /// Why, for the audit in trace and log; no user is to be named.
        #[arg(long, value_name = "REASON")]
        because: String,
    },
    /// Drops rows: the partner will never get them, unless they are being sent at this moment.
    Drop {
        /// Their ids, as `mcx outbox` shows them.
        #[arg(required = true)]
        ids: Vec<u64>,
        /// Why, for the audit in trace and log; no user is to be named.
        #[arg(long, value_name = "REASON")]
        because: String,
    },
}

/// `mcx ready`, `mcx reload` and `mcx drain`.
#[derive(Debug, Args)]
pub(super) struct OfNode {
    #[command(flatten)]
    node: Node,
}

/// `mcx deauthorize` and `mcx sessions-ended`.
#[derive(Debug, Args)]
pub(super) struct OfUser {
    #[command(flatten)]
    node: Node,
    /// MC service ID in the primary system.
    user: String,
    /// The service: mcptt, mcvideo or mcdata.
    #[arg(long, value_parser = service)]
    service: Service,
    /// Why, for the audit in trace and log; no user is to be named.
    #[arg(long, value_name = "REASON")]
    because: String,
}

fn service(name: &str) -> Result<Service, String> {
    Service::from_name(name).ok_or_else(|| "no service: mcptt, mcvideo or mcdata".to_owned())
}

impl ValueEnum for State {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.as_str()))
    }
}

impl Node {
    fn admin_socket(&self) -> Result<PathBuf, String> {
        match (&self.socket, &self.config) {
            (Some(socket), _) => Ok(socket.clone()),
            (None, Some(path)) => config::admin_socket(path).map_err(|why| why.to_string()),
            (None, None) => Err("which node? write --config FILE or --socket PATH".into()),
        }
    }

    /// Asks; hands each line of the answer on.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        question: &Question,
        each: impl FnMut(T),
    ) -> Result<End, String> {
        let socket = self.admin_socket()?;
        ask(&socket, question, each).map_err(|error: AskError| {
            let moved = matches!(error, AskError::NoSocket(_) | AskError::NodeDown(_));
            match self.config {
                Some(_) if moved => format!("mcx: {error}; {ELSEWHERE}"),
                _ => format!("mcx: {error}"),
            }
        })
    }

    fn order(&self, what: Wanted, because: &str) -> Result<(), String> {
        let because = because.to_owned();
        let end = self.ask(
            &Question::Order { what, because },
            |_: serde_json::Value| {},
        )?;
        if let End::Done(text) = end {
            sayln!("{text}");
        }
        Ok(())
    }
}

fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complainln!("{why}");
            ExitCode::FAILURE
        }
    }
}

pub(super) fn ready(args: OfNode) -> ExitCode {
    of_node(&args, &Question::Ready)
}

pub(super) fn reload(args: OfNode) -> ExitCode {
    of_node(&args, &Question::Reload)
}

pub(super) fn drain(args: OfNode) -> ExitCode {
    of_node(&args, &Question::Drain)
}

fn of_node(args: &OfNode, question: &Question) -> ExitCode {
    let asked = args
        .node
        .ask(question, |_: serde_json::Value| {})
        .map(|end| {
            if let End::Done(text) = end {
                sayln!("{text}");
            }
        });
    exit(asked)
}

pub(super) fn users(args: Users) -> ExitCode {
    let filter = UserFilter {
        service: args.service,
        id: args.id,
        system: args.system,
        state: args.state,
    };
    let heading = [
        "SERVICE",
        "USER",
        "STATE",
        "SYSTEM",
        "STAY",
        "SINCE",
        "UNTIL",
        "PARTNER ID",
    ];
    let cells = |line: &UserLine| {
        [
            line.service.to_string(),
            line.primary_id.clone(),
            format!(
                "{}{}",
                if line.own { "" } else { "visitor " },
                line.state.as_str()
            ),
            or_dash(line.system.as_ref()),
            or_dash(line.stay.as_ref()),
            line.since_ms.map_or_else(dash, time),
            line.until_ms.map_or_else(dash, time),
            or_dash(line.partner_id.as_ref()),
        ]
    };
    exit(listed(
        &args.node,
        &Question::Users(filter),
        args.json,
        heading,
        cells,
    ))
}

pub(super) fn outbox(args: Outbox) -> ExitCode {
    let (ids, because, wanted): (_, _, fn(u64) -> Wanted) = match args.order {
        Some(RowOrder::Retry { ids, because }) => (ids, because, Wanted::Retry),
        Some(RowOrder::Drop { ids, because }) => (ids, because, Wanted::Drop),
        None => {
            let filter = OutboxFilter {
                service: args.service,
                id: args.id,
                system: args.system,
                parked: args.parked.then_some(true),
            };
            let heading = [
                "ID", "SERVICE", "USER", "TO", "STAY", "WHAT", "RETRIES", "NEXT TRY", "WHY",
            ];
            let cells = |line: &OutboxLine| {
                [
                    line.id.to_string(),
                    line.service.to_string(),
                    line.primary_id.clone(),
                    line.system.clone(),
                    or_dash(line.stay.as_ref()),
                    line.kind.clone(),
                    line.attempts.to_string(),
                    line.next_ms.map_or_else(|| "parked".to_owned(), time),
                    or_dash(line.why.as_ref()),
                ]
            };
            let question = Question::Outbox(filter);
            return exit(listed(&args.node, &question, args.json, heading, cells));
        }
    };
    let mut code = ExitCode::SUCCESS;
    for id in ids {
        if let Err(why) = args.node.order(wanted(id), &because) {
            complainln!("{why}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

pub(super) fn deauthorize(args: OfUser) -> ExitCode {
    of_user(args, Wanted::Deauthorize)
}

pub(super) fn sessions_ended(args: OfUser) -> ExitCode {
    of_user(args, Wanted::SessionsEnded)
}

fn of_user(args: OfUser, wanted: fn(User) -> Wanted) -> ExitCode {
    let user = User {
        service: args.service,
        primary_id: args.user,
    };
    exit(args.node.order(wanted(user), &args.because))
}

/// Prints the lines of an answer, as JSON while they come or as a table.
fn listed<T: Serialize + DeserializeOwned, const N: usize>(
    node: &Node,
    question: &Question,
    json: bool,
    heading: [&str; N],
    cells: impl Fn(&T) -> [String; N],
) -> Result<(), String> {
    if json {
        node.ask(question, |line: serde_json::Value| sayln!("{line}"))?;
        return Ok(());
    }
    let mut table = vec![heading.map(str::to_owned)];
    node.ask(question, |line: T| table.push(cells(&line)))?;
    table::say(&table);
    Ok(())
}

fn dash() -> String {
    "-".into()
}

fn or_dash<T: ToString>(value: Option<&T>) -> String {
    value.map_or_else(dash, T::to_string)
}

/// A time in UTC, to the second; `never` for one that no clock will show.
pub(super) fn time(ms: u64) -> String {
    const YEAR_9999: u64 = 253_402_300_799_000;
    if ms > YEAR_9999 {
        return "never".into();
    }
    let at = UNIX_EPOCH + Duration::from_millis(ms);
    humantime::format_rfc3339_seconds(at).to_string()
}
