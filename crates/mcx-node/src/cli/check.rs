//! `mcx check`.

use std::net::UdpSocket;
use std::path::Path;
use std::process::ExitCode;

use mcx_store::SqliteReader;

use crate::config::{self, Config, Problem};

pub(super) fn check(path: &Path) -> ExitCode {
    let config = match config::load(path) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            let count = problems.0.len();
            eprintln!(
                "{}: {count} problem{}",
                path.display(),
                if count == 1 { "" } else { "s" }
            );
            return ExitCode::FAILURE;
        }
    };
    let problems = surroundings(path, &config);
    if problems.is_empty() {
        let functions: Vec<_> = config
            .listeners()
            .map(|(kind, address)| format!("{kind} on udp:{address}"))
            .collect();
        println!(
            "{}: {}: {}: ok",
            path.display(),
            config.name,
            functions.join(", ")
        );
        return ExitCode::SUCCESS;
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    ExitCode::FAILURE
}

/// What the file itself cannot tell: free ports, a usable store.
fn surroundings(path: &Path, config: &Config) -> Vec<Problem> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let problem = |needle: &str, message: String| Problem {
        file: path.to_owned(),
        line: line_of(&text, needle),
        message,
    };
    let mut problems = Vec::new();
    for (kind, address) in config.listeners() {
        if let Err(error) = UdpSocket::bind(address) {
            let remedy = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "the port is in use: write a free one, or end the program that holds it"
                }
                std::io::ErrorKind::AddrNotAvailable => {
                    "this machine has no such address: write one of its own"
                }
                _ => "write an address and port that this user may listen on",
            };
            problems.push(problem(
                &address.to_string(),
                format!("{kind} cannot listen on udp:{address} ({error}): {remedy}"),
            ));
        }
    }
    if let Some(server) = &config.service_server {
        let store = &server.store;
        let name = store.file_name().map(|n| n.to_string_lossy().into_owned());
        let needle = name.unwrap_or_default();
        let folder = store.parent().filter(|p| !p.as_os_str().is_empty());
        if store.exists() {
            if let Err(error) = SqliteReader::open(store).and_then(|r| {
                r.outbox()
                    .map(drop)
                    .map_err(|e| mcx_store::OpenError::Failed {
                        path: store.clone(),
                        why: e.to_string(),
                    })
            }) {
                problems.push(problem(&needle, format!("store {error}")));
            }
        } else if folder.is_some_and(|f| !f.is_dir()) {
            problems.push(problem(
                &needle,
                format!(
                    "store {}: its folder does not exist: create it, or write another path",
                    store.display()
                ),
            ));
        }
    }
    problems
}

/// The first line that has `needle` outside of a comment, from 1.
fn line_of(text: &str, needle: &str) -> usize {
    let mut lines = text.lines();
    let found = lines.position(|line| line.split('#').next().unwrap_or(line).contains(needle));
    found.map_or(1, |n| n + 1)
}
