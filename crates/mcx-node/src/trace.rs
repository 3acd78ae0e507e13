//! Writes what the flight recorder took to a file, in a thread of its own.

use std::fs::{File, OpenOptions};
use std::io::{
    self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, SeekFrom, Write as _,
};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use sip_trace::{Reader, Record, ndjson};
use tracing::warn;

use crate::collector::Collector;

/// How long the thread waits for records before it looks whether all recorders are gone.
const PATIENCE: Duration = Duration::from_millis(500);

/// How every line of a recording begins.
const BEGIN: &str = "{\"v\":1,\"seq\":";

/// Starts the thread; it ends when every recorder is gone and everything is written and told.
///
/// # Errors
/// The file cannot be opened.
pub fn start(
    path: Option<&Path>,
    mut collector: Option<Collector>,
    mut reader: Reader,
) -> io::Result<JoinHandle<()>> {
    let mut out = path.map(open).transpose()?.map(BufWriter::new);
    std::thread::Builder::new()
        .name("mcx-trace".into())
        .spawn(move || {
            let mut missed = 0;
            loop {
                let records = reader.wait(PATIENCE);
                if reader.missed() > missed {
                    let records = reader.missed() - missed;
                    warn!(
                        records,
                        "the trace lacks records: it is written slower than they come"
                    );
                    missed = reader.missed();
                }
                if let Some(collector) = &mut collector
                    && !records.is_empty()
                {
                    collector.tell(&records);
                }
                if let Some(file) = &mut out
                    && let Err(error) = write(&records, file)
                {
                    warn!(%error, "the trace file cannot be written; it ends here");
                    out = None;
                }
                let nothing_left = out.is_none() && collector.is_none();
                if nothing_left || records.is_empty() && reader.closed() {
                    break;
                }
            }
            if let Some(collector) = collector {
                collector.finish();
            }
        })
}

fn write(records: &[Record], file: &mut BufWriter<File>) -> io::Result<()> {
    records
        .iter()
        .try_for_each(|record| ndjson::write(record, file))?;
    file.flush()
}

/// Opens the file to append, for its owner alone, and drops a last line that a killed process
/// left unfinished. A file that is no recording is refused and left as it is.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    let end = end_of_recording(&mut file)?;
    if end < file.metadata()?.len() {
        file.set_len(end)?;
    }
    Ok(file)
}

/// Whether an existing file can be appended to; changes nothing.
///
/// # Errors
/// It cannot be opened, or is no recording.
pub fn check(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    end_of_recording(&mut file).map(drop)
}

/// Where the last whole line of a recording ends.
fn end_of_recording(file: &mut File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    if length == 0 {
        return Ok(0);
    }
    let foreign = || {
        let why = "is no trace file: write the path of a new file, or of one that mcx wrote";
        io::Error::new(io::ErrorKind::InvalidData, why)
    };
    let limit = u64::try_from(ndjson::MAX_LINE_BYTES).unwrap_or(u64::MAX);
    let mut first = Vec::new();
    BufReader::new(&mut *file)
        .take(limit)
        .read_until(b'\n', &mut first)?;
    if !first.ends_with(b"\n") {
        // All there is may be the torn first line.
        let begun = first.starts_with(BEGIN.as_bytes());
        return if begun { Ok(0) } else { Err(foreign()) };
    }
    let first = std::str::from_utf8(&first).map_err(|_| foreign())?;
    ndjson::read(first).map_err(|_| foreign())?;
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
    Ok(end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use sip_trace::{Capacity, Recorder};

    /// A file with that content, opened as a trace file: what came of it and of the content.
    fn opened(name: &str, content: &[u8]) -> (io::Result<()>, Vec<u8>) {
        let path = std::env::temp_dir().join(format!("mcx-trace-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        let checked = check(&path);
        assert_eq!(std::fs::read(&path).unwrap(), content);
        let result = open(&path).map(drop);
        assert_eq!(checked.is_ok(), result.is_ok());
        let after = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        (result, after)
    }

    fn two_lines() -> Vec<u8> {
        let recorder = Recorder::new("node", Capacity::default());
        let mut bytes = Vec::new();
        for why in ["one", "two"] {
            let decision = sip_trace::DecisionRecord {
                why: why.into(),
                ..Default::default()
            };
            recorder.decision(1, &decision);
        }
        for record in recorder.reader().take_all() {
            ndjson::write(&record, &mut bytes).unwrap();
        }
        assert!(bytes.starts_with(BEGIN.as_bytes()));
        bytes
    }

    #[test]
    fn only_the_torn_last_line_of_a_recording_is_cut() {
        let whole = two_lines();
        let (result, after) = opened("whole", &whole);
        assert!(result.is_ok() && after == whole);
        let first = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
        let (result, after) = opened("torn", whole.get(..whole.len() - 5).unwrap());
        assert!(result.is_ok() && after == whole.get(..first).unwrap());
        let (result, after) = opened("torn-first", whole.get(..first - 5).unwrap());
        assert!(result.is_ok() && after.is_empty());
        let (result, after) = opened("empty", b"");
        assert!(result.is_ok() && after.is_empty());
    }

    #[test]
    fn a_foreign_file_is_refused_and_left_as_it_is() {
        for (name, content) in [
            ("letter", &b"Dear Alice,\nno newline at the end"[..]),
            ("one-line", b"no newline"),
            ("json", b"{\"a\":1}\n{\"b\""),
            ("database", b"SQLite format 3\0\x10\0\n\xff"),
        ] {
            let (result, after) = opened(name, content);
            assert!(result.unwrap_err().to_string().contains("is no trace file"));
            assert_eq!(after, content, "{name}");
        }
    }
}
