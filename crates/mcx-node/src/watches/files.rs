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

/// Files for their owner alone that hold so many bytes together at most.
pub(super) struct Files {
    begin: PathBuf,
    most_of_one: u64,
    last: u64,
    kept: VecDeque<PathBuf>,
    out: io::BufWriter<File>,
    written: u64,
}

impl Files {
    /// The first one; the folder is made when it is not there. None that exists is written over.
    pub fn create(begin: &Path, most: u64) -> io::Result<Self> {
        if let Some(folder) = begin.parent()
            && !folder.exists()
        {
            use std::os::unix::fs::DirBuilderExt as _;
            DirBuilder::new().mode(0o700).create(folder)?;
        }
        let path = numbered(begin, 1);
        let out = io::BufWriter::new(private_file::create_new(&path)?);
        Ok(Self {
            begin: begin.to_owned(),
            most_of_one: most / PARTS,
            last: 1,
            kept: VecDeque::from([path]),
            out,
            written: 0,
        })
    }

    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = Vec::new();
        ndjson::write(record, &mut line)?;
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.written > 0 && self.written.saturating_add(length) > self.most_of_one {
            self.rotate()?;
        }
        self.written = self.written.saturating_add(length);
        self.out.write_all(&line)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.out.flush()?;
        // Room is made first, so that there is never more than may be.
        let full = self.kept.len() >= usize::try_from(PARTS).unwrap_or(usize::MAX);
        if let Some(oldest) = full.then(|| self.kept.pop_front()).flatten() {
            match fs::remove_file(&oldest) {
                // Somebody took it away, which is his right.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.last += 1;
        let path = numbered(&self.begin, self.last);
        self.out = io::BufWriter::new(private_file::create_new(&path)?);
        self.kept.push_back(path);
        self.written = 0;
        Ok(())
    }
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
