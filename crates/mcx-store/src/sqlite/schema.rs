//! The tables, and how an older version becomes the present one.

use std::path::Path;

use rusqlite::Connection;

use super::{OpenError, failed};

/// One step a version: step n brings version n to n + 1. Steps are never changed once released.
const STEPS: [&str; 4] = [
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

/// The version of a database that is up to date.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|e| failed(path, &e))?;
    match found {
        found if found > known => Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        }),
        found if found < known => {
            let why = format!(
                "schema version {found} is older than {known}: `mcx run` brings it up to date"
            );
            Err(failed(path, &why))
        }
        found => Ok(found),
    }
}

/// Brings the database to the present version.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let version: i64 = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|e| failed(path, &e))?;
    if version > known {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: version,
            known,
        });
    }
    for (step, sql) in (0..).zip(STEPS).filter(|(step, _)| *step >= version) {
        let script = format!(
            "BEGIN IMMEDIATE; {sql} PRAGMA user_version = {}; COMMIT;",
            step + 1
        );
        connection
            .execute_batch(&script)
            .map_err(|e| failed(path, &e))?;
    }
    Ok(())
}
