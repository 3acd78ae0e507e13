//! `mcx manual`: manual pages and completions of shells, from the text of `--help`, for whoever makes a package.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use super::out::complainln;

/// `mcx manual`.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// Folder to write to: `mcx.1` and one page a command in `man`, `bash`, `fish` and `zsh` completions beside it.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) fn manual(args: &Manual) -> ExitCode {
    match write(&args.folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complainln!("mcx: {}: {error}", args.folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    let man = folder.join("man");
    std::fs::create_dir_all(&man)?;
    clap_mangen::generate_to(Cli::command(), &man)?;
    for shell in [Shell::Bash, Shell::Fish, Shell::Zsh] {
        clap_complete::generate_to(shell, &mut Cli::command(), "mcx", folder)?;
    }
    Ok(())
}
