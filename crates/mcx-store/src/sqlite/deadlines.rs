//! When mappings stop and are purged, in SQL.

use mcx::Timestamp;
use mcx::state::{NEVER, UserKey};
use rusqlite::{Connection, Result, named_params, params};

use super::columns::{key, signed};

/// Mappings that are due, in the order of the index: a million may be due at one time, and sorting them for each five hundred
/// would keep the others waiting.
const DUE: &str = "
    SELECT service, primary_id FROM visitor
    WHERE purge_at IS NOT NULL
        AND coalesce(stop_at, purge_at) >= 0 AND coalesce(stop_at, purge_at) <= ?
    ORDER BY coalesce(stop_at, purge_at), service, primary_id LIMIT ?";

/// What [`mcx::state::Visitor`] does with the deadlines of one, of all that are stopping.
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
/// The same, of all that are was-migrated. After a start of the machine there may be a million, and nothing to be moved.
const SHIFT_WAS_MIGRATED: &str = "
    UPDATE visitor SET left_at = max(0, moved.purge - moved.whole), purge_at = moved.purge
    FROM (
        SELECT service AS s, primary_id AS p, max(0, purge_at - left_at) AS whole,
            max(0, min(purge_at + :by, :at + max(0, purge_at - left_at))) AS purge
        FROM visitor WHERE stop_at IS NULL AND purge_at >= 0 AND purge_at < :never
    ) AS moved
    WHERE service = moved.s AND primary_id = moved.p AND purge_at <> moved.purge";

/// Keys of mappings that are due, at most `limit`.
pub(super) fn due(connection: &Connection, at: Timestamp, limit: usize) -> Result<Vec<UserKey>> {
    // What is kept for ever may be beyond the signed integers, below zero.
    let at = signed(at.0.min(NEVER.0 - 1));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(DUE)?;
    let keys = statement.query_map(params![at, limit], |row| key(row, 0))?;
    keys.collect()
}

/// Moves deadlines with a clock that was set by so many milliseconds and shows `at` since.
pub(super) fn shift(connection: &Connection, by: i64, at: Timestamp) -> Result<()> {
    let values = named_params! { ":by": by, ":at": signed(at.0), ":never": signed(NEVER.0) };
    for sql in [SHIFT_STOPPING, SHIFT_WAS_MIGRATED] {
        connection.prepare_cached(sql)?.execute(values)?;
    }
    Ok(())
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

    #[test]
    fn what_is_right_is_not_written_again() {
        let connection = Connection::open_in_memory().unwrap();
        let nowhere = std::path::Path::new(":memory:");
        super::super::schema::migrate(&connection, nowhere).unwrap();
        let was_migrated =
            "INSERT INTO visitor (service, primary_id, partner_id, since, left_at, purge_at)
            VALUES ('mcptt', 'sip:a@a', 'sip:b@b', 1, 100, 5000)";
        connection.execute(was_migrated, []).unwrap();
        let moved = |by, at| {
            shift(&connection, by, Timestamp(at)).unwrap();
            let purge_at = "SELECT purge_at FROM visitor";
            let purge_at = connection.query_row(purge_at, [], |row| row.get(0));
            (connection.changes(), purge_at.unwrap())
        };
        assert_eq!(moved(0, 200), (0, 5000));
        assert_eq!(moved(7, 200), (1, 5007));
        // It would be kept for longer than it was to be.
        assert_eq!(moved(0, 50), (1, 4950));
    }
}
