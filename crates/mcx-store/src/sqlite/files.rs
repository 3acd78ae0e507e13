//! Whether the files of a database are still the ones that were opened. SQLite writes on into a file whose name was taken away,
//! and what it commits there is gone with the process.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The database, and the two files that SQLite keeps beside it while it is open.
pub(super) struct Files([File; 3]);

struct File {
    path: PathBuf,
    opened: Option<Identity>,
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
}

impl Files {
    /// As they are now.
    pub fn of(path: &Path) -> Self {
        let beside = |end| {
            let path = beside(path, end);
            let opened = identity(&path);
            File { path, opened }
        };
        Self([beside(""), beside("-wal"), beside("-shm")])
    }

    /// What is not any more what it was.
    pub fn gone(&self) -> Option<Gone> {
        let [database, log, index] = &self.0;
        if database.is_gone() {
            return Some(Gone::Database);
        }
        (log.is_gone() || index.is_gone()).then_some(Gone::Log)
    }

    /// Whether the database itself is not any more what it was.
    pub fn database_is_gone(&self) -> bool {
        self.0[0].is_gone()
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
        identity(&self.path) != self.opened
    }
}

/// The file of that name with this end.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}

/// Which file has this name, if any.
fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}
