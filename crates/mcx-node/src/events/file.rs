//! A file of events, appended to. It may be moved away at any time: the next event begins a new one.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use mcx::state::Event;

use super::line;
use super::push::Sink;

/// No line is longer.
const LONGEST_LINE: u64 = 64 * 1024;

/// The file.
pub(super) struct EventFile {
    path: PathBuf,
}

impl EventFile {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Sink for EventFile {
    /// What the last line says: it may be newer than what the store knows after a crash.
    async fn has(&mut self) -> Option<u64> {
        let path = self.path.clone();
        let last = tokio::task::spawn_blocking(move || last_line(&path)).await;
        line::seq(&last.ok()?.ok()??)
    }

    async fn take(&mut self, events: &[Event]) -> Result<(), String> {
        let (path, lines) = (self.path.clone(), line::lines(events));
        let written = tokio::task::spawn_blocking(move || append(&path, &lines));
        let written = written.await.map_err(|e| e.to_string())?;
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

/// Appends whole lines, on disk when it returns; what half a line would be is taken back.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    // For its owner alone: identities of users are in it.
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let before = file.metadata()?.len();
    let written = file
        .write_all(lines.as_bytes())
        .and_then(|()| file.sync_data());
    if written.is_err() {
        let _ = file.set_len(before);
    }
    written
}

/// The last whole line, if there is one. Half a line behind it, of a machine that lost its power, is cut off.
fn last_line(path: &Path) -> io::Result<Option<String>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(2 * LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    (&file).take(2 * LONGEST_LINE).read_to_end(&mut tail)?;
    let Some(end) = tail.iter().rposition(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let whole = tail.get(..end).unwrap_or_default();
    let half = tail.len().saturating_sub(end + 1);
    if half > 0 {
        file.set_len(length.saturating_sub(u64::try_from(half).unwrap_or(0)))?;
    }
    let start = whole.iter().rposition(|byte| *byte == b'\n');
    let line = whole
        .get(start.map_or(0, |at| at + 1)..)
        .unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}
