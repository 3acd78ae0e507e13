//! The torture messages that our own parser and validation accept.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;

use bytes::Bytes;
use sip_message::{Limits, Message, validate};

/// The sets, and how many messages of each are accepted at least: a corpus that shrinks is no test.
const SETS: [(&str, &str, usize); 3] = [
    ("own", "sip-tests/torture/own", 100),
    ("rfc4475", "../shared/torture/rfc4475", 15),
    ("rfc5118", "../shared/torture/rfc5118", 8),
];

/// An accepted message.
pub struct Case {
    /// `set/message`.
    pub name: String,
    pub bytes: Bytes,
    pub message: Message,
}

/// All accepted messages that are here. Those that are not shipped and not here are said aloud.
pub fn accepted() -> Vec<Case> {
    let mut all = Vec::new();
    let mut missing = Vec::new();
    for (set, folder, at_least) in SETS {
        let Some(files) = files(folder) else {
            assert_ne!(set, "own", "{folder} is part of the project");
            missing.push(folder);
            continue;
        };
        let before = all.len();
        for file in files {
            let bytes = Bytes::from(std::fs::read(&file).unwrap());
            if let Some(message) = accept(&bytes) {
                let name = file.file_stem().unwrap().to_str().unwrap();
                let name = format!("{set}/{name}");
                all.push(Case {
                    name,
                    bytes,
                    message,
                });
            }
        }
        let count = all.len() - before;
        assert!(count >= at_least, "{count} messages of {set} are accepted");
    }
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        for folder in missing {
            // Past the test runner, which keeps what a test that passes prints to itself.
            let _ = writeln!(
                std::io::stderr(),
                "\n!!! {folder} is not here: its messages are NOT TESTED !!!\n"
            );
        }
    });
    all
}

fn accept(bytes: &Bytes) -> Option<Message> {
    let message = Message::parse_datagram(bytes.clone(), &Limits::default()).ok()?;
    let valid = match &message {
        Message::Request(request) => validate::request(request).is_ok(),
        Message::Response(response) => validate::response(response).is_ok(),
    };
    valid.then_some(message)
}

/// The files of a folder in order; none, if it is not here.
fn files(folder: &str) -> Option<Vec<PathBuf>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = std::fs::read_dir(project.join(folder)).ok()?;
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "dat"));
    files.sort();
    Some(files)
}

/// What is listed is what was found: nothing more, and nothing less of the sets that are here.
#[track_caller]
pub fn assert_listed(listed: &[(&str, &str)], found: &[(String, String)]) {
    let here: BTreeSet<String> = accepted()
        .into_iter()
        .map(|case| case.name.split('/').next().unwrap().to_owned())
        .collect();
    let line = |name: &str, why: &str| format!("(\"{name}\", \"{why}\"),");
    let listed: BTreeSet<String> = listed
        .iter()
        .filter(|(name, _)| here.contains(name.split('/').next().unwrap()))
        .map(|(name, why)| line(name, why))
        .collect();
    let found: BTreeSet<String> = found.iter().map(|(name, why)| line(name, why)).collect();
    let new: Vec<_> = found.difference(&listed).cloned().collect();
    let gone: Vec<_> = listed.difference(&found).cloned().collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "not listed:\n{}\nno longer so:\n{}",
        new.join("\n"),
        gone.join("\n")
    );
}
