//! The command line.

mod check;
mod manual;
mod operate;
pub(crate) mod out;
mod run;
mod store;
mod table;
mod token;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// MC service server and MC gateway server for user migration between mission-critical systems
/// (3GPP TS 23.280 clause 10.6.3), over SIP.
#[derive(Debug, Parser)]
#[command(name = "mcx", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a node: the functions of one configuration file, until SIGTERM or SIGINT.
    ///
    /// Prints one line per listener and then `ready` on standard output; logs go to standard
    /// error, from the level in section [log] on, or from that in the environment variable
    /// MCX_LOG (error, warn, info, debug, trace). SIGTERM and SIGINT drain it, a second one ends it at
    /// once; SIGHUP has it read its configuration anew.
    Run {
        /// Configuration file (TOML; see docs/examples).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Also ends when standard input is closed: ends with the program that started it.
        #[arg(long, hide = true)]
        until_stdin_closes: bool,
    },
    /// Checks a configuration file and names what is wrong with it: the line, and what to write.
    ///
    /// As much as can be found in one run; where that may hide more it says so. When nothing is wrong with the file itself it
    /// also tries whether the ports are free and the store and the trace file can be used. Exit
    /// code 0 when all is well, 1 otherwise.
    Check {
        /// Configuration file (TOML; see docs/examples).
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Asks a running node whether it can take requests: prints `ready`, or what is in the way.
    ///
    /// Exit code 0 when it can, 1 otherwise, so that a probe can call it.
    Ready(operate::OfNode),
    /// Has a running node read its configuration anew, as SIGHUP does: all of it, or nothing when anything is wrong.
    ///
    /// Prints which keys changed, and which hold from the next start on. Exit code 1 when it was refused, with the reason.
    Reload(operate::OfNode),
    /// Has a running node take leave, as SIGTERM does: it says so to load balancers, then refuses what is new, finishes what it
    /// has, and ends.
    Drain(operate::OfNode),
    /// Lists who is migrated where, since when, and by which stay: own users at partners or at home, and visiting users.
    Users(operate::Users),
    /// Lists what is owed to partners, why it is still here and when it is sent next; `retry` and `drop` order what
    /// becomes of a row.
    ///
    /// What is parked was refused by the partner, and is not sent again unless an operator says so.
    #[command(args_conflicts_with_subcommands = false)]
    Outbox(operate::Outbox),
    /// Looks after the store of a service server: `check`, `backup`, `export`, `import`. Works on its file: the node may run
    /// meanwhile, but for `import`.
    Store(store::Store),
    /// De-authorizes an own user at every partner where he has an open stay, as if he had returned.
    Deauthorize(operate::OfUser),
    /// Reports that a visiting user's last session ended: a service that goes on after he left stops now.
    SessionsEnded(operate::OfUser),
    /// Shows what was recorded, in trace files of nodes and in captures of others: lists, ladders, other forms.
    ///
    /// Every identity is replaced by a pseudonym, the same wherever it stands; tokens, keys and credentials are masked.
    #[command(subcommand)]
    Trace(trace::Trace),
    /// Runs both de-authorization procedures between three MC systems on loopback and shows every
    /// step: ladder, decisions, mapping tables. Needs nothing but this program.
    ///
    /// Exit code 0 when everything held, 1 naming what did not.
    Demo(crate::demo::Args),
    /// Writes manual pages and completions of shells, for whoever makes a package.
    #[command(hide = true)]
    Manual(manual::Manual),
    /// Signs an access token, for interop tests: a JWT as an identity management server gives to
    /// a client. Prints it on standard output.
    Token(token::Args),
}

/// Runs the program on the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Command::Run {
            config,
            until_stdin_closes,
        } => run::run(&config, until_stdin_closes),
        Command::Ready(args) => operate::ready(args),
        Command::Reload(args) => operate::reload(args),
        Command::Drain(args) => operate::drain(args),
        Command::Users(args) => operate::users(args),
        Command::Outbox(args) => operate::outbox(args),
        Command::Store(args) => store::store(args),
        Command::Deauthorize(args) => operate::deauthorize(args),
        Command::SessionsEnded(args) => operate::sessions_ended(args),
        Command::Trace(command) => trace::trace(command),
        Command::Demo(args) => crate::demo::demo(&args),
        Command::Check { config } => check::check(&config),
        Command::Manual(args) => manual::manual(&args),
        Command::Token(args) => token::token(&args),
    }
}
