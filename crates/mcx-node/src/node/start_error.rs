//! Why a node cannot start.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use mcx_store::{OpenError, StoreError};

use crate::events::EventsError;
use crate::transport::Listen;
use crate::transport::tls::TlsError;

/// Why a node cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be bound.
    Listen(Listen, io::Error),
    /// TLS cannot be used.
    Tls(TlsError),
    /// The store cannot be opened.
    Open(OpenError),
    /// The store cannot be read.
    Store(std::path::PathBuf, StoreError),
    /// The trace file cannot be opened.
    Trace(std::path::PathBuf, io::Error),
    /// What is told to the collector cannot be made.
    Collector(io::Error),
    /// The admin socket cannot be bound.
    Admin(std::path::PathBuf, io::Error),
    /// The HTTP listener cannot be bound.
    Http(SocketAddr, io::Error),
    /// Events cannot be told.
    Events(EventsError),
    /// A function gets no thread.
    Thread(io::Error),
    /// The operating system gives no random numbers.
    Seed,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(listen, error) => write!(f, "cannot listen on {listen}: {error}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Open(error) => write!(f, "store: {error}"),
            Self::Store(path, error) => write!(
                f,
                "store: {}: {error}: `mcx store check` names what is wrong",
                path.display()
            ),
            Self::Collector(error) => write!(f, "collector: {error}"),
            Self::Trace(path, error) => write!(f, "trace file {}: {error}", path.display()),
            Self::Admin(path, error) => write!(f, "admin socket {}: {error}", path.display()),
            Self::Http(address, error) => write!(f, "HTTP on {address}: {error}"),
            Self::Events(error) => error.fmt(f),
            Self::Thread(error) => write!(f, "no thread can be started: {error}"),
            Self::Seed => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for StartError {}
