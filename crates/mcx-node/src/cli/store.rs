//! `mcx store`: checks, copies and moves the database of a service server.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use mcx_store::{LinesError, MOST_PROBLEMS, OpenError, backup, export, import, inspect};

use super::out::{complainln, nobody_reads, sayln};
use crate::config;

/// `mcx store`.
#[derive(Debug, Args)]
pub(super) struct Store {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Reads everything and names what is wrong: pages, constraints, rows that cannot be read, numbers of stays that
    /// contradict each other. Users are named.
    ///
    /// Exit code 0 when all is well, 1 otherwise. A large store takes a while, and its log grows meanwhile.
    Check,
    /// Copies the store, as it is at one moment, to a new file, which has been read and is on disk at the end. A node
    /// that is given the copy as its store begins from there.
    Backup {
        /// The new file; made for this user alone to read.
        file: PathBuf,
    },
    /// Writes the store to standard output as lines of JSON (docs/operations.md). Identities of users are in it: personal
    /// data.
    Export,
    /// Makes a store of what `export` wrote: all of it, or nothing. There must be no store yet, or one without a row.
    Import {
        /// The lines; `-` is standard input.
        file: PathBuf,
    },
}

/// Which store.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Which {
    /// Configuration file of the node that it belongs to.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The store itself, a SQLite file.
    #[arg(long, value_name = "FILE", global = true)]
    store: Option<PathBuf>,
}

impl Which {
    fn path(self) -> Result<PathBuf, String> {
        match (self.store, self.config) {
            (Some(_), Some(_)) => Err("write --config FILE or --store FILE, not both".into()),
            (Some(store), None) => Ok(store),
            (None, Some(path)) => {
                let store = config::store(&path).map_err(|why| why.to_string())?;
                store.ok_or_else(|| {
                    format!(
                        "{}: no service server: a gateway keeps no store",
                        path.display()
                    )
                })
            }
            (None, None) => Err("which store? write --config FILE or --store FILE".into()),
        }
    }
}

pub(super) fn store(args: Store) -> ExitCode {
    let done = args.which.path().and_then(|store| match args.what {
        What::Check => check(&store),
        What::Backup { file } => {
            backup(&store, &file).map_err(|error| format!("mcx: {error}"))?;
            sayln!("{}: a copy of {}", file.display(), store.display());
            Ok(())
        }
        What::Export => {
            if nobody_reads() {
                return Err("mcx: standard output is closed: write `> FILE`".into());
            }
            let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
            let counts = export(&store, out).map_err(|error| format!("mcx: {error}"))?;
            complainln!("{}: exported: {counts}", store.display());
            Ok(())
        }
        What::Import { file } => import_from(&store, &file),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complainln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn check(store: &Path) -> Result<(), String> {
    let (contents, problems) = inspect(store).map_err(|error| match error {
        OpenError::Corrupt { path, why } => format!(
            "mcx: {}: {why}: so much that no more can be said: put a backup in its place",
            path.display()
        ),
        error => format!("mcx: {error}"),
    })?;
    if problems.is_empty() {
        sayln!("{}: {contents}: ok", store.display());
        return Ok(());
    }
    Err(complained(store, &problems))
}

/// Names what is wrong with `of`; answers how much it is.
fn complained(of: &Path, problems: &[String]) -> String {
    for problem in problems {
        complainln!("{problem}");
    }
    let (count, plural) = (problems.len(), if problems.len() == 1 { "" } else { "s" });
    let more = if count == MOST_PROBLEMS {
        " or more"
    } else {
        ""
    };
    format!("{}: {count}{more} problem{plural}", of.display())
}

fn import_from(store: &Path, file: &Path) -> Result<(), String> {
    let from = |error: LinesError| match error {
        LinesError::Store(error) => format!("mcx: {error}"),
        LinesError::Problems(problems) => complained(file, &problems),
        error => format!("mcx: {}: {error}", file.display()),
    };
    let counts = if file == Path::new("-") {
        import(store, io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|error| from(error.into()))?;
        import(store, BufReader::new(opened))
    };
    let counts = counts.map_err(from)?;
    sayln!("{}: imported: {counts}", store.display());
    Ok(())
}
