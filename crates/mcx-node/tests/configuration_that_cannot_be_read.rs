//! `mcx check` on files that are no TOML, or have not the keys and types of a configuration: as much as can be found is named in
//! one run, with what to write, and that there may be more.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "common/check.rs"]
mod check;

use std::process::Command;

use check::{Folder, check, check_file, example, refused, refused_text};

const SERVER: &str = "gateways/a-server.toml";
const PERHAPS: &str =
    "and perhaps more, which show once these are mended: ports and other files are tried last";

fn one_or_more() -> String {
    format!("1 problem, {PERHAPS}\n")
}

#[test]
fn an_unknown_key_is_named_with_those_there_are() {
    refused(
        "gateways/a-server.toml",
        "topology-hiding = true",
        "topology-hidden = true",
        "unknown field `topology-hidden`, expected one of `system`, `domains`, `topology-hiding`",
    );
    refused(
        "gateways/a-gateway.toml",
        "[node]",
        "[nodes]",
        "unknown field `nodes`, expected one of `node`, `system`",
    );
}

#[test]
fn what_the_reader_refuses_has_a_remedy() {
    let server = "gateways/a-server.toml";
    for (from, to, expected) in [
        ("\"a-server\"", "5", "expected a string: write it in quotes"),
        (
            "topology-hiding = true",
            "topology-hiding = \"yes\"",
            "write true or false, without quotes",
        ),
        (
            "[\"udp:127.0.0.1:0\"]",
            "\"udp:127.0.0.1:0\"",
            "write a list in brackets",
        ),
    ] {
        refused(server, from, to, expected);
    }
    let (_, said) = check("[system]\nid = \"a.mcx.example\"\n");
    let expected = "missing field `node`: write a section [node] with name = \"NAME\"";
    assert!(said.contains(expected), "{said}");
    assert!(said.ends_with(&one_or_more()), "{said}");
}

#[test]
fn a_file_that_is_no_text_is_named_with_the_place() {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    std::fs::write(&path, b"[node]\nname = \"\xe4\"\n").unwrap();
    let said = check_file(&path).1;
    let expected = "node.toml:2: byte 16 of the file is no UTF-8: write the file in UTF-8";
    assert!(said.contains(expected), "{said}");
    assert!(said.ends_with(&one_or_more()), "{said}");
}

#[test]
fn a_missing_file_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["check", "--config", "/nonexistent/node.toml"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        said.starts_with("/nonexistent/node.toml: cannot be read (No such file or directory (os error 2)): write the path of a file"),
        "{said}"
    );
}

/// The example with lines changed, each beginning as it is said: that line and what is said of it are expected, and no more.
fn found(changes: &[(&str, &str, &str)]) {
    let mut lines: Vec<String> = example(SERVER).lines().map(str::to_owned).collect();
    for (from, to, _) in changes {
        let line = lines
            .iter_mut()
            .find(|line| line.starts_with(from))
            .unwrap();
        *line = (*to).to_owned();
    }
    let text = lines.join("\n");
    let (output, said) = check(&text);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for (_, to, expected) in changes {
        let number = lines.iter().position(|line| line == to).unwrap() + 1;
        let start = format!("node.toml:{number}: ");
        let there = |l: &str| l.starts_with(&start) && l.contains(expected);
        assert!(
            said.lines().any(there),
            "no `{expected}` at {number}:\n{said}"
        );
    }
    let count = changes.len();
    let plural = if count == 1 { "" } else { "s" };
    let end = format!("node.toml: {count} problem{plural}, {PERHAPS}\n");
    assert!(said.ends_with(&end), "{end}:\n{said}");
}

#[test]
fn unknown_keys_are_named_with_whatever_else_is_wrong() {
    found(&[
        ("name = ", "nam = \"a-server\"", "unknown field `nam`"),
        (
            "store = ",
            "stores = \"a-server.sqlite\"",
            "unknown field `stores`",
        ),
        (
            "[node]",
            "[node]",
            "missing field `name`: write name = \"NAME\" in section [node]",
        ),
        (
            "[service-server]",
            "[service-server]",
            "missing field `store`: write store = \"FILE.sqlite\"",
        ),
    ]);
    let unknown = "write one of these, or leave it out";
    found(&[
        ("migration-timeout = ", "migration-time = \"20 s\"", unknown),
        ("first = ", "first = \"1 x\"", "`x` is no unit of time"),
        ("[service-server.core]", "[service-server.cores]", unknown),
        ("[service-server]", "[service-server]", "no SIP core"),
    ]);
}

#[test]
fn what_is_missing_is_named_wherever_it_is_missing() {
    let text =
        "[node]\n[[partner]]\nsystem = 5\n[[partner]]\n[[partner]]\ntopology-hiding = true\n";
    let (_, said) = check(text);
    for (line, field) in [
        (1, "system"),
        (1, "name"),
        (2, "topology-hiding"),
        (4, "system"),
        (4, "topology-hiding"),
        (5, "system"),
    ] {
        let expected = format!("node.toml:{line}: missing field `{field}`: write ");
        assert!(said.contains(&expected), "no `{expected}` in:\n{said}");
    }
    assert!(
        said.ends_with(&format!("7 problems, {PERHAPS}\n")),
        "{said}"
    );
}

#[test]
fn values_of_other_types_are_all_named() {
    found(&[
        (
            "name = ",
            "name = 5",
            "expected a string: write it in quotes",
        ),
        (
            "psi = ",
            "psi = true",
            "expected a string: write it in quotes",
        ),
        (
            "services = ",
            "services = [\"mcptx\", \"mcdata\"]",
            "unknown variant `mcptx`",
        ),
        (
            "topology-hiding = ",
            "topology-hiding = \"yes\"",
            "write true or false",
        ),
        (
            "algorithm = ",
            "algorithm = \"HS256\"",
            "`EdDSA`: write one of these",
        ),
        (
            "migration-timeout = ",
            "migration-time = \"20 s\"",
            "unknown field",
        ),
        (
            "listen = ",
            "listen = \"udp:127.0.0.1:0\"",
            "write a list in brackets",
        ),
    ]);
}

#[test]
fn numbers_have_remedies_of_their_own() {
    for (value, expected) in [
        ("-1", "write a number from 0 on"),
        ("99999999999999999999", "write a smaller number"),
        ("1.5", "write a whole number, without quotes"),
        ("\"5\"", "write a whole number, without quotes"),
    ] {
        let text = example(SERVER) + &format!("\n[limits]\nbody = {value}\n");
        refused_text(&text, text.lines().count(), expected);
    }
}

#[test]
fn lines_that_are_no_toml_are_all_named() {
    let deep = format!("first = {}1", "[".repeat(200));
    found(&[
        (
            "name = ",
            "name",
            "key with no value, expected `=`: write KEY = VALUE",
        ),
        (
            "store = ",
            "store = a-server.sqlite",
            "must be quoted, expected literal string: write it in quotes",
        ),
        (
            "migration-timeout = ",
            "migration-timeout = \"20 s",
            "write a text in quotes that begin and end on the line",
        ),
        (
            "psi = ",
            "listen = [\"udp:127.0.0.1:9\"]",
            "duplicate key: write each key once",
        ),
        (
            "first = ",
            &deep,
            "cannot recurse further; max recursion depth met: write it with fewer brackets",
        ),
        ("algorithm = ", "algorithm = \"\\x\"", "write it as TOML"),
    ]);
    // What follows is not taken for the section before.
    found(&[
        ("name = ", "name", "key with no value"),
        (
            "[[partner]]",
            "[[partner]",
            "unclosed array table, expected `]`: write a section as [NAME], one of several as [[NAME]]",
        ),
    ]);
}

#[test]
fn a_section_that_is_one_of_several_is_named_with_its_brackets() {
    refused(
        SERVER,
        "[[service-server.token-issuer]]",
        "[service-server.token-issuer]",
        "write it as one of a list, in double brackets: [[NAME]]",
    );
    let text = format!("gateway = 5\n{}", example(SERVER));
    refused_text(
        &text,
        1,
        "write keys of its own there: a section [NAME], or { KEY = VALUE }",
    );
    let text = example(SERVER) + "\n[log]\nlevel = 5\n";
    refused_text(&text, text.lines().count(), "write a word in quotes");
    let text = example(SERVER) + "\n[profile.mcptt]\nbogus = \"x\"\n";
    refused_text(
        &text,
        text.lines().count() - 1,
        "write one of these, or leave it out",
    );
}
