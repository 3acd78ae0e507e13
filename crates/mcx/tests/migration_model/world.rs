//! All values that nodes, letters and answers ever had, by number, and every step of a node that
//! was ever computed.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use mcx::{MessageKind, Order};

use crate::common::alice;
use crate::extent::{Broken, Extent};
use crate::letter::Letter;
use crate::node::{Answer, Done, Node, Servers};
use crate::user::Event;

/// Names a value for as long as the world lasts.
pub type Name = u32;

/// What happens at one system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Number of the event, and which copy of it.
    Event(u8, u8),
    Letter(Name),
    /// Answer to a letter.
    Answer(Name, Name),
    TimesOut,
    Drops(Name),
    Stops,
    Purges,
    SessionsEnd,
    Deauthorizes,
    Crashes,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub node: Name,
    pub told: Vec<(u8, u16)>,
    pub answer: Option<Name>,
    pub asks: Option<Name>,
    /// Whether the same letter once more would have changed something, or been answered otherwise.
    pub twice_differs: bool,
}

/// Values by number.
struct Names<T> {
    by_key: HashMap<String, Name>,
    values: Vec<Arc<T>>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        let (by_key, values) = (HashMap::new(), Vec::new());
        Self { by_key, values }
    }
}

impl<T> Names<T> {
    fn name(&mut self, key: String, value: T) -> Name {
        let next = Name::try_from(self.values.len()).unwrap();
        let name = *self.by_key.entry(key).or_insert(next);
        if name == next {
            self.values.push(Arc::new(value));
        }
        name
    }

    fn get(&self, name: Name) -> Arc<T> {
        Arc::clone(&self.values[name as usize])
    }
}

#[derive(Default)]
struct Known {
    nodes: Names<Node>,
    letters: Names<Letter>,
    answers: Names<Answer>,
    steps: HashMap<(usize, Name, Input), Arc<Step>>,
    owes: HashMap<(usize, Name), Arc<Vec<Name>>>,
}

/// The three systems, and what is known of them.
pub struct World {
    extent: Extent,
    servers: Servers,
    known: Mutex<Known>,
}

impl World {
    pub fn new(extent: &Extent) -> Self {
        Self {
            extent: extent.clone(),
            servers: Servers::new(extent.grace),
            known: Mutex::default(),
        }
    }

    pub fn start(&self) -> Name {
        self.name_node(Node::new())
    }

    pub fn node(&self, name: Name) -> Arc<Node> {
        self.known.lock().unwrap().nodes.get(name)
    }

    pub fn letter(&self, name: Name) -> Arc<Letter> {
        self.known.lock().unwrap().letters.get(name)
    }

    /// How many steps of single systems were computed.
    pub fn steps(&self) -> usize {
        self.known.lock().unwrap().steps.len()
    }

    fn name_node(&self, node: Node) -> Name {
        self.known.lock().unwrap().nodes.name(node.key(), node)
    }

    fn name_letter(&self, letter: Letter) -> Name {
        self.known
            .lock()
            .unwrap()
            .letters
            .name(letter.key(), letter)
    }

    /// What a node sends for what it owes, one letter a lane.
    pub fn owes(&self, place: usize, name: Name) -> Arc<Vec<Name>> {
        if let Some(owes) = self.known.lock().unwrap().owes.get(&(place, name)) {
            return Arc::clone(owes);
        }
        let letters = self.servers.owes(place, &self.node(name));
        let letters: Vec<_> = letters.into_iter().map(|l| self.name_letter(l)).collect();
        let mut known = self.known.lock().unwrap();
        Arc::clone(known.owes.entry((place, name)).or_insert(Arc::new(letters)))
    }

    /// One step of one system.
    pub fn step(&self, place: usize, name: Name, input: Input) -> Arc<Step> {
        if let Some(step) = self.known.lock().unwrap().steps.get(&(place, name, input)) {
            return Arc::clone(step);
        }
        let node = self.node(name);
        let done = self.done(place, &node, input);
        let mut twice_differs = false;
        if let Input::Letter(letter) = input {
            // A request whose procedure is not named cannot be told from another one.
            let letter = self.letter(letter);
            let told_apart =
                letter.kind != MessageKind::AuthorizationRequest || !self.mute(&letter);
            let again = self.done(place, &done.node, input);
            twice_differs = told_apart
                && (again.node.key() != done.node.key()
                    || again.answer.as_ref().map(|a| a.status) != Some(200)
                        && again.answer != done.answer
                    || !again.told.is_empty());
        }
        let answer = done.answer.map(|answer| {
            let key = format!("{answer:?}");
            self.known.lock().unwrap().answers.name(key, answer)
        });
        let step = Step {
            node: self.name_node(done.node),
            told: done.told,
            answer,
            asks: done.asks.map(|letter| self.name_letter(letter)),
            twice_differs,
        };
        let mut known = self.known.lock().unwrap();
        let steps = known.steps.entry((place, name, input));
        Arc::clone(steps.or_insert(Arc::new(step)))
    }

    fn done(&self, place: usize, node: &Node, input: Input) -> Done {
        let servers = &self.servers;
        match input {
            Input::Event(n, copy) => {
                let event = Event::new((n, copy), place, self.extent.client);
                servers.event(place, node, &event)
            }
            Input::Letter(name) => self.arrives(place, node, &self.letter(name)),
            Input::Answer(letter, answer) => {
                let letter = self.letter(letter);
                let answer = self.known.lock().unwrap().answers.get(answer);
                servers.answered(place, node, &letter, &answer)
            }
            Input::TimesOut => servers.times_out(place, node),
            Input::Drops(letter) => servers.drops(place, node, &self.letter(letter)),
            Input::Stops => servers.passes(place, node, false),
            Input::Purges => servers.passes(place, node, true),
            Input::SessionsEnd => {
                servers.order(place, node, &Order::SessionsEnded { key: alice() })
            }
            Input::Deauthorizes => servers.order(place, node, &Order::Deauthorize { key: alice() }),
            Input::Crashes => Done {
                node: self.restarted(node),
                told: Vec::new(),
                answer: None,
                asks: None,
            },
        }
    }

    fn mute(&self, letter: &Letter) -> bool {
        let mute = self.extent.mute;
        mute.contains(&letter.from) || mute.contains(&letter.to)
    }

    fn arrives(&self, place: usize, node: &Node, letter: &Letter) -> Done {
        let deauthorizes = letter.kind == MessageKind::DeauthorizationNotification;
        let unread = deauthorizes && self.extent.broken == Some(Broken::NumberUnread);
        self.servers
            .letter(place, node, letter, unread || self.mute(letter))
    }

    fn restarted(&self, node: &Node) -> Node {
        let mut node = node.restarted();
        match self.extent.broken {
            Some(Broken::CounterForgotten) => {
                for home in node.rows.homes.values_mut() {
                    (home.counter, home.ended) = (0, 0);
                }
            }
            Some(Broken::OutboxForgotten) => node.rows.outbox.clear(),
            _ => {}
        }
        node
    }

    /// A letter as the sender would write it who takes the number when he sends it.
    pub fn renumbered(&self, letter: Name, sender: Name) -> Name {
        let letter = self.letter(letter);
        let homes = &self.node(sender).rows.homes;
        let counter = homes.get(&alice()).map_or(0, |h| h.counter);
        self.name_letter(letter.numbered(counter))
    }
}
