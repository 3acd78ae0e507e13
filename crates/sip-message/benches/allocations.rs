//! The same runs as `messages`, with allocations counted. Counting takes time: read the times there, the counts here.

#[path = "messages.rs"]
mod messages;

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    messages::main();
}
