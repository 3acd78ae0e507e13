//! A simulated network of bare endpoints with a small transaction user on each: no MC service, INVITE and all.
//!
//! Over UDP messages are lost, come twice, late and out of order; over TCP they come once and in order, or the transport
//! fails: at once when nobody is there, or in the middle, with what is under way, and not always heard of at both ends. Nodes
//! lose each other for a while, restart without memory, and are not given the processor for seconds: then their clock has
//! made a step. A calendar clock that is set does nothing here: an endpoint knows no other time than the monotonic one that
//! it is handed.
//!
//! What each user saw is written down in his `Call`s and `Serving`s; `claims` holds it against the RFC.

mod claims;
mod user;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{Limits, Message, Method};
use sip_transaction::{ClientId, Config, Endpoint, Event, Path, ServerId, Timers, Transport};

pub use self::claims::Totals;
use self::user::{Call, Serving, Todo};
use super::{Dice, Weather};

const SECOND: u64 = 1_000_000;
/// Longest time that a node is not given the processor.
const STALL: u64 = 8 * SECOND;

/// What may happen.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What becomes of a datagram.
    pub weather: Weather,
    /// How many nodes there are.
    pub nodes: usize,
    /// How many requests are sent.
    pub requests: usize,
    /// Requests of a thousand that go over TCP.
    pub tcp: u64,
    /// Times that two nodes lose each other for a while.
    pub cuts: usize,
    /// Times that a connection breaks: what is under way on it is lost.
    pub breaks: usize,
    /// Restarts of nodes.
    pub restarts: usize,
    /// Times that a node is not given the processor for a while.
    pub stalls: usize,
    /// Values of all endpoints.
    pub config: Config,
}

impl Scene {
    /// Nothing goes wrong.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            weather: Weather::CALM,
            nodes: 2,
            requests: 8,
            tcp: 300,
            cuts: 0,
            breaks: 0,
            restarts: 0,
            stalls: 0,
            config: Config {
                timer_c: Duration::from_secs(60),
                ..Config::default()
            },
        }
    }

    /// Any of what may go wrong.
    pub fn any(dice: &mut Dice) -> Self {
        let mut scene = Self::calm();
        scene.weather = Weather {
            loss: dice.pick(&[0, 50, 200, 500]),
            duplication: dice.pick(&[0, 100, 300]),
            ..Weather::ROUGH
        };
        scene.nodes = dice.pick(&[2, 2, 3]);
        scene.tcp = dice.pick(&[0, 300, 1000]);
        scene.cuts = dice.pick(&[0, 0, 1, 2]);
        scene.breaks = dice.pick(&[0, 0, 1, 4]);
        scene.restarts = dice.pick(&[0, 0, 1, 2]);
        scene.stalls = dice.pick(&[0, 0, 0, 1]);
        if dice.chance(250) {
            scene.config.timers = Timers {
                t1: Duration::from_millis(100),
                t2: Duration::from_millis(800),
                ..Timers::default()
            };
        }
        scene
    }
}

/// A node: an endpoint and what its user wrote down.
struct Node {
    endpoint: Endpoint,
    up: bool,
    /// Counts its starts.
    epoch: u64,
    /// When it is woken.
    wake: Option<u64>,
    /// Until when it is not given the processor.
    busy: u64,
    /// Whether it ever was not: its timers were late.
    stalled: bool,
    calls: BTreeMap<ClientId, Call>,
    serving: BTreeMap<ServerId, Serving>,
    /// Clients of requests by branch.
    sent: HashMap<Vec<u8>, ClientId>,
    /// Servers of requests by branch, the last one of each.
    came: HashMap<Vec<u8>, ServerId>,
    /// Branches that were refused as merged.
    merged: HashSet<Vec<u8>>,
    /// When each Call-ID was handed up last.
    heard: HashMap<Vec<u8>, u64>,
}

enum What {
    Arrive(usize, usize, Transport, Bytes),
    Wake(usize, u64),
    Begin(usize),
    Do(usize, u64, Todo),
    Broken(usize, u64, Path),
    Break(usize, usize),
    Stall(usize, u64),
    Down(usize),
    Up(usize),
}

/// The network.
pub struct Net {
    scene: Scene,
    dice: Dice,
    start: Instant,
    now: u64,
    calendar: BTreeMap<(u64, u64), What>,
    order: u64,
    nodes: Vec<Node>,
    /// Who does not reach whom, from when until when.
    cuts: Vec<(usize, usize, u64, u64)>,
    /// When the last message on each connection arrives.
    streams: HashMap<(usize, usize), u64>,
    /// When the request with each branch was sent first.
    begun: HashMap<Vec<u8>, u64>,
    requests: u64,
    tell: bool,
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(node + 1).expect("few nodes")], 5060))
}

fn node_at(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(v4) => usize::from(v4.ip().octets()[3]) - 1,
        SocketAddr::V6(_) => panic!("nobody is at {address}"),
    }
}

/// The branch in the top Via.
fn branch_of(bytes: &[u8]) -> Vec<u8> {
    let name = b"branch=";
    let at = bytes.windows(name.len()).position(|window| window == name);
    let value = &bytes[at.expect("a branch") + name.len()..];
    let end = value.iter().position(|byte| matches!(byte, b';' | b'\r'));
    value[..end.unwrap_or(value.len())].to_vec()
}

impl Net {
    /// A network in which everything that is left to chance comes from `seed`.
    #[must_use]
    pub fn new(seed: u64, scene: impl FnOnce(&mut Dice) -> Scene) -> Self {
        let mut dice = Dice::new(seed);
        let scene = scene(&mut dice);
        let mut net = Self {
            nodes: Vec::new(),
            dice,
            start: Instant::now(),
            now: 0,
            calendar: BTreeMap::new(),
            order: 0,
            cuts: Vec::new(),
            streams: HashMap::new(),
            begun: HashMap::new(),
            requests: 0,
            tell: std::env::var_os("SIM_SEED").is_some(),
            scene,
        };
        for _ in 0..net.scene.nodes {
            let node = net.fresh();
            net.nodes.push(node);
        }
        net.plan_all();
        net
    }

    fn fresh(&mut self) -> Node {
        Node {
            endpoint: Endpoint::new(self.scene.config.clone(), self.dice.seed()),
            up: true,
            epoch: 0,
            wake: None,
            busy: 0,
            stalled: false,
            calls: BTreeMap::new(),
            serving: BTreeMap::new(),
            sent: HashMap::new(),
            came: HashMap::new(),
            merged: HashSet::new(),
            heard: HashMap::new(),
        }
    }

    fn plan_all(&mut self) {
        for _ in 0..self.scene.requests {
            let (at, node) = (self.dice.between(0, 60 * SECOND), self.any_node());
            self.plan(at, What::Begin(node));
        }
        for _ in 0..self.scene.cuts {
            let (one, from) = (self.any_node(), self.dice.between(0, 60 * SECOND));
            let until = from + self.dice.between(SECOND, 40 * SECOND);
            let other = self.other_than(one);
            self.cuts.push((one, other, from, until));
        }
        for _ in 0..self.scene.breaks {
            let (at, one) = (self.dice.between(0, 90 * SECOND), self.any_node());
            let other = self.other_than(one);
            self.plan(at, What::Break(one, other));
        }
        for _ in 0..self.scene.restarts {
            let (at, node) = (self.dice.between(0, 90 * SECOND), self.any_node());
            self.plan(at, What::Down(node));
        }
        for _ in 0..self.scene.stalls {
            let (at, node) = (self.dice.between(0, 90 * SECOND), self.any_node());
            let length = self.dice.between(SECOND, STALL);
            self.plan(at, What::Stall(node, length));
        }
    }

    fn any_node(&mut self) -> usize {
        let last = u64::try_from(self.scene.nodes - 1).unwrap_or_default();
        usize::try_from(self.dice.between(0, last)).unwrap_or_default()
    }

    fn other_than(&mut self, one: usize) -> usize {
        loop {
            let other = self.any_node();
            if other != one {
                return other;
            }
        }
    }

    fn plan(&mut self, at: u64, what: What) {
        self.order += 1;
        self.calendar.insert((at, self.order), what);
    }

    fn note(&self, text: impl FnOnce() -> String) {
        if self.tell {
            println!("{:>10.3} ms  {}", self.millis(), text());
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn millis(&self) -> f64 {
        self.now as f64 / 1000.0
    }

    fn instant(&self) -> Instant {
        self.start + Duration::from_micros(self.now)
    }

    /// Runs until nothing is left to happen.
    pub fn run(&mut self) {
        while let Some(((at, _), what)) = self.calendar.pop_first() {
            self.now = at;
            assert!(at < 3_600 * SECOND, "not quiet after an hour");
            self.happen(what);
        }
    }

    fn happen(&mut self, what: What) {
        let who = match &what {
            What::Arrive(_, node, ..) | What::Wake(node, _) | What::Do(node, ..) => *node,
            What::Begin(node) | What::Broken(node, ..) | What::Stall(node, _) => *node,
            What::Down(node) | What::Up(node) | What::Break(node, _) => *node,
        };
        let busy = self.nodes[who].busy;
        if busy > self.now && !matches!(what, What::Down(_) | What::Up(_) | What::Break(..)) {
            return self.plan(busy, what);
        }
        match what {
            What::Arrive(from, to, transport, bytes) => self.arrive(from, to, transport, bytes),
            What::Wake(who, epoch) if self.runs(who, epoch) => {
                self.nodes[who].wake = None;
                self.fire(who);
            }
            What::Begin(who) if self.nodes[who].up => {
                self.fire(who);
                self.begin(who);
            }
            What::Do(who, epoch, todo) if self.runs(who, epoch) => {
                self.fire(who);
                self.carry_out(who, todo);
                self.settle(who, false);
            }
            What::Broken(who, epoch, path) if self.runs(who, epoch) => {
                self.fire(who);
                let now = self.instant();
                self.note(|| format!("{who}: transport failure towards {}", path.peer));
                self.nodes[who].endpoint.handle_transport_error(now, path);
                self.settle(who, false);
                self.nothing_waits_on(who, path);
            }
            What::Break(one, other) => self.break_connection(one, other),
            What::Stall(who, length) if self.nodes[who].up => {
                self.note(|| format!("{who}: stalls for {length} us"));
                self.nodes[who].busy = self.now + length;
                self.nodes[who].stalled = true;
            }
            What::Down(who) if self.nodes[who].up => {
                self.note(|| format!("{who}: down"));
                self.nodes[who].up = false;
                self.lose_unread(who);
                let at = self.now + self.dice.between(0, 5 * SECOND);
                self.plan(at, What::Up(who));
            }
            What::Up(who) => {
                self.note(|| format!("{who}: up"));
                let epoch = self.nodes[who].epoch + 1;
                self.nodes[who] = Node {
                    epoch,
                    ..self.fresh()
                };
            }
            // It is down, or has forgotten.
            _ => {}
        }
    }

    /// What came to a node that was not given the processor, and was not read yet, is gone with it.
    fn lose_unread(&mut self, who: usize) {
        let busy = self.nodes[who].busy;
        self.calendar.retain(
            |(at, _), what| !matches!(what, What::Arrive(_, to, ..) if *to == who && *at == busy),
        );
    }

    /// What is under way between them on a connection is lost. One end hears of it, or both.
    fn break_connection(&mut self, one: usize, other: usize) {
        self.note(|| format!("the connection of {one} and {other} breaks"));
        self.calendar.retain(|_, what| match what {
            What::Arrive(from, to, Transport::Tcp, _) => {
                ![(one, other), (other, one)].contains(&(*from, *to))
            }
            _ => true,
        });
        let both = self.dice.chance(500);
        for (who, peer) in [(one, other), (other, one)] {
            if who == one || both {
                let path = Path {
                    local: address(who),
                    peer: address(peer),
                    transport: Transport::Tcp,
                };
                let epoch = self.nodes[who].epoch;
                self.plan(self.now + 1_000, What::Broken(who, epoch, path));
            }
        }
    }

    fn runs(&self, who: usize, epoch: u64) -> bool {
        self.nodes[who].up && self.nodes[who].epoch == epoch
    }

    /// What is due on a node comes before anything else at the same time.
    fn fire(&mut self, who: usize) {
        let now = self.instant();
        self.nodes[who].endpoint.handle_timeout(now);
        self.settle(who, true);
    }

    fn arrive(&mut self, from: usize, to: usize, transport: Transport, bytes: Bytes) {
        if !self.nodes[to].up {
            return;
        }
        self.fire(to);
        if bytes.starts_with(b"ACK ") {
            self.acknowledged(to, &branch_of(&bytes));
        }
        let path = Path {
            local: address(to),
            peer: address(from),
            transport,
        };
        let message = Message::parse_datagram(bytes, &Limits::default());
        let message = message.expect("a message of an endpoint");
        let now = self.instant();
        self.nodes[to].endpoint.handle_message(now, path, message);
        self.settle(to, false);
    }

    fn cut(&self, one: usize, other: usize) -> bool {
        let now = self.now;
        self.cuts.iter().any(|(a, b, from, until)| {
            ((*a, *b) == (one, other) || (*b, *a) == (one, other)) && (*from..*until).contains(&now)
        })
    }

    /// Sends what the endpoint wants to be sent, tells the user what happened, and sees to the next timer.
    fn settle(&mut self, who: usize, by_timer: bool) {
        loop {
            if let Some(transmit) = self.nodes[who].endpoint.poll_transmit() {
                self.wrote(who, &transmit, by_timer);
                self.carry(who, transmit.path, transmit.bytes);
            } else if let Some(event) = self.nodes[who].endpoint.poll_event() {
                self.tell_user(who, event);
            } else {
                break;
            }
        }
        let node = &mut self.nodes[who];
        let due = node.endpoint.poll_timeout().map(|at| {
            let after = at.saturating_duration_since(self.start);
            u64::try_from(after.as_micros()).unwrap_or(u64::MAX)
        });
        if let Some(due) = due
            && node.wake.is_none_or(|wake| due < wake)
        {
            node.wake = Some(due);
            let epoch = node.epoch;
            self.plan(due.max(self.now), What::Wake(who, epoch));
        }
    }

    fn carry(&mut self, from: usize, path: Path, bytes: Bytes) {
        let to = node_at(path.peer);
        let cut = self.cut(from, to);
        self.note(|| {
            let line = bytes
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default();
            let line = String::from_utf8_lossy(line).into_owned();
            let branch = String::from_utf8_lossy(&branch_of(&bytes)).into_owned();
            let lost = if cut { " (cut)" } else { "" };
            format!("{from} -> {to} {} {line} {branch}{lost}", path.transport)
        });
        if path.transport.is_reliable() {
            if cut || !self.nodes[to].up {
                let epoch = self.nodes[from].epoch;
                return self.plan(self.now + 1_000, What::Broken(from, epoch, path));
            }
            let delay = self.dice.between(1_000, self.scene.weather.delay_max);
            let last = self.streams.entry((from, to)).or_default();
            *last = (*last + 1).max(self.now + delay);
            let at = *last;
            return self.plan(at, What::Arrive(from, to, path.transport, bytes));
        }
        if !cut {
            for delay in self.scene.weather.delays(&mut self.dice) {
                let what = What::Arrive(from, to, path.transport, bytes.clone());
                self.plan(self.now + delay, what);
            }
        }
    }

    /// A user sends a request, and sometimes the same one on a second way, as a proxy that forks would.
    fn begin(&mut self, who: usize) {
        let to = self.other_than(who);
        let method = self
            .dice
            .pick(&[Method::Invite, Method::Message].map(user::name));
        let tcp = self.dice.chance(self.scene.tcp);
        let path = Path {
            local: address(who),
            peer: address(to),
            transport: if tcp { Transport::Tcp } else { Transport::Udp },
        };
        self.requests += 1;
        let request = user::request(method, self.requests);
        let ways = if self.dice.chance(100) { 2 } else { 1 };
        for _ in 0..ways {
            let now = self.instant();
            let sent = self.nodes[who].endpoint.request(now, path, &request);
            let client = sent.expect("there are few");
            let call = Call::new(method, &request, self.now, path);
            self.nodes[who].calls.insert(client, call);
            // The branch is known when it goes out.
            let transmit = self.nodes[who].endpoint.poll_transmit();
            let transmit = transmit.expect("it goes out at once");
            let branch = branch_of(&transmit.bytes);
            self.begun.insert(branch.clone(), self.now);
            self.nodes[who].sent.insert(branch, client);
            self.carry(who, transmit.path, transmit.bytes);
            if self.dice.chance(250) {
                let wait = self.dice.between(0, 20 * SECOND);
                let epoch = self.nodes[who].epoch;
                self.plan(self.now + wait, What::Do(who, epoch, Todo::Cancel(client)));
            }
        }
        self.settle(who, false);
    }

    fn tell_user(&mut self, who: usize, event: Event) {
        self.note(|| format!("{who}: {}", user::describe(&event)));
        self.hear(who, event);
    }
}
