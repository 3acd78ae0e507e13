//! The torture corpus: messages that are hard on a parser, and what is to become of each.
//!
//! `sip-tests/torture/verdicts` says it, in a format that its header explains; `sip-tests/torture/own` holds the
//! project's own messages. The published ones (RFC 4475, RFC 5118) are not shipped and lie in `../shared` where they
//! are at hand.

mod addresses;
mod bodies;
mod corpus;
mod facts;
mod found;
mod judge;
mod verdicts;

pub use corpus::{Case, corpus, missing_sets, stored};
pub use facts::{found, rendered};
pub use judge::{Item, Judged, judge_datagram, judge_stream, stream_items};
pub use verdicts::{Fact, Fate, OnStream, Verdict, verdicts};
