//! Messages and values to rsip's types and back; and rsip's own parser beside ours, where it is right.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cannot_hold;
mod corpus;
mod oracle;
mod refused;
mod round_trip;
mod typed;
