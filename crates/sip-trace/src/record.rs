//! What is kept of one event: a message at the socket, or a decision.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

/// One event that one node recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Place in the order of the recorder's buffer, from 0, without gaps except where records were dropped. Nodes that
    /// share a buffer share the numbering.
    pub seq: u64,
    /// Wall clock of the node, µs since the Unix epoch.
    pub wall_us: u64,
    /// The clock that nobody sets: µs since a moment of the process's start. It tells how long passed between two records of
    /// one run of a node; of different runs it tells nothing. `None` where a recording does not say.
    pub mono_us: Option<u64>,
    /// Name of the node: the column of a ladder, and what the interfaces of a capture file begin with.
    pub node: Arc<str>,
    /// The event itself.
    pub what: What,
}

/// The two kinds of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Bytes that crossed a socket.
    Message(MessageRecord),
    /// A verdict and its reason.
    Decision(DecisionRecord),
}

/// When something happened, by both clocks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// As [`Record::wall_us`].
    pub wall_us: u64,
    /// As [`Record::mono_us`].
    pub mono_us: Option<u64>,
}

impl From<u64> for At {
    /// By the wall clock alone.
    fn from(wall_us: u64) -> Self {
        Self {
            wall_us,
            mono_us: None,
        }
    }
}

/// Bytes as they crossed the socket: after decryption, before parsing, broken ones too.
///
/// `Debug` prints the length of the bytes, never their content: they carry identities and tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageRecord {
    /// Towards the node or away from it.
    pub direction: Direction,
    /// What carried it.
    pub transport: Transport,
    /// The node's own address of this socket or connection.
    pub local: SocketAddr,
    /// The other side's address.
    pub peer: SocketAddr,
    /// The node opened the connection itself, so that `local` belongs to no listener of it. `false` for datagrams, which leave
    /// from listeners, and where a recording does not say.
    pub opened_here: bool,
    /// The domains that the peer's certificate proves (RFC 5922 §7.1), one blank between them; `None` where it showed no
    /// certificate. It belongs to the connection, whichever way a message goes.
    pub identity: Option<Arc<str>>,
    /// Where it begins in its direction of the stream, in bytes after decryption, from 0; `None` for datagrams.
    pub offset: Option<u64>,
    /// One whole datagram, or one whole message of a stream. Shared with the node, never copied.
    pub bytes: Bytes,
}

impl MessageRecord {
    /// A datagram, or a message of a stream of which no more is known.
    pub fn new(
        direction: Direction,
        transport: Transport,
        local: SocketAddr,
        peer: SocketAddr,
        bytes: Bytes,
    ) -> Self {
        Self {
            direction,
            transport,
            local,
            peer,
            opened_here: false,
            identity: None,
            offset: None,
            bytes,
        }
    }

    /// The address that it left from.
    pub fn source(&self) -> SocketAddr {
        match self.direction {
            Direction::Sent => self.local,
            Direction::Received => self.peer,
        }
    }

    /// The address that it went to.
    pub fn destination(&self) -> SocketAddr {
        match self.direction {
            Direction::Sent => self.peer,
            Direction::Received => self.local,
        }
    }
}

impl fmt::Debug for MessageRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRecord")
            .field("direction", &self.direction)
            .field("transport", &self.transport)
            .field("local", &self.local)
            .field("peer", &self.peer)
            .field("opened_here", &self.opened_here)
            .field("identity", &self.identity)
            .field("offset", &self.offset)
            .field("bytes", &format_args!("{} bytes", self.bytes.len()))
            .finish()
    }
}

/// Why something was done or refused, in the words of an engineer.
///
/// `Debug` says only whether a user is named, not which.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DecisionRecord {
    /// Id of the requirement that decided, such as `P1.4`; empty when there is none.
    pub requirement: Cow<'static, str>,
    /// The verdict in a word or two: `applied`, `stale`, `refused 403`.
    pub verdict: Cow<'static, str>,
    /// The reason, one sentence without a full stop. Names no identity: that is what `user` is for.
    pub why: Cow<'static, str>,
    /// The id that joins all legs of one procedure, when known.
    pub procedure: Option<String>,
    /// The identity of the user concerned, when there is one.
    pub user: Option<String>,
    /// The part of the node that decided: `parse`, `transaction`, `next-hop`, `procedure`, `store`; empty when a recording does
    /// not say.
    pub target: Cow<'static, str>,
    /// A step that every message takes (its transaction moved on, its batch is durable), of no interest until something is
    /// looked for that should have happened. Ladders leave these out unless they are asked for.
    pub detail: bool,
    /// The Call-ID of the message that it is about, when there is one.
    pub call: Option<Arc<str>>,
    /// The transaction (RFC 3261 §17) that it is about, when there is one: a number of this node and its run.
    pub transaction: Option<u64>,
}

impl fmt::Debug for DecisionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionRecord")
            .field("requirement", &self.requirement)
            .field("verdict", &self.verdict)
            .field("why", &self.why)
            .field("procedure", &self.procedure)
            .field("user", &self.user.as_ref().map(|_| format_args!("set")))
            .field("target", &self.target)
            .field("detail", &self.detail)
            .field("call", &self.call.as_ref().map(|_| format_args!("set")))
            .field("transaction", &self.transaction)
            .finish()
    }
}

/// Seen from the node that recorded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came in.
    Received,
    /// It went out.
    Sent,
}

impl Direction {
    /// The lower-case name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Received, Self::Sent]
            .into_iter()
            .find(|direction| direction.as_str() == name)
    }
}

/// What carried a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// One message a datagram.
    Udp,
    /// A stream, framed by Content-Length (RFC 3261 §18.3).
    Tcp,
    /// A stream under TLS; recorded as the plain text inside.
    Tls,
}

impl Transport {
    /// The lower-case name used in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls]
            .into_iter()
            .find(|transport| transport.as_str() == name)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        })
    }
}
