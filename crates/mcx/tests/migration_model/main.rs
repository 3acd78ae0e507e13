//! L2, L3, L4: one user, three systems, every interleaving of moves, losses, repeats and crashes within
//! bounds, checked exhaustively. The systems are service servers with the rows and the SIP messages
//! of production.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod action;
mod broken;
mod check;
mod extent;
mod known;
mod large;
mod letter;
mod model;
mod node;
mod properties;
mod state;
mod user;
mod world;

use check::{ends, holds};
use extent::{Client, Extent, Patience};

#[test]
fn three_moves() {
    holds("three moves", Extent::of(3));
}

#[test]
fn two_moves_with_faults() {
    let extent = Extent {
        losses: 1,
        repeats: 1,
        crashes: 1,
        ..Extent::of(2)
    };
    holds("two moves with faults", extent);
}

#[test]
fn one_who_gives_up() {
    let extent = Extent {
        repeats: 1,
        crashes: 1,
        patience: Patience::GivesUp,
        ..Extent::of(2)
    };
    holds("one who gives up", extent);
}

#[test]
fn one_who_does_not_wait() {
    let extent = Extent {
        repeats: 1,
        patience: Patience::Moves,
        ..Extent::of(2)
    };
    holds("one who does not wait", extent);
}

#[test]
fn partners_that_serve_on_for_a_while() {
    let extent = Extent {
        repeats: 1,
        purges: 2,
        grace: true,
        ..Extent::of(2)
    };
    holds("a grace period, and purges", extent);
}

#[test]
fn an_operator_who_deauthorizes() {
    let extent = Extent {
        orders: 1,
        ..Extent::of(2)
    };
    holds("an operator", extent);
}

#[test]
fn all_that_is_owed_is_delivered_at_last() {
    let extent = Extent {
        repeats: 1,
        grace: true,
        ..Extent::of(2)
    };
    ends("circles", extent);
}

#[test]
fn a_primary_that_sends_no_stay() {
    let extent = Extent {
        mute: &[0],
        client: Client::NewIds,
        ..Extent::of(2)
    };
    holds("a primary that sends no stay", extent);
}

#[test]
fn an_event_that_comes_late_once_more() {
    let extent = Extent {
        late_events: 1,
        ..Extent::of(2)
    };
    holds("late events", extent);
}

/// The id of the stay that ended is named, not that of a newer one which hides it.
#[test]
fn partners_that_send_no_stay() {
    let extent = Extent {
        mute: &[1, 2],
        client: Client::NewIds,
        ..Extent::of(3)
    };
    holds("partners that send no stay", extent);
}

/// A copy of a request that names no procedure is told by its Call-ID.
#[test]
fn a_partner_that_sends_no_stay_and_asks_twice() {
    let extent = Extent {
        mute: &[1],
        client: Client::NewIds,
        repeats: 1,
        ..Extent::of(2)
    };
    holds("a partner that sends no stay and asks twice", extent);
}
