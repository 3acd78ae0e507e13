//! Simulated network, fake peers, SIPp scenarios and interop tests of mcx-sip.

// A test that cannot go on ends there, with the reason.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic)]

pub mod lab;
pub mod leak;
pub mod sim;
pub mod torture;
