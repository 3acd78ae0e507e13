//! Columns of the tables as the types of [`mcx::state`].

use mcx::state::{Authorization, Heard, UserKey};
use mcx::{McId, ProcedureId, Service, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Result, Row};

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    let time = row.get::<_, Option<i64>>(column)?;
    Ok(time.map(|at| Timestamp(at.cast_unsigned())))
}

pub(super) fn authorization(
    row: &Row<'_>,
    until: usize,
    etag: usize,
    registration: usize,
) -> Result<Option<Authorization>> {
    Ok(match row.get::<_, Option<i64>>(until)? {
        None => None,
        Some(until) => Some(Authorization {
            until: Timestamp(until.cast_unsigned()),
            etag: row.get(etag)?,
            registration: row.get(registration)?,
        }),
    })
}

pub(super) fn heard(row: &Row<'_>, call_id: usize, cseq: usize) -> Result<Option<Heard>> {
    Ok(match (row.get(call_id)?, row.get(cseq)?) {
        (Some(call_id), Some(cseq)) => Some(Heard { call_id, cseq }),
        _ => None,
    })
}

/// Service and primary id, from that column on.
pub(super) fn key(row: &Row<'_>, column: usize) -> Result<UserKey> {
    Ok(UserKey {
        service: service(row, column)?,
        primary_id: id(row, column + 1)?,
    })
}

fn service(row: &Row<'_>, column: usize) -> Result<Service> {
    let name: String = row.get(column)?;
    Service::from_name(&name).ok_or_else(|| unreadable(column, "unknown service"))
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Result<McId> {
    McId::parse(&row.get::<_, String>(column)?).map_err(|e| unreadable(column, e))
}

pub(super) fn procedure(row: &Row<'_>, column: usize) -> Result<ProcedureId> {
    ProcedureId::parse(&row.get::<_, String>(column)?)
        .ok_or_else(|| unreadable(column, "no procedure id"))
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// SQLite's integers are signed; the bits are kept.
pub(super) fn signed(value: u64) -> i64 {
    value.cast_signed()
}

pub(super) fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}
