//! The tables, and how an older version becomes the present one.

use std::path::Path;

use rusqlite::Connection;

use super::{OpenError, failed, unusable};

/// The newest version.
pub(super) const KNOWN: usize = 4;

/// One step a version: step n brings version n to n + 1. Steps are never changed once released.
const STEPS: [&str; KNOWN] = [
    "
    CREATE TABLE home (
        service TEXT NOT NULL,
        primary_id TEXT NOT NULL,
        counter INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        authorized_until INTEGER,
        etag TEXT,
        registration TEXT,
        heard_call_id TEXT,
        heard_cseq INTEGER,
        PRIMARY KEY (service, primary_id)
    ) WITHOUT ROWID;

    CREATE TABLE stay (
        service TEXT NOT NULL,
        primary_id TEXT NOT NULL,
        system TEXT NOT NULL,
        partner_id TEXT NOT NULL,
        number INTEGER NOT NULL,
        oldest INTEGER NOT NULL,
        procedure TEXT NOT NULL,
        since INTEGER NOT NULL,
        open INTEGER NOT NULL,
        PRIMARY KEY (service, primary_id, system),
        FOREIGN KEY (service, primary_id) REFERENCES home ON DELETE CASCADE
    ) WITHOUT ROWID;

    CREATE TABLE visitor (
        service TEXT NOT NULL,
        primary_id TEXT NOT NULL,
        partner_id TEXT NOT NULL,
        number INTEGER,
        procedure TEXT,
        since INTEGER NOT NULL,
        left_at INTEGER,
        purge_at INTEGER,
        authorized_until INTEGER,
        etag TEXT,
        registration TEXT,
        PRIMARY KEY (service, primary_id)
    ) WITHOUT ROWID;
    CREATE INDEX visitor_purge ON visitor (purge_at) WHERE purge_at IS NOT NULL;
    CREATE INDEX visitor_partner_id ON visitor (service, partner_id);

    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL,
        primary_id TEXT NOT NULL,
        system TEXT NOT NULL,
        sameness TEXT NOT NULL,
        notice TEXT NOT NULL,
        procedure TEXT NOT NULL,
        created INTEGER NOT NULL,
        expires INTEGER,
        attempts INTEGER NOT NULL DEFAULT 0,
        next_at INTEGER NOT NULL,
        parked_status INTEGER,
        parked_text TEXT,
        parked_since INTEGER,
        UNIQUE (service, primary_id, system, sameness)
    );
",
    "
    ALTER TABLE visitor ADD COLUMN stop_at INTEGER;
    DROP INDEX visitor_purge;
    CREATE INDEX visitor_deadline ON visitor (coalesce(stop_at, purge_at)) WHERE purge_at IS NOT NULL;

    ALTER TABLE outbox ADD COLUMN failure TEXT;
    ALTER TABLE stay ADD COLUMN replaced TEXT NOT NULL DEFAULT '[]';

    CREATE TABLE event (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL,
        service TEXT NOT NULL,
        primary_id TEXT NOT NULL,
        partner_id TEXT NOT NULL,
        number INTEGER,
        procedure TEXT,
        at INTEGER NOT NULL
    );

    CREATE TABLE sink (
        name TEXT PRIMARY KEY,
        delivered INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;

    CREATE TABLE clock (
        boot TEXT NOT NULL,
        wall_less_uptime INTEGER NOT NULL
    );
",
    "
    ALTER TABLE visitor ADD COLUMN heard_call_id TEXT;
    ALTER TABLE visitor ADD COLUMN heard_cseq INTEGER;
",
    // With the column of their condition, without which counting would look into every row.
    "
    CREATE INDEX outbox_waiting ON outbox (system, parked_status) WHERE parked_status IS NULL;
    CREATE INDEX outbox_parked ON outbox (system, parked_status) WHERE parked_status IS NOT NULL;
",
];

/// The version of a database, none for an empty file, once it was seen that what is in it is of that version.
pub(super) fn found(connection: &Connection, path: &Path) -> Result<usize, OpenError> {
    let of = |error: rusqlite::Error| unusable(path, &error);
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(of)?;
    let there = parts(connection).map_err(of)?;
    let Ok(version) = usize::try_from(found) else {
        return Err(failed(path, &FOREIGN));
    };
    if version > KNOWN {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known: i64::try_from(KNOWN).unwrap_or(i64::MAX),
        });
    }
    let expected = of_version(version).map_err(of)?;
    let lacking = expected.iter().find(|part| !there.contains(part));
    match lacking {
        None if version == 0 && !there.is_empty() => Err(failed(path, &FOREIGN)),
        None => Ok(version),
        // A table that has the name of one of a store's, with other columns, is one that somebody changed.
        Some(_)
            if !there
                .iter()
                .any(|part| expected.iter().any(|e| e.name == part.name)) =>
        {
            Err(failed(path, &FOREIGN))
        }
        Some(part) => {
            let (kind, name) = (&part.kind, &part.name);
            let why = format!(
                "it says that its schema is of version {version}, but has not the {kind} `{name}` of that version: \
                 it was changed by something else"
            );
            Err(failed(path, &why))
        }
    }
}

/// The version of a database that is up to date.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<usize, OpenError> {
    match found(connection, path)? {
        0 => Err(failed(path, &"it is empty: no store yet")),
        KNOWN => Ok(KNOWN),
        found => {
            let why = format!(
                "schema version {found} is older than {KNOWN}: `mcx run` brings it up to date"
            );
            Err(failed(path, &why))
        }
    }
}

/// Brings the database to the present version.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let version = found(connection, path)?;
    steps(connection, version, KNOWN).map_err(|error| unusable(path, &error))
}

const FOREIGN: &str = "it is a database of something else, and no store";

fn steps(connection: &Connection, from: usize, to: usize) -> rusqlite::Result<()> {
    for (step, sql) in STEPS.iter().enumerate().take(to).skip(from) {
        let script = format!(
            "BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;",
            step + 1
        );
        connection.execute_batch(&script)?;
    }
    Ok(())
}

/// A table or an index.
#[derive(PartialEq, Eq)]
struct Part {
    kind: String,
    name: String,
    columns: String,
}

/// What a database of that version has.
fn of_version(version: usize) -> rusqlite::Result<Vec<Part>> {
    let empty = Connection::open_in_memory()?;
    steps(&empty, 0, version)?;
    parts(&empty)
}

/// What is in a database, without what SQLite itself puts there.
fn parts(connection: &Connection) -> rusqlite::Result<Vec<Part>> {
    let mut statement = connection.prepare(
        "SELECT type, name, (SELECT group_concat(c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk)
                             FROM pragma_table_info(part.name) c)
         FROM sqlite_schema part WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )?;
    let parts = statement.query_map([], |row| {
        Ok(Part {
            kind: row.get(0)?,
            name: row.get(1)?,
            columns: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        })
    })?;
    parts.collect()
}
