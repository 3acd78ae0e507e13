//! The folder that the demo writes to. Files that are not the demo's are never touched.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Says that a folder is a demo's.
const MARKER: &str = ".mcx-demo";
/// How many names of folders below the temporary one are tried.
const NAMES: u32 = 1000;

/// A folder that this demo alone uses.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as the demo runs.
    _marker: File,
}

impl Folder {
    /// A new folder below the system's temporary one.
    pub fn fresh() -> Result<Self, String> {
        let below = std::env::temp_dir();
        for number in 0..NAMES {
            let path = below.join(format!("mcx-demo-{}-{number}", std::process::id()));
            match private().create(&path) {
                Ok(()) => return Self::marked(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(cannot(&path, &error)),
            }
        }
        Err(format!(
            "{}: no name for a new folder is free: name one with --out",
            below.display()
        ))
    }

    /// The folder at `path`: created, or empty, or an earlier demo's, from which `files` are
    /// removed.
    pub fn take(path: &Path, files: &[String]) -> Result<Self, String> {
        private()
            .recursive(true)
            .create(path)
            .map_err(|e| cannot(path, &e))?;
        let mut entries = fs::read_dir(path).map_err(|e| cannot(path, &e))?;
        if entries.next().is_some() && !path.join(MARKER).is_file() {
            return Err(format!(
                "{}: the folder is not empty and no earlier demo's (it has no file {MARKER}): name a new or empty one with --out",
                path.display()
            ));
        }
        let folder = Self::marked(path.to_owned())?;
        for file in files {
            let file = path.join(file);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(cannot(&file, &error));
                }
                _ => {}
            }
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn marked(path: PathBuf) -> Result<Self, String> {
        let file = path.join(MARKER);
        let marker = File::options()
            .append(true)
            .create(true)
            .open(&file)
            .map_err(|e| cannot(&file, &e))?;
        match marker.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "{}: another demo runs there: name another folder with --out",
                    path.display()
                ));
            }
            Err(TryLockError::Error(error)) => return Err(cannot(&file, &error)),
        }
        Ok(Self {
            path,
            _marker: marker,
        })
    }
}

/// Creates folders for their owner alone.
pub(super) fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn cannot(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn files() -> Vec<String> {
        vec!["nodes/a.toml".into(), "demo.pcapng".into()]
    }

    #[test]
    fn what_is_not_the_demos_is_left_alone() {
        let outer = Folder::fresh().unwrap();
        let mode = outer.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let next = Folder::fresh().unwrap();
        assert_ne!(next.path(), outer.path());
        fs::remove_dir_all(next.path()).unwrap();

        let foreign = outer.path().join("foreign");
        fs::create_dir_all(foreign.join("nodes")).unwrap();
        fs::write(foreign.join("nodes/a.toml"), "mine").unwrap();
        let refused = Folder::take(&foreign, &files()).unwrap_err();
        assert!(refused.contains("the folder is not empty"), "{refused}");
        assert!(foreign.join("nodes/a.toml").exists() && !foreign.join(MARKER).exists());

        let own = outer.path().join("deep/own");
        let first = Folder::take(&own, &files()).unwrap();
        fs::create_dir(own.join("nodes")).unwrap();
        for name in ["nodes/a.toml", "nodes/letter.txt", "demo.pcapng"] {
            fs::write(own.join(name), "").unwrap();
        }
        let refused = Folder::take(&own, &files()).unwrap_err();
        assert!(refused.contains("another demo runs there"), "{refused}");
        drop(first);
        Folder::take(&own, &files()).unwrap();
        assert!(own.join("nodes/letter.txt").exists());
        assert!(!own.join("nodes/a.toml").exists() && !own.join("demo.pcapng").exists());

        let empty = outer.path().join("empty");
        fs::create_dir(&empty).unwrap();
        Folder::take(&empty, &files()).unwrap();
        let file = outer.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Folder::take(&file, &files()).is_err());
        fs::remove_dir_all(outer.path()).unwrap();
    }
}
