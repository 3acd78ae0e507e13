//! Asks a node at its admin socket.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{End, Question};

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// There is no such socket.
    NoSocket(PathBuf),
    /// The socket is there, and nobody listens.
    NodeDown(PathBuf),
    /// Another user's node.
    Forbidden(PathBuf),
    /// Something went wrong on the way.
    Broken(PathBuf, io::Error),
    /// The node says so.
    Refused(String),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSocket(path) => write!(
                f,
                "{}: no such socket: the node does not run, or has another configuration",
                path.display()
            ),
            Self::NodeDown(path) => write!(
                f,
                "{}: nobody listens there: the node does not run",
                path.display()
            ),
            Self::Forbidden(path) => write!(
                f,
                "{}: not allowed: run this as the user that runs the node",
                path.display()
            ),
            Self::Broken(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for AskError {}

/// Asks; hands each line of the answer to `each`, and gives how the answer ends.
///
/// # Errors
/// Nobody could be asked, or the node refused.
pub fn ask<T: DeserializeOwned>(
    socket: &Path,
    question: &Question,
    mut each: impl FnMut(T),
) -> Result<End, AskError> {
    ask_lines(socket, question, |line| {
        each(serde_json::from_str(line)?);
        Ok(())
    })
}

/// The same, with lines as they come.
///
/// # Errors
/// As [`ask`], and what `each` refuses.
pub fn ask_lines(
    socket: &Path,
    question: &Question,
    mut each: impl FnMut(&str) -> io::Result<()>,
) -> Result<End, AskError> {
    let broken = |error| AskError::Broken(socket.to_owned(), error);
    let mut stream = UnixStream::connect(socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AskError::NoSocket(socket.to_owned()),
        io::ErrorKind::ConnectionRefused => AskError::NodeDown(socket.to_owned()),
        io::ErrorKind::PermissionDenied => AskError::Forbidden(socket.to_owned()),
        _ => broken(error),
    })?;
    let line = serde_json::to_string(question).map_err(|error| broken(error.into()))?;
    stream
        .write_all(format!("{line}\n").as_bytes())
        .map_err(broken)?;
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(broken)?;
        match serde_json::from_str(&line) {
            Ok(End::Error(why)) => return Err(AskError::Refused(why)),
            Ok(end) => return Ok(end),
            Err(_) => each(&line).map_err(broken)?,
        }
    }
    let early = io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the node ended before its answer did",
    );
    Err(broken(early))
}
