//! Bare endpoints in a simulated network: INVITE and non-INVITE, UDP and TCP, in any weather. Every client transaction ends
//! in time and says so once, a request is handed up once, copies go out when the RFC says, and nothing is left.
//!
//! `SIM_SEEDS=1000000 cargo test --release -p sip-tests --test sim_transactions` runs that many seeds a test;
//! `SIM_SEED=17` with a test's name replays one and prints what happened.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::Cell;

use sip_tests::sim::transactions::{Net, Scene, Totals};
use sip_tests::sim::{Weather, over_seeds};

/// Runs a scene over seeds; what all had together.
fn run(name: &str, count: u64, scene: impl Fn(&mut sip_tests::sim::Dice) -> Scene) -> Totals {
    let all = Cell::new(Totals::default());
    over_seeds(name, count, |seed| {
        let mut net = Net::new(seed, &scene);
        net.run();
        let (mut sum, one) = (all.get(), net.check());
        sum.requests += one.requests;
        sum.answered += one.answered;
        sum.failed += one.failed;
        sum.cancelled += one.cancelled;
        sum.copies += one.copies;
        sum.unacknowledged += one.unacknowledged;
        all.set(sum);
    });
    all.get()
}

/// Whether all seeds ran: one alone need not have everything.
fn all_ran() -> bool {
    std::env::var_os("SIM_SEED").is_none() && std::env::var_os("SIM_SEEDS").is_none()
}

#[test]
fn endpoints_in_calm_weather() {
    let totals = run("endpoints_in_calm_weather", 1_000, |_| Scene::calm());
    assert_eq!(totals.unacknowledged, 0, "every ACK comes: {totals:?}");
    if all_ran() {
        // Only what nobody answers fails, and what is taken back before anybody answers does not.
        assert!(totals.answered > 8 * totals.failed, "{totals:?}");
        assert!(totals.cancelled > 0, "{totals:?}");
    }
}

#[test]
fn endpoints_in_rough_weather() {
    let totals = run("endpoints_in_rough_weather", 3_000, |_| Scene {
        weather: Weather::ROUGH,
        nodes: 3,
        tcp: 0,
        ..Scene::calm()
    });
    if all_ran() {
        assert!(totals.copies > 1_000, "{totals:?}");
        assert!(totals.cancelled > 100, "{totals:?}");
    }
}

#[test]
fn endpoints_in_any_weather_with_cuts_restarts_and_stalls() {
    let name = "endpoints_in_any_weather_with_cuts_restarts_and_stalls";
    let totals = run(name, 6_000, Scene::any);
    if all_ran() {
        assert!(totals.failed > 100, "{totals:?}");
        assert!(totals.answered > 1_000, "{totals:?}");
        assert!(totals.unacknowledged > 10, "{totals:?}");
    }
}
