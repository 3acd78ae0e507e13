//! The systems, the wire between them, and the time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcx::state::{Home, StayPhase, UserKey, Visitor, VisitorPhase};
use mcx::{Decision, Now, Service, Timestamp};
use sip_transaction::ClientId;

use crate::leak::Inside;

use super::core::{Answered, Journey};
use super::node::{Kind, Node, Wants};
use super::{Datagram, Dice, Entry, Place, Plan, User};

/// What the wall clocks show at the start, in milliseconds.
const EPOCH: u64 = 1_790_000_000_000;
/// No simulation takes longer, in microseconds.
const END: u64 = 12 * 3600 * 1_000_000;
/// Longer than anything that a node still has in memory when nothing is owed any more: a request
/// may wait for 64·T1 at each of three nodes in turn, and be kept for 64·T1 after that.
const SETTLE: u64 = 170 * 1_000_000;

/// A simulated network of MC systems.
pub struct World {
    plan: Plan,
    dice: Dice,
    base: Instant,
    /// Microseconds since the start.
    now: u64,
    nodes: Vec<Node>,
    at: HashMap<SocketAddr, usize>,
    /// When each node has to be woken.
    wakes: Vec<Option<u64>>,
    /// When the newest batch of each node becomes durable, and when its role learns it.
    disks: Vec<(u64, u64)>,
    agenda: BinaryHeap<Item>,
    items: u64,
    cuts: Vec<(Place, Place)>,
    journeys: Vec<Journey>,
    asking: HashMap<(usize, ClientId), usize>,
    record: Vec<Entry>,
    /// What each system is not to tell, by place.
    inside: Vec<Inside>,
}

struct Item {
    at: u64,
    order: u64,
    what: What,
}

enum What {
    Arrive {
        from: SocketAddr,
        to: SocketAddr,
        bytes: Bytes,
    },
    Commit(usize, u64),
    Committed(usize, u64),
    /// It reads a page of its outbox, or gets it.
    Read(usize, u64),
    HasRead(usize, u64),
    Travel(usize),
    Crash(usize, u64),
    Restart(usize),
    Cut(Place, Place),
    Heal(Place, Place),
    SetClock(usize, i64),
}

impl World {
    /// The systems of `plan`, all that is left to chance drawn from `seed`.
    #[must_use]
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut dice = Dice::new(seed);
        let mut nodes = Vec::new();
        for place in plan.places() {
            for kind in [Kind::Server, Kind::Gateway, Kind::Core] {
                nodes.push(Node::new(&plan, place, kind, &mut dice));
            }
        }
        let inside = |place: Place| {
            let addresses = [Kind::Server, Kind::Core].map(|kind| place.address(kind));
            let ips = addresses.map(|address| address.ip().to_string());
            Inside::new(&["inside.", &ips[0], &ips[1]], &addresses)
        };
        let mut world = Self {
            inside: plan.places().map(inside).collect(),
            plan,
            dice,
            base: Instant::now(),
            now: 0,
            at: nodes.iter().map(|n| n.address).zip(0..).collect(),
            wakes: vec![None; nodes.len()],
            disks: vec![(0, 0); nodes.len()],
            nodes,
            agenda: BinaryHeap::new(),
            items: 0,
            cuts: Vec::new(),
            journeys: Vec::new(),
            asking: HashMap::new(),
            record: Vec::new(),
        };
        for node in 0..world.nodes.len() {
            world.wake(node);
        }
        world
    }

    /// Microseconds since the start.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Chance, for what a test leaves to it.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// All nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The MC service server of a system.
    ///
    /// # Panics
    /// When there is no such system.
    #[must_use]
    pub fn server(&self, place: Place) -> &Node {
        &self.nodes[self.at[&place.address(Kind::Server)]]
    }

    /// What a system keeps about a user of its own.
    #[must_use]
    pub fn home(&self, user: User, service: Service) -> Option<&Home> {
        let rows = &self.server(user.home).rows;
        rows.homes.get(&key(user, service))
    }

    /// What a system keeps about a visitor.
    #[must_use]
    pub fn visitor(&self, place: Place, user: User, service: Service) -> Option<&Visitor> {
        self.server(place).rows.visitors.get(&key(user, service))
    }

    /// Whether a system serves a visitor.
    #[must_use]
    pub fn serves(&self, place: Place, user: User, service: Service) -> bool {
        self.visitor(place, user, service)
            .is_some_and(|v| v.phase == VisitorPhase::Migrated)
    }

    /// All journeys, in the order in which they were begun.
    #[must_use]
    pub fn journeys(&self) -> &[Journey] {
        &self.journeys
    }

    /// What happened.
    #[must_use]
    pub fn record(&self) -> &[Entry] {
        &self.record
    }

    /// The datagrams among it.
    pub fn datagrams(&self) -> impl Iterator<Item = &Datagram> {
        self.record.iter().filter_map(|entry| match entry {
            Entry::Sent(datagram) => Some(datagram),
            _ => None,
        })
    }

    /// The decisions among it.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.record.iter().filter_map(|entry| match entry {
            Entry::Decided(_, _, decision) => Some(decision),
            _ => None,
        })
    }

    /// Changes the network's weather from now on.
    pub fn set_weather(&mut self, weather: super::Weather) {
        self.plan.weather = weather;
    }

    /// Lets a user go a way, staying at each place for a time in `pause` microseconds.
    pub fn travel(&mut self, user: User, service: Service, path: &[Place], pause: (u64, u64)) {
        self.journeys.push(Journey::new(user, service, path, pause));
        self.plan_at(self.now, What::Travel(self.journeys.len() - 1));
    }

    /// A node fails at `at`, and is started again after `down`.
    pub fn crash(&mut self, place: Place, kind: Kind, at: u64, down: u64) {
        let node = self.at[&place.address(kind)];
        self.plan_at(at, What::Crash(node, down));
    }

    /// Nothing gets from one system to the other, or between the nodes of one, from `at` for
    /// `length`.
    pub fn cut(&mut self, one: Place, other: Place, at: u64, length: u64) {
        self.plan_at(at, What::Cut(one, other));
        self.plan_at(at + length, What::Heal(one, other));
    }

    /// The wall clock of a node is set wrong by `millis` at `at`.
    pub fn set_clock(&mut self, place: Place, kind: Kind, at: u64, millis: i64) {
        let node = self.at[&place.address(kind)];
        self.plan_at(at, What::SetClock(node, millis));
    }

    /// A datagram arrives once more, now.
    pub fn replay(&mut self, datagram: &Datagram) {
        self.happened(format!("replayed: {}", Entry::Sent(datagram.clone())));
        let Datagram {
            from, to, bytes, ..
        } = datagram.clone();
        self.plan_at(self.now, What::Arrive { from, to, bytes });
    }

    /// Runs for a time, in microseconds.
    pub fn run_for(&mut self, micros: u64) {
        let end = self.now + micros;
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Runs until nobody is under way and nothing is owed, and long enough after that for
    /// everything that is kept in memory to be over.
    ///
    /// # Panics
    /// When that does not happen within hours.
    pub fn run_until_quiet(&mut self) {
        loop {
            while self.is_busy() {
                assert!(
                    self.now < END && self.next().is_some(),
                    "not quiet: {}",
                    self.why_busy()
                );
                self.step();
            }
            let end = self.now + SETTLE;
            let mut quiet = true;
            while self.next().is_some_and(|at| at <= end) {
                self.step();
                // Purging stores a batch and changes nothing; what is sent or owed matters.
                quiet &= self.nodes.iter().all(|n| n.owed().next().is_none());
            }
            self.now = end;
            if quiet && !self.is_busy() {
                return;
            }
        }
    }

    /// Checks what has to hold when everything is quiet, whatever happened before: each user is
    /// served by the last system that told him 200 and by no other, nothing is owed or parked,
    /// and no transaction is left.
    ///
    /// # Panics
    /// When it does not hold.
    pub fn check_at_rest(&self) {
        let mut users: Vec<(User, Service)> = Vec::new();
        for journey in &self.journeys {
            assert!(journey.is_over(), "a user is still under way");
            let one = (journey.user, journey.service);
            if !users.contains(&one) {
                users.push(one);
            }
        }
        for (user, service) in users {
            self.check_user(user, service);
        }
        for node in &self.nodes {
            let outbox = &node.rows.outbox;
            assert!(outbox.is_empty(), "{node} has rows: {outbox:?}");
            let endpoint = node.endpoint().expect("it runs");
            let (clients, servers) = (endpoint.clients(), endpoint.servers());
            assert_eq!((clients, servers), (0, 0), "transactions left at {node}");
            let timer = endpoint.poll_timeout();
            assert!(timer.is_none(), "a timer left at {node}");
        }
    }

    fn check_user(&self, user: User, service: Service) {
        let journeys = self.journeys.iter();
        let own = journeys.filter(|j| j.user == user && j.service == service);
        let last = own.filter_map(Journey::last_served).next_back();
        for place in self.plan.places().filter(|place| *place != user.home) {
            let served = self.serves(place, user, service);
            assert_eq!(
                served,
                last == Some(place),
                "{} is {} by {place}, but the last to say 200 was {last:?}; {place} has {:?}",
                user.name,
                if served { "served" } else { "not served" },
                self.visitor(place, user, service)
            );
        }
        let home = self.home(user, service);
        let at_home = home.is_some_and(|home| home.authorization.is_some());
        assert_eq!(
            at_home,
            last == Some(user.home),
            "home's authorization is wrong; the last to say 200 was {last:?}: {home:?}"
        );
        if let Some(place) = last
            && place != user.home
        {
            let mapped = self.visitor(place, user, service).and_then(|v| v.number);
            let stay = home.and_then(|home| home.stay_at(&place.system()));
            assert!(
                stay.is_some_and(|s| s.phase == StayPhase::Open && Some(s.number) >= mapped),
                "{place} serves stay {mapped:?}, which is not open at home: {stay:?}"
            );
        }
        // A request that came late may have opened a stay that its partner knows nothing of; it
        // ends with the next event.
        let stays = home.iter().flat_map(|home| &home.stays);
        let open = stays.filter(|stay| stay.phase == StayPhase::Open);
        for stay in open.filter(|stay| Some(&stay.system) != last.map(Place::system).as_ref()) {
            let mut places = self.plan.places();
            let place = places.find(|place| place.system() == stay.system);
            let visitor = place.and_then(|place| self.visitor(place, user, service));
            assert!(
                visitor.is_none_or(|v| v.number < Some(stay.number)),
                "stay {} at {} is open: {visitor:?}",
                stay.number,
                stay.system
            );
        }
    }

    fn is_busy(&self) -> bool {
        !self.agenda.is_empty()
            || self.journeys.iter().any(|j| !j.is_over())
            || self
                .nodes
                .iter()
                .any(|n| !n.up || n.storing() > 0 || n.owed().next().is_some())
    }

    fn why_busy(&self) -> String {
        let under_way = self.journeys.iter().filter(|j| !j.is_over()).count();
        let owed: Vec<_> = self.nodes.iter().flat_map(Node::owed).collect();
        format!("{under_way} users under way, owed: {owed:?}")
    }

    /// When something happens next.
    fn next(&self) -> Option<u64> {
        let wake = self.wakes.iter().flatten().min().copied();
        let item = self.agenda.peek().map(|item| item.at);
        wake.into_iter().chain(item).min()
    }

    /// Lets the next thing happen.
    fn step(&mut self) {
        let Some(at) = self.next() else {
            return;
        };
        self.now = self.now.max(at);
        if self.agenda.peek().is_some_and(|item| item.at <= at) {
            if let Some(item) = self.agenda.pop() {
                self.happen(item.what);
            }
        } else if let Some(node) = self.wakes.iter().position(|wake| *wake == Some(at)) {
            self.wake(node);
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Arrive { from, to, bytes } => {
                let Some(node) = self.at.get(&to).copied() else {
                    return;
                };
                let now = self.clock_of(node);
                if self.nodes[node].up {
                    let wants = self.nodes[node].datagram(now, from, bytes);
                    self.grant(node, wants);
                }
            }
            What::Commit(node, start) if self.nodes[node].starts == start => {
                self.nodes[node].commit();
            }
            What::Committed(node, start) if self.nodes[node].starts == start => {
                let now = self.clock_of(node);
                let wants = self.nodes[node].committed(now);
                self.grant(node, wants);
            }
            What::Read(node, start) if self.nodes[node].starts == start => {
                let fails = self.dice.chance(50);
                self.nodes[node].read(fails);
            }
            What::HasRead(node, start) if self.nodes[node].starts == start => {
                let now = self.clock_of(node);
                let wants = self.nodes[node].has_read(now);
                self.grant(node, wants);
            }
            What::Commit(..) | What::Committed(..) | What::Read(..) | What::HasRead(..) => {}
            What::Travel(journey) => self.ask(journey),
            What::Crash(node, down) => {
                if self.nodes[node].up {
                    self.happened(format!("{} crashes", self.nodes[node]));
                    self.nodes[node].crash();
                    self.nodes[node].starts += 1;
                    self.wakes[node] = None;
                    self.plan_at(self.now + down, What::Restart(node));
                }
            }
            What::Restart(node) => {
                self.happened(format!("{} starts again", self.nodes[node]));
                self.nodes[node].restart(&self.plan, &mut self.dice);
                self.disks[node] = (self.now, self.now);
                self.wake(node);
            }
            What::Cut(one, other) => {
                self.happened(format!("{one} and {other} are cut apart"));
                self.cuts.push((one, other));
            }
            What::Heal(one, other) => {
                self.happened(format!("{one} and {other} are joined again"));
                if let Some(cut) = self.cuts.iter().position(|cut| *cut == (one, other)) {
                    self.cuts.swap_remove(cut);
                }
            }
            What::SetClock(node, millis) => {
                self.happened(format!("{}: clock {millis} ms off", self.nodes[node]));
                self.nodes[node].clock_error = millis;
            }
        }
    }

    fn wake(&mut self, node: usize) {
        let now = self.clock_of(node);
        let wants = self.nodes[node].wake(now);
        self.grant(node, wants);
    }

    /// A user authorizes at the place where he is.
    fn ask(&mut self, journey: usize) {
        let Some((place, request)) = self.journeys[journey].ask(&mut self.dice) else {
            return;
        };
        let user = self.journeys[journey].user.name;
        self.happened(format!("{user} authorizes at {place}"));
        let core = self.at[&place.address(Kind::Core)];
        let now = self.clock_of(core);
        let server = place.address(Kind::Server);
        let (client, wants) = self.nodes[core].request(now, server, &request);
        self.asking.insert((core, client), journey);
        self.journeys[journey].asking = Some((place, client));
        self.grant(core, wants);
    }

    /// Gives a node what it wants.
    fn grant(&mut self, node: usize, wants: Wants) {
        let name = self.nodes[node].to_string();
        for decision in wants.decisions {
            let entry = Entry::Decided(self.now, name.clone(), decision);
            self.record.push(entry);
        }
        for _ in 0..wants.batches {
            let (low, high) = self.plan.commit;
            let (durable, known) = self.disks[node];
            let durable = durable.max(self.now + self.dice.between(low, high));
            let known = known.max(durable + self.dice.between(0, high - low));
            self.disks[node] = (durable, known);
            let start = self.nodes[node].starts;
            self.plan_at(durable, What::Commit(node, start));
            self.plan_at(known, What::Committed(node, start));
        }
        for _ in 0..wants.reads {
            let (low, high) = self.plan.commit;
            let start = self.nodes[node].starts;
            let read = self.now + self.dice.between(low, high);
            self.plan_at(read, What::Read(node, start));
            let has = read + self.dice.between(0, high - low);
            self.plan_at(has, What::HasRead(node, start));
        }
        for transmit in wants.transmits {
            self.send(transmit.path.local, transmit.path.peer, transmit.bytes);
        }
        for (client, answer) in wants.answers {
            if let Some(journey) = self.asking.remove(&(node, client)) {
                let travels = self.journeys[journey].answered(self.now, answer, &mut self.dice);
                if let Answered::Next(wait) | Answered::Again(wait) = travels {
                    self.plan_at(self.now + wait, What::Travel(journey));
                }
            }
        }
        self.wakes[node] = self.nodes[node].deadline().map(|at| {
            let micros = at.saturating_duration_since(self.base).as_micros();
            u64::try_from(micros).unwrap_or(u64::MAX).max(self.now)
        });
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let mut delays = self.plan.weather.delays(&mut self.dice);
        if let (Some(from), Some(to)) = (self.at.get(&from), self.at.get(&to)) {
            let (one, other) = (self.nodes[*from].place, self.nodes[*to].place);
            let cut =
                |(a, b): &(Place, Place)| (*a, *b) == (one, other) || (*a, *b) == (other, one);
            if self.cuts.iter().any(cut) {
                delays.clear();
            }
        }
        for delay in &delays {
            let bytes = bytes.clone();
            self.plan_at(self.now + delay, What::Arrive { from, to, bytes });
        }
        self.watch_over_topology(from, to, &bytes);
        self.record.push(Entry::Sent(Datagram {
            at: self.now,
            from,
            to,
            bytes,
            delays,
        }));
    }

    /// Nothing of what is behind a gateway leaves its system, whatever the test is about (L6).
    fn watch_over_topology(&mut self, from: SocketAddr, to: SocketAddr, bytes: &Bytes) {
        let (Some(from), Some(to)) = (self.at.get(&from), self.at.get(&to)) else {
            return;
        };
        let (from, to) = (&self.nodes[*from], &self.nodes[*to]);
        let gateway = |node: &Node| node.kind == Kind::Gateway;
        if from.place == to.place && (gateway(from) || gateway(to)) {
            self.inside[usize::from(from.place.0)].hears(bytes);
        } else if gateway(from)
            && from.place != to.place
            && let Some(told) = self.inside[usize::from(from.place.0)].told_by(bytes)
        {
            panic!(
                "{from} tells {to} of its inside: {told} in\n{}",
                bytes.escape_ascii()
            );
        }
    }

    fn plan_at(&mut self, at: u64, what: What) {
        self.items += 1;
        self.agenda.push(Item {
            at,
            order: self.items,
            what,
        });
    }

    fn happened(&mut self, what: String) {
        self.record.push(Entry::Happened(self.now, what));
    }

    fn clock_of(&self, node: usize) -> Now {
        let wall = EPOCH + self.now / 1000;
        Now {
            mono: self.base + Duration::from_micros(self.now),
            wall: Timestamp(wall.saturating_add_signed(self.nodes[node].clock_error)),
        }
    }
}

/// Shows what happened when a test fails on a seed that was asked for.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("SIM_SEED").is_some() {
            for entry in &self.record {
                eprintln!("{entry}");
            }
        }
    }
}

/// The earliest first; at one time, in the order in which it was planned.
impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Item {}

fn key(user: User, service: Service) -> UserKey {
    UserKey {
        service,
        primary_id: user.primary_id(),
    }
}
