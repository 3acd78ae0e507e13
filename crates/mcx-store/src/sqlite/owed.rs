//! What is owed to each partner: what of it is read next, and how much it is.
//!
//! Two indexes make a partner's rows cost nothing to others, and parked rows nothing to those that wait.

use mcx::state::{OutboxPage, OutboxRow, Owed};
use mcx::{SystemId, Timestamp};
use rusqlite::{Connection, Result, named_params};

use super::rows::{OUTBOX, outbox_row};

/// Of a partner, after the columns of [`outbox_row`].
const PAGE: &str = " INDEXED BY outbox_waiting
    WHERE system = :to AND parked_status IS NULL AND id > :after AND id <= :until
    ORDER BY id LIMIT :limit";

/// How much waits for each partner, and its first row.
const WAITING: &str = "
    SELECT system, count(*), min(id) FROM outbox INDEXED BY outbox_waiting
    WHERE parked_status IS NULL GROUP BY system ORDER BY system";

/// How much of each partner's is parked.
const PARKED: &str = "
    SELECT system, count(*) FROM outbox INDEXED BY outbox_parked
    WHERE parked_status IS NOT NULL GROUP BY system ORDER BY system";

/// Rows that wait for a partner.
pub(super) fn page(connection: &Connection, page: &OutboxPage) -> Result<Vec<OutboxRow>> {
    let mut statement = connection.prepare_cached(&format!("{OUTBOX}{PAGE}"))?;
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let rows = statement.query_map(
        named_params! {
            ":to": page.to.as_str(),
            ":after": number(page.after),
            ":until": number(page.until),
            ":limit": i64::try_from(page.limit).unwrap_or(i64::MAX),
        },
        outbox_row,
    )?;
    rows.collect()
}

/// What is owed, by partner, in order of their ids.
pub(super) fn all(connection: &Connection) -> Result<Vec<Owed>> {
    // Both at one moment.
    let connection = connection.unchecked_transaction()?;
    let mut waiting = connection.prepare_cached(WAITING)?;
    let mut created = connection.prepare_cached("SELECT created FROM outbox WHERE id = ?")?;
    let mut parked = connection.prepare_cached(PARKED)?;
    let mut owed = Vec::new();
    let mut rows = waiting.query([])?;
    while let Some(row) = rows.next()? {
        let first: i64 = row.get(2)?;
        let oldest: i64 = created.query_row([first], |row| row.get(0))?;
        owed.push(Owed {
            to: SystemId::new(&row.get::<_, String>(0)?),
            waiting: row.get::<_, i64>(1)?.cast_unsigned(),
            oldest: Some(Timestamp(oldest.cast_unsigned())),
            parked: 0,
        });
    }
    let mut rows = parked.query([])?;
    while let Some(row) = rows.next()? {
        let to = SystemId::new(&row.get::<_, String>(0)?);
        let parked = row.get::<_, i64>(1)?.cast_unsigned();
        match owed.iter_mut().find(|owed| owed.to == to) {
            Some(owed) => owed.parked = parked,
            None => owed.push(Owed {
                to,
                waiting: 0,
                oldest: None,
                parked,
            }),
        }
    }
    owed.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(owed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    fn plan(sql: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        let nowhere = std::path::Path::new(":memory:");
        super::super::schema::migrate(&connection, nowhere).unwrap();
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            plan.push(row.get(3).unwrap());
        }
        plan
    }

    #[test]
    fn a_page_is_found_by_the_index_alone() {
        let plan = plan(&format!("{OUTBOX}{PAGE}"));
        assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
        let by =
            "USING INDEX outbox_waiting (system=? AND parked_status=? AND rowid>? AND rowid<?)";
        assert!(plan[0].contains(by), "{plan:?}");
    }

    #[test]
    fn how_much_is_owed_is_read_off_the_indexes() {
        for sql in [WAITING, PARKED] {
            let plan = plan(sql);
            assert_eq!(plan.len(), 1, "no sorting: {plan:?}");
            assert!(plan[0].contains("USING COVERING INDEX"), "{plan:?}");
        }
    }
}
