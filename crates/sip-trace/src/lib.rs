//! The flight recorder of a SIP node: what went over the wire and why it was decided, in one order.
//!
//! A node holds a [`Recorder`] and tells it every datagram at the socket and every decision where it falls. The
//! recorder never blocks the signalling path and never grows beyond its [`Capacity`]; a writer thread owns the
//! [`Reader`] and turns what it takes into files:
//!
//! | question | module |
//! |---|---|
//! | what is kept of one event? | [`record`] |
//! | what does a node hand over of a decision? | [`handed`] |
//! | how does it leave the signalling path? | [`recorder`] |
//! | how do events of `tracing` become records? | `layer` (feature of that name) |
//! | how is it kept on disk, line by line? | [`ndjson`] |
//! | how do packet tools open it? | [`pcapng`] |
//! | how is a collector told? | [`hep`] |
//! | how are captures of others read? | [`capture`] |
//! | how do the records of several nodes become one story? | [`merge`] |
//! | who is in what leaves the node? | [`redact`] |
//! | which records belong to one procedure? | [`correlate`] |
//! | which records does a watch copy? | [`watch`] |
//! | how is that story drawn? | [`ladder`] |
//! | what is one message called on an arrow? | [`summary`] |
//!
//! The crate reads no clock and opens no socket: times are arguments, in µs since the Unix epoch. It knows neither the
//! transaction layer nor the procedures; both hand in plain records.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::as_conversions,
    clippy::panic
)]

pub mod capture;
mod compact;
pub mod correlate;
pub mod handed;
pub mod hep;
pub mod ladder;
#[cfg(feature = "layer")]
pub mod layer;
pub mod merge;
pub mod ndjson;
mod pairing;
pub mod pcapng;
mod phrases;
pub mod record;
pub mod recorder;
pub mod redact;
mod ring;
pub mod summary;
pub mod watch;

pub use handed::{Decision, Procedure, Said};
pub use record::{At, DecisionRecord, Direction, MessageRecord, Record, Transport, What};
pub use recorder::{Capacity, Reader, Recorder};
pub use redact::Redactor;
