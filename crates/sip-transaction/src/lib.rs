//! RFC 3261 §17 as one sans-IO endpoint: no socket, no clock, no task. Whoever owns the socket
//! hands in messages and the time, and takes out datagrams and events.
//!
//! ```text
//!                handle_message ─▶ ┌──────────┐ ─▶ poll_transmit
//!                handle_timeout ─▶ │ Endpoint │ ─▶ poll_event
//!  request / respond / reject ─▶  └──────────┘ ─▶ poll_timeout
//! ```
//!
//! The non-INVITE machines are complete: Timers E, F and K at the client, Timer J at the server,
//! retransmissions absorbed, responses matched by branch and CSeq method (§17.1.3), requests by
//! branch, sent-by and method (§17.2.3). INVITE is not handled yet.
//!
//! Each machine is a file with one enum and one `match`: [`client`] and [`server`].

pub mod client;
mod endpoint;
mod key;
mod path;
pub mod server;
mod timers;

pub use endpoint::{
    ClientId, Config, Counters, Endpoint, Event, Failure, Gone, Refused, ServerId, Transmit,
};
pub use path::{Path, Transport};
pub use timers::Timers;
