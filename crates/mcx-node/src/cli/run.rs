//! `mcx run`.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::out::complainln;
use crate::admin::{Directed, Directive};
use crate::config::{self, Drain};
use crate::logging::Log;
use crate::node::Node;
use crate::service_manager::ServiceManager;

pub(super) fn run(path: &Path, until_stdin_closes: bool) -> ExitCode {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            complainln!("{problems}");
            return ExitCode::FAILURE;
        }
    };
    let log = match Log::start(config.log) {
        Ok(log) => log,
        Err(why) => {
            complainln!("mcx: {why}");
            return ExitCode::FAILURE;
        }
    };
    open_files(config.connections.connections);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            complainln!("mcx: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let manager = match ServiceManager::from_env() {
        Ok(manager) => manager,
        Err(error) => {
            complainln!("mcx: the service manager cannot be told anything: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        let (name, drain) = (config.name.clone(), config.drain);
        let Some(mut signals) = Signals::new() else {
            complainln!("mcx: cannot listen for signals");
            return ExitCode::FAILURE;
        };
        let mut node = match Node::start(config) {
            Ok(node) => node,
            Err(error) => {
                complainln!("mcx: {name}: {error}");
                return ExitCode::FAILURE;
            }
        };
        log.records_to(node.recorder());
        let mut out = std::io::stdout();
        for (kind, listening) in node.listeners() {
            for listen in listening {
                let _ = writeln!(out, "{name} {kind} {listen}");
            }
        }
        if let Some(address) = node.http() {
            let _ = writeln!(out, "{name} http {address}");
        }
        let _ = writeln!(out, "{name} ready");
        let _ = out.flush();
        manager.ready();
        let mut run = Run {
            path,
            log,
            drain,
            manager,
        };
        let closed = stdin_closed(until_stdin_closes);
        tokio::pin!(closed);
        let leaves = tokio::select! {
            // Whoever started it is gone, and with him who could wait.
            () = &mut closed => false,
            () = run.serve(&mut node, &mut signals) => true,
        };
        run.manager.stopping();
        if leaves {
            let drain = run.drain;
            info!(announce = ?drain.announce, finish = ?drain.finish, "takes leave");
            tokio::select! {
                () = node.drain(drain) => {}
                () = run.watch(&node) => {}
                () = refuse_directives(&node) => {}
                () = &mut closed => {}
                () = signals.end_while_leaving() => {
                    warn!("told to end a second time: ends at once, with what was under way");
                    std::process::exit(1);
                }
            }
        }
        // The recorder's thread ends with the last recorder.
        run.log.records_end();
        tokio::select! {
            () = node.stop() => {}
            () = signals.end() => std::process::exit(1),
        }
        ExitCode::SUCCESS
    })
}

/// What is said to who wants something of a node that ends.
const LEAVES: &str = "it takes leave already";

/// Tells for ever who wants something of the node that it is too late.
async fn refuse_directives(node: &Node) {
    loop {
        let Directed {
            directive,
            by,
            done,
        } = node.directive().await;
        let refused = match directive {
            Directive::Drain => Ok(LEAVES.to_owned()),
            Directive::Reload => {
                error!(by, "configuration not read anew: {LEAVES}");
                Err(format!("{LEAVES}: start it again with the configuration"))
            }
        };
        let _ = done.send(refused);
    }
}

/// A node that runs, and what is around it.
struct Run<'a> {
    path: &'a Path,
    log: Log,
    drain: Drain,
    manager: ServiceManager,
}

impl Run<'_> {
    /// Runs until the node is to take leave.
    async fn serve(&mut self, node: &mut Node, signals: &mut Signals) {
        let mut watched = self.manager.interval().map(tokio::time::interval);
        loop {
            tokio::select! {
                wanted = signals.next() => match wanted {
                    Wanted::End => return,
                    Wanted::Reload => drop(self.reload(node, "SIGHUP").await),
                },
                directed = node.directive() => {
                    let Directed { directive, by, done } = directed;
                    match directive {
                        Directive::Reload => drop(done.send(self.reload(node, &by).await)),
                        Directive::Drain => {
                            info!(by, "told to take leave");
                            let Drain { announce, finish } = self.drain;
                            let text = format!(
                                "takes leave: serves for {announce:?} more, then finishes what it has within {finish:?}, and ends"
                            );
                            let _ = done.send(Ok(text));
                            return;
                        }
                    }
                }
                () = ticks(&mut watched) => {
                    if node.is_alive().await {
                        self.manager.alive();
                    }
                }
            }
        }
    }

    /// Tells the service manager for ever that all is well, as long as it is.
    async fn watch(&self, node: &Node) {
        let mut watched = self.manager.interval().map(tokio::time::interval);
        loop {
            ticks(&mut watched).await;
            if node.is_alive().await {
                self.manager.alive();
            }
        }
    }

    /// Reads the configuration anew: what changed, or why nothing did.
    async fn reload(&mut self, node: &Node, by: &str) -> Result<String, String> {
        self.manager.reloading();
        let reloaded = match config::load(self.path) {
            Err(problems) => Err(problems.to_string()),
            Ok(config) => {
                let (level, drain) = (config.log.level, config.drain);
                let reloaded = node.reload(config).await;
                if reloaded.is_ok() {
                    self.log.change(level);
                    self.drain = drain;
                }
                reloaded.map_err(|error| format!("TLS: {error}"))
            }
        };
        self.manager.ready();
        match reloaded {
            Ok(reloaded) => {
                let text = reloaded.to_string();
                info!(by, "configuration read anew: {text}");
                let warnings = reloaded
                    .warnings
                    .iter()
                    .map(|why| format!("\nwarning: {why}"));
                Ok(text + &warnings.collect::<String>())
            }
            Err(why) => {
                for why in why.lines() {
                    error!(
                        by,
                        "configuration refused, everything stays as it was: {why}"
                    );
                }
                Err(format!("refused, everything stays as it was:\n{why}"))
            }
        }
    }
}

/// What the process is told by signals.
struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

/// What a signal wants.
enum Wanted {
    End,
    Reload,
}

impl Signals {
    fn new() -> Option<Self> {
        Some(Self {
            term: signal(SignalKind::terminate()).ok()?,
            int: signal(SignalKind::interrupt()).ok()?,
            hup: signal(SignalKind::hangup()).ok()?,
        })
    }

    /// The next that wants it to end.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }

    /// The next that wants it to end, where it takes leave already.
    async fn end_while_leaving(&mut self) {
        while let Wanted::Reload = self.next().await {
            error!(by = "SIGHUP", "configuration not read anew: {LEAVES}");
        }
    }

    /// What the next one wants.
    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.term.recv() => Wanted::End,
            _ = self.int.recv() => Wanted::End,
            _ = self.hup.recv() => Wanted::Reload,
        }
    }
}

/// The next tick; none ever where there is no interval.
async fn ticks(interval: &mut Option<tokio::time::Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

/// Each connection is an open file: asks for as many as the configuration allows, where the system lets us.
fn open_files(connections: usize) {
    /// Who asks at the sockets for this machine, store, trace and what the libraries open.
    const OTHERS: u64 = 512;
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    let wanted = wanted.saturating_add(OTHERS);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let granted = wanted.min(hard);
    if granted > soft {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, granted, hard);
    }
    if wanted > hard {
        warn!(
            wanted,
            allowed = hard,
            "more connections are configured than the system lets this process open files: raise its limit (LimitNOFILE), or lower connections.most"
        );
    }
}

/// Waits until whoever holds the other end of standard input is gone; for ever if that is not
/// wanted.
async fn stdin_closed(wanted: bool) {
    let (gone, closed) = tokio::sync::oneshot::channel();
    if wanted {
        // A thread, not a blocking task: it must not keep the runtime from ending.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = gone.send(());
        });
        let _ = closed.await;
    } else {
        std::future::pending().await
    }
}
