//! Requests that outlive the client who caused them: he gave up, asked again and went on, and
//! then his first request gets through after all (L2).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use mcx::Service;
use sip_tests::sim::{Hiding, Place, Plan, User, World, over_seeds};

const A: Place = Place::A;
const B: Place = Place::B;
const ALICE: User = User {
    name: "alice",
    home: A,
};
const SECOND: u64 = 1_000_000;

/// The third-party REGISTER gets through just before its client gives up, and the request for
/// the primary only after the user has come by a second one and left again.
#[test]
fn a_client_that_gave_up_gets_no_stay_when_his_request_comes_after_all() {
    let name = "a_client_that_gave_up_gets_no_stay_when_his_request_comes_after_all";
    over_seeds(name, 20, |seed| {
        let plan = Plan {
            hiding: Hiding::None,
            ..Plan::default()
        };
        let mut world = World::new(seed, plan);
        world.cut(B, B, 0, 15 * SECOND);
        world.cut(A, B, 15 * SECOND, 17 * SECOND + SECOND / 10);
        world.travel(ALICE, Service::Mcptt, &[B, A], (0, SECOND / 20));
        world.run_until_quiet();
        world.check_at_rest();
    });
}
