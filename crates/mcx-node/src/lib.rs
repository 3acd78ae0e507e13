//! The program mcx: sockets, configuration, command line around the sans-IO crates.
