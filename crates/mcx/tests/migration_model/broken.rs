//! One rule is broken on purpose, on the seam between the systems or in their stores, and the
//! checker finds a story that shows it.

use crate::check::fails;
use crate::extent::{Broken, Extent};
use crate::properties::{ONE, ORDER};

fn broken(rule: Broken, moves: u8) -> Extent {
    Extent {
        broken: Some(rule),
        ..Extent::of(moves)
    }
}

#[test]
fn a_number_that_nobody_reads() {
    fails("number unread", broken(Broken::NumberUnread, 3), ORDER);
}

#[test]
fn a_number_that_is_made_when_it_is_sent() {
    fails("number made", broken(Broken::NumberMade, 3), ORDER);
}

#[test]
fn a_counter_that_a_crash_sets_back() {
    let extent = Extent {
        crashes: 1,
        ..broken(Broken::CounterForgotten, 3)
    };
    fails("counter forgotten", extent, ONE);
}

#[test]
fn an_outbox_that_a_crash_empties() {
    let extent = Extent {
        crashes: 1,
        ..broken(Broken::OutboxForgotten, 2)
    };
    fails("outbox forgotten", extent, ONE);
}

#[test]
fn an_answer_before_it_is_durable() {
    let extent = Extent {
        crashes: 1,
        ..broken(Broken::AnsweredTooSoon, 2)
    };
    fails("answered too soon", extent, ONE);
}
