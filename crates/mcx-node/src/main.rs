//! The program `mcx`: MC service server and MC gateway server.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcx_node::cli::main()
}
