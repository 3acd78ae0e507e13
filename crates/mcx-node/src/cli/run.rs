//! `mcx run`.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use sip_trace::layer::Feed;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::out::complainln;
use crate::clock;
use crate::config;
use crate::node::Node;

pub(super) fn run(path: &Path, until_stdin_closes: bool) -> ExitCode {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            complainln!("{problems}");
            return ExitCode::FAILURE;
        }
    };
    let feed = log();
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
    runtime.block_on(async {
        let name = config.name.clone();
        let [term, int, hup] = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
        ]
        .map(signal);
        let (Ok(mut term), Ok(mut int), Ok(mut hup)) = (term, int, hup) else {
            complainln!("mcx: cannot listen for signals");
            return ExitCode::FAILURE;
        };
        let node = match Node::start(config) {
            Ok(node) => node,
            Err(error) => {
                complainln!("mcx: {name}: {error}");
                return ExitCode::FAILURE;
            }
        };
        feed.goes_to(node.recorder());
        let mut out = std::io::stdout();
        for (kind, listening) in node.listeners() {
            for listen in listening {
                let _ = writeln!(out, "{name} {kind} {listen}");
            }
        }
        let _ = writeln!(out, "{name} ready");
        let _ = out.flush();
        let closed = stdin_closed(until_stdin_closes);
        tokio::pin!(closed);
        loop {
            tokio::select! {
                _ = term.recv() => break,
                _ = int.recv() => break,
                () = &mut closed => break,
                _ = hup.recv() => match node.reload_certificates() {
                    Ok(()) => info!("certificates read anew"),
                    Err(error) => error!(%error, "certificates stay as they were"),
                },
            }
        }
        // The recorder's thread ends with the last recorder.
        feed.ends();
        node.stop().await;
        ExitCode::SUCCESS
    })
}

/// Each connection is an open file: asks for as many as the configuration allows, where the system lets us.
fn open_files(connections: usize) {
    /// Sockets, store, trace and what the libraries open.
    const OTHERS: u64 = 256;
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

/// The log, and beside it what is decided outside of the functions, for the recorder.
fn log() -> Feed {
    let filter = EnvFilter::try_from_env("MCX_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_filter(filter);
    let (layer, feed) = sip_trace::layer::feed(clock::at);
    tracing_subscriber::registry().with(log).with(layer).init();
    feed
}
