//! `mcx check` on an example configuration that was changed.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with a copy of the example keys, removed at the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mcx-check-{}-{count}", std::process::id()));
        std::fs::create_dir_all(path.join("keys")).unwrap();
        std::fs::create_dir_all(path.join("nodes")).unwrap();
        let key = loopback().join("keys/idms-a.pub.pem");
        std::fs::copy(key, path.join("keys/idms-a.pub.pem")).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What an operator starts from.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples")
}

/// What runs on one machine, without TLS.
pub fn loopback() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/loopback")
}

/// A configuration of these, with port 0 instead of its own, so that no other program's port matters.
pub fn example(name: &str) -> String {
    let folder = match name.starts_with("tls/") {
        true => examples(),
        false => loopback(),
    };
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.replace("udp:127.0.0.1:5061", "udp:127.0.0.1:0")
        .replace("udp:127.0.0.1:5062", "udp:127.0.0.1:0")
        .replace("udp:127.0.0.1:5072", "udp:127.0.0.1:0")
        .replace("tls:127.0.0.1:5162", "tls:127.0.0.1:0")
        .replace("tls:127.0.0.1:5172", "tls:127.0.0.1:0")
}

pub fn check(text: &str) -> (Output, String) {
    let folder = Folder::new();
    let path = folder.0.join("nodes/node.toml");
    std::fs::write(&path, text).unwrap();
    check_file(&path)
}

pub fn check_file(path: &Path) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mcx"))
        .args(["check", "--config"])
        .arg(path)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    (output, said.replace(path.to_str().unwrap(), "node.toml"))
}

/// The example with `from` replaced by `to` is refused at the line where `to` stands, with a
/// message that contains `expected`.
pub fn refused(name: &str, from: &str, to: &str, expected: &str) {
    let text = example(name);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = lines
        .iter()
        .position(|l| l.contains(from) && !l.starts_with('#'))
        .unwrap();
    lines[at] = lines[at].replace(from, to);
    refused_text(&lines.join("\n"), at + 1, expected);
}

/// A configuration is refused at that line, with a message that contains `expected`.
pub fn refused_text(text: &str, line: usize, expected: &str) {
    let (output, said) = check(text);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let there = said
        .lines()
        .any(|l| l.starts_with(&format!("node.toml:{line}: ")) && l.contains(expected));
    assert!(there, "no `{expected}` at line {line}:\n{said}");
}
