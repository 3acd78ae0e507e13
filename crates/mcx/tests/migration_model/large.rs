//! The same further out: minutes each, and gigabytes for some.
//! `cargo test --release -p mcx --test migration_model -- --ignored --nocapture --test-threads=1`

use crate::check::holds;
use crate::extent::{Extent, Patience};

#[test]
#[ignore = "takes minutes"]
fn three_moves_with_faults() {
    let extent = Extent {
        losses: 1,
        repeats: 1,
        crashes: 1,
        ..Extent::of(3)
    };
    holds("three moves with faults", extent);
}

#[test]
#[ignore = "takes minutes"]
fn four_moves() {
    holds("four moves", Extent::of(4));
}

#[test]
#[ignore = "takes minutes"]
fn three_moves_of_one_who_does_not_wait() {
    let extent = Extent {
        patience: Patience::Moves,
        ..Extent::of(3)
    };
    holds("three moves of one who does not wait", extent);
}

#[test]
#[ignore = "takes minutes"]
fn three_moves_with_a_late_event() {
    let extent = Extent {
        late_events: 1,
        ..Extent::of(3)
    };
    holds("three moves with a late event", extent);
}
