//! What a finished non-INVITE server transaction costs while it waits for Timer J, its response and all tables
//! included: `cargo run --release -p sip-transaction --example memory [TRANSACTIONS]`. Resident memory of the process,
//! before and after.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../benches/support/work.rs"]
mod work;

use std::time::Duration;

use sip_transaction::Config;
use work::Work;

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

fn main() {
    let count = std::env::args().nth(1);
    let count: u64 = count.map_or(1_000_000, |count| count.parse().unwrap());
    let config = Config {
        max_servers: usize::MAX,
        ..Config::default()
    };
    // Half of Timer J is over when the last one comes: none is forgotten, and no timer but J runs for the older half.
    let step = Duration::from_secs(16) / u32::try_from(count).unwrap();
    let mut work = Work::with(config, step);
    let before = resident();
    let mut answer = 0;
    for number in 0..count {
        answer = work.serve(work::message(number)).len();
    }
    let after = resident();
    assert_eq!(work.endpoint.servers() as u64, count);
    println!(
        "{count} finished transactions: {} bytes each, of which the last response is {answer}; {} timers",
        (after - before) / count,
        work.endpoint.timers()
    );
}
