//! Rows of the tables as the types of [`mcx::state`].

use mcx::state::{
    ClockAnchor, Event, EventKind, Home, HomeStay, NewEvent, NewRow, OutboxRow, Parked, Rows,
    StayPhase, UserKey, Visitor, VisitorPhase,
};
use mcx::{SystemId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{
    authorization, heard, id, key, procedure, signed, time, unreadable, unsigned,
};
use super::deadlines;

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
        self.visitors_of(keys)
    }

    fn visitors_of(&mut self, keys: Vec<UserKey>) -> Result<Vec<(UserKey, Visitor)>> {
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
        let keys = statement.query_map(params![service_of, user, limit], |row| key(row, 0))?;
        keys.collect()
    }

    /// Writes a row of the outbox, with that id or the next one, unless there is one that is the same; answers whether it did.
    pub fn insert_outbox_row(&mut self, id: Option<u64>, row: &NewRow) -> Result<bool> {
        let notice = serde_json::to_string(&row.notice)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        let inserted = self
            .0
            .prepare_cached(
                "INSERT INTO outbox (id, service, primary_id, system, sameness, notice, procedure,
                     created, expires, next_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (service, primary_id, system, sameness) DO NOTHING",
            )?
            .execute(params![
                id.map(signed),
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
        Ok(inserted > 0)
    }

    /// Writes an event, with that number or the next one.
    pub fn insert_event(&mut self, seq: Option<u64>, event: &NewEvent) -> Result<()> {
        self.0
            .prepare_cached(
                "INSERT INTO event (seq, kind, service, primary_id, partner_id, number, procedure, at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                seq.map(signed),
                event.kind.as_str(),
                event.key.service.as_str(),
                event.key.primary_id.as_str(),
                event.partner_id.as_str(),
                event.number.map(signed),
                event.procedure.map(|p| p.to_string()),
                signed(event.at.0),
            ])?;
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
        let keys = deadlines::due(self.0, at, limit)?;
        self.visitors_of(keys)
    }

    fn remove_visitor(&mut self, key: &UserKey) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM visitor WHERE service = ? AND primary_id = ?")?
            .execute(params![key.service.as_str(), key.primary_id.as_str()])?;
        Ok(())
    }

    fn shift_deadlines(&mut self, by: i64, at: Timestamp) -> Result<()> {
        deadlines::shift(self.0, by, at)
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
        self.insert_event(None, &event)?;
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
        if !self.insert_outbox_row(None, &row)? {
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

/// The columns of [`outbox_row`].
pub(super) const OUTBOX: &str = "
    SELECT id, service, primary_id, system, notice, procedure, created, expires, attempts, next_at,
        parked_status, parked_text, parked_since, failure
    FROM outbox";

fn event(row: &Row<'_>) -> Result<Event> {
    let kind: String = row.get(1)?;
    Ok(Event {
        seq: unsigned(row, 0)?,
        event: NewEvent {
            kind: EventKind::from_name(&kind).ok_or_else(|| unreadable(1, "unknown event"))?,
            key: key(row, 2)?,
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

pub(super) fn outbox_row(row: &Row<'_>) -> Result<OutboxRow> {
    let notice: String = row.get(4)?;
    let parked = row.get::<_, Option<u16>>(10)?;
    Ok(OutboxRow {
        id: unsigned(row, 0)?,
        row: NewRow {
            key: key(row, 1)?,
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
