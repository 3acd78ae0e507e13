//! What tools do with the tables: they read what is wrong too, and write what another store had.

use mcx::state::{OutboxRow, UserKey};
use mcx::{McId, Service};
use rusqlite::{Result, params};

use super::columns::{signed, unsigned};
use super::rows::{OUTBOX, SqlRows, outbox_row};

/// A key as it is stored, of whatever sense.
pub(super) struct StoredKey {
    service: String,
    user: String,
}

/// A key that makes no sense.
pub(super) struct UnreadableKey {
    pub service: String,
    pub user: String,
    pub why: String,
}

impl StoredKey {
    /// Its place in the order of keys.
    pub fn place(&self) -> (String, String) {
        (self.service.clone(), self.user.clone())
    }

    pub fn key(self) -> std::result::Result<UserKey, UnreadableKey> {
        let Self { service, user } = self;
        let primary_id = McId::parse(&user).map_err(|why| why.to_string());
        match (Service::from_name(&service), primary_id) {
            (Some(service), Ok(primary_id)) => Ok(UserKey {
                service,
                primary_id,
            }),
            (None, _) => Err(UnreadableKey {
                why: "unknown service".into(),
                service,
                user,
            }),
            (_, Err(why)) => Err(UnreadableKey { service, user, why }),
        }
    }
}

/// A row of the outbox with the text that tells it from others, or why it cannot be read.
type ReadRow = std::result::Result<(OutboxRow, String), rusqlite::Error>;

impl SqlRows<'_> {
    /// Keys of a table after that place, in order.
    pub fn readable_keys(
        &self,
        table: &str,
        after: Option<&(String, String)>,
        limit: usize,
    ) -> Result<Vec<StoredKey>> {
        let (service, user) = after.map_or(("", ""), |(s, u)| (s.as_str(), u.as_str()));
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT service, primary_id FROM {table} WHERE (service, primary_id) > (?, ?)
             ORDER BY service, primary_id LIMIT ?"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let keys = statement.query_map(params![service, user, limit], |row| {
            Ok(StoredKey {
                service: row.get(0)?,
                user: row.get(1)?,
            })
        })?;
        keys.collect()
    }

    /// Rows of the outbox after that one, each with its id.
    pub fn readable_outbox_after(&self, id: u64, limit: usize) -> Result<Vec<(u64, ReadRow)>> {
        let sql = OUTBOX.replace("failure\n", "failure, sameness\n");
        let sql = format!("{sql} WHERE id > ? ORDER BY id LIMIT ?");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let id = i64::try_from(id).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(&sql)?;
        let rows = statement.query_map(params![id, limit], |row| {
            let read = outbox_row(row).and_then(|whole| Ok((whole, row.get(14)?)));
            Ok((unsigned(row, 0)?, read))
        })?;
        rows.collect()
    }

    /// The sinks of events, and up to which event each has them.
    pub fn sinks(&self) -> Result<Vec<(String, u64)>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT name, delivered FROM sink ORDER BY name")?;
        let sinks = statement.query_map([], |row| Ok((row.get(0)?, unsigned(row, 1)?)))?;
        sinks.collect()
    }

    /// Writes a sink as another store had it.
    pub fn insert_sink(&mut self, name: &str, delivered: u64) -> Result<()> {
        self.0.execute(
            "INSERT INTO sink (name, delivered) VALUES (?, ?)",
            params![name, signed(delivered)],
        )?;
        Ok(())
    }

    /// Numbers of a table go on after this one.
    pub fn goes_on_after(&mut self, table: &str, last: u64) -> Result<()> {
        self.0
            .execute("DELETE FROM sqlite_sequence WHERE name = ?", [table])?;
        let sql = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)";
        self.0.execute(sql, params![table, signed(last)])?;
        Ok(())
    }
}
