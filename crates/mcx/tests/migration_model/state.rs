//! The whole: three systems, the network between them, and the user. Every interleaving within the
//! extent's bounds.

use std::sync::Arc;

use mcx::MessageKind;
use mcx::state::VisitorPhase;
use stateright::{Model, Property};

use crate::common::alice;
use crate::extent::{Broken, Extent, Patience};
use crate::letter::{Letter, NAMES};
use crate::node::{Node, serves};
use crate::properties;
use crate::world::{Input, Name, Step, World};

/// The model.
pub struct Migration {
    pub extent: Extent,
    pub world: Arc<World>,
}

/// Something under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Packet {
    /// A request that no outbox holds: for a migration, or a copy of another one.
    Letter(Name),
    /// The answer to a letter.
    Answer(Name, Name),
}

/// What may be spent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Budget {
    pub moves: u8,
    pub losses: u8,
    pub repeats: u8,
    pub crashes: u8,
    pub late_events: u8,
    pub orders: u8,
    pub purges: u8,
}

/// What must never happen in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// A stay was ended by the notification of an older one (L2).
    NewerEnded,
    /// The same letter a second time did something (L3).
    TwiceDiffers,
}

/// A state of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub nodes: [Name; 3],
    pub net: Vec<Packet>,
    pub budget: Budget,
    /// Where her events were, while they may come late.
    pub places: Vec<u8>,
    /// Where her last event was answered 200.
    pub told: Option<usize>,
    /// Where she may be served beside: a later event was durable there, but she was not answered.
    pub unsure: [bool; 3],
    /// Number of the stay that each partner has, whether it was told or not.
    pub stays: [u64; 3],
    pub wrong: Option<Wrong>,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// She authorizes there.
    Comes(usize),
    /// She does, and the system crashes before it answers.
    ComesAndItCrashes(usize),
    /// An event of hers comes once more.
    ComesLate(u8),
    /// A letter from the network.
    Arrives(Name),
    ArrivesTwice(Name),
    /// The first letter of a lane of an outbox.
    IsSent(usize, Name),
    IsSentTwice(usize, Name),
    /// The receiver crashes when it is durable, before it answers.
    IsSentAndItCrashes(usize, Name),
    IsAnswered(Name, Name),
    IsLost(Packet),
    Crashes(usize),
    TimesOut(usize),
    Drops(usize, Name),
    Stops(usize),
    SessionsEnd(usize),
    Purges(usize),
    OperatorDeauthorizes,
}

impl Action {
    /// What a fault, a user or an operator does; all else is what has to happen.
    pub fn is_free(self) -> bool {
        !matches!(
            self,
            Self::Arrives(_)
                | Self::IsSent(..)
                | Self::IsAnswered(..)
                | Self::TimesOut(_)
                | Self::Drops(..)
                | Self::Stops(_)
        )
    }
}

impl Migration {
    pub fn new(extent: Extent) -> Self {
        let world = Arc::new(World::new(&extent));
        Self { extent, world }
    }

    pub fn node(&self, state: &State, place: usize) -> Arc<Node> {
        self.world.node(state.nodes[place])
    }

    pub fn serves(&self, state: &State, place: usize) -> bool {
        serves(place, &self.node(state, place))
    }

    fn phase(&self, state: &State, place: usize) -> Option<VisitorPhase> {
        let node = self.node(state, place);
        node.rows.visitors.get(&alice()).map(|v| v.phase)
    }

    fn waits(&self, state: &State, place: usize) -> bool {
        self.node(state, place).waiting.is_some()
    }

    /// Nothing is under way or owed, and nobody waits.
    pub fn at_rest(&self, state: &State) -> bool {
        state.net.is_empty()
            && (0..3).all(|place| {
                let node = self.node(state, place);
                let stopping = matches!(
                    self.phase(state, place),
                    Some(VisitorPhase::Stopping { .. })
                );
                node.rows.outbox.is_empty() && node.waiting.is_none() && !stopping
            })
    }

    /// Letters that outboxes send: one a lane, while no answer for the lane is under way.
    fn sent(&self, state: &State) -> Vec<(usize, Name)> {
        let answered = state.net.iter().filter_map(|packet| match packet {
            Packet::Answer(letter, _) => Some(self.world.letter(*letter).lane()),
            Packet::Letter(_) => None,
        });
        let answered: Vec<_> = answered.collect();
        let mut sent = Vec::new();
        for place in 0..3 {
            for name in self.world.owes(place, state.nodes[place]).iter() {
                if !answered.contains(&self.world.letter(*name).lane()) {
                    sent.push((place, *name));
                }
            }
        }
        sent
    }

    /// Whether the event that waits at `place` may yet be answered by the primary.
    fn may_be_answered(&self, state: &State, place: usize) -> bool {
        let node = self.node(state, place);
        let Some((_, call_id)) = &node.waiting else {
            return false;
        };
        let asked = state.net.iter().any(|packet| match packet {
            Packet::Letter(name) => self.world.letter(*name).call_id == *call_id,
            Packet::Answer(..) => false,
        });
        let primary = self.node(state, 0);
        asked
            || primary
                .rows
                .outbox
                .values()
                .any(|row| answers(&row.row.notice, call_id))
    }

    fn copy(&self, state: &State, letter: Name) -> bool {
        state.net.contains(&Packet::Letter(letter))
    }

    /// One system's step, and what it means to the user.
    fn step(&self, state: &mut State, place: usize, input: Input) -> Arc<Step> {
        let step = self.world.step(place, state.nodes[place], input);
        state.nodes[place] = step.node;
        if let Some(asks) = step.asks {
            state.net.push(Packet::Letter(asks));
        }
        if step.twice_differs {
            state.wrong = Some(Wrong::TwiceDiffers);
        }
        step
    }

    /// She hears the answers.
    fn hears(&self, state: &mut State, place: usize, told: &[(u8, u16)], crashed: bool) {
        let last = self.extent.moves - state.budget.moves;
        for (n, status) in told {
            match (*status, crashed) {
                (200, false) if *n == last => {
                    state.told = Some(place);
                    state.unsure = [false; 3];
                }
                (200, true) if *n == last => state.unsure[place] = true,
                (200 | 500, _) => {}
                other => panic!("event {n} was answered {other:?}"),
            }
        }
    }

    /// A letter arrives, and its answer is under way.
    fn arrives(&self, state: &mut State, name: Name, crash: bool) {
        let letter = self.world.letter(name);
        let to = letter.to;
        let name = if self.extent.broken == Some(Broken::NumberMade) && deauthorizes(&letter) {
            self.world.renumbered(name, state.nodes[letter.from])
        } else {
            name
        };
        let served = self.serves(state, to);
        let before = state.nodes[to];
        let step = self.step(state, to, Input::Letter(name));
        if deauthorizes(&letter) {
            let ended = served && !self.serves(state, to);
            if ended && letter.number < Some(state.stays[to]) {
                state.wrong = Some(Wrong::NewerEnded);
            }
        }
        if letter.kind == MessageKind::AuthorizationResponse
            && step.told.iter().any(|(_, status)| *status == 200)
        {
            state.stays[to] = letter.number.unwrap();
        }
        if !self.serves(state, to) {
            state.stays[to] = 0;
        }
        self.hears(state, to, &step.told, crash);
        let soon = self.extent.broken == Some(Broken::AnsweredTooSoon);
        if crash && soon {
            state.nodes[to] = before;
        }
        // The answer to a request for a migration says nothing.
        let answer = step.answer.unwrap();
        if letter.kind != MessageKind::AuthorizationRequest && (!crash || soon) {
            state.net.push(Packet::Answer(name, answer));
        }
        if crash {
            self.crashes(state, to);
        }
    }

    /// A process is gone, and with it what it waited for.
    fn crashes(&self, state: &mut State, place: usize) {
        self.step(state, place, Input::Crashes);
        state.net.retain(|packet| match packet {
            Packet::Answer(letter, _) => self.world.letter(*letter).from != place,
            Packet::Letter(_) => true,
        });
    }

    fn take(state: &mut State, packet: Packet) {
        let at = state.net.iter().position(|p| *p == packet).unwrap();
        state.net.remove(at);
    }
}

fn deauthorizes(letter: &Letter) -> bool {
    letter.kind == MessageKind::DeauthorizationNotification
}

fn answers(notice: &mcx::state::Notice, call_id: &str) -> bool {
    matches!(notice, mcx::state::Notice::AuthorizationResponse { in_reply_to, .. } if in_reply_to == call_id)
}

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
