//! Checking, copying and moving a store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{Folder, allow, apply, at, end, map, returns, snapshot, user};
use mcx::state::{Command, Parked};
use mcx_store::{
    LinesError, SqliteReader, SqliteStore, Store as _, backup, export, import, inspect,
};
use rusqlite::Connection;

/// A store with something of everything.
fn full(folder: &Folder) -> SqliteStore {
    let store = folder.open();
    apply(&store, vec![allow(user(1), "b", 1), allow(user(1), "c", 2)]).unwrap();
    apply(&store, vec![allow(user(1), "b", 3), allow(user(2), "b", 4)]).unwrap();
    apply(&store, vec![returns(user(1), 5), map(user(3), Some(4))]).unwrap();
    apply(&store, vec![map(user(4), None), end(user(4), None, at(50))]).unwrap();
    apply(
        &store,
        vec![map(user(5), Some(1)), end(user(5), Some(1), at(50))],
    )
    .unwrap();
    let rows = store.outbox().unwrap();
    let parked = Parked {
        status: 403,
        text: "no \"thanks\"".into(),
        since: at(7),
    };
    let retry = Command::OutboxRetry {
        id: rows[1].id,
        attempts: 3,
        next_at: at(99),
        failure: "b did not answer".into(),
    };
    let park = Command::OutboxPark {
        id: rows[0].id,
        parked,
    };
    let last = rows.last().unwrap().id;
    let names = vec!["file".to_owned(), "hook".to_owned()];
    let sinks = Command::EventSinks { names };
    let seq = store.events(0, 10).unwrap().last().unwrap().seq;
    let sink = "hook".to_owned();
    let delivered = Command::EventsDelivered { sink, seq };
    let done = Command::OutboxDone { id: last };
    apply(&store, vec![retry, park, done, sinks, delivered]).unwrap();
    store
}

fn exported(path: &Path) -> String {
    let mut lines = Vec::new();
    export(path, &mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

fn problems(path: &Path) -> Vec<String> {
    inspect(path).unwrap().1
}

#[test]
fn a_copy_of_a_store_that_is_written_is_of_one_moment() {
    let folder = Folder::new();
    let store = full(&folder);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 10;
            // Two users in one batch: a copy has both or none.
            while !over.load(Ordering::Relaxed) {
                apply(
                    &store,
                    vec![map(user(n), Some(1)), map(user(n + 1), Some(1))],
                )
                .unwrap();
                n += 2;
            }
        });
        let mut sizes = Vec::new();
        for n in 0..5 {
            let copy = folder.path().join(format!("copy-{n}"));
            backup(&folder.database(), &copy).unwrap();
            assert_eq!(problems(&copy), [""; 0]);
            let visitors = SqliteReader::open(&copy)
                .unwrap()
                .snapshot()
                .unwrap()
                .visitors
                .len();
            assert_eq!(visitors % 2, 1, "three, and pairs");
            sizes.push(visitors);
        }
        over.store(true, Ordering::Relaxed);
        assert!(
            sizes.is_sorted() && sizes[0] < sizes[4],
            "{sizes:?}: nothing was written"
        );
    });
    // It is a store to go on with, and for its owner alone.
    let last = folder.path().join("last");
    backup(&folder.database(), &last).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(&last).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = SqliteStore::open(&last).unwrap();
    assert_eq!(snapshot(&copy), snapshot(&store));
    apply(&copy, vec![map(user(9), None)]).unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let left: Vec<_> = names.filter(|name| name.contains("part")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_copy_takes_no_others_place() {
    let folder = Folder::new();
    let _store = full(&folder);
    let there = folder.path().join("there");
    std::fs::write(&there, "a letter").unwrap();
    let error = backup(&folder.database(), &there).unwrap_err().to_string();
    assert!(error.contains("there already"), "{error}");
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "a letter");
    // What was beside a database of that name would be taken for the copy's own.
    for end in ["-wal", "-shm", "-journal"] {
        let (copy, beside) = (format!("old{end}.db"), format!("old{end}.db{end}"));
        std::fs::write(folder.path().join(&beside), "of another").unwrap();
        let copied = backup(&folder.database(), &folder.path().join(copy));
        let error = copied.unwrap_err().to_string();
        assert!(
            error.contains(&format!("{beside}: it is there already")),
            "{error}"
        );
    }
    let dangling = folder.path().join("dangling");
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &dangling).unwrap();
    let error = backup(&folder.database(), &dangling)
        .unwrap_err()
        .to_string();
    assert!(error.contains("dangling: it is there already"), "{error}");
    let nowhere = folder.path().join("missing/copy");
    assert!(backup(&folder.database(), &nowhere).is_err());
    assert!(backup(&folder.path().join("none"), &folder.path().join("copy")).is_err());
    assert!(!folder.path().join("copy").exists());
}

#[test]
fn what_is_exported_and_imported_is_the_same_store() {
    let folder = Folder::new();
    let store = full(&folder);
    let lines = exported(&folder.database());
    let moved = folder.path().join("moved");
    let counts = import(&moved, lines.as_bytes()).unwrap();
    assert_eq!((counts.homes, counts.visitors, counts.events), (2, 3, 2));
    assert_eq!(exported(&moved), lines);
    assert_eq!(problems(&moved), [""; 0]);
    let moved = SqliteStore::open(&moved).unwrap();
    assert_eq!(snapshot(&moved), snapshot(&store));
    assert_eq!(moved.events(0, 10), store.events(0, 10));
    assert_eq!(moved.delivered("hook"), store.delivered("hook"));
    assert_eq!(moved.delivered("file"), Ok(Some(0)));
    // Numbers that were given are not given again, those of rows that are gone among them.
    let next = |store: &SqliteStore| {
        let appended = apply(store, vec![allow(user(77), "b", 1)]).unwrap();
        appended[0].appended[0].id
    };
    assert_eq!(next(&moved), next(&store));
}

/// Whoever keeps an export must be able to read it for as long as the format has this number.
#[test]
fn an_export_of_format_1_can_be_read() {
    let folder = Folder::new();
    let path = folder.path().join("old");
    let lines = include_str!("databases/export-1.jsonl");
    import(&path, lines.as_bytes()).unwrap();
    assert_eq!(problems(&path), [""; 0]);
    // It was written when the schema had version 3.
    let lines = lines.replacen("\"schema\":3", "\"schema\":4", 1);
    assert_eq!(exported(&path), lines);
}

#[test]
fn what_is_no_whole_export_is_refused_with_its_line_and_leaves_nothing() {
    let folder = Folder::new();
    let _store = full(&folder);
    let lines = exported(&folder.database());
    let all: Vec<_> = lines.split_inclusive('\n').collect();
    let without = |n: usize| {
        let kept = all.iter().enumerate().filter(|(at, _)| *at != n);
        kept.map(|(_, line)| *line).collect::<String>()
    };
    let twice = format!("{}{}", all[0], lines);
    let later = format!("{lines}{}", all[1]);
    let half = &lines[..lines.len() - 5];
    let other = lines.replacen("\"format\":1", "\"format\":2", 1);
    let broken = lines.replacen("sip:user-1@", "user-1", 1);
    let of_nobody = lines.replacen("\"schema\":4", "\"schema\":999", 1);
    let misspelt = lines.replacen("\"parked\":{", "\"parkd\":{", 1);
    let within = lines.replacen("\"status\":403", "\"status\":403,\"state\":1", 1);
    let repeated = |kind: &str| {
        let again = all.iter().find(|line| line.contains(kind)).unwrap();
        let homes = format!("\"homes\":{}", 2 + usize::from(kind.contains("home")));
        lines
            .replacen(again, &format!("{again}{again}"), 1)
            .replace("\"homes\":2", &homes)
    };
    let contradicting = lines.replacen("\"counter\":3", "\"counter\":1", 1);
    let used_up = lines.replace("\"last-outbox\":9", "\"last-outbox\":9223372036854775807");
    assert_ne!(used_up, lines);
    let late = lines.replacen(
        "\"next_at\":1750000099000,",
        "\"next_at\":99999999999999,",
        1,
    );
    assert_ne!(late, lines);
    let cases = [
        (
            of_nobody,
            "line 1: is of schema version 999, and this program knows 1 to 4",
        ),
        (misspelt, "has a member `parkd`"),
        (within, "has a member `state`"),
        (repeated("home"), "line 3: is there a second time"),
        (repeated("visitor"), "is there a second time"),
        (repeated("outbox"), "line 8: is there a second time"),
        (repeated("sink"), "is there a second time"),
        (repeated("{\"event"), "is there a second time"),
        (
            lines.replacen("\"id\":1,", "\"id\":9223372036854775808,", 1),
            "has the number 9223372036854775808, and 2^63 - 1 is the largest",
        ),
        (
            lines.replacen("\"counter\":3", "\"counter\":9223372036854775807", 1),
            "hardly any number is left",
        ),
        (
            lines.replacen(
                "\"system\":\"b.mcx.example\"",
                "\"system\":\"a.mcx.example\"",
                1,
            ),
            "stay 3 at a.mcx.example: that is no partner",
        ),
        (
            lines.replacen("\"to\":\"b.mcx.example\"", "\"to\":\"\"", 1),
            "it is owed to nobody",
        ),
        (
            lines.replacen("\"kind\":", "\"kinds\":", 1),
            "line 7: missing field `kind`, at character ",
        ),
        (contradicting, "the newest is 1"),
        (used_up, "hardly any is left"),
        (late, "is not sent again before"),
        (without(0), "line 1: is no export"),
        (without(1), "there are"),
        (without(all.len() - 1), "the last line is missing"),
        (twice, "line 2: is no export"),
        (later, "comes after the last one"),
        (half.to_owned(), "is not whole"),
        (other, "line 1: is of format 2, and this program reads 1"),
        (broken, "line 2: "),
        ("a letter\n".to_owned(), "line 1: "),
        (String::new(), "the last line is missing"),
    ];
    for (n, (text, expected)) in cases.into_iter().enumerate() {
        assert_ne!(text, lines, "{expected}: nothing was changed");
        let path = folder.path().join(format!("case-{n}"));
        let error = import(&path, text.as_bytes()).unwrap_err();
        assert!(!matches!(error, LinesError::Store(_)), "{error}");
        assert!(error.to_string().contains(expected), "{n}: {error}");
        let names = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(names)
            .collect();
        let of_case = |name: &&std::ffi::OsString| name.to_string_lossy().starts_with("case-");
        assert_eq!(left.iter().find(of_case), None, "{n}");
        // A store that was there and is empty stays so, and what is empty can be imported into.
        drop(SqliteStore::open(&path).unwrap());
        import(&path, text.as_bytes()).unwrap_err();
        assert_eq!(
            snapshot(&SqliteStore::open(&path).unwrap()),
            Default::default(),
            "{n}"
        );
        import(&path, lines.as_bytes()).unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_is_no_text_is_refused_with_its_line() {
    let folder = Folder::new();
    let _store = full(&folder);
    let lines = exported(&folder.database()).replacen("no \\\"thanks", "no \u{1}thanks", 1);
    let broken: Vec<_> = lines
        .bytes()
        .map(|b| if b == 1 { 0xff } else { b })
        .collect();
    let error = import(&folder.path().join("x"), broken.as_slice()).unwrap_err();
    assert_eq!(error.to_string(), "line 7: is no UTF-8");
}

#[test]
fn an_import_adds_to_no_store_and_to_none_that_is_used() {
    let folder = Folder::new();
    let store = full(&folder);
    let lines = exported(&folder.database());
    let error = import(&folder.database(), lines.as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("another process uses it"),
        "{error}"
    );
    drop(store);
    let error = import(&folder.database(), lines.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("rows already"), "{error}");
}

#[test]
fn a_check_names_what_is_wrong() {
    let cases = [
        ("UPDATE home SET ended = 9", "only 3 were opened"),
        (
            "UPDATE stay SET number = 7 WHERE system LIKE 'c%'",
            "the newest is 3",
        ),
        (
            "UPDATE stay SET oldest = 5 WHERE system LIKE 'c%'",
            "it hides stays from 5",
        ),
        ("UPDATE stay SET number = 3", "two stays have one number"),
        (
            "UPDATE stay SET open = 1 WHERE system LIKE 'c%'",
            "open, and all up to 3 are over",
        ),
        (
            "UPDATE stay SET replaced = '[{\"number\":8,\"partner_id\":\"sip:x@b.example\"}]'",
            "not older",
        ),
        (
            "PRAGMA foreign_keys = OFF; DELETE FROM home",
            "belongs to no row of home",
        ),
        (
            "UPDATE visitor SET left_at = 1 WHERE primary_id LIKE '%user-3@%'",
            "neither migrated",
        ),
        (
            "UPDATE visitor SET partner_id = 'x' WHERE primary_id LIKE '%user-3@%'",
            "visitor mcptt sip:user-3@",
        ),
        (
            "UPDATE visitor SET service = 'mcfax' WHERE primary_id LIKE '%user-3@%'",
            "unknown service",
        ),
        (
            "UPDATE outbox SET sameness = 'x' || id",
            "appended a second time",
        ),
        ("UPDATE outbox SET notice = '{}'", "outbox 1: "),
        (
            "UPDATE outbox SET sameness = replace(sameness, 'd2', 'd8'), notice = replace(notice, '\"number\":2', '\"number\":8')",
            "stay 8, which was never opened",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 1 WHERE name = 'outbox'",
            "given to another row",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'event'",
            "given to another",
        ),
        ("UPDATE sink SET delivered = 99", "the newest is 2"),
        (
            "UPDATE outbox SET id = -9223372036854775808 WHERE id = 2",
            "beyond 2^63: 1",
        ),
        ("UPDATE event SET seq = -1 WHERE seq = 2", "beyond 2^63: 1"),
        (
            "UPDATE visitor SET stop_at = purge_at + 1 WHERE primary_id LIKE '%user-4@%'",
            "purged before it stops",
        ),
        (
            "UPDATE sqlite_sequence SET seq = 9223372036854775807 WHERE name = 'event'",
            "hardly any is left",
        ),
        (
            "UPDATE outbox SET next_at = 9999999999999 WHERE id = 2",
            "outbox 2 of mcptt sip:user-1@a.mcx.example: is not sent again before 9999999999999",
        ),
        ("UPDATE event SET kind = 'x'", "unknown event"),
    ];
    for (sql, expected) in cases {
        let folder = Folder::new();
        drop(full(&folder));
        let (contents, found) = inspect(&folder.database()).unwrap();
        assert_eq!(found, [""; 0]);
        let counted = (
            contents.homes,
            contents.visitors,
            contents.parked,
            contents.events,
        );
        assert_eq!(counted, (2, 3, 1, 2));
        Connection::open(folder.database())
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let found = problems(&folder.database());
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{sql}: {found:#?}"
        );
    }
}

#[test]
fn a_check_finds_pages_that_are_wrong_and_a_copy_of_them_is_not_kept() {
    let folder = Folder::new();
    drop(full(&folder));
    drop(folder.open());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.database())
        .unwrap();
    // Whatever these pages hold.
    for page in 3..6 {
        std::os::unix::fs::FileExt::write_all_at(&file, &[0xee; 4096], page * 4096).unwrap();
    }
    let found = problems(&folder.database());
    assert!(
        found.iter().all(|problem| problem.starts_with("pages: ")),
        "{found:#?}"
    );
    assert!(!found.is_empty());
    let copy = folder.path().join("copy");
    let error = backup(&folder.database(), &copy).unwrap_err().to_string();
    assert!(
        error.contains("not whole") || error.contains("malformed"),
        "{error}"
    );
    assert!(!copy.exists());
}

#[test]
fn the_tools_leave_a_newer_store_alone() {
    let folder = Folder::new();
    drop(full(&folder));
    let behind = Connection::open(folder.database()).unwrap();
    behind.pragma_update(None, "user_version", 4711).unwrap();
    drop(behind);
    let path = folder.database();
    let copy = folder.path().join("copy");
    assert!(inspect(&path).unwrap_err().to_string().contains("4711"));
    assert!(
        export(&path, Vec::new())
            .unwrap_err()
            .to_string()
            .contains("4711")
    );
    assert!(
        backup(&path, &copy)
            .unwrap_err()
            .to_string()
            .contains("4711")
    );
}
