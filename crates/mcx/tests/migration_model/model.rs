//! Every interleaving within the extent's bounds: what may happen in a state, and which state follows.

use mcx::MessageKind;
use mcx::state::VisitorPhase;
use stateright::{Model, Property};

use crate::action::Action;
use crate::extent::Patience;
use crate::letter::NAMES;
use crate::properties;
use crate::state::{Budget, Migration, Packet, State};
use crate::world::{Input, Name};

impl Model for Migration {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let extent = &self.extent;
        vec![State {
            nodes: [self.world.start(); 3],
            net: Vec::new(),
            budget: Budget {
                moves: extent.moves,
                losses: extent.losses,
                repeats: extent.repeats,
                crashes: extent.crashes,
                late_events: extent.late_events,
                orders: extent.orders,
                purges: extent.purges,
            },
            places: Vec::new(),
            told: None,
            unsure: [false; 3],
            stays: [0; 3],
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.wrong.is_some() {
            return;
        }
        let (extent, budget) = (&self.extent, &state.budget);
        // What has to happen.
        for packet in &state.net {
            match *packet {
                Packet::Letter(name) => actions.push(Action::Arrives(name)),
                Packet::Answer(letter, answer) => actions.push(Action::IsAnswered(letter, answer)),
            }
        }
        let sent = self.sent(state);
        for (from, name) in &sent {
            actions.push(Action::IsSent(*from, *name));
            let letter = self.world.letter(*name);
            let waits = self
                .node(state, letter.to)
                .waiting
                .as_ref()
                .map(|(_, c)| c.clone());
            if letter.in_reply_to.is_some() && letter.in_reply_to != waits {
                actions.push(Action::Drops(*from, *name));
            }
        }
        for place in 1..3 {
            let patient = extent.patience == Patience::Waits;
            if self.waits(state, place) && !(patient && self.may_be_answered(state, place)) {
                actions.push(Action::TimesOut(place));
            }
            match self.phase(state, place) {
                Some(VisitorPhase::Stopping { .. }) => {
                    actions.extend([Action::Stops(place), Action::SessionsEnd(place)]);
                }
                Some(VisitorPhase::WasMigrated { .. }) if budget.purges > 0 => {
                    actions.push(Action::Purges(place));
                }
                _ => {}
            }
        }
        // What the user and her operator do.
        let waits = (0..3).any(|place| self.waits(state, place));
        if budget.moves > 0 && (extent.patience == Patience::Moves || !waits) {
            for place in 0..3 {
                actions.push(Action::Comes(place));
                if budget.crashes > 0 {
                    actions.push(Action::ComesAndItCrashes(place));
                }
            }
        }
        if budget.orders > 0 {
            actions.push(Action::OperatorDeauthorizes);
        }
        // What should not happen.
        if budget.late_events > 0 {
            for n in 1..=state.places.len() {
                // A system knows the newest event of a user, and no older one.
                if !state.places[n..].contains(&state.places[n - 1]) {
                    actions.push(Action::ComesLate(u8::try_from(n).unwrap()));
                }
            }
        }
        if budget.losses > 0 {
            actions.extend(state.net.iter().map(|packet| Action::IsLost(*packet)));
        }
        if budget.repeats > 0 {
            for packet in &state.net {
                if let Packet::Letter(name) = *packet {
                    actions.push(Action::ArrivesTwice(name));
                }
            }
            for (from, name) in &sent {
                if !self.copy(state, *name) {
                    actions.push(Action::IsSentTwice(*from, *name));
                }
            }
        }
        if budget.crashes > 0 {
            for (from, name) in sent {
                actions.push(Action::IsSentAndItCrashes(from, name));
            }
            actions.extend((0..3).map(Action::Crashes));
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let s = &mut state;
        match action {
            Action::Comes(place) | Action::ComesAndItCrashes(place) => {
                s.budget.moves -= 1;
                let n = self.extent.moves - s.budget.moves;
                if self.extent.late_events > 0 {
                    s.places.push(u8::try_from(place).unwrap());
                }
                let crash = matches!(action, Action::ComesAndItCrashes(_));
                let step = self.step(s, place, Input::Event(n, 0));
                self.hears(s, place, &step.told, crash);
                if crash {
                    s.budget.crashes -= 1;
                    self.crashes(s, place);
                }
            }
            Action::ComesLate(n) => {
                let copy = s.budget.late_events;
                s.budget.late_events -= 1;
                let place = usize::from(s.places[usize::from(n) - 1]);
                let step = self.step(s, place, Input::Event(n, copy));
                self.hears(s, place, &step.told, false);
            }
            Action::Arrives(name) => {
                Self::take(s, Packet::Letter(name));
                let letter = self.world.letter(name);
                self.arrives(s, name, false);
                // The answer to a copy finds nobody.
                if letter.kind != MessageKind::AuthorizationRequest {
                    s.net.pop();
                }
            }
            Action::ArrivesTwice(name) => {
                s.budget.repeats -= 1;
                self.arrives(s, name, false);
                if self.world.letter(name).kind != MessageKind::AuthorizationRequest {
                    s.net.pop();
                }
            }
            Action::IsSent(_, name) => self.arrives(s, name, false),
            Action::IsSentTwice(_, name) => {
                s.budget.repeats -= 1;
                self.arrives(s, name, false);
                s.net.push(Packet::Letter(name));
            }
            Action::IsSentAndItCrashes(_, name) => {
                s.budget.crashes -= 1;
                self.arrives(s, name, true);
            }
            Action::IsAnswered(letter, answer) => {
                Self::take(s, Packet::Answer(letter, answer));
                let from = self.world.letter(letter).from;
                self.step(s, from, Input::Answer(letter, answer));
            }
            Action::IsLost(packet) => {
                s.budget.losses -= 1;
                Self::take(s, packet);
            }
            Action::Crashes(place) => {
                s.budget.crashes -= 1;
                self.crashes(s, place);
            }
            Action::TimesOut(place) => {
                let step = self.step(s, place, Input::TimesOut);
                assert!(step.told.iter().all(|(_, status)| *status == 500));
            }
            Action::Drops(from, name) => {
                self.step(s, from, Input::Drops(name));
            }
            Action::Stops(place) => {
                self.step(s, place, Input::Stops);
            }
            Action::SessionsEnd(place) => {
                self.step(s, place, Input::SessionsEnd);
            }
            Action::Purges(place) => {
                s.budget.purges -= 1;
                self.step(s, place, Input::Purges);
            }
            Action::OperatorDeauthorizes => {
                s.budget.orders -= 1;
                self.step(s, 0, Input::Deauthorizes);
            }
        }
        s.net.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    fn format_action(&self, action: &Action) -> String {
        let letter = |name: &Name| {
            let l = self.world.letter(*name);
            format!(
                "{} {:?} from {} to {}",
                l.kind, l.number, NAMES[l.from], NAMES[l.to]
            )
        };
        match action {
            Action::Arrives(name)
            | Action::ArrivesTwice(name)
            | Action::IsSent(_, name)
            | Action::IsSentTwice(_, name)
            | Action::IsSentAndItCrashes(_, name)
            | Action::Drops(_, name)
            | Action::IsAnswered(name, _)
            | Action::IsLost(Packet::Letter(name) | Packet::Answer(name, _)) => {
                format!("{action:?}: {}", letter(name))
            }
            other => format!("{other:?}"),
        }
    }
}
