//! What is beside a database while it is open is taken away: nothing that was acknowledged is lost with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use common::{Folder, apply, map, snapshot, user, wait_until_usable};
use mcx_store::{SqliteReader, SqliteStore, Store as _, StoreError, backup, export};
use rusqlite::Connection;

const LOG: [&str; 2] = ["-wal", "-shm"];

fn beside(folder: &Folder, end: &str) -> PathBuf {
    let mut path = folder.database().into_os_string();
    path.push(end);
    path.into()
}

/// How many mappings another process would find if this one were killed now: those in the files that have a name.
fn found_after_a_kill(folder: &Folder) -> usize {
    let copies = Folder::new();
    for end in ["", "-wal"] {
        let _ = std::fs::copy(beside(folder, end), beside(&copies, end));
    }
    snapshot(&copies.open()).visitors.len()
}

fn mapped(store: &SqliteStore, n: u64) {
    apply(store, vec![map(user(n), Some(1))]).unwrap();
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let limit = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < limit, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_acknowledged_after_the_log_was_removed_is_kept() {
    for ends in [&LOG[..1], &LOG[1..], &LOG[..]] {
        let folder = Folder::new();
        let store = folder.open();
        mapped(&store, 1);
        for end in ends {
            std::fs::remove_file(beside(&folder, end)).unwrap();
        }
        mapped(&store, 2);
        assert_eq!(found_after_a_kill(&folder), 2, "{ends:?}");
        let there = |end: &&str| beside(&folder, end).exists();
        assert!(LOG.iter().all(there), "{ends:?}: others do not find it");
        assert_eq!(store.usable(), Ok(()));
        // It goes on as before, for itself and for other processes.
        mapped(&store, 3);
        assert_eq!(snapshot(&store).visitors.len(), 3);
        let reader = SqliteReader::open(&folder.database()).unwrap();
        assert_eq!(reader.snapshot().unwrap().visitors.len(), 3);
        assert_eq!(found_after_a_kill(&folder), 3, "{ends:?}");
    }
}

#[test]
fn what_was_acknowledged_before_is_kept_though_nothing_comes_after() {
    let folder = Folder::new();
    let store = folder.open();
    mapped(&store, 1);
    std::fs::remove_file(beside(&folder, "-wal")).unwrap();
    assert_eq!(found_after_a_kill(&folder), 0, "it is in the log alone");
    until("it is not noticed", || found_after_a_kill(&folder) == 1);
}

#[test]
fn a_log_that_is_removed_just_before_the_end_is_kept() {
    let folder = Folder::new();
    let store = folder.open();
    mapped(&store, 1);
    for end in LOG {
        std::fs::remove_file(beside(&folder, end)).unwrap();
    }
    drop(store);
    assert_eq!(snapshot(&folder.open()).visitors.len(), 1);
}

/// As when a backup is put back with its old log, while the node runs.
#[test]
fn a_log_of_another_database_is_not_taken_for_its_own() {
    let (folder, other) = (Folder::new(), Folder::new());
    let store = folder.open();
    let others = other.open();
    for n in 10..20 {
        mapped(&others, n);
    }
    mapped(&store, 1);
    std::fs::copy(beside(&other, "-wal"), folder.path().join("of-another")).unwrap();
    std::fs::rename(folder.path().join("of-another"), beside(&folder, "-wal")).unwrap();
    mapped(&store, 2);
    assert_eq!(found_after_a_kill(&folder), 2);
    drop(store);
    assert_eq!(snapshot(&folder.open()).visitors.len(), 2);
}

/// As by somebody who takes it for a log of words, which may be emptied.
#[test]
fn a_log_that_is_cut_ends_all_commits() {
    for idle in [false, true] {
        let folder = Folder::new();
        let store = folder.open();
        for n in 1..50 {
            mapped(&store, n);
        }
        let log = std::fs::OpenOptions::new()
            .write(true)
            .open(beside(&folder, "-wal"))
            .unwrap();
        log.set_len(0).unwrap();
        if idle {
            until("it is not noticed", || store.usable().is_err());
        }
        let refused = apply(&store, vec![map(user(50), Some(1))]);
        let Err(StoreError::Backend(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains("was cut"), "{why}");
        assert!(store.usable().is_err());
    }
}

#[test]
fn another_process_may_copy_the_log_into_the_database() {
    let folder = Folder::new();
    let store = folder.open();
    let behind = Connection::open(folder.database()).unwrap();
    for n in 1..5 {
        mapped(&store, n);
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy: i64 = behind.query_row(checkpoint, [], |row| row.get(0)).unwrap();
        assert_eq!(busy, 0);
        assert_eq!(beside(&folder, "-wal").metadata().unwrap().len(), 0);
    }
    mapped(&store, 5);
    assert_eq!(store.usable(), Ok(()));
    assert_eq!(found_after_a_kill(&folder), 5);
}

/// A node that was started again in the place of a store that is away would make an empty one, and take the log for its own.
#[test]
fn no_store_is_made_beside_the_log_of_another() {
    for leaves_an_empty_file in [false, true] {
        let folder = Folder::new();
        let store = folder.open();
        mapped(&store, 1);
        let away = folder.path().join("away");
        std::fs::rename(folder.database(), &away).unwrap();
        if leaves_an_empty_file {
            std::fs::write(folder.database(), "").unwrap();
        }
        // Its last process is killed: the log stays.
        let log = std::fs::read(beside(&folder, "-wal")).unwrap();
        drop(store);
        std::fs::write(beside(&folder, "-wal"), &log).unwrap();
        for refused in [
            SqliteStore::open(&folder.database()).map(drop),
            SqliteStore::check(&folder.database()),
        ] {
            let why = refused.unwrap_err().to_string();
            assert!(
                why.contains(
                    "there is no store, but its log is still there: put the store back, or remove"
                ),
                "{why}"
            );
            assert!(why.contains("-wal"), "{why}");
        }
        std::fs::rename(&away, folder.database()).unwrap();
        assert_eq!(snapshot(&folder.open()).visitors.len(), 1);
    }
}

/// As when a backup is put in the place of a store whose log was forgotten: it would be taken for the copy's own.
#[test]
fn a_copy_does_not_take_the_log_of_another_for_its_own() {
    let folder = Folder::new();
    let store = folder.open();
    mapped(&store, 1);
    let copy = folder.path().join("copy");
    backup(&folder.database(), &copy).unwrap();
    mapped(&store, 2);
    let log = std::fs::read(beside(&folder, "-wal")).unwrap();
    drop(store);
    std::fs::write(beside(&folder, "-wal"), &log).unwrap();
    std::fs::rename(&copy, folder.database()).unwrap();
    for refused in [
        SqliteStore::open(&folder.database()).map(drop),
        SqliteStore::check(&folder.database()),
    ] {
        let why = refused.unwrap_err().to_string();
        assert!(
            why.contains("it is a copy, and the log beside it is of another store: remove"),
            "{why}"
        );
    }
    std::fs::remove_file(beside(&folder, "-wal")).unwrap();
    assert_eq!(snapshot(&folder.open()).visitors.len(), 1);
}

/// Somebody who reads keeps the log from being copied: until he is done, nothing is acknowledged.
#[test]
fn what_cannot_be_kept_is_not_acknowledged() {
    let folder = Folder::new();
    let store = folder.open();
    for n in 1..100 {
        mapped(&store, n);
    }
    let (mut reading, begun, go_on) = Gate::new();
    let path = folder.database();
    let exporting = std::thread::spawn(move || export(&path, &mut reading).unwrap());
    begun.recv().unwrap();
    mapped(&store, 100);
    std::fs::remove_file(beside(&folder, "-wal")).unwrap();
    let Err(StoreError::Backend(why)) = apply(&store, vec![map(user(101), Some(1))]) else {
        panic!("it is in a file without a name");
    };
    assert!(why.contains("the log beside it was removed"), "{why}");
    assert!(store.usable().is_err());
    drop(go_on);
    assert_eq!(exporting.join().unwrap().visitors, 99);
    wait_until_usable(&store);
    assert!(found_after_a_kill(&folder) >= 100);
    mapped(&store, 102);
}

/// A writer that stops at its first line until it may go on.
struct Gate {
    begun: Option<SyncSender<()>>,
    go_on: Receiver<()>,
}

impl Gate {
    fn new() -> (Self, Receiver<()>, SyncSender<()>) {
        let (begun, has_begun) = sync_channel(1);
        let (goes_on, go_on) = sync_channel(1);
        let begun = Some(begun);
        (Self { begun, go_on }, has_begun, goes_on)
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(begun) = self.begun.take() {
            begun.send(()).unwrap();
            // Ends when the other end is dropped.
            let _ = self.go_on.recv();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
