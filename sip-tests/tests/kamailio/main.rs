//! Kamailio in the path: as the SIP core of three systems, as the trusted edge towards clients and partners, and as load balancer, with
//! the configurations that `docs/examples/kamailio` has. sipsak registers through it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod balancing;
mod clients;
mod edge;
mod failover;
#[path = "../../../crates/mcx-node/tests/common/http.rs"]
mod http;
mod procedures;
mod registrations;
mod rolling;
mod soak;
mod systems;
mod unavailable;
mod wire;
