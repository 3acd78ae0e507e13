//! Rows of the tables as the types of [`mcx::state`].

use mcx::state::{
    Authorization, ClockAnchor, Event, EventKind, Heard, Home, HomeStay, NEVER, NewEvent, NewRow,
    OutboxRow, Parked, Rows, StayPhase, UserKey, Visitor, VisitorPhase,
};
use mcx::{McId, ProcedureId, Service, SystemId, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

type Result<T> = rusqlite::Result<T>;

/// The tables behind a connection, inside whatever transaction is open on it.
pub(super) struct SqlRows<'a>(pub &'a Connection);

impl SqlRows<'_> {
    /// Own users after that one, in order.
    pub fn homes(&mut self, after: Option<&UserKey>, limit: usize) -> Result<Vec<(UserKey, Home)>> {
        let keys = self.keys("home", after, limit)?;
        let mut homes = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(home) = self.home(&key)? {
                homes.push((key, home));
            }
        }
        Ok(homes)
    }

    /// Mappings after that one, in order.
    pub fn visitors(
        &mut self,
        after: Option<&UserKey>,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>> {
        let keys = self.keys("visitor", after, limit)?;
        let mut visitors = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(visitor) = self.visitor(&key)? {
                visitors.push((key, visitor));
            }
        }
        Ok(visitors)
    }

    pub fn outbox(&mut self) -> Result<Vec<OutboxRow>> {
        let mut statement = self.0.prepare_cached(&format!("{OUTBOX} ORDER BY id"))?;
        statement.query_map([], outbox_row)?.collect()
    }

    /// Rows of the outbox after that one, in order.
    pub fn outbox_after(&mut self, id: u64, limit: usize) -> Result<Vec<OutboxRow>> {
        let sql = format!("{OUTBOX} WHERE id > ? ORDER BY id LIMIT ?");
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let id = i64::try_from(id).unwrap_or(i64::MAX);
        let mut statement = self.0.prepare_cached(&sql)?;
        statement
            .query_map(params![id, limit], outbox_row)?
            .collect()
    }

    /// Events after `seq`, at most `limit`.
    pub fn events(&mut self, seq: u64, limit: usize) -> Result<Vec<Event>> {
        let mut statement = self.0.prepare_cached(
            "SELECT seq, kind, service, primary_id, partner_id, number, procedure, at
             FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        statement.query_map(params![seq, limit], event)?.collect()
    }

    /// The newest number that an event got.
    pub fn newest_event(&mut self) -> Result<u64> {
        let mut statement = self
            .0
            .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?;
        let newest = statement.query_row([], |row| unsigned(row, 0)).optional();
        newest.map(Option::unwrap_or_default)
    }

    /// Up to which event a sink has them.
    pub fn delivered(&mut self, sink: &str) -> Result<Option<u64>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT delivered FROM sink WHERE name = ?")?;
        statement
            .query_row([sink], |row| unsigned(row, 0))
            .optional()
    }

    /// Keys of a table after that one, in order.
    fn keys(&self, table: &str, after: Option<&UserKey>, limit: usize) -> Result<Vec<UserKey>> {
        // No key is before the empty one.
        let (service_of, user) = after.map_or(("", ""), |key| {
            (key.service.as_str(), key.primary_id.as_str())
        });
        let mut statement = self.0.prepare_cached(&format!(
            "SELECT service, primary_id FROM {table} WHERE (service, primary_id) > (?, ?)
             ORDER BY service, primary_id LIMIT ?"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let keys = statement.query_map(params![service_of, user, limit], |row| {
            Ok(UserKey {
                service: service(row, 0)?,
                primary_id: id(row, 1)?,
            })
        })?;
        keys.collect()
    }
}

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

/// For tools, which read what is wrong too, and write what another store had.
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

    /// Writes a row of the outbox as another store had it.
    pub fn insert_outbox_row(&mut self, row: &OutboxRow) -> Result<()> {
        let notice = serde_json::to_string(&row.row.notice)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let new = &row.row;
        self.0
            .prepare_cached(
                "INSERT INTO outbox (id, service, primary_id, system, sameness, notice, procedure,
                     created, expires, next_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                signed(row.id),
                new.key.service.as_str(),
                new.key.primary_id.as_str(),
                new.to.as_str(),
                new.sameness(),
                notice,
                new.procedure.to_string(),
                signed(new.created.0),
                new.expires.map(|e| signed(e.0)),
                signed(row.next_at.0),
            ])?;
        self.put_outbox_row(row)
    }

    /// Writes an event as another store had it.
    pub fn insert_event(&mut self, event: &Event) -> Result<()> {
        let new = &event.event;
        self.0
            .prepare_cached(
                "INSERT INTO event (seq, kind, service, primary_id, partner_id, number, procedure, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                signed(event.seq),
                new.kind.as_str(),
                new.key.service.as_str(),
                new.key.primary_id.as_str(),
                new.partner_id.as_str(),
                new.number.map(signed),
                new.procedure.map(|p| p.to_string()),
                signed(new.at.0),
            ])?;
        Ok(())
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

impl Rows for SqlRows<'_> {
    type Error = rusqlite::Error;

    fn home(&mut self, key: &UserKey) -> Result<Option<Home>> {
        let of = params![key.service.as_str(), key.primary_id.as_str()];
        let home = self
            .0
            .prepare_cached(
                "SELECT counter, authorized_until, etag, registration, ended, heard_call_id,
                        heard_cseq
                 FROM home
                 WHERE service = ? AND primary_id = ?",
            )?
            .query_row(of, |row| {
                Ok(Home {
                    counter: unsigned(row, 0)?,
                    ended: unsigned(row, 4)?,
                    stays: Vec::new(),
                    authorization: authorization(row, 1, 2, 3)?,
                    heard: heard(row, 5, 6)?,
                })
            })
            .optional()?;
        let Some(mut home) = home else {
            return Ok(None);
        };
        let mut statement = self.0.prepare_cached(
            "SELECT system, partner_id, number, procedure, since, open, oldest, replaced FROM stay
             WHERE service = ? AND primary_id = ? ORDER BY number",
        )?;
        let stays = statement.query_map(of, |row| {
            Ok(HomeStay {
                system: SystemId::new(&row.get::<_, String>(0)?),
                partner_id: id(row, 1)?,
                number: unsigned(row, 2)?,
                oldest: unsigned(row, 6)?,
                replaced: serde_json::from_str(&row.get::<_, String>(7)?)
                    .map_err(|e| unreadable(7, e))?,
                procedure: procedure(row, 3)?,
                since: Timestamp(unsigned(row, 4)?),
                phase: if row.get(5)? {
                    StayPhase::Open
                } else {
                    StayPhase::Ended
                },
            })
        })?;
        home.stays = stays.collect::<Result<_>>()?;
        Ok(Some(home))
    }

    fn put_home(&mut self, key: &UserKey, home: &Home) -> Result<()> {
        let (service, user) = (key.service.as_str(), key.primary_id.as_str());
        self.0
            .prepare_cached(
                "INSERT INTO home (service, primary_id, counter, ended, authorized_until, etag, registration,
                     heard_call_id, heard_cseq)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET counter = excluded.counter, ended = excluded.ended,
                     authorized_until = excluded.authorized_until, etag = excluded.etag,
                     registration = excluded.registration, heard_call_id = excluded.heard_call_id,
                     heard_cseq = excluded.heard_cseq",
            )?
            .execute(params![
                service,
                user,
                signed(home.counter),
                signed(home.ended),
                home.authorization.as_ref().map(|a| signed(a.until.0)),
                home.authorization.as_ref().and_then(|a| a.etag.as_deref()),
                home.authorization
                    .as_ref()
                    .and_then(|a| a.registration.as_deref()),
                home.heard.as_ref().map(|h| h.call_id.as_str()),
                home.heard.as_ref().map(|h| h.cseq),
            ])?;
        self.0
            .prepare_cached("DELETE FROM stay WHERE service = ? AND primary_id = ?")?
            .execute(params![service, user])?;
        let mut insert = self.0.prepare_cached(
            "INSERT INTO stay (service, primary_id, system, partner_id, number, procedure, since, open,
                 oldest, replaced)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        for stay in &home.stays {
            let replaced = serde_json::to_string(&stay.replaced)
                .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
            insert.execute(params![
                service,
                user,
                stay.system.as_str(),
                stay.partner_id.as_str(),
                signed(stay.number),
                stay.procedure.to_string(),
                signed(stay.since.0),
                stay.phase == StayPhase::Open,
                signed(stay.oldest),
                replaced,
            ])?;
        }
        Ok(())
    }

    fn visitor(&mut self, key: &UserKey) -> Result<Option<Visitor>> {
        self.0
            .prepare_cached(
                "SELECT partner_id, number, procedure, since, left_at, purge_at,
                        authorized_until, etag, registration, stop_at, heard_call_id, heard_cseq
                 FROM visitor WHERE service = ? AND primary_id = ?",
            )?
            .query_row(
                params![key.service.as_str(), key.primary_id.as_str()],
                |row| {
                    let left = time(row, 4)?;
                    let purge = time(row, 5)?;
                    let stop = time(row, 9)?;
                    Ok(Visitor {
                        partner_id: id(row, 0)?,
                        number: row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned),
                        procedure: match row.get::<_, Option<String>>(2)? {
                            None => None,
                            Some(_) => Some(procedure(row, 2)?),
                        },
                        since: Timestamp(unsigned(row, 3)?),
                        phase: match (left, stop, purge) {
                            (Some(since), Some(stop_at), Some(purge_at)) => {
                                VisitorPhase::Stopping {
                                    since,
                                    stop_at,
                                    purge_at,
                                }
                            }
                            (Some(since), None, Some(purge_at)) => {
                                VisitorPhase::WasMigrated { since, purge_at }
                            }
                            _ => VisitorPhase::Migrated,
                        },
                        authorization: authorization(row, 6, 7, 8)?,
                        heard: heard(row, 10, 11)?,
                    })
                },
            )
            .optional()
    }

    fn put_visitor(&mut self, key: &UserKey, visitor: &Visitor) -> Result<()> {
        let (left, stop, purge) = match visitor.phase {
            VisitorPhase::Migrated => (None, None, None),
            VisitorPhase::Stopping {
                since,
                stop_at,
                purge_at,
            } => (Some(since), Some(stop_at), Some(purge_at)),
            VisitorPhase::WasMigrated { since, purge_at } => (Some(since), None, Some(purge_at)),
        };
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO visitor (service, primary_id, partner_id, number,
                     procedure, since, left_at, stop_at, purge_at, authorized_until, etag, registration,
                     heard_call_id, heard_cseq)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                key.service.as_str(),
                key.primary_id.as_str(),
                visitor.partner_id.as_str(),
                visitor.number.map(signed),
                visitor.procedure.map(|p| p.to_string()),
                signed(visitor.since.0),
                left.map(|at| signed(at.0)),
                stop.map(|at| signed(at.0)),
                purge.map(|at| signed(at.0)),
                visitor.authorization.as_ref().map(|a| signed(a.until.0)),
                visitor
                    .authorization
                    .as_ref()
                    .and_then(|a| a.etag.as_deref()),
                visitor
                    .authorization
                    .as_ref()
                    .and_then(|a| a.registration.as_deref()),
                visitor.heard.as_ref().map(|h| h.call_id.as_str()),
                visitor.heard.as_ref().map(|h| h.cseq),
            ])?;
        Ok(())
    }

    fn due_visitors(&mut self, at: Timestamp, limit: usize) -> Result<Vec<(UserKey, Visitor)>> {
        let keys: Vec<UserKey> = {
            // What is kept for ever may be beyond the signed integers, below zero.
            let mut statement = self.0.prepare_cached(DUE)?;
            let at = signed(at.0.min(NEVER.0 - 1));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            statement
                .query_map(params![at, limit], |row| {
                    Ok(UserKey {
                        service: service(row, 0)?,
                        primary_id: id(row, 1)?,
                    })
                })?
                .collect::<Result<_>>()?
        };
        let mut due = Vec::with_capacity(keys.len());
        for key in keys {
            if let Some(visitor) = self.visitor(&key)? {
                due.push((key, visitor));
            }
        }
        Ok(due)
    }

    fn remove_visitor(&mut self, key: &UserKey) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM visitor WHERE service = ? AND primary_id = ?")?
            .execute(params![key.service.as_str(), key.primary_id.as_str()])?;
        Ok(())
    }

    fn shift_deadlines(&mut self, by: i64, at: Timestamp) -> Result<()> {
        let values = named_params! { ":by": by, ":at": signed(at.0), ":never": signed(NEVER.0) };
        for sql in [SHIFT_STOPPING, SHIFT_WAS_MIGRATED] {
            self.0.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    fn clock(&mut self) -> Result<Option<ClockAnchor>> {
        self.0
            .prepare_cached("SELECT boot, wall_less_uptime FROM clock")?
            .query_row([], |row| {
                Ok(ClockAnchor {
                    boot: row.get(0)?,
                    offset: row.get(1)?,
                })
            })
            .optional()
    }

    fn put_clock(&mut self, anchor: &ClockAnchor) -> Result<()> {
        self.0.prepare_cached("DELETE FROM clock")?.execute([])?;
        self.0
            .prepare_cached("INSERT INTO clock (boot, wall_less_uptime) VALUES (?, ?)")?
            .execute(params![anchor.boot, anchor.offset])?;
        Ok(())
    }

    fn append_event(&mut self, event: NewEvent) -> Result<Event> {
        self.0
            .prepare_cached(
                "INSERT INTO event (kind, service, primary_id, partner_id, number, procedure, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                event.kind.as_str(),
                event.key.service.as_str(),
                event.key.primary_id.as_str(),
                event.partner_id.as_str(),
                event.number.map(signed),
                event.procedure.map(|p| p.to_string()),
                signed(event.at.0),
            ])?;
        Ok(Event {
            seq: self.0.last_insert_rowid().cast_unsigned(),
            event,
        })
    }

    fn put_sinks(&mut self, names: &[String]) -> Result<()> {
        let present: Vec<String> = {
            let mut statement = self.0.prepare_cached("SELECT name FROM sink")?;
            statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_>>()?
        };
        for name in present.iter().filter(|name| !names.contains(name)) {
            self.0
                .prepare_cached("DELETE FROM sink WHERE name = ?")?
                .execute([name])?;
        }
        for name in names {
            self.0
                .prepare_cached("INSERT INTO sink (name) VALUES (?) ON CONFLICT DO NOTHING")?
                .execute([name])?;
        }
        Ok(())
    }

    fn put_delivered(&mut self, name: &str, seq: u64) -> Result<()> {
        self.0
            .prepare_cached("UPDATE sink SET delivered = max(delivered, ?) WHERE name = ?")?
            .execute(params![signed(seq), name])?;
        Ok(())
    }

    fn trim_events(&mut self, keep: u64, limit: usize) -> Result<usize> {
        self.0
            .prepare_cached(
                "DELETE FROM event WHERE seq IN (
                     SELECT seq FROM event WHERE seq <= (SELECT max(seq) FROM event) - ?
                         AND seq <= coalesce((SELECT min(delivered) FROM sink), seq)
                     ORDER BY seq LIMIT ?)",
            )?
            .execute(params![
                i64::try_from(keep).unwrap_or(i64::MAX),
                i64::try_from(limit).unwrap_or(i64::MAX),
            ])
    }

    fn append(&mut self, row: NewRow) -> Result<Option<OutboxRow>> {
        let notice = serde_json::to_string(&row.notice)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let appended = self
            .0
            .prepare_cached(
                "INSERT INTO outbox (service, primary_id, system, sameness, notice, procedure,
                     created, expires, next_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (service, primary_id, system, sameness) DO NOTHING",
            )?
            .execute(params![
                row.key.service.as_str(),
                row.key.primary_id.as_str(),
                row.to.as_str(),
                row.sameness(),
                notice,
                row.procedure.to_string(),
                signed(row.created.0),
                row.expires.map(|e| signed(e.0)),
                signed(row.created.0),
            ])?;
        if appended == 0 {
            return Ok(None);
        }
        Ok(Some(OutboxRow {
            id: self.0.last_insert_rowid().cast_unsigned(),
            next_at: row.created,
            row,
            attempts: 0,
            failure: None,
            parked: None,
        }))
    }

    fn outbox_row(&mut self, id: u64) -> Result<Option<OutboxRow>> {
        self.0
            .prepare_cached(&format!("{OUTBOX} WHERE id = ?"))?
            .query_row([signed(id)], outbox_row)
            .optional()
    }

    fn put_outbox_row(&mut self, row: &OutboxRow) -> Result<()> {
        let parked = row.parked.as_ref();
        self.0
            .prepare_cached(
                "UPDATE outbox SET attempts = ?, next_at = ?, failure = ?, parked_status = ?,
                     parked_text = ?, parked_since = ?
                 WHERE id = ?",
            )?
            .execute(params![
                row.attempts,
                signed(row.next_at.0),
                row.failure,
                parked.map(|p| p.status),
                parked.map(|p| p.text.as_str()),
                parked.map(|p| signed(p.since.0)),
                signed(row.id),
            ])?;
        Ok(())
    }

    fn remove_row(&mut self, id: u64) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM outbox WHERE id = ?")?
            .execute(params![signed(id)])?;
        Ok(())
    }
}

/// Mappings that are due, in the order of the index: a million may be due at one time, and sorting them for each five hundred
/// would keep the others waiting.
const DUE: &str = "
    SELECT service, primary_id FROM visitor
    WHERE purge_at IS NOT NULL
        AND coalesce(stop_at, purge_at) >= 0 AND coalesce(stop_at, purge_at) <= ?
    ORDER BY coalesce(stop_at, purge_at), service, primary_id LIMIT ?";

/// The columns of [`outbox_row`].
pub(super) const OUTBOX: &str = "
    SELECT id, service, primary_id, system, notice, procedure, created, expires, attempts, next_at,
        parked_status, parked_text, parked_since, failure
    FROM outbox";

/// What [`Visitor`] does with the deadlines of one, of all that are stopping.
const SHIFT_STOPPING: &str = "
    UPDATE visitor SET
        left_at = max(0, moved.stop - moved.whole),
        stop_at = moved.stop,
        purge_at = iif(purge_at >= 0 AND purge_at < :never, moved.stop + moved.kept, purge_at)
    FROM (
        SELECT service AS s, primary_id AS p, max(0, stop_at - left_at) AS whole,
            max(0, min(stop_at + :by, :at + max(0, stop_at - left_at))) AS stop,
            max(0, purge_at - stop_at) AS kept
        FROM visitor WHERE stop_at >= 0 AND stop_at < :never
    ) AS moved
    WHERE service = moved.s AND primary_id = moved.p";
/// The same, of all that are was-migrated.
const SHIFT_WAS_MIGRATED: &str = "
    UPDATE visitor SET left_at = max(0, moved.purge - moved.whole), purge_at = moved.purge
    FROM (
        SELECT service AS s, primary_id AS p, max(0, purge_at - left_at) AS whole,
            max(0, min(purge_at + :by, :at + max(0, purge_at - left_at))) AS purge
        FROM visitor WHERE stop_at IS NULL AND purge_at >= 0 AND purge_at < :never
    ) AS moved
    WHERE service = moved.s AND primary_id = moved.p";

fn event(row: &Row<'_>) -> Result<Event> {
    let kind: String = row.get(1)?;
    Ok(Event {
        seq: unsigned(row, 0)?,
        event: NewEvent {
            kind: EventKind::from_name(&kind).ok_or_else(|| unreadable(1, "unknown event"))?,
            key: UserKey {
                service: service(row, 2)?,
                primary_id: id(row, 3)?,
            },
            partner_id: id(row, 4)?,
            number: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
            procedure: match row.get::<_, Option<String>>(6)? {
                None => None,
                Some(_) => Some(procedure(row, 6)?),
            },
            at: Timestamp(unsigned(row, 7)?),
        },
    })
}

fn time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    let time = row.get::<_, Option<i64>>(column)?;
    Ok(time.map(|at| Timestamp(at.cast_unsigned())))
}

pub(super) fn outbox_row(row: &Row<'_>) -> Result<OutboxRow> {
    let notice: String = row.get(4)?;
    let parked = row.get::<_, Option<u16>>(10)?;
    Ok(OutboxRow {
        id: unsigned(row, 0)?,
        row: NewRow {
            key: UserKey {
                service: service(row, 1)?,
                primary_id: id(row, 2)?,
            },
            to: SystemId::new(&row.get::<_, String>(3)?),
            notice: serde_json::from_str(&notice).map_err(|e| unreadable(4, e))?,
            procedure: procedure(row, 5)?,
            created: Timestamp(unsigned(row, 6)?),
            expires: row
                .get::<_, Option<i64>>(7)?
                .map(|e| Timestamp(e.cast_unsigned())),
        },
        attempts: row.get(8)?,
        next_at: Timestamp(unsigned(row, 9)?),
        failure: row.get(13)?,
        parked: match parked {
            None => None,
            Some(status) => Some(Parked {
                status,
                text: row.get::<_, Option<String>>(11)?.unwrap_or_default(),
                since: Timestamp(unsigned(row, 12)?),
            }),
        },
    })
}

fn authorization(
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

fn heard(row: &Row<'_>, call_id: usize, cseq: usize) -> Result<Option<Heard>> {
    Ok(match (row.get(call_id)?, row.get(cseq)?) {
        (Some(call_id), Some(cseq)) => Some(Heard { call_id, cseq }),
        _ => None,
    })
}

fn service(row: &Row<'_>, column: usize) -> Result<Service> {
    let name: String = row.get(column)?;
    Service::from_name(&name).ok_or_else(|| unreadable(column, "unknown service"))
}

fn id(row: &Row<'_>, column: usize) -> Result<McId> {
    McId::parse(&row.get::<_, String>(column)?).map_err(|e| unreadable(column, e))
}

fn procedure(row: &Row<'_>, column: usize) -> Result<ProcedureId> {
    ProcedureId::parse(&row.get::<_, String>(column)?)
        .ok_or_else(|| unreadable(column, "no procedure id"))
}

fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// SQLite's integers are signed; the bits are kept.
fn signed(value: u64) -> i64 {
    value.cast_signed()
}

fn unreadable(
    column: usize,
    why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, why.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_is_found_by_the_index_alone() {
        let connection = Connection::open_in_memory().unwrap();
        let nowhere = std::path::Path::new(":memory:");
        super::super::schema::migrate(&connection, nowhere).unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {DUE}");
        let mut statement = connection.prepare(&explain).unwrap();
        let plan = statement.query_map([1, 1], |row| row.get::<_, String>(3));
        let plan: Vec<_> = plan.unwrap().map(Result::unwrap).collect();
        assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
        assert!(plan[0].contains("visitor_deadline"), "{plan:?}");
    }
}
