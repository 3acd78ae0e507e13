//! A page of the store that is not what was written.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::process::Command;

use sip_tests::lab::program;

use super::target::{Target, VISITORS};

#[test]
fn everything_is_refused_from_there_on_and_a_check_names_it() {
    let mut target = Target::new("store-corrupt");
    let store = target.lab.folder().join("nodes/b-server.sqlite");
    let behind = rusqlite::Connection::open(&store).unwrap();
    let leaf: u32 = behind
        .query_row(
            "SELECT max(pageno) FROM dbstat WHERE name = 'visitor' AND pagetype = 'leaf'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(behind);
    target.node.kill();
    // Opening copies what is in the log.
    target.lab.seed("b-server", Vec::new());
    let file = OpenOptions::new().write(true).open(&store).unwrap();
    file.write_all_at(&[0xee; 4096], u64::from(leaf - 1) * 4096)
        .unwrap();
    target.node.start_again();
    let statuses: Vec<_> = (0..VISITORS)
        .map(|n| {
            target
                .deauthorize(n, &format!("corrupt-{n}"))
                .status()
                .as_u16()
        })
        .collect();
    let first = statuses.iter().position(|status| *status == 503).unwrap();
    assert!(
        statuses[..first].iter().all(|status| *status == 200),
        "{statuses:?}"
    );
    assert!(
        statuses[first..].iter().all(|status| *status == 503),
        "{statuses:?}"
    );
    assert_eq!(target.options("options").status().as_u16(), 503);
    let (code, said) = target.ready();
    assert_eq!(code, 1);
    assert!(said.contains("malformed"), "{said}");
    target
        .node
        .wait_for(&["the store cannot commit", "mcx store check"]);
    let check = Command::new(program())
        .args(["store", "check", "--store"])
        .arg(&store)
        .output()
        .unwrap();
    let said = String::from_utf8(check.stderr).unwrap();
    assert_eq!(check.status.code(), Some(1), "{said}");
    assert!(
        said.contains("pages: ") && said.contains("problem"),
        "{said}"
    );
    let _ = target.node.stop();
}
