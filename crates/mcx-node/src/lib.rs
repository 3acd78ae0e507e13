//! The program `mcx` as a library: sockets, clocks, files and configuration around the sans-IO
//! crates. The only crate with tokio.

pub mod bounds;
pub mod cli;
pub mod clock;
pub mod config;
pub mod congestion;
pub mod demo;
pub mod driver;
pub mod function;
pub mod next_hop;
pub mod node;
pub mod process;
mod trace;
pub mod transport;
