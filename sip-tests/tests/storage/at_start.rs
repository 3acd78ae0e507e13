//! Storage that a node cannot begin with: it ends, and says in one line which file and why.

use std::process::Command;

use sip_tests::lab::{Disk, Lab, Node, program, visitors_at_b};

/// What a node says that cannot start.
fn refuses_to_start(lab: &Lab, config: &str) -> String {
    let config = lab.folder().join(format!("nodes/{config}.toml"));
    let run = Command::new(program())
        .args(["run", "--config"])
        .arg(config)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(run.stdout.is_empty(), "it is not ready");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// The lab of a node that ran once on a store.
fn after_a_run(lab: Lab, store: &str) -> Lab {
    lab.seed(store, visitors_at_b(3));
    let node = Node::start(&lab, "direct/b-server", |text| {
        text.replace("\"b-server.sqlite\"", &format!("\"{store}.sqlite\""))
    });
    let _ = node.stop();
    lab
}

#[test]
fn a_store_of_a_newer_version() {
    let lab = after_a_run(Lab::new("store-newer"), "b-server");
    let file = lab.folder().join("nodes/b-server.sqlite");
    let behind = rusqlite::Connection::open(&file).unwrap();
    behind.pragma_update(None, "user_version", 4711).unwrap();
    drop(behind);
    let before = std::fs::read(&file).unwrap();
    let said = refuses_to_start(&lab, "b-server");
    assert!(
        said.contains("b-server.sqlite") && said.contains("4711"),
        "{said}"
    );
    assert!(said.contains("newer"), "{said}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "it is left alone");
}

#[test]
fn a_store_that_can_only_be_read() {
    let lab = Lab::new("store-ro");
    let Some(disk) = Disk::mount(&lab, "disk", 4096) else {
        return;
    };
    let lab = after_a_run(lab, "disk/b-server");
    disk.make_read_only();
    let said = refuses_to_start(&lab, "b-server");
    assert!(said.contains("b-server.sqlite"), "{said}");
    assert!(said.to_lowercase().contains("read-only"), "{said}");
}

#[test]
fn a_store_that_is_no_database() {
    let lab = after_a_run(Lab::new("store-letter"), "b-server");
    let file = lab.folder().join("nodes/b-server.sqlite");
    std::fs::write(&file, "a letter, and no database".repeat(1000)).unwrap();
    let said = refuses_to_start(&lab, "b-server");
    assert!(said.contains("b-server.sqlite"), "{said}");
    assert!(said.contains("not a database"), "{said}");
}
