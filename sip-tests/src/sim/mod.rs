//! A simulated network of MC systems: seeded, deterministic, in virtual time.
//!
//! Every node is what it is in production: a [`sip_transaction::Endpoint`] and an [`mcx::Role`]
//! that exchange real SIP bytes. Simulated are the wire (loss, duplication, delay and with it
//! reordering, partitions), the clock, the disk (latency; what is not committed is lost in a
//! crash) and the SIP core of each system with the users behind it.
//!
//! ```text
//! datagram → Message::parse_datagram → Endpoint → Role → Store … committed … → Role → Endpoint → datagram
//! ```
//!
//! A [`World`] is made from a seed and draws everything that is left to chance from it. A test
//! runs its claim over many seeds with [`over_seeds`], which reads two variables:
//!
//! * `SIM_SEEDS=5000 cargo test -p sip-tests --test sim_procedures` runs that many seeds a test;
//! * `SIM_SEED=17 cargo test -p sip-tests NAME` replays one and prints
//!   what happened, datagram by datagram. A failing seed prints this line.

#![allow(clippy::expect_used)]

mod core;
mod dice;
mod node;
mod seeds;
mod systems;
mod token;
pub mod transactions;
mod weather;
mod wire;
mod world;

pub use self::core::{Answered, Journey, Stop};
pub use dice::Dice;
pub use node::{Kind, Node};
pub use seeds::over_seeds;
pub use systems::{Hiding, Place, Plan, User};
pub use weather::Weather;
pub use wire::{Datagram, Entry};
pub use world::World;
