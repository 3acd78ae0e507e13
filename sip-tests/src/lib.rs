//! Simulated network, fake peers, SIPp scenarios and interop tests of mcx-sip.

pub mod lab;
pub mod sim;
