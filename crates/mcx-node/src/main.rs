//! The program `mcx`: MC service server and MC gateway server.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mcx_node::cli::main()
}
