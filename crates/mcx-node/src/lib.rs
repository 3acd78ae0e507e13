//! The program `mcx` as a library: sockets, clocks, files and configuration around the sans-IO
//! crates. The only crate with tokio.

pub mod admin;
mod boot;
pub mod bounds;
pub mod cli;
pub mod clock;
pub mod collector;
pub mod config;
pub mod congestion;
pub mod demo;
pub mod driver;
pub mod events;
pub mod function;
pub mod function_thread;
pub mod http;
pub mod life;
pub mod local_socket;
pub mod logging;
pub mod metrics;
pub mod next_hop;
pub mod node;
pub mod outbox_reading;
mod private_file;
pub mod process;
mod pseudonym_key;
pub mod reload;
pub mod room;
mod service_manager;
mod terminal;
mod trace;
pub mod transport;
pub mod watches;
