//! Collects what the nodes recorded, as it is written.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use sip_trace::{Reader, Record, merge, ndjson};

/// The recordings of all nodes: the trace files of the processes, and the buffer of this one.
pub(super) struct Recordings {
    files: Vec<(PathBuf, u64)>,
    reader: Reader,
    /// Per source, in order.
    taken: Vec<Vec<Record>>,
}

impl Recordings {
    pub fn new(files: Vec<PathBuf>, reader: Reader) -> Self {
        Self {
            taken: vec![Vec::new(); files.len() + 1],
            files: files.into_iter().map(|f| (f, 0)).collect(),
            reader,
        }
    }

    /// Takes what is new; answers how many records that were.
    pub fn poll(&mut self) -> usize {
        let mut count = 0;
        let mut sources = self.taken.iter_mut();
        for (file, taken) in self.files.iter_mut().zip(&mut sources) {
            let records = read_on(&file.0, &mut file.1);
            count += records.len();
            taken.extend(records);
        }
        if let Some(own) = sources.next() {
            let records = self.reader.take_all();
            count += records.len();
            own.extend(records);
        }
        count
    }

    /// All records from `from_us` on, in causal order.
    pub fn since(&self, from_us: u64) -> Vec<Record> {
        let part = |records: &Vec<Record>| {
            records
                .iter()
                .filter(|r| r.wall_us >= from_us)
                .cloned()
                .collect()
        };
        merge::by_time(self.taken.iter().map(part).collect())
    }
}

/// Reads the whole lines that were appended after `offset`.
fn read_on(path: &PathBuf, offset: &mut u64) -> Vec<Record> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        // A killed process may have left half a line, which its successor cut off.
        let length = file.metadata()?.len();
        *offset = (*offset).min(length);
        file.seek(SeekFrom::Start(*offset))?;
        file.read_to_end(&mut text)
    });
    if read.is_err() {
        return Vec::new();
    }
    let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    text.truncate(whole);
    *offset += u64::try_from(whole).unwrap_or(0);
    ndjson::read_all(text.as_slice()).unwrap_or_default()
}
