//! Where records come from: trace files and captures, known by how they begin.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sip_trace::{Record, capture, merge, ndjson};

use crate::cli::out::complainln;

/// Largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// `127.0.0.1:5060=a-server`.
pub(super) fn name(text: &str) -> Result<(SocketAddr, String), String> {
    let (address, name) = text.split_once('=').ok_or("write ADDRESS:PORT=NAME")?;
    let address = address
        .parse()
        .map_err(|_| format!("`{address}` is no address with a port"))?;
    if name.trim().is_empty() {
        return Err("write a name behind the =".into());
    }
    Ok((address, name.to_owned()))
}

/// All records of these files, as one story in causal order.
pub(super) fn load(
    files: &[PathBuf],
    names: &[(SocketAddr, String)],
) -> Result<Vec<Record>, String> {
    Ok(merge::by_time(recordings(files, names)?))
}

/// The records of each file.
pub(super) fn recordings(
    files: &[PathBuf],
    names: &[(SocketAddr, String)],
) -> Result<Vec<Vec<Record>>, String> {
    let names: HashMap<SocketAddr, String> = names.iter().cloned().collect();
    files.iter().map(|file| one(file, &names)).collect()
}

/// How gzip files begin (RFC 1952 §2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";

fn one(file: &Path, names: &HashMap<SocketAddr, String>) -> Result<Vec<Record>, String> {
    let wrong = |why: String| format!("{}: {why}", file.display());
    let length = std::fs::metadata(file)
        .map_err(|e| wrong(e.to_string()))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err(wrong(format!(
            "longer than {MAX_FILE_BYTES} bytes: cut it first"
        )));
    }
    let bytes = std::fs::read(file).map_err(|e| wrong(e.to_string()))?;
    if capture::is_capture(&bytes) {
        let read = capture::read(&bytes, names).map_err(|e| wrong(e.to_string()))?;
        if read.cut {
            let file = file.display();
            complainln!("{file}: ends in the middle of a packet: the rest is missing");
        }
        for (count, what) in [
            (read.unreadable, "packets that cannot be read"),
            (
                read.short,
                "packets that the capture has cut: take it with whole packets (tcpdump -s 0)",
            ),
            (read.gaps, "gaps in TCP connections"),
            (read.broken, "TCP connections that are broken SIP"),
        ] {
            if count > 0 {
                complainln!("{}: {count} {what}", file.display());
            }
        }
        if read.messages == 0 {
            let (file, packets) = (file.display(), read.packets);
            complainln!("{file}: no SIP message in {packets} packets");
        }
        return Ok(read.records);
    }
    if bytes.starts_with(GZIP) {
        return Err(wrong("compressed: gunzip it first".into()));
    }
    let neither = |why: String| wrong(format!("neither a capture nor a trace file: {why}"));
    let records = ndjson::read_all(bytes.as_slice()).map_err(|error| match error.line {
        0 | 1 => neither(error.to_string()),
        // Those before it were of a trace.
        _ => wrong(error.to_string()),
    })?;
    if records.is_empty() && bytes.trim_ascii().is_empty() {
        complainln!("{}: nothing is in it", file.display());
    }
    // A torn last line is left out; a file that is nothing else is none of ours.
    match records.is_empty() && !bytes.trim_ascii().is_empty() {
        true => Err(neither("no whole line".into())),
        false => Ok(records),
    }
}
