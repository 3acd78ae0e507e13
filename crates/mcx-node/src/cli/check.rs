//! `mcx check`.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use mcx_store::SqliteStore;
use sip_transaction::Transport;

use super::out::{complainln, printable, sayln};
use crate::config::{self, Config, Lines, Problem, Problems, ServiceServerSection};
use crate::local_socket::Listener;
use crate::pseudonym_key;
use crate::trace;
use crate::transport::Listen;
use crate::transport::tls::{Material, TlsFiles, Which};

pub(super) fn check(path: &Path) -> ExitCode {
    let (config, problems) = match config::load(path) {
        Ok(config) => {
            let problems = surroundings(path, &config);
            (Some(config), Problems(problems))
        }
        Err(problems) => (None, problems),
    };
    if let Some(config) = &config
        && problems.0.is_empty()
    {
        let functions: Vec<_> = config
            .listeners()
            .map(|(kind, listen, _)| format!("{kind} on {listen}"))
            .collect();
        let (name, functions) = (&config.name, functions.join(", "));
        sayln!("{}: {name}: {functions}: ok", path.display());
        return ExitCode::SUCCESS;
    }
    complainln!("{problems}");
    let count = problems.0.len();
    let plural = if count == 1 { "" } else { "s" };
    // One who is mending the file has to know that this need not be the end.
    let more = match config {
        Some(_) => "",
        None => {
            ", and perhaps more, which show once these are mended: ports and other files are tried last"
        }
    };
    complainln!("{}: {count} problem{plural}{more}", path.display());
    ExitCode::FAILURE
}

/// What the file itself cannot tell: free ports, usable files.
fn surroundings(path: &Path, config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |line, message| {
        problems.push(Problem {
            file: path.to_owned(),
            line,
            message,
        });
    };
    for (kind, listen, line) in config.listeners() {
        if let Err(error) = can_listen(listen) {
            let remedy = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "the port is in use: write a free one, or end the program that holds it"
                }
                io::ErrorKind::AddrNotAvailable => {
                    "this machine has no such address: write one of its own"
                }
                _ => "write an address and port that this user may listen on",
            };
            let message = format!("{kind} cannot listen on {listen} ({error}): {remedy}");
            wrong(line, message);
        }
    }
    if let Some(address) = config.http
        && let Err(error) = TcpListener::bind(address)
    {
        let why = format!("HTTP cannot listen on {address} ({error}): write a free port");
        wrong(config.lines.http, why);
    }
    if let Some(files) = &config.tls {
        for (line, useless, message) in certificates(files, config) {
            if useless {
                wrong(line, message);
            } else {
                complainln!("{}:{line}: note: {}", path.display(), printable(&message));
            }
        }
    }
    if let Some(server) = &config.service_server {
        for (line, message) in problems_beside(server, &config.lines) {
            wrong(line, message);
        }
    }
    let admin = &config.admin;
    // Beside a store that cannot be used one problem is enough.
    let of_store = config.service_server.as_ref().map(|s| store(&s.store));
    let store_is_well = of_store.is_none_or(|store| store.is_ok());
    if !admin.dispensable
        && (store_is_well || config.lines.admin != config.lines.store)
        && let Err(why) = can_bind(&admin.path)
    {
        let message = format!("admin socket {}: {why}", admin.path.display());
        wrong(config.lines.admin, message);
    }
    if let Some(collector) = &config.collector
        && let Err(why) = pseudonym_key::of(collector.pseudonyms.as_deref())
    {
        wrong(
            config.lines.pseudonyms,
            format!("key of the pseudonyms {why}"),
        );
    }
    if let Some(trace) = &config.trace_file {
        let found = if trace.exists() {
            trace::check(trace).map_err(|e| e.to_string())
        } else {
            writable_folder_of(trace)
        };
        if let Err(why) = found {
            let message = format!("trace file {}: {why}", trace.display());
            wrong(config.lines.trace_file, message);
        }
    }
    if let Some(folder) = &config.watches {
        let inside = folder.join("watch");
        let of = if folder.exists() { &inside } else { folder };
        if let Err(why) = writable_folder_of(of) {
            let message = format!("folder of watches {}: {why}", folder.display());
            wrong(config.lines.watches, message);
        }
    }
    problems.sort_by_key(|p| p.line);
    problems
}

/// What is to be said of the files of TLS, by line, and whether nothing will come of it as it is.
fn certificates(files: &TlsFiles, config: &Config) -> Vec<(usize, bool, String)> {
    let line_of = |which| match which {
        Which::Certificate => config.lines.certificate,
        Which::Key => config.lines.key,
        Which::Roots => config.lines.roots,
    };
    let material = match Material::read(files.clone()) {
        Ok(material) => material,
        Err(error) => {
            return vec![(line_of(error.which), true, format!("TLS: {error}"))];
        }
    };
    let remarks = material.remarks(&config.system, SystemTime::now());
    let told = remarks.into_iter().map(|remark| {
        let message = format!("TLS: {remark}");
        (line_of(remark.which), remark.useless, message)
    });
    told.collect()
}

/// What is wrong with the files and sockets of a service server, by line.
fn problems_beside(server: &ServiceServerSection, lines: &Lines) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    if let Err(why) = store(&server.store) {
        problems.push((lines.store, why));
    }
    let events = &server.events;
    if let Some(file) = &events.file
        && let Err(why) = writable_folder_of(file).and_then(|()| no_other_thing(file))
    {
        let message = format!("file of events {}: {why}", file.display());
        problems.push((lines.events_file, message));
    }
    if let Some(path) = &events.socket
        && let Err(why) = can_bind(path)
    {
        let message = format!("socket of events {}: {why}", path.display());
        problems.push((lines.events_socket, message));
    }
    for (hook, line) in events.webhooks.iter().zip(&lines.webhooks) {
        if let Err(why) = hook.check() {
            problems.push((*line, format!("webhook {}: {why}", hook.url)));
        }
    }
    problems
}

/// Whether it is a file, or can become one.
fn no_other_thing(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err("something else than a file is there: write another path".into())
        }
        _ => Ok(()),
    }
}

fn store(path: &Path) -> Result<(), String> {
    writable_folder_of(path).map_err(|why| format!("store {}: {why}", path.display()))?;
    SqliteStore::check(path).map_err(|error| format!("store {error}"))
}

/// Whether a Unix socket can be had; it is gone again afterwards.
fn can_bind(path: &Path) -> Result<(), String> {
    writable_folder_of(path)?;
    Listener::bind(path).map(drop).map_err(|e| e.to_string())
}

/// Whether the address can be had; it is free again afterwards.
fn can_listen(listen: Listen) -> io::Result<()> {
    match listen.transport {
        Transport::Udp => UdpSocket::bind(listen.address).map(drop),
        _ => TcpListener::bind(listen.address).map(drop),
    }
}

/// Whether this user may create files where `path` is.
fn writable_folder_of(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err("its folder does not exist: create it, or write another path".into());
    }
    // Nothing but trying tells, whatever the file system and the rights.
    let trial = folder.join(format!(".mcx-check-{}", std::process::id()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&trial)
        .and_then(|_| fs::remove_file(&trial))
        .map_err(|error| {
            format!(
                "its folder is not writable ({error}): change its rights, or write another path"
            )
        })
}
