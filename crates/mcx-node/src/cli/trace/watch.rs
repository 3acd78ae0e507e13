//! `mcx trace watch`.

use std::time::Duration;

use clap::{Args, Subcommand};

use crate::admin::{End, Question};
use crate::cli::operate::{Node, time};
use crate::cli::out::{printable, sayln};
use crate::watches::{WatchLine, Wish};

/// `mcx trace watch`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Watch {
    /// Begins a watch: copies what matches, and everything that belongs to it from then on, into files of the node.
    ///
    /// All that is named has to be found: whom or what it is about in one record, what happens in the same or a later one.
    Add(Box<Add>),
    /// Lists the watches that run, and the last ones that ended.
    List(List),
    /// Ends a watch; its files stay.
    Stop(Stop),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    node: Node,
    /// MC service ID of a user.
    #[arg(long, value_name = "URI")]
    user: Option<String>,
    /// A partner of the node's configuration.
    #[arg(long, value_name = "SYSTEM")]
    partner: Option<String>,
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// Either half of a Session-ID.
    #[arg(long, value_name = "ID")]
    session_id: Option<String>,
    /// A procedure id.
    #[arg(long, value_name = "ID")]
    procedure: Option<String>,
    /// Responses of a class or status.
    #[arg(long, value_name = "4xx|404")]
    answer: Option<String>,
    /// Decisions with this text in their verdict.
    #[arg(long, value_name = "TEXT")]
    verdict: Option<String>,
    /// Decisions of this requirement.
    #[arg(long, value_name = "ID")]
    requirement: Option<String>,
    /// How long, 7 days at most.
    #[arg(long = "for", value_name = "TIME", default_value = "1h", value_parser = humantime::parse_duration)]
    lasts: Duration,
    /// Most that its files hold; the oldest go.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    size_mib: u64,
    /// Looks through what the node still has in memory, too.
    #[arg(long)]
    past: bool,
    /// Why, for the audit in the log; no user is to be named.
    #[arg(long, value_name = "REASON")]
    because: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    node: Node,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Stop {
    #[command(flatten)]
    node: Node,
    /// Its id.
    id: u64,
    /// Why, for the audit in the log; no user is to be named.
    #[arg(long, value_name = "REASON")]
    because: String,
}

pub(super) fn watch(command: Watch) -> Result<(), String> {
    let done = match command {
        Watch::Add(args) => add(*args),
        Watch::List(args) => list(&args),
        Watch::Stop(args) => order(
            &args.node,
            &Question::EndWatch {
                id: args.id,
                because: args.because,
            },
        ),
    };
    // Whoever prints it says who complains.
    done.map_err(|why| why.trim_start_matches("mcx: ").to_owned())
}

fn add(args: Add) -> Result<(), String> {
    let wish = Wish {
        user: args.user,
        partner: args.partner,
        call_id: args.call_id,
        session_id: args.session_id,
        procedure: args.procedure,
        answer: args.answer,
        verdict: args.verdict,
        requirement: args.requirement,
        seconds: Some(args.lasts.as_secs()),
        size_mib: Some(args.size_mib),
        past: args.past,
    };
    let because = args.because;
    order(&args.node, &Question::Watch { wish, because })
}

fn order(node: &Node, question: &Question) -> Result<(), String> {
    if let End::Done(text) = node.ask(question, |_: serde_json::Value| {})? {
        sayln!("{text}");
    }
    Ok(())
}

fn list(args: &List) -> Result<(), String> {
    let each = |line: serde_json::Value| sayln!("{line}");
    if args.json {
        return args.node.ask(&Question::Watches, each).map(drop);
    }
    let each = |line: WatchLine| {
        let state = match &line.ended {
            Some(why) => format!("ended, {why}"),
            None => match line.until_ms {
                Some(until_ms) => format!("until {}", time(until_ms)),
                None => "as long as the node runs".to_owned(),
            },
        };
        let lost = match line.lost {
            0 => String::new(),
            lost => format!(", {lost} lost"),
        };
        let text = format!(
            "{}  {}; {state}; {} records{lost}; at most {} MiB in {}-*.ndjson",
            line.id,
            line.looks_for.join(", "),
            line.records,
            line.size_mib,
            line.files.display()
        );
        sayln!("{}", printable(&text));
    };
    args.node.ask(&Question::Watches, each).map(drop)
}
