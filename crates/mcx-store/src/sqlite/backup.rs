//! A copy of a database that a node may be writing at the same time.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::new_file::NewFile;
use super::{OpenError, SqliteReader, failed, schema, unusable};

/// Copies the database at `from` to the new file `to`, for its owner alone to read, as it is at one moment; commits go on
/// meanwhile. The copy was read and found whole, and is on disk, when it has its name.
///
/// # Errors
/// Says which file and why; there is no copy then.
pub fn backup(from: &Path, to: &Path) -> Result<(), OpenError> {
    let reader = SqliteReader::open(from)?;
    let source = reader.lock();
    schema::version(&source, from)?;
    let new = NewFile::beside(to)?;
    copy((&source, from), new.part())?;
    new.keep()
}

fn copy((source, from): (&Connection, &Path), part: &Path) -> Result<(), OpenError> {
    let of_part = |error: rusqlite::Error| unusable(part, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(part, flags).map_err(of_part)?;
    {
        let copying = Backup::new(source, &mut target).map_err(|error| unusable(from, &error))?;
        // In one step, which is one moment: in more of them it would begin again with each commit of the node.
        match copying.step(-1).map_err(|error| unusable(from, &error))? {
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
