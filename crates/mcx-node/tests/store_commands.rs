//! `mcx store` on the store of a node, and `mcx ready`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use check::{Folder, example};

/// The configuration of system A's server in a folder of its own.
struct Place {
    folder: Folder,
    config: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = Folder::new();
        let config = folder.0.join("nodes/a.toml");
        std::fs::write(&config, example("direct/a-server.toml")).unwrap();
        Self { folder, config }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.0.join("nodes").join(name)
    }

    /// Runs a command on the configuration; exit code, standard output and error.
    fn mcx(&self, args: &[&str], input: &[u8]) -> (i32, String, String) {
        let config = ["--config", self.config.to_str().unwrap()];
        mcx(&[args, &config].concat(), input)
    }

    fn says(&self, args: &[&str]) -> String {
        let (code, out, error) = self.mcx(args, b"");
        assert_eq!(code, 0, "{args:?}: {error}");
        out
    }
}

fn mcx(args: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut run = Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end before it has read everything.
    let _ = run.stdin.take().unwrap().write_all(input);
    let output = run.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A running node, killed in the end.
struct Running(Child);

impl Running {
    fn on(config: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_mcx"))
            .args(["run", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().ends_with(" ready")));
        Self(process)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_store_is_checked_copied_and_moved_while_its_node_runs() {
    let here = Place::new();
    let there = Place::new();
    // A store with some rows, which is what an import makes.
    let lines = include_bytes!("../../mcx-store/tests/databases/export-1.jsonl");
    let said = here.mcx(&["store", "import", "-"], lines);
    let counted = "own users 2, mappings 3, owed 8, events 2";
    assert_eq!(said.0, 0, "{said:?}");
    assert!(said.1.contains(&format!("imported: {counted}")), "{said:?}");

    let running = Running::on(&here.config);
    assert_eq!(here.says(&["ready"]), "ready\n");
    // Two mappings are due since long, which the node sees to.
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let checked = here.says(&["store", "check"]);
        assert!(
            checked.contains("a-server.sqlite: schema version 4, own users 2"),
            "{checked}"
        );
        assert!(checked.ends_with(": ok\n"), "{checked}");
        if checked.contains("mappings 1,") {
            break;
        }
        assert!(Instant::now() < limit, "{checked}");
    }

    let copy = here.file("copy.sqlite");
    here.says(&["store", "backup", path(&copy)]);
    let checked = mcx(&["store", "check", "--store", path(&copy)], b"");
    assert!(checked.1.contains("own users 2, mappings 1"), "{checked:?}");
    let (code, _, error) = here.mcx(&["store", "backup", path(&copy)], b"");
    assert_eq!(code, 1);
    assert!(error.contains("there already"), "{error}");

    let (code, exported, error) = here.mcx(&["store", "export"], b"");
    assert_eq!(code, 0, "{error}");
    assert!(
        error.contains("exported: own users 2, mappings 1"),
        "{error}"
    );
    let (code, _, error) = here.mcx(&["store", "import", "-"], exported.as_bytes());
    assert_eq!(code, 1);
    assert!(error.contains("another process uses it"), "{error}");
    let file = there.file("lines");
    std::fs::write(&file, &exported).unwrap();
    there.says(&["store", "import", path(&file)]);
    let (_, moved, _) = there.mcx(&["store", "export"], b"");
    assert_eq!(moved, exported);

    // The copy is a store that a node can begin with.
    drop(running);
    let (code, out, error) = here.mcx(&["ready"], b"");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.contains("the node does not run"), "{error}");
    std::fs::rename(&copy, here.file("a-server.sqlite")).unwrap();
    for end in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(here.file(&format!("a-server.sqlite{end}")));
    }
    let _running = Running::on(&here.config);
    assert!(here.says(&["users"]).contains("user-2"));
}

#[test]
fn what_is_wrong_is_named_with_its_file_and_line() {
    let here = Place::new();
    let cases: [(&[&str], &[u8], &str); 4] = [
        (&["store", "check"], b"", "a-server.sqlite: "),
        (&["store", "export"], b"", "a-server.sqlite: "),
        (&["store", "import", "-"], b"a letter\n", "mcx: -: line 1: "),
        (
            &["store", "import", "/nowhere/lines"],
            b"",
            "mcx: /nowhere/lines: ",
        ),
    ];
    for (args, input, expected) in cases {
        let (code, out, error) = here.mcx(args, input);
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(error.contains(expected), "{args:?}: {error}");
    }
    let (code, _, error) = mcx(&["store", "check"], b"");
    assert_eq!(
        (code, error.as_str()),
        (1, "which store? write --config FILE or --store FILE\n")
    );
}

#[test]
fn an_imported_store_that_contradicts_itself_is_named() {
    let here = Place::new();
    let lines = include_str!("../../mcx-store/tests/databases/export-1.jsonl");
    let wrong = lines.replacen("\"counter\":3", "\"counter\":2", 1);
    let (code, out, error) = here.mcx(&["store", "import", "-"], wrong.as_bytes());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        error.contains("stay 3 at b.mcx.example: the newest is 2"),
        "{error}"
    );
}

#[test]
fn an_export_that_nobody_can_read_is_no_success() {
    let place = Place::new();
    drop(Running::on(&place.config));
    let export = |to: &str| {
        let line = format!("exec \"$0\" store export --config \"$1\" {to}");
        let run = Command::new("sh")
            .args(["-c", &line, env!("CARGO_BIN_EXE_mcx"), path(&place.config)])
            .output()
            .unwrap();
        (run.status.success(), String::from_utf8(run.stderr).unwrap())
    };
    let (done, said) = export(">&-");
    assert!(
        !done && said.contains("standard output is closed"),
        "{said}"
    );
    let (done, said) = export(">/dev/full");
    assert!(!done && said.contains("No space left"), "{said}");
    let (done, said) = export(">/dev/null");
    assert!(done && said.contains("exported"), "{said}");
}

#[test]
fn a_node_with_a_damaged_store_does_not_start_and_says_what_to_do() {
    let place = Place::new();
    drop(Running::on(&place.config));
    drop(Running::on(&place.config));
    let store = std::fs::OpenOptions::new()
        .write(true)
        .open(place.file("a-server.sqlite"))
        .unwrap();
    // All but what says of which version it is.
    let pages = store.metadata().unwrap().len() / 4096;
    for page in 1..pages {
        let at = page * 4096;
        std::os::unix::fs::FileExt::write_all_at(&store, &[0xee; 4096], at).unwrap();
    }
    let (code, _, said) = place.mcx(&["run"], b"");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("a-server.sqlite: database disk image is malformed: `mcx store check` names what is wrong"),
        "{said}"
    );
    let (code, _, said) = place.mcx(&["store", "check"], b"");
    assert!(code == 1 && said.contains("pages: "), "{said}");
    // And that as well.
    std::os::unix::fs::FileExt::write_all_at(&store, &[0xee; 3996], 100).unwrap();
    let (code, _, said) = place.mcx(&["store", "check"], b"");
    let expected = "so much that no more can be said: put a backup in its place";
    assert!(code == 1 && said.contains(expected), "{said}");
    assert!(!said.contains("mcx store check"), "{said}");
}

/// A copy is made every night, whoever edits the file meanwhile.
#[test]
fn the_store_is_found_in_a_file_that_is_being_edited() {
    let place = Place::new();
    drop(Running::on(&place.config));
    let text = std::fs::read_to_string(&place.config).unwrap();
    std::fs::write(&place.config, format!("{text}\nbogus\n")).unwrap();
    let said = place.says(&["store", "check"]);
    assert!(said.contains("a-server.sqlite: "), "{said}");
    std::fs::write(&place.config, "[service-server]\nstore =\n").unwrap();
    let (code, _, said) = place.mcx(&["store", "check"], b"");
    let expected = "a.toml:2: it does not say where the store is (";
    assert!(code == 1 && said.contains(expected), "{said}");
}

#[test]
fn one_store_is_named_at_a_time() {
    let place = Place::new();
    let (code, _, said) = place.mcx(&["store", "check", "--store", "x"], b"");
    assert!(
        code != 0 && said.contains("write --config FILE or --store FILE, not both"),
        "{said}"
    );
}
