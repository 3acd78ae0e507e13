//! How records are kept on disk: one JSON object a line.
//!
//! # Schema, version 1
//!
//! | field | in | meaning |
//! |---|---|---|
//! | `v` | both | 1. A reader refuses other versions; fields may be added without a new one, and unknown ones are ignored |
//! | `seq` | both | place in the recorder's order, from 0; a gap is a dropped record |
//! | `wall_us` | both | wall clock of the node, µs since the Unix epoch |
//! | `mono_us` | both | µs by a clock that nobody sets, since a moment of the process's start; left out when not known |
//! | `node` | both | name of the node |
//! | `kind` | both | `message` or `decision` |
//! | `direction` | message | `received` or `sent` |
//! | `transport` | message | `udp`, `tcp` or `tls` |
//! | `local`, `peer` | message | `address:port`, IPv6 in brackets |
//! | `opened_here` | message | `true` where the node opened the connection itself; left out otherwise, and in older recordings |
//! | `identity` | message | domains that the peer's certificate proves, a blank between them; left out without one |
//! | `offset` | message | where it begins in its direction of the stream, in bytes; left out for datagrams |
//! | `text` | message | the bytes, when they are valid UTF-8 |
//! | `base64` | message | the bytes otherwise (RFC 4648 §4, padded); exactly one of the two is there |
//! | `requirement` | decision | id of the requirement that decided, left out when there is none |
//! | `verdict`, `why` | decision | the verdict and its reason |
//! | `procedure`, `user` | decision | left out when not known |
//! | `target` | decision | the part that decided: `parse`, `transaction`, `next-hop`, `procedure`, `store`; left out when not known |
//! | `detail` | decision | `true` for a step that every message takes; left out otherwise |
//! | `call` | decision | Call-ID of the message that it is about, left out when there is none |
//! | `transaction` | decision | number of the transaction that it is about, of this node and its run; left out when there is none |
//!
//! ```
//! # fn main() -> Result<(), sip_trace::ndjson::NdjsonError> {
//! let line = r#"{"v":1,"seq":0,"wall_us":1,"node":"B","kind":"decision","requirement":"P1.4","verdict":"applied","why":"stay 7 ended"}"#;
//! let record = sip_trace::ndjson::read(line)?;
//! assert_eq!(&*record.node, "B");
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::record::{DecisionRecord, Direction, MessageRecord, Record, Transport, What};

/// The schema version that this module writes and reads.
pub const VERSION: u32 = 1;

/// Longest line that is read, in bytes: room for the largest SIP message with every byte escaped.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Writes one record as one line.
///
/// # Errors
/// Whatever `out` refuses.
pub fn write(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let mut line = Line {
        v: Some(VERSION),
        seq: Some(record.seq),
        wall_us: Some(record.wall_us),
        mono_us: record.mono_us,
        node: Some(Cow::Borrowed(&record.node)),
        ..Line::default()
    };
    match &record.what {
        What::Message(message) => {
            line.kind = Some("message".into());
            line.direction = Some(message.direction.as_str().into());
            line.transport = Some(message.transport.as_str().into());
            line.local = Some(message.local.to_string().into());
            line.peer = Some(message.peer.to_string().into());
            line.opened_here = message.opened_here.then_some(true);
            line.identity = message.identity.as_deref().map(Cow::Borrowed);
            line.offset = message.offset;
            match std::str::from_utf8(&message.bytes) {
                Ok(text) => line.text = Some(text.into()),
                Err(_) => line.base64 = Some(STANDARD.encode(&message.bytes).into()),
            }
        }
        What::Decision(decision) => {
            line.kind = Some("decision".into());
            let requirement = Some(&*decision.requirement).filter(|id| !id.is_empty());
            line.requirement = requirement.map(Cow::Borrowed);
            line.verdict = Some((&*decision.verdict).into());
            line.why = Some((&*decision.why).into());
            line.procedure = decision.procedure.as_deref().map(Cow::Borrowed);
            line.user = decision.user.as_deref().map(Cow::Borrowed);
            line.target = Some(&*decision.target)
                .filter(|target| !target.is_empty())
                .map(Cow::Borrowed);
            line.detail = decision.detail.then_some(true);
            line.call = decision.call.as_deref().map(Cow::Borrowed);
            line.transaction = decision.transaction;
        }
    }
    let mut bytes = serde_json::to_vec(&line).map_err(io::Error::other)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

/// Reads one line.
///
/// # Errors
/// Names the field that is missing or wrong, or the column where it stops being JSON; never quotes the line.
pub fn read(line: &str) -> Result<Record, NdjsonError> {
    parse(line.as_bytes()).map_err(|cause| NdjsonError { line: 1, cause })
}

/// Reads a whole recording. Empty lines are skipped; a last line that was cut (the node was killed while writing) is left
/// out.
///
/// # Errors
/// The first line that is wrong, by its number, or what the file system refused.
pub fn read_file(path: impl AsRef<Path>) -> Result<Vec<Record>, NdjsonError> {
    let file = File::open(path).map_err(|error| NdjsonError {
        line: 0,
        cause: Cause::Io(error),
    })?;
    read_all(BufReader::new(file))
}

/// Reads a whole recording from any source, as [`read_file`] does.
///
/// # Errors
/// As [`read_file`].
pub fn read_all(mut source: impl BufRead) -> Result<Vec<Record>, NdjsonError> {
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
    let mut records = Vec::new();
    let mut buffer = Vec::new();
    let mut line = 0_u64;
    loop {
        buffer.clear();
        line = line.saturating_add(1);
        let error = |cause| NdjsonError { line, cause };
        let read = source.by_ref().take(limit).read_until(b'\n', &mut buffer);
        if read.map_err(|e| error(Cause::Io(e)))? == 0 {
            return Ok(records);
        }
        let whole = buffer.ends_with(b"\n");
        if !whole && buffer.len() >= MAX_LINE_BYTES {
            return Err(error(Cause::TooLong));
        }
        if buffer.trim_ascii().is_empty() {
            continue;
        }
        match parse(&buffer) {
            Ok(record) => records.push(record),
            Err(_) if !whole => return Ok(records),
            Err(cause) => return Err(error(cause)),
        }
    }
}

/// What is wrong with a recording, and where. Holds no content of the recording.
#[derive(Debug)]
pub struct NdjsonError {
    /// Number of the line, from 1; 0 when the file could not be opened.
    pub line: u64,
    /// What is wrong with it.
    pub cause: Cause,
}

/// What can be wrong with a line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The file could not be opened or read.
    Io(io::Error),
    /// Not one JSON object of strings and numbers.
    Json {
        /// Where it stops being one, in bytes from 1.
        column: usize,
    },
    /// Longer than [`MAX_LINE_BYTES`].
    TooLong,
    /// Written by another version of the schema.
    Version(u32),
    /// A field is not there.
    Missing(&'static str),
    /// A field is there but its value means nothing.
    Invalid(&'static str),
}

impl fmt::Display for NdjsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        match &self.cause {
            Cause::Io(error) => write!(f, "{error}"),
            Cause::Json { column } => write!(f, "not a JSON object of a trace, at column {column}"),
            Cause::TooLong => write!(f, "longer than {MAX_LINE_BYTES} bytes"),
            Cause::Version(version) => {
                write!(f, "schema version {version}, this reader knows {VERSION}")
            }
            Cause::Missing(field) => write!(f, "field \"{field}\" is missing"),
            Cause::Invalid(field) => write!(f, "field \"{field}\" has no meaning"),
        }
    }
}

impl Error for NdjsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Every field of both kinds; which ones are needed is decided after reading, so that errors can name them.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Line<'a> {
    v: Option<u32>,
    seq: Option<u64>,
    wall_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mono_us: Option<u64>,
    #[serde(borrow)]
    node: Text<'a>,
    #[serde(borrow)]
    kind: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    direction: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    transport: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    local: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    peer: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opened_here: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    identity: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    text: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    base64: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    requirement: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    verdict: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    why: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    procedure: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    user: Text<'a>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    target: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<bool>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    call: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<u64>,
}

type Text<'a> = Option<Cow<'a, str>>;

fn parse(line: &[u8]) -> Result<Record, Cause> {
    let line: Line<'_> =
        serde_json::from_slice(line.trim_ascii_end()).map_err(|error| Cause::Json {
            column: error.column(),
        })?;
    match line.v.ok_or(Cause::Missing("v"))? {
        VERSION => {}
        other => return Err(Cause::Version(other)),
    }
    Ok(Record {
        seq: line.seq.ok_or(Cause::Missing("seq"))?,
        wall_us: line.wall_us.ok_or(Cause::Missing("wall_us"))?,
        mono_us: line.mono_us,
        node: needed("node", &line.node)?.into(),
        what: match needed("kind", &line.kind)? {
            "message" => What::Message(message(&line)?),
            "decision" => What::Decision(decision(&line)?),
            _ => return Err(Cause::Invalid("kind")),
        },
    })
}

fn message(line: &Line<'_>) -> Result<MessageRecord, Cause> {
    let bytes = match (&line.text, &line.base64) {
        (Some(text), None) => Bytes::copy_from_slice(text.as_bytes()),
        (None, Some(text)) => STANDARD
            .decode(&**text)
            .map_err(|_| Cause::Invalid("base64"))?
            .into(),
        (None, None) => return Err(Cause::Missing("text")),
        (Some(_), Some(_)) => return Err(Cause::Invalid("base64")),
    };
    Ok(MessageRecord {
        direction: Direction::from_name(needed("direction", &line.direction)?)
            .ok_or(Cause::Invalid("direction"))?,
        transport: Transport::from_name(needed("transport", &line.transport)?)
            .ok_or(Cause::Invalid("transport"))?,
        local: address("local", &line.local)?,
        peer: address("peer", &line.peer)?,
        opened_here: line.opened_here.unwrap_or_default(),
        identity: line.identity.as_deref().map(Into::into),
        offset: line.offset,
        bytes,
    })
}

fn decision(line: &Line<'_>) -> Result<DecisionRecord, Cause> {
    let owned = |field: &Text<'_>| field.as_deref().map(str::to_owned);
    Ok(DecisionRecord {
        requirement: Cow::Owned(owned(&line.requirement).unwrap_or_default()),
        verdict: needed("verdict", &line.verdict)?.to_owned().into(),
        why: needed("why", &line.why)?.to_owned().into(),
        procedure: owned(&line.procedure),
        user: owned(&line.user),
        target: Cow::Owned(owned(&line.target).unwrap_or_default()),
        detail: line.detail.unwrap_or_default(),
        call: line.call.as_deref().map(Into::into),
        transaction: line.transaction,
    })
}

fn needed<'a>(name: &'static str, field: &'a Text<'_>) -> Result<&'a str, Cause> {
    field.as_deref().ok_or(Cause::Missing(name))
}

fn address(name: &'static str, field: &Text<'_>) -> Result<SocketAddr, Cause> {
    let text = needed(name, field)?;
    text.parse().map_err(|_| Cause::Invalid(name))
}
