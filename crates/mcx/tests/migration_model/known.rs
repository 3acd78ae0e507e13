//! What does not hold, and why: decision 16. A test here that fails tells of a limit that is gone.

use crate::check::fails;
use crate::extent::{Client, Extent};
use crate::properties::{ONE, ORDER};

/// The wire profile's rule for peers that send no stay goes by the partner's ids: where they are the
/// same each time, it cannot tell stays apart.
#[test]
fn one_id_for_all_stays_and_no_number() {
    let extent = Extent {
        mute: &[0],
        ..Extent::of(3)
    };
    fails("one id, no number", extent, ORDER);
}

/// A client that comes back within one registration looks like one that never left.
#[test]
fn one_registration_for_all_stays() {
    let extent = Extent {
        client: Client::OneRegistration,
        ..Extent::of(3)
    };
    fails("one registration", extent, ONE);
}

/// It was lost with the process that had it, and she went elsewhere.
#[test]
fn an_event_that_was_never_stored_and_comes_late() {
    let extent = Extent {
        late_events: 1,
        crashes: 1,
        ..Extent::of(2)
    };
    fails("a late event, never stored", extent, ONE);
}
