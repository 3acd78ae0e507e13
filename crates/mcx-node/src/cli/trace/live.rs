//! Records of running nodes, asked for at their admin sockets.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use sip_trace::{Record, merge, ndjson};

use super::input;
use super::redaction::Redaction;
use crate::admin::{End, Lost, Question, TraceFilter, ask_lines};
use crate::cli::out::complainln;
use crate::config;

/// Which nodes are asked.
#[derive(Debug, Args)]
pub(super) struct Live {
    /// Admin socket of a running node that is asked for its records; may be given again.
    #[arg(long, value_name = "PATH")]
    socket: Vec<PathBuf>,
}

impl Live {
    /// All records of files and nodes, as one story in causal order, and where they are from.
    pub(super) fn load(
        &self,
        files: &[PathBuf],
        names: &[(SocketAddr, String)],
        redaction: &Redaction,
    ) -> Result<(Vec<Record>, Vec<PathBuf>), String> {
        let sockets = match files {
            [] => self.sockets(redaction)?,
            _ => self.socket.clone(),
        };
        let mut recordings = input::recordings(files, names)?;
        for socket in &sockets {
            let mut records = Vec::new();
            follow(socket, TraceFilter::default(), |told| {
                match told {
                    Told::Record(record) => records.push(record),
                    Told::Lost(lost) => complain_of(socket, lost),
                }
                Ok(())
            })?;
            recordings.push(records);
        }
        let from = files.iter().chain(&sockets).cloned().collect();
        Ok((merge::by_time(recordings), from))
    }

    /// The admin sockets that are named, or else those of the configurations.
    pub(super) fn sockets(&self, redaction: &Redaction) -> Result<Vec<PathBuf>, String> {
        self.sockets_of(redaction.files())
    }

    /// As [`Live::sockets`], of these files.
    pub(super) fn sockets_of(&self, configs: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
        let mut sockets = self.socket.clone();
        if sockets.is_empty() {
            for file in configs {
                sockets.push(config::admin_socket(file).map_err(|why| why.to_string())?);
            }
        }
        if sockets.is_empty() {
            return Err("name files, or a running node with --config FILE or --socket PATH".into());
        }
        Ok(sockets)
    }
}

/// What a node tells.
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(super) enum Told {
    /// A record.
    Record(Record),
    /// So many records are missing here.
    Lost(u64),
}

/// Asks a node for records; gives when it has told all.
pub(super) fn follow(
    socket: &Path,
    filter: TraceFilter,
    mut each: impl FnMut(Told) -> io::Result<()>,
) -> Result<End, String> {
    let answer = ask_lines(
        socket,
        &Question::Trace(filter),
        |line| match serde_json::from_str(line) {
            Ok(Lost { lost }) => each(Told::Lost(lost)),
            Err(_) => each(Told::Record(ndjson::read(line).map_err(io::Error::other)?)),
        },
    );
    answer.map_err(|error| error.to_string())
}

/// Says that records are missing.
pub(super) fn complain_of(socket: &Path, lost: u64) {
    complainln!(
        "{}: {lost} records lost: the ring had moved on",
        socket.display()
    );
}
