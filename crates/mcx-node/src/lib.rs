//! The program `mcx` as a library.

pub mod config;
