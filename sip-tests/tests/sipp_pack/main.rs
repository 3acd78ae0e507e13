//! The SIPp pack of `sip-tests/sipp` against our own nodes: every scenario and every row, for every service, in both roles,
//! run as an interop tester runs it (docs/interop.md). SIPp's exit code says whether it saw what it wants, the store says
//! what became of it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod as_documented;
mod gateways;
mod people;
mod scenarios_that_fail;
mod system_receives;
mod system_sends;
mod whole_procedures;
