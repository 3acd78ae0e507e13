//! A store as lines of JSON, for moving it to another one and for reading it without this program. The format is described in
//! docs/operations.md.

use std::fmt;
use std::io::{self, BufRead, Read as _, Write};
use std::path::Path;

use mcx::state::{ClockAnchor, Event, Home, OutboxRow, Rows as _, UserKey, Visitor};
use rusqlite::{Connection, ErrorCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connection::Writing;
use super::inspect::{inspect_moment, last_of};
use super::new_file::NewFile;
use super::rows::SqlRows;
use super::{OpenError, SqliteReader, existing, failed, lock, schema, unusable};

/// Version of the format: another one is refused.
const FORMAT: u32 = 1;
/// Most rows read at once.
const PAGE: usize = 500;
/// Longest line that is read.
const LONGEST_LINE: u64 = 1024 * 1024;

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first.
    Store(Head),
    Home(Of<Home>),
    Visitor(Of<Visitor>),
    Outbox(OutboxRow),
    Event(Event),
    Sink(Sink),
    Clock(ClockAnchor),
    /// The last: without it the file is not whole.
    End(Counts),
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    format: u32,
    /// Version of the schema that it was read from.
    schema: usize,
}

/// A row with its key.
#[derive(Debug, Serialize, Deserialize)]
struct Of<T> {
    #[serde(flatten)]
    key: UserKey,
    #[serde(flatten)]
    row: T,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sink {
    name: String,
    delivered: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Own users.
    pub homes: u64,
    /// Mappings of visiting users.
    pub visitors: u64,
    /// Rows of the outbox.
    pub outbox: u64,
    /// Events.
    pub events: u64,
    /// The last id that a row of the outbox got: none is given again.
    pub last_outbox: u64,
    /// The last number that an event got: none is given again.
    pub last_event: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            homes,
            visitors,
            outbox,
            events,
            ..
        } = self;
        write!(
            f,
            "own users {homes}, mappings {visitors}, owed {outbox}, events {events}"
        )
    }
}

/// Why a store was not moved.
#[derive(Debug)]
pub enum LinesError {
    /// The database.
    Store(OpenError),
    /// A line, counted from 1.
    Line(u64, String),
    /// The lines as a whole.
    Whole(String),
    /// They contradict each other: what a check of the store would name.
    Problems(Vec<String>),
    /// What is read or written could not be.
    Io(io::Error),
}

impl fmt::Display for LinesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Line(line, why) => write!(f, "line {line}: {why}"),
            Self::Whole(why) => f.write_str(why),
            Self::Problems(problems) => f.write_str(&problems.join("\n")),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LinesError {}

impl From<OpenError> for LinesError {
    fn from(error: OpenError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for LinesError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Writes the store at `path`, as it is at one moment; a node may go on writing it. Identities of users are in it.
///
/// # Errors
/// Says what cannot be read or written.
pub fn export(path: &Path, mut to: impl Write) -> Result<Counts, LinesError> {
    let reader = SqliteReader::open(path)?;
    let mut connection = reader.lock();
    let of = |error: rusqlite::Error| LinesError::Store(unusable(path, &error));
    let moment = connection.transaction().map_err(of)?;
    let schema = schema::version(&moment, path)?;
    let head = Head {
        format: FORMAT,
        schema,
    };
    write_line(&mut to, &Line::Store(head))?;
    let mut rows = SqlRows(&moment);
    let mut counts = Counts {
        last_outbox: last_of(&moment, "outbox").map_err(of)?,
        last_event: last_of(&moment, "event").map_err(of)?,
        ..Counts::default()
    };
    let mut after: Option<UserKey> = None;
    loop {
        let page = rows.homes(after.as_ref(), PAGE).map_err(of)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, row) in page {
            counts.homes += 1;
            write_line(&mut to, &Line::Home(Of { key, row }))?;
        }
    }
    after = None;
    loop {
        let page = rows.visitors(after.as_ref(), PAGE).map_err(of)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (key, row) in page {
            counts.visitors += 1;
            write_line(&mut to, &Line::Visitor(Of { key, row }))?;
        }
    }
    let mut id = 0;
    loop {
        let page = rows.outbox_after(id, PAGE).map_err(of)?;
        let Some(last) = page.last() else { break };
        id = last.id;
        for row in page {
            counts.outbox += 1;
            write_line(&mut to, &Line::Outbox(row))?;
        }
    }
    let mut seq = 0;
    loop {
        let page = rows.events(seq, PAGE).map_err(of)?;
        let Some(last) = page.last() else { break };
        seq = last.seq;
        for event in page {
            counts.events += 1;
            write_line(&mut to, &Line::Event(event))?;
        }
    }
    for (name, delivered) in rows.sinks().map_err(of)? {
        write_line(&mut to, &Line::Sink(Sink { name, delivered }))?;
    }
    if let Some(clock) = rows.clock().map_err(of)? {
        write_line(&mut to, &Line::Clock(clock))?;
    }
    write_line(&mut to, &Line::End(counts))?;
    to.flush()?;
    Ok(counts)
}

fn write_line(to: &mut impl Write, line: &Line) -> Result<(), LinesError> {
    serde_json::to_writer(&mut *to, line).map_err(io::Error::from)?;
    to.write_all(b"\n")?;
    Ok(())
}

/// Reads into the store at `path` what [`export`] wrote, all or nothing. There must be no store yet, or one without a row,
/// and no node that has it. A new store has its name when all is in it.
///
/// # Errors
/// Says which line, or what is wrong with the database; nothing of it is stored then.
pub fn import(path: &Path, from: impl BufRead) -> Result<Counts, LinesError> {
    if path.exists() {
        return import_into(path, path, from);
    }
    let new = NewFile::beside(path)?;
    let counts = import_into(new.part(), path, from)?;
    new.keep()?;
    Ok(counts)
}

/// Reads into the empty store at `part`, which has or is to have the name `path`.
fn import_into(part: &Path, path: &Path, from: impl BufRead) -> Result<Counts, LinesError> {
    let of = |error: rusqlite::Error| LinesError::Store(unusable(path, &error));
    let locked = existing(part)?;
    lock(&locked, part)?;
    let mut writing = Writing::open(part).map_err(of)?;
    schema::migrate(&writing.connection, part)?;
    let transaction = writing.connection.transaction().map_err(of)?;
    if count(&transaction).map_err(of)? != Counts::default() {
        let why = "it has rows already: an import makes a store, it does not add to one";
        return Err(failed(path, &why).into());
    }
    let expected = read_lines(&mut SqlRows(&transaction), from)?;
    let counted = count(&transaction).map_err(of)?;
    if counted != expected {
        let why = format!("it says that there are {expected}, and there are {counted}");
        return Err(LinesError::Whole(why));
    }
    // The lines may have been written by hand.
    let (_, problems) = inspect_moment(&transaction, part)?;
    if !problems.is_empty() {
        return Err(LinesError::Problems(problems));
    }
    transaction.commit().map_err(of)?;
    writing.settle().map_err(of)?;
    drop(writing);
    drop(locked);
    Ok(counted)
}

/// Writes the rows of every line; answers what the last one says that there are.
fn read_lines(rows: &mut SqlRows<'_>, mut from: impl BufRead) -> Result<Counts, LinesError> {
    let mut end = None;
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        let wrong = |why: String| LinesError::Line(number, why);
        if (&mut from)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            break;
        }
        let Ok(line) = std::str::from_utf8(&bytes) else {
            return Err(wrong("is no UTF-8".into()));
        };
        if end.is_some() {
            return Err(wrong("comes after the last one".into()));
        }
        if !line.ends_with('\n') {
            return Err(wrong("is not whole".into()));
        }
        let line = read_line(line).map_err(wrong)?;
        match (number, &line) {
            (1, Line::Store(head)) => {
                head.can_be_read().map_err(wrong)?;
                continue;
            }
            (1, _) | (_, Line::Store(_)) => return Err(wrong("is no export of a store".into())),
            _ => {}
        }
        if let Line::End(counts) = line {
            rows.goes_on_after("outbox", counts.last_outbox)
                .and_then(|()| rows.goes_on_after("event", counts.last_event))
                .map_err(|error| wrong(error.to_string()))?;
            end = Some(counts);
        } else {
            match write_row(rows, line) {
                Ok(true) => {}
                Ok(false) => return Err(wrong("is there a second time".into())),
                Err(error) if is_repeated(&error) => {
                    return Err(wrong("is there a second time".into()));
                }
                Err(error) => return Err(wrong(error.to_string())),
            }
        }
    }
    end.ok_or_else(|| LinesError::Whole("the last line is missing: the export broke off".into()))
}

impl Head {
    fn can_be_read(&self) -> Result<(), String> {
        let Self { format, schema } = self;
        if *format != FORMAT {
            return Err(format!(
                "is of format {format}, and this program reads {FORMAT}"
            ));
        }
        if !(1..=schema::KNOWN).contains(schema) {
            let known = schema::KNOWN;
            return Err(format!(
                "is of schema version {schema}, and this program knows 1 to {known}"
            ));
        }
        Ok(())
    }
}

/// A line that has no member but those of its kind.
fn read_line(text: &str) -> Result<Line, String> {
    let said: Value = serde_json::from_str(text).map_err(|error| reason(&error))?;
    if let Some(number) = too_large(&said) {
        return Err(format!(
            "has the number {number}, and 2^63 - 1 is the largest"
        ));
    }
    let line = serde_json::from_str(text).map_err(|error| reason(&error))?;
    let understood = serde_json::to_value(&line).map_err(|error| error.to_string())?;
    match not_understood(&said, &understood) {
        Some(member) => Err(format!("has a member `{member}`, which it must not have")),
        None => Ok(line),
    }
}

/// What is wrong in a line, of which it is the only one.
fn reason(error: &serde_json::Error) -> String {
    let said = error.to_string();
    said.replace(" at line 1 column ", ", at character ")
}

/// A number that the database has no room for.
fn too_large(said: &Value) -> Option<u64> {
    match said {
        Value::Number(number) => number.as_u64().filter(|n| i64::try_from(*n).is_err()),
        Value::Array(all) => all.iter().find_map(too_large),
        Value::Object(all) => all.values().find_map(too_large),
        _ => None,
    }
}

/// A member of `said` that is not in what was understood of it.
fn not_understood<'a>(said: &'a Value, understood: &Value) -> Option<&'a str> {
    match (said, understood) {
        (Value::Object(said), Value::Object(understood)) => {
            said.iter()
                .find_map(|(name, value)| match understood.get(name) {
                    Some(known) => not_understood(value, known),
                    None => Some(name.as_str()),
                })
        }
        (Value::Array(said), Value::Array(understood)) => {
            let mut pairs = said.iter().zip(understood);
            pairs.find_map(|(said, understood)| not_understood(said, understood))
        }
        _ => None,
    }
}

fn is_repeated(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}

/// Answers whether it was not there yet.
fn write_row(rows: &mut SqlRows<'_>, line: Line) -> rusqlite::Result<bool> {
    match line {
        Line::Home(Of { key, row }) => {
            let is_new = rows.home(&key)?.is_none();
            rows.put_home(&key, &row)?;
            Ok(is_new)
        }
        Line::Visitor(Of { key, row }) => {
            let is_new = rows.visitor(&key)?.is_none();
            rows.put_visitor(&key, &row)?;
            Ok(is_new)
        }
        Line::Outbox(row) => {
            let is_new = rows.insert_outbox_row(Some(row.id), &row.row)?;
            rows.put_outbox_row(&row)?;
            Ok(is_new)
        }
        Line::Event(event) => rows
            .insert_event(Some(event.seq), &event.event)
            .map(|()| true),
        Line::Sink(sink) => rows.insert_sink(&sink.name, sink.delivered).map(|()| true),
        Line::Clock(anchor) => {
            let is_new = rows.clock()?.is_none();
            rows.put_clock(&anchor)?;
            Ok(is_new)
        }
        Line::Store(_) | Line::End(_) => Ok(true),
    }
}

fn count(connection: &Connection) -> rusqlite::Result<Counts> {
    let of = |table: &str| -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    };
    Ok(Counts {
        homes: of("home")?,
        visitors: of("visitor")?,
        outbox: of("outbox")?,
        events: of("event")?,
        last_outbox: last_of(connection, "outbox")?,
        last_event: last_of(connection, "event")?,
    })
}
