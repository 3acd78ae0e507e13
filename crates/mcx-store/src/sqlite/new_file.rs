//! A database that is made: it has another name until it is whole and on disk.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::files::beside;
use super::lock::create_private;
use super::{OpenError, failed};

/// A file that has no place yet; what is there of it is removed when it does not get one.
pub(super) struct NewFile {
    to: PathBuf,
    part: PathBuf,
}

const TAKEN: &str = "it is there already: write another path";

/// The files that belong to a database.
const ENDS: [&str; 4] = ["", "-journal", "-wal", "-shm"];

impl NewFile {
    /// Makes an empty file beside `to`, `<to>.<process id>.part`, for its owner alone. At `to` there must be nothing.
    pub fn beside(to: &Path) -> Result<Self, OpenError> {
        let mut name = to.file_name().map(OsString::from).unwrap_or_default();
        name.push(format!(".{}.part", std::process::id()));
        let part = to.with_file_name(name);
        // A log that lies beside a database's name would be taken for its own.
        let mut taken = ENDS.map(|end| beside(to, end)).into_iter();
        if let Some(there) = taken
            .find(|path| is_taken(path))
            .or_else(|| is_taken(&part).then(|| part.clone()))
        {
            return Err(failed(&there, &TAKEN));
        }
        create_private(&part)?;
        Ok(Self {
            to: to.to_owned(),
            part,
        })
    }

    /// Where it is meanwhile.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Gives it its name. It is on disk then.
    pub fn keep(self) -> Result<(), OpenError> {
        let folder = self
            .to
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let kept = || -> std::io::Result<()> {
            File::open(&self.part)?.sync_all()?;
            // A file that came meanwhile is not written over.
            fs::hard_link(&self.part, &self.to)?;
            fs::remove_file(&self.part)?;
            File::open(folder)?.sync_all()
        };
        kept().map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => failed(&self.to, &TAKEN),
            _ => failed(&self.to, &error),
        })
    }
}

/// Also by a link that leads nowhere.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

impl Drop for NewFile {
    fn drop(&mut self) {
        for end in ENDS {
            let _ = fs::remove_file(beside(&self.part, end));
        }
    }
}
