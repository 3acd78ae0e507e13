//! L2, L3, L4 over every interleaving: one user, three systems, messages that come late, twice,
//! in any order, or never. Breadth first, so that a failure is told by its shortest story.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use common::model::{Extent, Label, NAMES, Patience, State};

/// How a state was reached: the state before, and the step.
type Story = Vec<(usize, Option<Label>)>;

fn tell(story: &Story, mut at: usize) -> String {
    let mut steps = Vec::new();
    while at != 0 {
        let (before, step) = &story[at];
        steps.push(format!("{:?}", step.unwrap()));
        at = *before;
    }
    steps.reverse();
    steps.join("\n  ")
}

fn digest(state: &State, extent: Extent) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.key(extent).hash(&mut hasher);
    hasher.finish()
}

/// Visits every reachable state and checks those at rest; answers how many there are of both.
fn explore(extent: Extent) -> (usize, usize) {
    let start = State::start(extent);
    let mut seen = HashSet::from([digest(&start, extent)]);
    let mut story: Story = vec![(0, None)];
    let mut queue = VecDeque::from([(0, start)]);
    let mut rests = 0;
    while let Some((at, state)) = queue.pop_front() {
        if state.at_rest() {
            rests += 1;
            check(&state, extent, &story, at);
        }
        for (step, next) in state.steps(extent) {
            if seen.insert(digest(&next, extent)) {
                story.push((at, Some(step)));
                queue.push_back((story.len() - 1, next));
            }
        }
    }
    (seen.len(), rests)
}

fn check(state: &State, extent: Extent, story: &Story, at: usize) {
    let serving: Vec<_> = (0..3).filter(|p| state.serves(*p)).collect();
    assert!(
        serving.len() <= 1,
        "{serving:?} serve her at rest:\n  {}",
        tell(story, at)
    );
    // One who waits for her answer before she moves on is served where she was told so last.
    if let (true, Some(place)) = (extent.patience != Patience::Moves, state.told) {
        assert_eq!(
            serving,
            [place],
            "{} told her so last:\n  {}",
            NAMES[place],
            tell(story, at)
        );
    }
}

fn bounds(moves: u8, copies: u8, patience: Patience) {
    let (states, rests) = explore(Extent {
        moves,
        copies,
        patience,
    });
    println!("{states} states, {rests} at rest");
    assert!(states > 1000 && rests > 20);
}

#[test]
fn three_moves_with_one_message_twice() {
    bounds(3, 1, Patience::Waits);
}

#[test]
fn three_moves_of_one_who_gives_up() {
    bounds(3, 0, Patience::GivesUp);
}

#[test]
fn two_moves_of_one_who_does_not_wait_with_two_messages_twice() {
    bounds(2, 2, Patience::Moves);
}

#[test]
#[ignore = "takes minutes: cargo test --release -p mcx --test state_exploration -- --ignored"]
fn four_moves() {
    bounds(4, 0, Patience::Waits);
}

#[test]
#[ignore = "takes minutes"]
fn three_moves_of_one_who_gives_up_with_one_message_twice() {
    bounds(3, 1, Patience::GivesUp);
}

#[test]
#[ignore = "takes minutes"]
fn three_moves_of_one_who_does_not_wait() {
    bounds(3, 0, Patience::Moves);
}
