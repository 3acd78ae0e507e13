//! One process at a time has a database: a lock (`flock`) on the file itself, by whatever name it was opened. SQLite's own locks
//! are of another kind (`fcntl`), which a process loses when it closes any descriptor of the file: the one that has the lock is
//! closed after SQLite's.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{OpenError, failed};

/// How long a lock that somebody looks at, or gives up just now, is waited for.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is said of what is no file.
pub(super) const NO_FILE: &str =
    "a store is a file, and this is something else: write the path of one";

/// Opens the file, or creates it for its owner alone: identities of users are in it. SQLite gives the files beside it the same
/// mode.
pub(super) fn create_private(path: &Path) -> Result<File, OpenError> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    regular(options.open(path), path)
}

/// Opens a file that is there, to be written.
pub(super) fn existing(path: &Path) -> Result<File, OpenError> {
    regular(OpenOptions::new().append(true).open(path), path)
}

fn regular(opened: std::io::Result<File>, path: &Path) -> Result<File, OpenError> {
    let file = opened.map_err(|error| match error.kind() {
        ErrorKind::IsADirectory => failed(path, &NO_FILE),
        _ => failed(path, &error),
    })?;
    let metadata = file.metadata().map_err(|e| failed(path, &e))?;
    if metadata.is_file() {
        return Ok(file);
    }
    Err(failed(path, &NO_FILE))
}

/// Takes the lock, for as long as the file is open.
pub(super) fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    let begin = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: path.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed(path, &error)),
        }
    }
}
