//! Why a connection is over.

use std::fmt;
use std::io;

/// Why a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The peer closed it, or it was closed here because nobody needs it any more.
    Closed,
    /// The system says that it failed.
    Failed(io::ErrorKind),
    /// It could not be opened in time.
    NotOpened,
    /// TLS failed, or the peer is not the SIP domain that was meant (RFC 5922 §7.3).
    NotProven,
    /// There is no room for one more connection.
    Full,
    /// A message took too long to arrive.
    Slow,
    /// The peer does not read.
    Stuck,
    /// The peer did not answer a keep-alive.
    Silent,
    /// Nothing was said for too long.
    Idle,
    /// Where the next message begins cannot be told.
    Unframed,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Failed(kind) => return write!(f, "failed: {kind}"),
            Self::NotOpened => "could not be opened in time",
            Self::NotProven => "TLS failed, or the peer is not the domain that was meant",
            Self::Full => "no room for one more connection",
            Self::Slow => "closed: a message took too long to arrive",
            Self::Stuck => "the peer does not read",
            Self::Silent => "closed: no answer to a keep-alive",
            Self::Idle => "closed: nothing was said for long",
            Self::Unframed => "closed: where the next message begins cannot be told",
        })
    }
}
