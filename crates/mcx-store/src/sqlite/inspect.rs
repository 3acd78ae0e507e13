//! Whether a database is what it has to be: whole as SQLite sees it, and true to the invariants of [`mcx::state`].

use std::fmt;
use std::path::Path;

use mcx::state::{Home, MOST_REPLACED, Notice, OutboxRow, StayPhase, UserKey};
use rusqlite::Connection;

use super::connection::{Fault, fault};
use super::rows::SqlRows;
use super::tools::UnreadableKey;
use super::{OpenError, SqliteReader, schema, unusable};

/// Most problems that are named.
pub const MOST_PROBLEMS: usize = 100;
/// Numbers from which on so few are left that somebody must have written them.
const USED_UP: u64 = 1 << 62;
/// Longer than this a row that is not parked waits at no node, in milliseconds.
const LONGEST_WAIT: u64 = 2 * 86_400_000;
/// Most rows read at once.
const PAGE: usize = 500;

/// What is in a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Version of the schema.
    pub version: usize,
    /// Own users.
    pub homes: u64,
    /// Mappings of visiting users.
    pub visitors: u64,
    /// Rows of the outbox.
    pub owed: u64,
    /// Of them, those that wait for an operator.
    pub parked: u64,
    /// Events.
    pub events: u64,
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            homes,
            visitors,
            owed,
            parked,
            events,
        } = self;
        write!(
            f,
            "schema version {version}, own users {homes}, mappings {visitors}, owed {owed} (parked {parked}), events {events}"
        )
    }
}

/// Reads everything in the database at `path`, which a node may be writing at the same time, and says what is wrong with it,
/// at most [`MOST_PROBLEMS`]. The problems name users.
///
/// # Errors
/// It cannot be read at all, or is of another version than this program's.
pub fn inspect(path: &Path) -> Result<(Contents, Vec<String>), OpenError> {
    let reader = SqliteReader::open(path)?;
    let mut connection = reader.lock();
    // One moment of a database that is written.
    let transaction = connection
        .transaction()
        .map_err(|error| unusable(path, &error))?;
    inspect_moment(&transaction, path)
}

/// The same of what is seen through a connection.
pub(super) fn inspect_moment(
    connection: &Connection,
    path: &Path,
) -> Result<(Contents, Vec<String>), OpenError> {
    let failed = |error: rusqlite::Error| unusable(path, &error);
    let version = schema::version(connection, path)?;
    let mut found = Found {
        contents: Contents {
            version,
            ..Contents::default()
        },
        problems: Vec::new(),
        now: now(),
    };
    match found.pages(connection) {
        Err(error) if fault(&error) == Fault::Corrupt => found.wrong(format!("pages: {error}")),
        other => other.map_err(failed)?,
    }
    // Of pages that are wrong nothing can be read with sense.
    if found.problems.is_empty() {
        found.homes(connection).map_err(failed)?;
        found.visitors(connection).map_err(failed)?;
        found.outbox(connection).map_err(failed)?;
        found.events(connection).map_err(failed)?;
    }
    found.problems.truncate(MOST_PROBLEMS);
    Ok((found.contents, found.problems))
}

struct Found {
    contents: Contents,
    problems: Vec<String>,
    /// Milliseconds since the Unix epoch.
    now: u64,
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Found {
    fn wrong(&mut self, what: impl Into<String>) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(what.into());
        }
    }

    /// What SQLite knows: pages, indexes, constraints.
    fn pages(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare("PRAGMA integrity_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let said: String = row.get(0)?;
            if said != "ok" {
                self.wrong(format!("pages: {said}"));
            }
        }
        if !self.problems.is_empty() {
            return Ok(());
        }
        let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
            self.wrong(format!("{table}: a row belongs to no row of {parent}"));
        }
        Ok(())
    }

    fn homes(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut after = None;
        loop {
            let keys = SqlRows(connection).readable_keys("home", after.as_ref(), PAGE)?;
            let Some(last) = keys.last() else {
                return Ok(());
            };
            after = Some(last.place());
            for key in keys {
                self.contents.homes += 1;
                match key.key() {
                    Ok(key) => match mcx::state::Rows::home(&mut SqlRows(connection), &key) {
                        Ok(Some(home)) => self.home(&key, &home),
                        Ok(None) => {
                            self.wrong(format!("home {}: not found by its key", name(&key)))
                        }
                        Err(error) => self.wrong(format!("home {}: {error}", name(&key))),
                    },
                    Err(why) => self.wrong(format!("home {why}")),
                }
            }
        }
    }

    /// L2 stands on these.
    fn home(&mut self, key: &UserKey, home: &Home) {
        let of = name(key);
        if home.ended > home.counter {
            let (ended, counter) = (home.ended, home.counter);
            self.wrong(format!(
                "home {of}: stays up to {ended} are over, but only {counter} were opened"
            ));
        }
        if home.counter >= USED_UP {
            self.wrong(format!(
                "home {of}: stays up to {} were opened, and hardly any number is left",
                home.counter
            ));
        }
        let mut numbers: Vec<_> = home.stays.iter().map(|stay| stay.number).collect();
        numbers.dedup();
        if numbers.len() < home.stays.len() {
            self.wrong(format!("home {of}: two stays have one number"));
        }
        for stay in &home.stays {
            let (system, number) = (&stay.system, stay.number);
            let at = format!("home {of}: stay {number} at {system}");
            if system.as_str().is_empty() || system.as_str() == key.primary_id.domain() {
                self.wrong(format!("{at}: that is no partner"));
            }
            if number == 0 || number > home.counter {
                self.wrong(format!("{at}: the newest is {}", home.counter));
            }
            if stay.oldest == 0 || stay.oldest > number {
                self.wrong(format!("{at}: it hides stays from {} on", stay.oldest));
            }
            if stay.phase == StayPhase::Open && number <= home.ended {
                let ended = home.ended;
                self.wrong(format!("{at}: open, and all up to {ended} are over"));
            }
            let replaced = &stay.replaced;
            let older = replaced.iter().all(|old| old.number < number);
            if !older
                || replaced.len() > MOST_REPLACED
                || !replaced.is_sorted_by_key(|old| old.number)
            {
                self.wrong(format!(
                    "{at}: what it replaced is not older, or not in order"
                ));
            }
        }
    }

    fn visitors(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut after = None;
        loop {
            let keys = SqlRows(connection).readable_keys("visitor", after.as_ref(), PAGE)?;
            let Some(last) = keys.last() else {
                break;
            };
            after = Some(last.place());
            for key in keys {
                self.contents.visitors += 1;
                match key.key() {
                    Ok(key) => {
                        let read = mcx::state::Rows::visitor(&mut SqlRows(connection), &key);
                        if let Err(error) = read {
                            self.wrong(format!("visitor {}: {error}", name(&key)));
                        }
                    }
                    Err(why) => self.wrong(format!("visitor {why}")),
                }
            }
        }
        // A phase is in three columns, and not all of what they can say is one.
        let mut statement = connection.prepare(
            "SELECT service, primary_id FROM visitor
             WHERE (left_at IS NULL) <> (purge_at IS NULL) OR (stop_at IS NOT NULL AND purge_at IS NULL)
                OR purge_at BETWEEN 0 AND stop_at - 1",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (service, user): (String, String) = (row.get(0)?, row.get(1)?);
            self.wrong(format!(
                "visitor {service} {user}: neither migrated nor stopping nor was-migrated, or purged before it stops"
            ));
        }
        Ok(())
    }

    fn outbox(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let last = self.last_of(connection, "outbox")?;
        self.below_one(connection, "outbox", "id")?;
        let mut after = 0;
        loop {
            let rows = SqlRows(connection).readable_outbox_after(after, PAGE)?;
            let Some((id, _)) = rows.last() else {
                return Ok(());
            };
            after = *id;
            for (id, row) in rows {
                self.contents.owed += 1;
                if id > last {
                    self.wrong(format!("outbox {id}: its id may be given to another row"));
                }
                match row {
                    Ok((row, sameness)) => self.row(connection, &row, &sameness)?,
                    Err(error) => self.wrong(format!("outbox {id}: {error}")),
                }
            }
        }
    }

    /// Rows that are never found: they are read from number 1 on.
    fn below_one(
        &mut self,
        connection: &Connection,
        table: &str,
        number: &str,
    ) -> rusqlite::Result<()> {
        let sql = format!("SELECT count(*) FROM {table} WHERE {number} < 1");
        let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if count > 0 {
            self.wrong(format!(
                "{table}: rows with a number below 1, or beyond 2^63: {count}"
            ));
        }
        Ok(())
    }

    fn last_of(&mut self, connection: &Connection, table: &str) -> rusqlite::Result<u64> {
        let last = last_of(connection, table)?;
        if last >= USED_UP {
            self.wrong(format!(
                "{table}: numbers up to {last} were given, and hardly any is left"
            ));
        }
        Ok(last)
    }

    fn row(
        &mut self,
        connection: &Connection,
        row: &OutboxRow,
        sameness: &str,
    ) -> rusqlite::Result<()> {
        let (id, of) = (row.id, name(&row.row.key));
        self.contents.parked += u64::from(row.parked.is_some());
        if row.row.sameness() != sameness {
            self.wrong(format!(
                "outbox {id} of {of}: it might be appended a second time"
            ));
        }
        if row.row.to.as_str().is_empty() {
            self.wrong(format!("outbox {id} of {of}: it is owed to nobody"));
        }
        let next_at = row.next_at.0;
        if row.parked.is_none() && next_at > self.now.saturating_add(LONGEST_WAIT) {
            self.wrong(format!(
                "outbox {id} of {of}: is not sent again before {next_at} (ms since 1970), and now is {}",
                self.now
            ));
        }
        if let Notice::Deauthorization { number, .. } = row.row.notice {
            // One that cannot be read is named already.
            let home = mcx::state::Rows::home(&mut SqlRows(connection), &row.row.key);
            let counter = home.map(|home| home.map_or(0, |home| home.counter));
            if counter.is_ok_and(|counter| number > counter) {
                self.wrong(format!(
                    "outbox {id} of {of}: de-authorizes stay {number}, which was never opened"
                ));
            }
        }
        Ok(())
    }

    fn events(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let last = self.last_of(connection, "event")?;
        self.below_one(connection, "event", "seq")?;
        let mut after = 0;
        loop {
            let events = match SqlRows(connection).events(after, PAGE) {
                Ok(events) => events,
                Err(error) => {
                    self.wrong(format!("event after {after}: {error}"));
                    return Ok(());
                }
            };
            let Some(newest) = events.last() else { break };
            after = newest.seq;
            self.contents.events += u64::try_from(events.len()).unwrap_or(u64::MAX);
            if after > last {
                self.wrong(format!("event {after}: its number may be given to another"));
            }
        }
        for (name, delivered) in SqlRows(connection).sinks()? {
            if delivered > last {
                self.wrong(format!(
                    "sink {name}: has event {delivered}, and the newest is {last}"
                ));
            }
        }
        Ok(())
    }
}

/// The last number that a table gave out.
pub(super) fn last_of(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?";
    let last: i64 = connection.query_row(sql, [table], |row| row.get(0))?;
    Ok(last.cast_unsigned())
}

fn name(key: &UserKey) -> String {
    format!("{} {}", key.service, key.primary_id.as_str())
}

impl fmt::Display for UnreadableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, user, why } = self;
        write!(f, "{service} {user}: {why}")
    }
}
