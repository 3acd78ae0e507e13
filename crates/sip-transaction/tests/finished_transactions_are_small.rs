//! What a finished non-INVITE server transaction costs while it waits for Timer J: memory of the process, with the response
//! and all tables. `cargo run --release -p sip-transaction --example memory` has a million of them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../benches/support/work.rs"]
mod work;

use std::time::Duration;

use sip_transaction::Config;
use work::Work;

/// Most bytes of one.
const MOST: u64 = 600;

/// Bytes of this process in memory.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

#[test]
fn a_finished_transaction_costs_no_more_than_600_bytes() {
    // All within the time of the 100, so that the timer for that runs too; just after the tables have grown.
    let (count, step) = (60_000, Duration::from_micros(50));
    let mut work = Work::with(Config::default(), step);
    let before = resident();
    for number in 0..count {
        work.serve(work::message(number));
    }
    let each = (resident() - before) / count;
    assert_eq!(work.endpoint.servers() as u64, count);
    assert!(each <= MOST, "{each} bytes");
    assert!(each > 300, "{each} bytes is less than the response alone");
}
