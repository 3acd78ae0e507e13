//! Runs the checker, and tells what it found.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use stateright::{Checker as _, DiscoveryClassification, HasDiscoveries, Model as _, Path};

use crate::action::Action;
use crate::extent::Extent;
use crate::state::{Migration, State};

/// All properties hold in every story.
pub fn holds(name: &str, extent: Extent) {
    let begun = Instant::now();
    let model = Migration::new(extent);
    let (world, properties) = (Arc::clone(&model.world), model.properties());
    let builder = model.checker().threads(2);
    let checker = builder
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{name}: {} states, {} transitions, {} steps of single systems, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        world.steps(),
        begun.elapsed().as_secs_f64()
    );
    for property in properties {
        let found = checker.discovery(property.name);
        match checker.discovery_classification(property.name) {
            DiscoveryClassification::Example => {
                assert!(found.is_some(), "never: {}", property.name)
            }
            DiscoveryClassification::Counterexample => {
                let told = found.map(|path| tell(checker.model(), path));
                assert_eq!(told, None, "{name}: not so: {}", property.name);
            }
        }
    }
}

/// The checker finds a story in which `property` does not hold.
pub fn fails(name: &str, extent: Extent, property: &'static str) {
    let builder = Migration::new(extent).checker().threads(2);
    let finish = HasDiscoveries::AnyOf([property].into());
    let checker = builder.finish_when(finish).spawn_bfs().join();
    let path = checker.discovery(property);
    let path = path.unwrap_or_else(|| panic!("{name}: nothing found against: {property}"));
    println!("{name}: not so: {property}:{}", tell(checker.model(), path));
}

/// What has to happen comes to an end, in whatever order it happens: there is no circle.
pub fn ends(name: &str, extent: Extent) {
    let model = Migration::new(extent);
    let mut names: HashMap<State, usize> = HashMap::new();
    let mut todo = model.init_states();
    names.extend(todo.iter().cloned().map(|state| (state, 0)));
    // For each state, from which states it follows by what has to happen; and how many follow from it.
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut after = vec![0];
    while let Some(state) = todo.pop() {
        let here = names[&state];
        let mut actions: Vec<Action> = Vec::new();
        model.actions(&state, &mut actions);
        for action in actions {
            let Some(next) = model.next_state(&state, action) else {
                continue;
            };
            let new = names.len();
            let there = *names.entry(next.clone()).or_insert(new);
            if there == new {
                before.push(Vec::new());
                after.push(0);
                todo.push(next);
            }
            if !action.is_free() {
                before[there].push(here);
                after[here] += 1;
            }
        }
    }
    // Those from which nothing follows are taken away, again and again.
    let mut last: Vec<_> = (0..after.len())
        .filter(|state| after[*state] == 0)
        .collect();
    let mut taken = 0;
    while let Some(state) = last.pop() {
        taken += 1;
        for earlier in &before[state] {
            after[*earlier] -= 1;
            if after[*earlier] == 0 {
                last.push(*earlier);
            }
        }
    }
    println!("{name}: {} states, none on a circle", names.len());
    assert_eq!(taken, names.len(), "{name}: states on or before a circle");
}

fn tell(model: &Migration, path: Path<State, Action>) -> String {
    let actions = path.into_actions().into_iter();
    actions
        .map(|action| format!("\n  {}", model.format_action(&action)))
        .collect()
}
