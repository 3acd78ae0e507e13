//! Writes what the flight recorder took to a file, in a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use sip_trace::{Drain, ndjson};
use tracing::warn;

/// How long the thread waits for records before it looks whether all recorders are gone.
const PATIENCE: Duration = Duration::from_millis(500);

/// Starts the thread; it ends when every recorder is gone and everything is written.
///
/// # Errors
/// The file cannot be opened.
pub fn start(path: &Path, drain: Drain) -> io::Result<JoinHandle<()>> {
    let mut out = BufWriter::new(open(path)?);
    std::thread::Builder::new()
        .name("mcx-trace".into())
        .spawn(move || {
            loop {
                let records = drain.wait(PATIENCE);
                let written = records
                    .iter()
                    .try_for_each(|record| ndjson::write(record, &mut out))
                    .and_then(|()| out.flush());
                if let Err(error) = written {
                    warn!(%error, "the trace file cannot be written; recording ends");
                    return;
                }
                if records.is_empty() && drain.closed() {
                    return;
                }
            }
        })
}

/// Opens the file to append, for its owner alone, and drops a last line that a killed process
/// left unfinished.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let length = file.metadata()?.len();
    let mut end = length;
    let mut byte = [0];
    while end > 0 {
        file.seek(SeekFrom::Start(end - 1))?;
        file.read_exact(&mut byte)?;
        if byte == *b"\n" {
            break;
        }
        end -= 1;
    }
    if end < length {
        file.set_len(end)?;
    }
    Ok(file)
}
