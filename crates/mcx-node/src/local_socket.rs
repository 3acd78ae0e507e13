//! A Unix socket of the node, for others on the same machine who may read its file.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use std::task::Context;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tracing::warn;

use crate::room::{Guest, serve_each};

/// Longest path of a socket, in bytes (`sun_path` of unix(7), with a zero at its end).
const LONGEST: usize = 107;

/// A socket that listens; its file is removed with it.
#[derive(Debug)]
pub struct Listener {
    socket: net::UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Binds the socket, for its owner alone. What a process that ended left there is replaced.
    ///
    /// # Errors
    /// Says why it cannot be bound; another process that listens there is one reason.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let length = path.as_os_str().len();
        if length > LONGEST {
            let why = format!(
                "its path has {length} bytes, and that of a socket {LONGEST} at most: write a shorter one"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "something else than a socket is there: write another path",
                ));
            }
            if net::UnixStream::connect(path).is_ok() {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "another process listens there: end that one, or write another path",
                ));
            }
            fs::remove_file(path)?;
        }
        let socket = net::UnixListener::bind(path)?;
        let listener = Self {
            socket,
            path: path.to_owned(),
        };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.socket.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Serves each connection in a task of its own, until `stop` turns true.
    pub async fn serve<F>(
        self,
        mut stop: watch::Receiver<bool>,
        mut serve: impl FnMut(UnixStream, Guest) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let socket = self.socket.try_clone().and_then(UnixListener::from_std);
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => {
                warn!(path = %self.path.display(), %error, "nobody can be served at the socket");
                return;
            }
        };
        let accept = |context: &mut Context<'_>| socket.poll_accept(context);
        let mut served =
            serve_each(accept, &mut stop, |(stream, _), guest| serve(stream, guest)).await;
        while served.join_next().await.is_some() {}
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
