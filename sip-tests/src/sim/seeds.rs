//! Runs a claim over many seeds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs `claim` for `count` seeds, or for as many as `SIM_SEEDS` says, or for `SIM_SEED` alone.
/// `name` is the test's: two tests do not run the same chances.
///
/// # Panics
/// When the claim does, after printing how to replay the seed.
pub fn over_seeds(name: &str, count: u64, claim: impl Fn(u64)) {
    let number = |variable: &str| std::env::var(variable).ok()?.parse::<u64>().ok();
    let (first, last) = match number("SIM_SEED") {
        Some(one) => (one, one + 1),
        None => (0, number("SIM_SEEDS").unwrap_or(count)),
    };
    for seed in first..last {
        let result = catch_unwind(AssertUnwindSafe(|| claim(mixed(name, seed))));
        if let Err(panic) = result {
            eprintln!("\nreplay: SIM_SEED={seed} cargo test -p sip-tests {name}");
            resume_unwind(panic);
        }
    }
}

/// FNV-1a over the name, so that the seeds of two tests differ.
fn mixed(name: &str, seed: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    name.bytes().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
