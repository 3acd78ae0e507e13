//! A copy of a database that a node may be writing at the same time.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{OpenError, SqliteReader, create_private, failed, schema};

/// Copies the database at `from` to the new file `to`, for its owner alone to read, as it is at one moment; commits go on
/// meanwhile. The copy was read and found whole, and is on disk, when it has its name.
///
/// # Errors
/// Says which file and why; there is no copy then.
pub fn backup(from: &Path, to: &Path) -> Result<(), OpenError> {
    let there = |path: &Path| Err(failed(path, &"it is there already: write another path"));
    // A log that lies beside the copy's name is of another database, and would be taken for the copy's.
    for end in ["", "-journal", "-wal", "-shm"] {
        let path = beside(to, end);
        if path.exists() {
            return there(&path);
        }
    }
    let mut name = to.file_name().map(OsString::from).unwrap_or_default();
    name.push(format!(".{}.part", std::process::id()));
    let part = to.with_file_name(name);
    if part.exists() {
        return there(&part);
    }
    let copied = copy(from, &part).and_then(|()| keep(&part, to));
    if copied.is_err() {
        // What is there of it is of no use.
        for end in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&part, end));
        }
    }
    copied
}

fn copy(from: &Path, part: &Path) -> Result<(), OpenError> {
    let of_part = |error: rusqlite::Error| failed(part, &error);
    let reader = SqliteReader::open(from)?;
    let source = reader.lock();
    schema::version(&source, from)?;
    create_private(part).map_err(|error| failed(part, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(part, flags).map_err(of_part)?;
    {
        let copying = Backup::new(&source, &mut target).map_err(|error| failed(from, &error))?;
        // In one step, which is one moment: in more of them it would begin again with each commit of the node.
        match copying.step(-1).map_err(|error| failed(from, &error))? {
            StepResult::Done => {}
            other => return Err(failed(from, &format!("it cannot be copied: {other:?}"))),
        }
    }
    // The copy says of itself to have a log beside it, as its source does; a file that is alone has none.
    target
        .pragma_update(None, "journal_mode", "DELETE")
        .map_err(of_part)?;
    let found: String = target
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(of_part)?;
    if found != "ok" {
        return Err(failed(from, &format!("its copy is not whole: {found}")));
    }
    Ok(())
}

/// On disk, with its name.
fn keep(part: &Path, to: &Path) -> Result<(), OpenError> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let kept = || -> std::io::Result<()> {
        OpenOptions::new().append(true).open(part)?.sync_all()?;
        // A file that came meanwhile is not written over.
        fs::hard_link(part, to)?;
        fs::remove_file(part)?;
        File::open(folder)?.sync_all()
    };
    kept().map_err(|error| failed(to, &error))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(end);
    path.into()
}
