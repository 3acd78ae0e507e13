//! Simulated network, fake peers, SIPp scenarios and interop tests of mcx-sip.

pub mod sim;
