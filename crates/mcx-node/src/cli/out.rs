//! Standard output and error of the commands.

use std::fmt;
use std::io::{self, Write as _};
use std::process;

/// What a shell shows for a program that was ended by SIGPIPE.
const CLOSED_PIPE: i32 = 128 + 13;

/// Writes to standard output; the process ends, quietly, when nobody reads it any more.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let mut out = io::stdout();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        // Nodes that this process started end with it: their standard input closes.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => process::exit(CLOSED_PIPE),
        Err(error) => {
            complain(format_args!("mcx: cannot write: {error}\n"));
            process::exit(1)
        }
    }
}

/// Writes to standard error, if anybody reads it.
pub(crate) fn complain(text: fmt::Arguments<'_>) {
    let _ = io::stderr().write_fmt(text);
}

/// A line on standard output.
macro_rules! sayln {
    () => { $crate::cli::out::say(format_args!("\n")) };
    ($($text:tt)*) => { $crate::cli::out::say(format_args!("{}\n", format_args!($($text)*))) };
}

/// A line on standard error.
macro_rules! complainln {
    ($($text:tt)*) => { $crate::cli::out::complain(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use {complainln, sayln};
