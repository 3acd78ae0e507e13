//! RFC 3261 §17 as one sans-IO endpoint: no socket, no clock, no task. Whoever owns the socket
//! hands in messages and the time, and takes out datagrams and events.
//!
//! ```text
//!                handle_message ─▶ ┌──────────┐ ─▶ poll_transmit
//!                handle_timeout ─▶ │ Endpoint │ ─▶ poll_event
//! request / respond / cancel … ─▶  └──────────┘ ─▶ poll_timeout
//! ```
//!
//! Four machines (RFC 3261 §17 with RFC 6026 and RFC 4320), each a file with one enum and one `match`:
//! [`invite_client`], [`invite_server`], [`non_invite_client`], [`non_invite_server`]. Responses are matched by branch
//! and CSeq method (§17.1.3), requests by branch, sent-by and method (§17.2.3).
//!
//! Whoever wants to show what happened asks for the steps of the machines ([`Config::steps`], [`Endpoint::poll_step`]).
//!
//! Overload is the caller's to measure and [`Endpoint::set_overload`]'s to be told: new requests are refused without a
//! transaction, and previous hops that offer `oc` are told to hold back (RFC 7339).
//!
//! Left to the transaction user: dialogs; the ACK of a 2xx ([`Endpoint::send`]) and the retransmission of a 2xx until
//! that comes (§13.3.1.4).

mod config;
mod endpoint;
mod event;
mod hops;
pub mod invite_client;
pub mod invite_server;
mod key;
pub mod non_invite_client;
pub mod non_invite_server;
mod overload;
mod path;
mod queue;
mod requests;
mod slab;
mod step;
mod table;
mod timers;

pub use config::{Config, Hops, StrayResponses};
pub use endpoint::Endpoint;
pub use event::{ClientId, Counters, Event, Failure, Gone, Refused, ServerId, Transmit};
pub use overload::{Overload, Sender};
pub use path::{Path, Transport};
pub use step::{Moved, Step, Transaction};
pub use timers::Timers;
