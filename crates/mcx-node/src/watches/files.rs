//! The files of a watch: the newest part of what it copied, in four files that rotate.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sip_trace::{Record, ndjson};

use crate::private_file;

/// Files that a watch has at most.
const PARTS: u64 = 4;

/// What the files of watches that ended hold together at most, in bytes; then the oldest go.
const MOST_LEFT: u64 = 1024 * 1024 * 1024;

/// Files for their owner alone that hold so many bytes together at most.
pub(super) struct Files {
    begin: PathBuf,
    most_of_one: u64,
    last: u64,
    kept: VecDeque<PathBuf>,
    /// Nothing before there is something to write.
    out: Option<io::BufWriter<File>>,
    written: u64,
}

impl Files {
    /// The first one; the folder is made when it is not there. None that exists is written over.
    pub fn create(begin: &Path, most: u64) -> io::Result<Self> {
        let mut files = Self::later(begin, most);
        files.next()?;
        Ok(files)
    }

    /// None before there is something to write.
    pub fn later(begin: &Path, most: u64) -> Self {
        Self {
            begin: begin.to_owned(),
            most_of_one: most / PARTS,
            last: 0,
            kept: VecDeque::new(),
            out: None,
            written: 0,
        }
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = Vec::new();
        ndjson::write(record, &mut line)?;
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.most_of_one {
            self.rotate()?;
        }
        self.written = self.written.saturating_add(length);
        let out = match &mut self.out {
            Some(out) => out,
            None => self.next()?,
        };
        out.write_all(&line)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.as_mut().map_or(Ok(()), io::Write::flush)
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.flush()?;
        // Room is made first, so that there is never more than may be.
        let full = self.kept.len() >= usize::try_from(PARTS).unwrap_or(usize::MAX);
        if let Some(oldest) = full.then(|| self.kept.pop_front()).flatten() {
            match fs::remove_file(&oldest) {
                // Somebody took it away, which is his right.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.next()?;
        self.written = 0;
        Ok(())
    }

    /// Opens the next one.
    fn next(&mut self) -> io::Result<&mut io::BufWriter<File>> {
        if let Some(folder) = self.begin.parent()
            && !folder.exists()
        {
            use std::os::unix::fs::DirBuilderExt as _;
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        self.last += 1;
        let path = numbered(&self.begin, self.last);
        let file = private_file::create_new(&path)?;
        self.kept.push_back(path);
        Ok(self.out.insert(io::BufWriter::new(file)))
    }
}

/// Removes the oldest files of this node's watches that have ended, until those that are left hold less than
/// [`MOST_LEFT`]. Those that begin like one of `running` are not touched, and what is called otherwise is none of ours.
pub(super) fn make_room(folder: &Path, node: &str, running: &[PathBuf]) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut left = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let Some(began) = name.to_str().and_then(|name| began(name, node)) else {
            continue;
        };
        let writes = |begin: &PathBuf| {
            let begin = begin.file_name().unwrap_or_default();
            let rest = name
                .as_encoded_bytes()
                .strip_prefix(begin.as_encoded_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"-"))
        };
        let meta = entry.metadata()?;
        if meta.is_file() && !running.iter().any(writes) {
            left.push((began, path, meta.len()));
        }
    }
    // The newest ones first: what is beyond the bound goes.
    left.sort_unstable_by(|one, other| other.cmp(one));
    let mut sum = 0_u64;
    for (_, path, length) in left {
        sum = sum.saturating_add(length);
        if sum > MOST_LEFT {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// When the watch began that a file is called after: `NODE-MS-watch-ID-N.ndjson`; the parts of one in their order.
fn began(name: &str, node: &str) -> Option<(u64, u64, u64)> {
    let rest = name.strip_prefix(node)?.strip_prefix('-')?;
    let (began, rest) = rest.strip_suffix(".ndjson")?.split_once("-watch-")?;
    let (id, part) = rest.split_once('-')?;
    Some((began.parse().ok()?, id.parse().ok()?, part.parse().ok()?))
}

fn numbered(begin: &Path, number: u64) -> PathBuf {
    let mut path = OsString::from(begin);
    path.push(format!("-{number}.ndjson"));
    path.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use sip_trace::{DecisionRecord, What};

    use super::*;

    #[test]
    fn the_oldest_files_of_what_ended_go_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("mcx-room-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        // They hold nothing: it is their length that counts.
        let write = |name: &str| {
            let file = File::create(folder.join(name)).unwrap();
            file.set_len(MOST_LEFT / 2).unwrap();
        };
        let names = [
            "node-1000-watch-3-1.ndjson",
            "node-999-watch-2-1.ndjson",
            "node-999-watch-2-10.ndjson",
            "node-999-watch-2-9.ndjson",
            "node-10-watch-1-1.ndjson",
            "node-10-watch-1-1.ndjson.kept",
            "other-10-watch-1-1.ndjson",
            "node-notes.ndjson",
        ];
        names.into_iter().for_each(write);
        let running = [folder.join("node-10-watch-1")];
        make_room(&folder, "node", &running).unwrap();
        let left = |name: &&str| folder.join(name).exists();
        let left: Vec<_> = names.into_iter().filter(left).collect();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            left,
            [
                "node-1000-watch-3-1.ndjson",
                "node-999-watch-2-10.ndjson",
                "node-10-watch-1-1.ndjson",
                "node-10-watch-1-1.ndjson.kept",
                "other-10-watch-1-1.ndjson",
                "node-notes.ndjson",
            ]
        );
    }

    #[test]
    fn the_newest_part_is_kept_and_never_more_than_may_be() {
        const MOST: u64 = 40_000;
        let folder = std::env::temp_dir().join(format!("mcx-watch-{}", std::process::id()));
        let begin = folder.join("w");
        let mut files = Files::create(&begin, MOST).unwrap();
        let record = |seq| Record {
            seq,
            wall_us: 1,
            mono_us: None,
            node: "node".into(),
            what: What::Decision(DecisionRecord {
                why: "x".repeat(900).into(),
                ..Default::default()
            }),
        };
        for seq in 0..200 {
            files.write(&record(seq)).unwrap();
            files.flush().unwrap();
            let all = fs::read_dir(&folder).unwrap();
            let size: u64 = all.map(|f| f.unwrap().metadata().unwrap().len()).sum();
            assert!(size <= MOST, "{size}");
        }
        let mut all: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        assert_eq!(all.len(), 4);
        let mut seqs: Vec<u64> = Vec::new();
        for path in &mut all {
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            seqs.extend(ndjson::read_file(path).unwrap().iter().map(|r| r.seq));
        }
        seqs.sort_unstable();
        let first = *seqs.first().unwrap();
        assert!(first < 180, "{first}");
        assert_eq!(seqs, (first..200).collect::<Vec<_>>());
        // What is there is never written over.
        assert!(Files::create(&folder.join("w"), MOST).is_ok());
        assert!(Files::create(&folder.join("w"), MOST).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
