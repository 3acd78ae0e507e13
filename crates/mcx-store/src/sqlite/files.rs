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

/// Refuses a store that is not there, or has nothing in it, beside which there is a log: it is that of a store that was moved
/// away, and opening another one in its place would remove it.
pub(super) fn is_alone(path: &Path) -> Result<(), OpenError> {
    let length = |path: &Path| found(path).map_or(0, |(_, length)| length);
    let log = beside(path, "-wal");
    if length(path) > 0 || length(&log) == 0 {
        return Ok(());
    }
    let why = format!(
        "there is no store, but its log is still there: put the store back, or remove {} if it is over",
        log.display()
    );
    Err(failed(path, &why))
}
