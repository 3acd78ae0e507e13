//! Tells the service manager that started the process how it stands: the datagrams of sd_notify(3), `NAME=VALUE` lines to the Unix
//! socket that `NOTIFY_SOCKET` names. Without one nothing is told.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Where the service manager listens.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    /// Within what time it has to hear that all is well, if it wants to.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// What the environment names.
    ///
    /// # Errors
    /// It names a socket that cannot be reached.
    pub fn from_env() -> io::Result<Self> {
        let Some(path) = std::env::var_os("NOTIFY_SOCKET") else {
            return Ok(Self::default());
        };
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&path)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        socket.set_nonblocking(true)?;
        // Another process may be meant, where a shell is in between.
        let pid = std::env::var("WATCHDOG_PID").ok();
        let mine = pid.is_none_or(|pid| pid == std::process::id().to_string());
        let micros = std::env::var("WATCHDOG_USEC").ok().filter(|_| mine);
        let micros = micros.and_then(|text| text.parse().ok()).filter(|n| *n > 0);
        Ok(Self {
            socket: Some(socket),
            watchdog: micros.map(Duration::from_micros),
        })
    }

    /// Everything runs.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The configuration is being read anew; [`ServiceManager::ready`] says that it is done.
    pub fn reloading(&self) {
        // The two belong together where the manager asked for it by a signal.
        if let Ok(now) = clock_gettime(ClockId::CLOCK_MONOTONIC) {
            let micros = Duration::from(now).as_micros();
            self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
        }
    }

    /// It is about to end.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// It is alive.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// How often it is to say so: twice in the time in which the manager has to hear it.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|within| within / 2)
    }

    fn tell(&self, what: &str) {
        if let Some(socket) = &self.socket {
            // Nobody may listen any more, or not now.
            let _ = socket.send(what.as_bytes());
        }
    }
}
