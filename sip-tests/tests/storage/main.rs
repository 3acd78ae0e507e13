//! Storage that fails under a running node: never a false success, everything else goes on, and it mends itself when the
//! fault is gone. And what the system calls say about the order of commit and answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod at_start;
mod corrupt;
mod faults;
#[path = "../../../crates/mcx-node/tests/common/http.rs"]
mod http;
mod order_of_calls;
mod slow;
mod target;
