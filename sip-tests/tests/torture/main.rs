//! Every message of the torture corpus meets the fate that `sip-tests/torture/verdicts` gives it: as a datagram, on a
//! stream in whatever pieces, and at a real node.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod datagrams;
mod known_wrong;
mod node;
mod streams;
mod verdicts;
