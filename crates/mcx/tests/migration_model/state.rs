//! The whole: three systems, the network between them, and the user; and what a step does to it.

use std::sync::Arc;

use mcx::MessageKind;
use mcx::state::VisitorPhase;

use crate::common::alice;
use crate::extent::{Broken, Extent};
use crate::letter::Letter;
use crate::node::{Node, serves};
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

    pub fn phase(&self, state: &State, place: usize) -> Option<VisitorPhase> {
        let node = self.node(state, place);
        node.rows.visitors.get(&alice()).map(|v| v.phase)
    }

    pub fn waits(&self, state: &State, place: usize) -> bool {
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
    pub fn sent(&self, state: &State) -> Vec<(usize, Name)> {
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
    pub fn may_be_answered(&self, state: &State, place: usize) -> bool {
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

    pub fn copy(&self, state: &State, letter: Name) -> bool {
        state.net.contains(&Packet::Letter(letter))
    }

    /// One system's step, and what it means to the user.
    pub fn step(&self, state: &mut State, place: usize, input: Input) -> Arc<Step> {
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
    pub fn hears(&self, state: &mut State, place: usize, told: &[(u8, u16)], crashed: bool) {
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
    pub fn arrives(&self, state: &mut State, name: Name, crash: bool) {
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
    pub fn crashes(&self, state: &mut State, place: usize) {
        self.step(state, place, Input::Crashes);
        state.net.retain(|packet| match packet {
            Packet::Answer(letter, _) => self.world.letter(*letter).from != place,
            Packet::Letter(_) => true,
        });
    }

    pub fn take(state: &mut State, packet: Packet) {
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
