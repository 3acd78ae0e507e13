//! What goes in and out of an endpoint beside messages: names of transactions, events, datagrams to send.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_message::{BuildError, Request, Response, StatusCode};

use crate::Path;

/// Names a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Names a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u64);

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Where.
    pub path: Path,
    /// What.
    pub bytes: Bytes,
    /// Whether it was sent before.
    pub retransmission: bool,
    /// Whether it may go before or after any other message to the same peer: the one answer of a request that is no INVITE.
    /// What is not independent keeps the order in which it comes out here, as far as the transport has one.
    pub independent: bool,
    /// Where a response goes if the connection that its request came on is gone: to the address in `received`, which is
    /// where the request came from, at the port of sent-by, over a new connection (RFC 3261 §18.2.2). Nothing for
    /// requests, and over UDP.
    pub alternative: Option<SocketAddr>,
}

/// What the transaction user is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request, once; it passed the checks of RFC 3261 §8.2.
    Request {
        /// The transaction to answer.
        server: ServerId,
        /// Where it came from.
        path: Path,
        /// The request.
        request: Request,
    },
    /// An ACK of a 2xx, or for no transaction. It is never answered.
    Ack {
        /// The INVITE transaction with its branch, if there is one. The ACK of a 2xx has a branch of its own as a rule
        /// (RFC 3261 §13.2.2.4): its dialog tells what it is for.
        server: Option<ServerId>,
        /// Where it came from.
        path: Path,
        /// The ACK.
        request: Request,
    },
    /// The client took its INVITE back (RFC 3261 §9.2), told once; the CANCEL is answered. The INVITE is owed a final
    /// answer still: 487, if no other was sent.
    Cancelled {
        /// The INVITE transaction.
        server: ServerId,
    },
    /// The final answer of an INVITE met nobody: no ACK came (Timer H), or the transport failed.
    Unacknowledged {
        /// The INVITE transaction.
        server: ServerId,
        /// Why.
        failure: Failure,
    },
    /// The first final answer.
    Answer {
        /// The transaction.
        client: ClientId,
        /// The answer.
        response: Response,
    },
    /// One more 2xx of an INVITE (RFC 6026 §7.2): retransmitted, or of another branch of a fork. It wants an ACK too.
    AnswerAgain {
        /// The transaction.
        client: ClientId,
        /// The answer.
        response: Response,
    },
    /// A provisional answer.
    Provisional {
        /// The transaction.
        client: ClientId,
        /// The answer.
        response: Response,
    },
    /// No final answer will come, the last event for that transaction.
    Failed {
        /// The transaction that it ends.
        client: ClientId,
        /// Why.
        failure: Failure,
    },
    /// A request was answered without a transaction.
    Rejected {
        /// Where it came from.
        path: Path,
        /// With which status.
        status: StatusCode,
        /// Why.
        reason: String,
    },
    /// A response to no request of ours, if the configuration wants to have it.
    StrayResponse {
        /// Where it came from.
        path: Path,
        /// The response.
        response: Response,
    },
    /// A message that belongs to no transaction was dropped.
    Stray {
        /// Where it came from.
        path: Path,
        /// What it was.
        what: &'static str,
    },
}

/// Why no final answer will come, or why none arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Timer B, F or H fired, or 64·T1 passed after a CANCEL.
    Timeout,
    /// The transport failed (§17.1.4).
    Transport,
}

/// A request was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many client transactions are open.
    TooMany,
    /// ACK makes no transaction: [`Endpoint::send`](crate::Endpoint::send) sends it. CANCEL belongs to another one:
    /// [`Endpoint::cancel`](crate::Endpoint::cancel).
    Method,
    /// A change of a request that is passed on cannot be written.
    Edit(BuildError),
}

/// An answer was not sent: its transaction is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What an endpoint has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests handed up.
    pub requests: u64,
    /// Retransmitted requests that were absorbed.
    pub absorbed: u64,
    /// Requests of ours that were sent again.
    pub retransmitted: u64,
    /// Answers of ours that were sent again.
    pub answers_retransmitted: u64,
    /// Requests answered without a transaction.
    pub rejected: u64,
    /// Of new requests, those that were refused for overload; not among the rejected.
    pub refused: u64,
    /// Datagrams of strangers that were dropped for overload, because they were neither plainly a request, nor a response.
    pub dropped: u64,
    /// Messages that belonged to no transaction.
    pub strays: u64,
    /// Requests of ours that were not sent because there were
    /// [`max_clients`](crate::Config::max_clients) client transactions.
    pub clients_full: u64,
    /// Requests answered 503 because there were [`max_servers`](crate::Config::max_servers) server transactions.
    pub servers_full: u64,
}

impl Counters {
    /// All of them by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let Self {
            requests,
            absorbed,
            retransmitted,
            answers_retransmitted,
            rejected,
            refused,
            dropped,
            strays,
            clients_full,
            servers_full,
        } = *self;
        [
            ("requests", requests),
            ("absorbed", absorbed),
            ("retransmitted", retransmitted),
            ("answers_retransmitted", answers_retransmitted),
            ("rejected", rejected),
            ("refused", refused),
            ("dropped", dropped),
            ("strays", strays),
            ("clients_full", clients_full),
            ("servers_full", servers_full),
        ]
        .into_iter()
    }
}
