//! Nodes that are killed at any moment under load, and started again: the effect of everything that was answered is there,
//! nothing twice, and what is owed arrives. `MCX_KILLS=200` is two hundred kills instead of ten (docs/testing.md).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod hunt;
mod new_partner;
mod partner;
mod primary;
