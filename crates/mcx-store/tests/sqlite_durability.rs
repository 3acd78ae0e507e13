//! The embedded store: what is durable, in which order, and what a failure leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{
    Folder, allow, apply, at, end, map, returns, snapshot, user, wait, wait_until_usable,
};
use mcx::state::{Command, Verdict};
use mcx_store::{SqliteReader, Store, StoreError};
use rusqlite::Connection;

#[test]
fn everything_survives_reopening() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![allow(user(1), "b", 1), allow(user(1), "c", 2)]).unwrap();
    apply(&store, vec![returns(user(1), 3), map(user(2), Some(4))]).unwrap();
    apply(&store, vec![map(user(3), None), end(user(3), None, at(50))]).unwrap();
    let last = store.outbox().unwrap().last().unwrap().id;
    apply(&store, vec![Command::OutboxDone { id: last }]).unwrap();
    let before = snapshot(&store);
    drop(store);
    let store = folder.open();
    assert_eq!(snapshot(&store), before);
    let next = apply(&store, vec![allow(user(9), "b", 1)]).unwrap();
    assert!(next[0].appended[0].id > last, "ids are never used again");
}

#[test]
fn what_was_handed_over_is_durable_when_the_store_is_dropped() {
    let folder = Folder::new();
    let store = folder.open();
    let waiting: Vec<_> = (0..1000)
        .map(|n| store.apply(vec![map(user(n), Some(1))]))
        .collect();
    drop(store);
    for outcome in waiting {
        assert_eq!(wait(outcome).unwrap()[0].verdict, Verdict::Mapped);
    }
    assert_eq!(snapshot(&folder.open()).visitors.len(), 1000);
}

#[test]
fn an_outcome_that_nobody_waits_for_is_durable_all_the_same() {
    let folder = Folder::new();
    let store = folder.open();
    drop(store.apply(vec![map(user(1), Some(1))]));
    apply(&store, vec![]).unwrap();
    assert_eq!(snapshot(&store).visitors.len(), 1);
}

#[test]
fn many_queued_batches_keep_their_order() {
    let folder = Folder::new();
    let store = folder.open();
    let waiting: Vec<_> = (0..3000)
        .map(|n: u64| store.apply(vec![allow(user(1), "b", (n % 2) as u8)]))
        .collect();
    for (n, outcome) in (1..).zip(waiting) {
        let verdict = wait(outcome).unwrap().remove(0).verdict;
        assert_eq!(verdict, Verdict::Allowed { number: n });
    }
    assert_eq!(snapshot(&store).homes[0].1.counter, 3000);
}

#[test]
fn a_reader_sees_whole_batches_while_a_writer_writes() {
    let folder = Folder::new();
    let store = folder.open();
    let reader = SqliteReader::open(&folder.database()).unwrap();
    let writer = std::thread::spawn(move || {
        for n in 0..150 {
            let batch = vec![map(user(2 * n), Some(1)), map(user(2 * n + 1), Some(1))];
            apply(&store, batch).unwrap();
        }
    });
    let (mut seen, mut looks) = (0, 0);
    while !writer.is_finished() || looks < 2 {
        let stored = reader.snapshot().unwrap();
        assert_eq!(stored.visitors.len(), stored.outbox.len());
        assert_eq!(stored.visitors.len() % 2, 0, "half a batch");
        assert!(stored.visitors.len() >= seen);
        (seen, looks) = (stored.visitors.len(), looks + 1);
    }
    writer.join().unwrap();
    assert_eq!(reader.outbox().unwrap().len(), 300);
}

/// Takes a table away behind the store's back, and answers how to bring it back.
fn drop_table(connection: &Connection, table: &str) -> String {
    let find = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?";
    let sql: String = connection
        .query_row(find, [table], |row| row.get(0))
        .unwrap();
    connection
        .execute_batch(&format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"))
        .unwrap();
    sql
}

#[test]
fn a_batch_is_all_or_nothing_and_the_store_recovers() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![returns(user(1), 1)]).unwrap();
    let before = snapshot(&store);

    let behind = Connection::open(folder.database()).unwrap();
    let restore = drop_table(&behind, "outbox");
    // The first two commands need no outbox, the third does.
    let batch = vec![
        Command::EndHomeAuthorization {
            key: user(1),
            if_match: None,
            at: at(1),
        },
        returns(user(2), 2),
        allow(user(1), "b", 3),
    ];
    for _ in 0..3 {
        let Err(StoreError::Backend(why)) = apply(&store, batch.clone()) else {
            panic!("without its table the store cannot");
        };
        assert!(!why.contains("user-1"), "{why}");
        assert!(store.snapshot().is_err());
    }
    behind.execute_batch(&restore).unwrap();
    assert_eq!(snapshot(&store), before, "nothing of it is there");
    let outcomes = apply(&store, batch).unwrap();
    assert_eq!(outcomes[2].verdict, Verdict::Allowed { number: 1 });
    assert_eq!(snapshot(&store).homes.len(), 2);
}

#[test]
fn batches_after_a_failure_do_not_depend_on_it() {
    let folder = Folder::new();
    let store = folder.open();
    let behind = Connection::open(folder.database()).unwrap();
    let restore = drop_table(&behind, "visitor");
    assert!(apply(&store, vec![map(user(1), Some(1))]).is_err());
    // Other tables are usable throughout.
    assert!(apply(&store, vec![allow(user(1), "b", 1)]).is_ok());
    behind.execute_batch(&restore).unwrap();
    assert!(apply(&store, vec![map(user(1), Some(1))]).is_ok());
    assert_eq!(snapshot(&store).outbox.len(), 2);
}

/// The writer cannot write, the queue fills: that is told at once, not waited for.
#[test]
fn overload_is_told_at_once_and_what_was_queued_is_done() {
    let folder = Folder::new();
    let store = folder.open();
    let behind = Connection::open(folder.database()).unwrap();
    behind.execute_batch("BEGIN IMMEDIATE").unwrap();
    let done = || vec![Command::OutboxDone { id: 1 }];
    let waiting: Vec<_> = (0..22_000).map(|_| store.apply(done())).collect();
    behind.execute_batch("ROLLBACK").unwrap();
    let outcomes: Vec<_> = waiting.into_iter().map(wait).collect();
    let refused = |o: &&Result<_, _>| matches!(o, Err(StoreError::Overloaded));
    let overloaded = outcomes.iter().filter(refused).count();
    assert!((1..=2000).contains(&overloaded), "{overloaded}");
    assert_eq!(
        outcomes.iter().filter(|o| o.is_ok()).count(),
        22_000 - overloaded
    );
    assert!(apply(&store, done()).is_ok());
}

/// A command of so many octets.
fn of_octets(octets: usize) -> Command {
    Command::OutboxRetry {
        id: 1,
        attempts: 1,
        next_at: at(0),
        failure: "x".repeat(octets),
    }
}

#[test]
fn overload_counts_octets_too_and_passes() {
    let folder = Folder::new();
    let store = folder.open();
    let behind = Connection::open(folder.database()).unwrap();
    behind.execute_batch("BEGIN IMMEDIATE").unwrap();
    let large: Vec<_> = (0..100)
        .map(|_| store.apply(vec![of_octets(1 << 20)]))
        .collect();
    behind.execute_batch("ROLLBACK").unwrap();
    let outcomes: Vec<_> = large.into_iter().map(wait).collect();
    let refused = |o: &&Result<_, _>| matches!(o, Err(StoreError::Overloaded));
    let count = outcomes.iter().filter(refused).count();
    // 64 MiB, of which every command takes a little more than its text.
    assert_eq!(count, 37);
    assert!(outcomes.iter().filter(|o| !refused(o)).all(Result::is_ok));
    // It was room that lacked, and there is again.
    for _ in 0..100 {
        apply(&store, vec![of_octets(1 << 20)]).unwrap();
    }
    let largest = apply(&store, vec![of_octets(60 << 20)]);
    assert!(largest.is_ok(), "{largest:?}");
}

#[test]
fn a_commit_takes_no_more_after_a_million_octets() {
    let folder = Folder::new();
    let store = folder.open();
    let waiting: Vec<_> = (0..60)
        .map(|_| store.apply(vec![of_octets(600_000)]))
        .collect();
    assert!(waiting.into_iter().map(wait).all(|o| o.is_ok()));
    let commits = store.commits().unwrap();
    let (most, _) = commits
        .batches
        .buckets()
        .find(|(_, below)| *below == commits.batches.count())
        .unwrap();
    assert!(most <= 2.0, "up to {most} in one");
    assert!(commits.batches.sum() >= 60.0);
}

#[test]
fn nothing_is_durable_in_a_file_that_is_gone() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    let away = folder.database().with_extension("away");
    std::fs::rename(folder.database(), &away).unwrap();
    let refused = apply(&store, vec![map(user(2), Some(1))]);
    assert!(
        matches!(refused, Err(StoreError::Backend(why)) if why.contains("removed or replaced"))
    );
    assert!(
        !folder.database().exists(),
        "no empty database takes its place"
    );
    assert!(store.usable().is_err());
    // The same file is back: it goes on, by itself, and nothing of the refused batch is there.
    std::fs::rename(&away, folder.database()).unwrap();
    wait_until_usable(&store);
    apply(&store, vec![map(user(3), Some(1))]).unwrap();
    assert_eq!(snapshot(&store).visitors.len(), 2);
}

#[test]
fn a_row_that_cannot_be_read_stops_nobody_else() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, (1..=3).map(|n| map(user(n), Some(1))).collect()).unwrap();
    let behind = Connection::open(folder.database()).unwrap();
    let broken = "UPDATE visitor SET partner_id = 'nobody' WHERE primary_id LIKE '%user-2@%'";
    assert_eq!(behind.execute(broken, []).unwrap(), 1);
    // The writer waits for this, so that all are in one group.
    behind.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting: Vec<_> = (0..60)
        .map(|n| store.apply(vec![end(user(n % 3 + 1), Some(1), at(60))]))
        .collect();
    behind.execute_batch("ROLLBACK").unwrap();
    for (n, outcome) in waiting.into_iter().enumerate() {
        assert_eq!(wait(outcome).is_ok(), n % 3 != 1, "{n}");
    }
    assert_eq!(store.usable(), Ok(()), "the disk is well");
}

/// A page of the database that is not what was written: everything is refused, for what is written next might go anywhere.
#[test]
fn a_corrupt_page_ends_all_commits() {
    let folder = Folder::new();
    let store = folder.open();
    let many = (0..2000).map(|n| map(user(n), Some(1))).collect();
    apply(&store, many).unwrap();
    drop(store);
    // Opening copies everything from the log into the database.
    drop(folder.open());
    let behind = Connection::open(folder.database()).unwrap();
    let leaf: i64 = behind
        .query_row(
            "SELECT max(pageno) FROM dbstat WHERE name = 'visitor' AND pagetype = 'leaf'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(behind);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.database())
        .unwrap();
    let page = u64::try_from(leaf - 1).unwrap() * 4096;
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xee; 4096], page).unwrap();
    let store = folder.open();
    let touching: Vec<_> = (0..2000)
        .map(|n| apply(&store, vec![end(user(n), Some(1), at(60))]))
        .collect();
    let first = touching.iter().position(Result::is_err).unwrap();
    assert!(matches!(&touching[first], Err(StoreError::Backend(why)) if why.contains("malformed")));
    assert!(touching[first..].iter().all(Result::is_err));
    assert!(store.usable().is_err());
}
