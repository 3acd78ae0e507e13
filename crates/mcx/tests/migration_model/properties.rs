//! What has to hold.

use mcx::state::StayPhase;
use stateright::{Model, Property};

use crate::action::Action;
use crate::common::alice;
use crate::extent::Patience;
use crate::letter::NAMES;
use crate::state::{Migration, State, Wrong};

/// L2, in every step.
pub const ORDER: &str = "no newer stay is ended by an older notification";
/// L3, in every step.
pub const ONCE: &str = "a letter that comes twice does what it does once";
/// L4.
pub const REST: &str = "what is not at rest goes on";
/// P1, P2.
pub const ONE: &str = "at rest one system serves her, where she was told so last";
/// P1.4.
pub const BOOKS: &str = "at rest the primary can reach whoever serves her";
/// The model is about something: each system serves her at rest in some story.
pub const SERVED: [&str; 3] = ["A serves at rest", "B serves at rest", "C serves at rest"];

pub fn all() -> Vec<Property<Migration>> {
    vec![
        Property::always(ORDER, |_, state: &State| {
            state.wrong != Some(Wrong::NewerEnded)
        }),
        Property::always(ONCE, |_, state: &State| {
            state.wrong != Some(Wrong::TwiceDiffers)
        }),
        Property::always(REST, goes_on),
        Property::always(ONE, one_serves),
        Property::always(BOOKS, books_agree),
        Property::sometimes(SERVED[0], |model, state| rests_at(model, state, 0)),
        Property::sometimes(SERVED[1], |model, state| rests_at(model, state, 1)),
        Property::sometimes(SERVED[2], |model, state| rests_at(model, state, 2)),
    ]
}

fn rests_at(model: &Migration, state: &State, place: usize) -> bool {
    model.at_rest(state) && model.serves(state, place)
}

fn goes_on(model: &Migration, state: &State) -> bool {
    let mut actions: Vec<Action> = Vec::new();
    model.actions(state, &mut actions);
    state.wrong.is_some() || model.at_rest(state) || actions.iter().any(|a| !a.is_free())
}

fn one_serves(model: &Migration, state: &State) -> bool {
    if !model.at_rest(state) {
        return true;
    }
    let serving: Vec<_> = (0..3).filter(|place| model.serves(state, *place)).collect();
    // An operator took the service from her, or she does not know what she was told last.
    let ordered = state.budget.orders < model.extent.orders;
    let unsure = model.extent.patience == Patience::Moves;
    match serving[..] {
        [] => ordered || state.told.is_none(),
        [place] => ordered || unsure || state.told == Some(place) || state.unsure[place],
        _ => false,
    }
}

/// The stay under which a partner serves is open in the primary's books, so that her next move ends it.
fn books_agree(model: &Migration, state: &State) -> bool {
    if !model.at_rest(state) {
        return true;
    }
    let home = model
        .node(state, 0)
        .rows
        .homes
        .get(&alice())
        .cloned()
        .unwrap_or_default();
    (1..3)
        .filter(|place| model.serves(state, *place))
        .all(|place| {
            let stay = home
                .stays
                .iter()
                .find(|s| s.system.as_str().starts_with(NAMES[place]));
            stay.is_some_and(|s| s.phase == StayPhase::Open)
        })
}
