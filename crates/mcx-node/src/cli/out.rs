//! Standard output and error of the commands.

use std::fmt;
use std::io::{self, Write as _};
use std::process;

use crate::terminal;
pub(crate) use crate::terminal::printable;

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

/// Whether the process was started without standard output: what is written then goes to `/dev/null`, which the language's
/// runtime opens in its place, to be read and written.
pub(crate) fn nobody_reads() -> bool {
    let is_null =
        std::fs::read_link("/proc/self/fd/1").is_ok_and(|to| to.as_os_str() == "/dev/null");
    let info = std::fs::read_to_string("/proc/self/fdinfo/1").unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    // O_RDWR, in octal. A shell that is told to write there opens it with O_WRONLY.
    is_null && flags.is_some_and(|flags| flags.ends_with('2'))
}

/// Writes to standard error, if anybody reads it; what somebody wrote into a name or a path moves no cursor there.
pub(crate) fn complain(text: fmt::Arguments<'_>) {
    let shown = |c| {
        if c != '\n' && terminal::obeys(c) {
            '?'
        } else {
            c
        }
    };
    let text: String = text.to_string().chars().map(shown).collect();
    let _ = io::stderr().write_all(text.as_bytes());
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
