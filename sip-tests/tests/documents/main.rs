//! MC info documents on the wire: what nodes emit, and what they accept all the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod emitted;
mod leniency;
