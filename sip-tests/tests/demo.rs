//! The demo as a user runs it: it holds, its output is plain when nobody looks at a terminal, its
//! capture file is read by tshark, and a killed node does not spoil it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sip_tests::lab::{Lab, program};

const STEPS: usize = 10;

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(program());
    command
        .args(["demo", "--width", "120", "--out"])
        .arg(folder);
    command.stdin(Stdio::null());
    command
}

#[test]
fn it_holds_and_shows_every_step() {
    let lab = Lab::new("demo");
    let folder = lab.folder().join("out");
    let done = demo(&folder).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{text}");
    assert!(!text.contains('\x1b'), "colour where there is no terminal");
    assert!(!text.contains('✗'), "{text}");
    assert_eq!(text.matches("\n━━ ").count(), STEPS + 1, "{text}");
    for expected in [
        "P1.4 applied",
        "L1 refused",
        "L2 stale",
        "P2.2 owed",
        "L4 kept",
        "was-migrated, stay 5",
        "everything held",
    ] {
        assert!(text.contains(expected), "no `{expected}` in:\n{text}");
    }
    let capture = folder.join("demo.pcapng");
    assert!(text.contains(capture.to_str().unwrap()));
    let tshark = Command::new("tshark")
        .arg("-r")
        .arg(&capture)
        .args(["-o", "udp.try_heuristic_first:TRUE", "-T", "fields"])
        .args(["-e", "sip.Method", "-e", "sip.Status-Code", "-e", "xml.tag"])
        .output();
    let Ok(tshark) = tshark else {
        eprintln!("SKIPPED: tshark is not installed (Debian package tshark)");
        return;
    };
    let fields = String::from_utf8_lossy(&tshark.stdout).into_owned();
    assert!(fields.lines().count() > 100);
    for line in fields.lines() {
        assert!(
            !line.trim().is_empty(),
            "a packet that tshark does not know as SIP"
        );
    }
    let with_xml = fields
        .lines()
        .filter(|l| l.starts_with("MESSAGE"))
        .filter(|l| l.contains("mcpttinfo"));
    assert!(with_xml.count() > 20, "{fields}");
}

#[test]
fn a_folder_with_something_else_in_it_is_refused_and_left_alone() {
    let lab = Lab::new("demo-foreign");
    let folder = lab.folder().join("out");
    std::fs::create_dir_all(folder.join("nodes")).unwrap();
    std::fs::write(folder.join("nodes/a-server.toml"), "mine").unwrap();
    let done = demo(&folder).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("the folder is not empty"), "{said}");
    let kept = std::fs::read_to_string(folder.join("nodes/a-server.toml"));
    assert_eq!(kept.unwrap(), "mine");
}

#[test]
fn a_node_killed_in_the_middle_spoils_nothing() {
    let lab = Lab::new("demo-kill");
    // The server that owes, the one that is owed, and a gateway between them.
    for (n, name) in ["a-server", "b-server", "a-gateway"]
        .into_iter()
        .enumerate()
    {
        let folder = lab.folder().join(name);
        let mut child = demo(&folder).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // Killed at the beginning of another step each time.
        let step = format!("━━ {}. ", 2 + n);
        let mut text: Vec<String> = Vec::new();
        let mut found = lines.by_ref().inspect(|line| text.push(line.clone()));
        assert!(found.any(|line| line.starts_with(&step)));
        let config = folder.join(format!("nodes/{name}.toml"));
        kill_process_with(&config);
        text.extend(lines);
        let text = text.join("\n");
        assert!(child.wait().unwrap().success(), "{text}");
        assert!(text.contains(&format!(
            "{name} was ended by signal 9: it is started again"
        )));
        assert!(text.contains("everything held"));
    }
}

#[test]
fn output_that_nobody_reads_ends_it_quietly_with_its_nodes() {
    let lab = Lab::new("demo-pipe");
    let folder = lab.folder().join("out");
    let mut command = demo(&folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.take(5).count(), 5);
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(141));
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
    let limit = Instant::now() + Duration::from_secs(10);
    while runs(&folder) {
        assert!(Instant::now() < limit, "a node runs on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn it_keeps_to_a_narrow_terminal() {
    let lab = Lab::new("demo-narrow");
    let done = Command::new(program())
        .args(["demo", "--width", "70", "--out"])
        .arg(lab.folder().join("out"))
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{text}");
    let begin = text.split("\n━━ ").next().unwrap();
    let tables = text.split("stored: before → after\n").skip(1);
    let entries = tables.filter_map(|t| t.split("\n\n").next());
    let mut lines: Vec<&str> = begin.lines().collect();
    lines.extend(entries.flat_map(str::lines));
    assert!(lines.len() > 30, "{text}");
    for line in lines {
        assert!(line.chars().count() <= 70, "{line}");
    }
}

/// Whether a process has a path below `folder` on its command line.
fn runs(folder: &Path) -> bool {
    let below = folder.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|p| std::fs::read(p.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).contains(below))
}

/// `kill -9` of the one process whose command line has that file.
fn kill_process_with(config: &Path) {
    let wanted = config.to_str().unwrap();
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<u32>().ok())
        else {
            continue;
        };
        let command_line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut arguments = command_line.split(|b| *b == 0);
        if arguments.any(|a| a == wanted.as_bytes()) {
            let kill = Command::new("kill").args(["-9", &pid.to_string()]).status();
            killed += usize::from(kill.unwrap().success());
        }
    }
    assert_eq!(killed, 1, "{wanted}");
}
