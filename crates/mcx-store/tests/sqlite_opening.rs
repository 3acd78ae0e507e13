//! Opening the embedded store: what is created, for whom, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::Path;

use common::{Folder, apply, at, map, snapshot, user};
use mcx::Timestamp;
use mcx::state::{Command, Verdict, VisitorPhase};
use mcx_store::{OpenError, SqliteReader, SqliteStore, backup, inspect};
use rusqlite::Connection;

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
        files += 1;
    }
    assert_eq!(files, 3, "the database and the two files beside it");
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    let before = snapshot(&store);
    drop(store);
    let path = folder.database();
    let version = |to: i64| {
        let connection = Connection::open(&path).unwrap();
        let was: i64 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        connection.pragma_update(None, "user_version", to).unwrap();
        was
    };
    let known = version(4711);
    let error = SqliteStore::open(&path).unwrap_err();
    let expected = OpenError::Newer {
        path: path.clone(),
        found: 4711,
        known,
    };
    assert_eq!(error, expected);
    let told = error.to_string();
    assert!(told.contains(path.to_str().unwrap()), "{told}");
    assert!(
        told.contains("4711") && told.contains(&known.to_string()),
        "{told}"
    );
    assert_eq!(version(known), 4711, "it was not touched");
    assert_eq!(snapshot(&folder.open()), before);
}

#[test]
fn opening_again_and_again_changes_nothing() {
    let folder = Folder::new();
    apply(&folder.open(), vec![map(user(1), Some(1))]).unwrap();
    let before = snapshot(&folder.open());
    for _ in 0..3 {
        assert_eq!(snapshot(&folder.open()), before);
    }
}

#[test]
fn what_is_no_database_is_refused_by_name() {
    let folder = Folder::new();
    let path = folder.database();
    std::fs::write(&path, "this is a letter and no database".repeat(100)).unwrap();
    let nowhere = folder.path().join("missing").join("mcx.db");
    for path in [path.as_path(), folder.path(), nowhere.as_path()] {
        let Err(OpenError::Failed { path: named, why }) = SqliteStore::open(path) else {
            panic!("{} is no database", path.display());
        };
        assert_eq!(named, path);
        assert!(!why.is_empty());
        assert!(SqliteReader::open(path).is_err() || path.is_file());
    }
    let letter = std::fs::read_to_string(&path).unwrap();
    assert!(letter.starts_with("this is a letter"), "it was not touched");
}

#[test]
fn one_store_at_a_time_has_a_database() {
    let folder = Folder::new();
    let path = folder.database();
    let store = folder.open();
    let in_use = OpenError::InUse { path: path.clone() };
    assert_eq!(SqliteStore::open(&path).unwrap_err(), in_use);
    assert_eq!(SqliteStore::check(&path).unwrap_err(), in_use);
    assert!(in_use.to_string().contains("another process uses it"));
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let error = SqliteStore::open(&link).unwrap_err();
        assert_eq!(error, OpenError::InUse { path: link });
        // One file of two names is one database.
        let name = folder.path().join("name");
        std::fs::hard_link(&path, &name).unwrap();
        let error = SqliteStore::open(&name).unwrap_err();
        assert_eq!(error, OpenError::InUse { path: name });
    }
    assert!(SqliteReader::open(&path).unwrap().outbox().is_ok());
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    drop(store);
    SqliteStore::check(&path).unwrap();
    folder.open();
}

/// Opening it would bring tables of a store into it.
#[test]
fn what_is_a_database_of_something_else_is_refused_and_left_alone() {
    let cases = [
        (
            "CREATE TABLE post (letter TEXT)",
            "a database of something else",
        ),
        (
            "CREATE TABLE post (letter TEXT); PRAGMA user_version = 2",
            "a database of something else",
        ),
        ("PRAGMA user_version = -1", "a database of something else"),
        (
            "CREATE TABLE home (letter TEXT); PRAGMA user_version = 1",
            "has not the table `home` of that version",
        ),
        (
            "CREATE TABLE home (letter TEXT)",
            "a database of something else",
        ),
    ];
    for (sql, expected) in cases {
        let folder = Folder::new();
        let path = folder.database();
        let tables = || {
            let connection = Connection::open(&path).unwrap();
            let count = "SELECT count(*) FROM sqlite_schema";
            connection
                .query_row(count, [], |row| row.get::<_, i64>(0))
                .unwrap()
        };
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = tables();
        let errors = [
            SqliteStore::open(&path).map(drop).unwrap_err(),
            SqliteStore::check(&path).unwrap_err(),
            inspect(&path).map(drop).unwrap_err(),
            backup(&path, &folder.path().join("copy")).unwrap_err(),
        ];
        for error in errors {
            let told = error.to_string();
            assert!(
                told.contains(expected) && told.contains(path.to_str().unwrap()),
                "{sql}: {told}"
            );
        }
        assert_eq!(tables(), before, "{sql}");
    }
}

#[test]
fn a_store_of_which_something_was_taken_is_refused_and_what_was_added_is_not() {
    let folder = Folder::new();
    let path = folder.database();
    drop(folder.open());
    let behind = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    behind("CREATE INDEX of_an_operator ON event (at); ANALYZE");
    drop(folder.open());
    // Counting what is owed would look into every row.
    behind("DROP INDEX outbox_waiting");
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("has not the index `outbox_waiting`"),
        "{error}"
    );
    // What the present version has and an older one had not.
    behind("DROP INDEX outbox_parked; PRAGMA user_version = 3");
    drop(folder.open());
    behind("PRAGMA user_version = 3");
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("already exists"), "{error}");
}

#[test]
fn what_is_no_store_yet_is_said_to_be_none() {
    let folder = Folder::new();
    let path = folder.database();
    std::fs::write(&path, "").unwrap();
    let error = inspect(&path).map(drop).unwrap_err().to_string();
    assert!(error.contains("it is empty: no store yet"), "{error}");
    let missing = folder.path().join("none");
    let error = inspect(&missing).map(drop).unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
    for odd in [folder.path(), Path::new("/dev/null")] {
        let told = [
            inspect(odd).map(drop).unwrap_err(),
            SqliteStore::open(odd).map(drop).unwrap_err(),
            SqliteStore::check(odd).unwrap_err(),
        ];
        for told in told.map(|error| error.to_string()) {
            assert!(
                told.contains("a store is a file") || told.contains("Is a directory"),
                "{told}"
            );
        }
    }
}

/// A process before may have ended after a sync that failed: what it wrote may be in memory alone, and the next sync would
/// not write it. What is copied and synced at the start is on disk.
#[test]
fn once_it_is_open_nothing_depends_on_the_log_of_a_process_before() {
    let folder = Folder::new();
    let store = folder.open();
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    let before = snapshot(&store);
    let alone = folder.path().join("alone.db");
    std::fs::copy(folder.database(), &alone).unwrap();
    assert_ne!(
        SqliteReader::open(&alone).unwrap().snapshot().unwrap(),
        before,
        "it is in the log"
    );
    drop(store);
    let _store = folder.open();
    std::fs::copy(folder.database(), &alone).unwrap();
    let there = SqliteReader::open(&alone).unwrap().snapshot().unwrap();
    assert_eq!(there, before);
}

#[test]
fn a_reader_opens_only_what_exists() {
    let folder = Folder::new();
    assert!(SqliteReader::open(&folder.database()).is_err());
    assert!(!folder.database().exists(), "nothing was created");
    let store = folder.open();
    let reader = SqliteReader::open(&folder.database()).unwrap();
    assert_eq!(reader.outbox().unwrap(), []);
    apply(&store, vec![map(user(1), Some(1))]).unwrap();
    assert_eq!(reader.snapshot().unwrap(), snapshot(&store));
}

#[test]
fn a_database_of_the_first_version_goes_on() {
    let folder = Folder::new();
    let written = Connection::open(folder.database()).unwrap();
    written
        .execute_batch(include_str!("databases/version-1.sql"))
        .unwrap();
    drop(written);
    let store = folder.open();
    let stored = snapshot(&store);
    let phases: Vec<_> = stored.visitors.iter().map(|(_, v)| v.phase).collect();
    let (since, kept) = (at(5), at(60));
    let was = |purge_at| VisitorPhase::WasMigrated { since, purge_at };
    let expected = [VisitorPhase::Migrated, was(kept), was(Timestamp(u64::MAX))];
    assert_eq!(phases, expected);
    assert_eq!(stored.homes[0].1.stays[0].number, 3);
    assert_eq!(stored.outbox[0].id, 5);
    let expire = Command::Expire {
        at: at(60),
        limit: 10,
    };
    let purged = Verdict::Expired {
        stopped: 0,
        purged: 1,
        next: None,
    };
    assert_eq!(apply(&store, vec![expire]).unwrap()[0].verdict, purged);
}
