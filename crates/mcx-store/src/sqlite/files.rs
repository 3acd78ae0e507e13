//! Whether the files of a database are still the ones that were opened. SQLite writes on into a file whose name was taken away,
//! and what it commits there is gone with the process.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{OpenError, failed};

/// The database, and the two files that SQLite keeps beside it while it is open.
pub(super) struct Files([File; 3]);

struct File {
    path: PathBuf,
    opened: Option<Identity>,
    /// The longest that it was.
    length: u64,
}

/// Device and inode.
type Identity = (u64, u64);

/// What was removed or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// The database itself.
    Database,
    /// The log, or its index: what was committed last is in a file without a name, or where no other process finds it.
    Log,
    /// What was in the log: it is shorter than it was.
    Contents,
}

impl Files {
    /// As they are now.
    pub fn of(path: &Path) -> Self {
        let beside = |end| {
            let path = beside(path, end);
            let found = found(&path);
            File {
                path,
                opened: found.map(|(identity, _)| identity),
                length: found.map_or(0, |(_, length)| length),
            }
        };
        Self([beside(""), beside("-wal"), beside("-shm")])
    }

    /// What is not any more what it was.
    pub fn gone(&mut self) -> Option<Gone> {
        let [database, log, index] = &mut self.0;
        if database.is_gone() {
            return Some(Gone::Database);
        }
        if log.is_gone() || index.is_gone() {
            return Some(Gone::Log);
        }
        log.is_cut().then_some(Gone::Contents)
    }

    /// Removes what lies beside the database: whatever it is, nothing of it belongs to what is in the database.
    pub fn remove_log(&self) {
        for file in &self.0[1..] {
            // Mostly it is not there. One that cannot be removed makes opening fail.
            let _ = std::fs::remove_file(&file.path);
        }
    }
}

impl File {
    fn is_gone(&self) -> bool {
        found(&self.path).map(|(identity, _)| identity) != self.opened
    }

    /// Whether it was longer. The log grows, and begins anew without becoming shorter.
    fn is_cut(&mut self) -> bool {
        let length = found(&self.path).map_or(0, |(_, length)| length);
        let is_cut = length < self.length;
        self.length = self.length.max(length);
        is_cut
    }
}

/// The file of that name with this end.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Which file has this name, if any, and how long it is.
fn found(path: &Path) -> Option<(Identity, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(((metadata.dev(), metadata.ino()), metadata.len()))
}

/// Where SQLite's file format says how the file is written: 1 with a rollback journal, 2 with a log.
const WRITTEN_WITH: u64 = 18;

/// Refuses a store beside which there is a log that cannot be its own: one that is not there, or has nothing in it, for another
/// one in its place would remove the log; or one that has none, as a copy has when it is made.
pub(super) fn has_its_own_log(path: &Path) -> Result<(), OpenError> {
    let length = |path: &Path| found(path).map_or(0, |(_, length)| length);
    let log = beside(path, "-wal");
    if length(&log) == 0 {
        return Ok(());
    }
    let log = log.display();
    let why = if length(path) == 0 {
        format!(
            "there is no store, but its log is still there: put the store back, or remove {log} if it is over"
        )
    } else if written_with(path).is_ok_and(|version| version == 1) {
        format!("it is a copy, and the log beside it is of another store: remove {log}")
    } else {
        return Ok(());
    };
    Err(failed(path, &why))
}

fn written_with(path: &Path) -> std::io::Result<u8> {
    let mut version = [0];
    let file = std::fs::File::open(path)?;
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut version, WRITTEN_WITH)?;
    let [version] = version;
    Ok(version)
}
