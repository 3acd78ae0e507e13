//! A node of the simulated network: a function is production's own [`Driver`] on rows in memory, a
//! SIP core is bare transactions.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use mcx::state::{ClockAnchor, Command, MemoryRows, OutboxPage, OutboxRow, Outcome, apply};
use mcx::{Decision, GatewayServer, Now, Random, Role, ServiceServer, StoreFailure, StoreId};
use mcx_node::driver::{Driver, Output};
use mcx_node::transport::Listen;
use sip_message::{Limits, Message, Request, Response};
use sip_transaction::{
    ClientId, Config, Endpoint, Event, Failure, Path, Sender, Transmit, Transport,
};

use super::{Dice, Place, Plan};

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// MC service server.
    Server,
    /// MC gateway server.
    Gateway,
    /// SIP core with the users behind it.
    Core,
}

/// A node of the simulated network.
pub struct Node {
    /// The system that it belongs to.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
    /// Its one address.
    pub address: SocketAddr,
    /// What is durable.
    pub rows: MemoryRows,
    /// Whether it runs.
    pub up: bool,
    /// Counts its starts.
    pub starts: u64,
    /// By how much its wall clock is wrong, in milliseconds.
    pub clock_error: i64,
    inside: Inside,
    /// Whether it knows what was owed before it started.
    begun: bool,
    /// Batches handed over and not durable yet, oldest first.
    batches: VecDeque<(StoreId, Vec<Command>)>,
    /// Batches that are durable and of which the role does not know yet, oldest first.
    durable: VecDeque<(StoreId, Vec<Outcome>)>,
    /// Pages of the outbox that are to be read.
    reads: VecDeque<OutboxPage>,
    /// Pages that were read, or could not be, and that the role does not have yet.
    was_read: VecDeque<(OutboxPage, Result<Vec<OutboxRow>, StoreFailure>)>,
}

/// What a node wants from the world.
#[derive(Default)]
pub(super) struct Wants {
    pub transmits: Vec<Transmit>,
    /// How many batches it handed to its store.
    pub batches: usize,
    /// How many pages it wants to read.
    pub reads: usize,
    pub decisions: Vec<Decision>,
    /// What happened to requests of a core.
    pub answers: Vec<(ClientId, Result<Response, Failure>)>,
}

/// What is in memory, and gone after a crash.
enum Inside {
    Function(Box<Driver<Box<dyn Role>>>),
    Core(Box<Endpoint>),
    /// It has crashed.
    Nothing,
}

impl Node {
    pub(super) fn new(plan: &Plan, place: Place, kind: Kind, dice: &mut Dice) -> Self {
        let mut node = Self {
            place,
            kind,
            address: place.address(kind),
            rows: MemoryRows::default(),
            up: true,
            starts: 1,
            clock_error: 0,
            inside: Inside::Nothing,
            begun: false,
            batches: VecDeque::new(),
            durable: VecDeque::new(),
            reads: VecDeque::new(),
            was_read: VecDeque::new(),
        };
        node.inside = node.fresh(plan, dice);
        node
    }

    /// Everything but the rows is gone.
    pub(super) fn crash(&mut self) {
        self.up = false;
        self.inside = Inside::Nothing;
        self.batches.clear();
        self.durable.clear();
        self.reads.clear();
        self.was_read.clear();
    }

    /// A new process on the old rows.
    pub(super) fn restart(&mut self, plan: &Plan, dice: &mut Dice) {
        self.up = true;
        self.starts += 1;
        self.begun = false;
        self.inside = self.fresh(plan, dice);
    }

    fn fresh(&self, plan: &Plan, dice: &mut Dice) -> Inside {
        let config = Config::default();
        let seed = dice.seed();
        match role(plan, self.place, self.kind, dice) {
            None => Inside::Core(Box::new(Endpoint::new(config, seed))),
            Some(role) => {
                let local = vec![Listen {
                    transport: Transport::Udp,
                    address: self.address,
                }];
                let driver = Driver::new(role, local, Limits::default(), config, seed);
                Inside::Function(Box::new(driver))
            }
        }
    }

    /// Its transactions, unless it has crashed.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match &self.inside {
            Inside::Function(driver) => Some(driver.endpoint()),
            Inside::Core(endpoint) => Some(endpoint),
            Inside::Nothing => None,
        }
    }

    /// When it has to be woken, if nothing arrives before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.inside {
            Inside::Function(driver) => driver.deadline(),
            Inside::Core(endpoint) => endpoint.poll_timeout(),
            Inside::Nothing => None,
        }
    }

    /// Batches that are not durable, or of which the role does not know.
    pub(super) fn storing(&self) -> usize {
        self.batches.len() + self.durable.len()
    }

    /// Rows that are owed and not parked.
    pub fn owed(&self) -> impl Iterator<Item = &OutboxRow> {
        let rows = self.rows.outbox.values();
        rows.filter(|row| row.parked.is_none())
    }

    pub(super) fn datagram(&mut self, now: Now, peer: SocketAddr, bytes: Bytes) -> Wants {
        let path = self.towards(peer);
        match &mut self.inside {
            Inside::Function(driver) => driver.datagram(now, path, Sender::Known, bytes),
            Inside::Core(endpoint) => {
                if let Ok(message) = Message::parse_datagram(bytes, &Limits::default()) {
                    endpoint.handle_message(now.mono, path, message);
                }
            }
            Inside::Nothing => {}
        }
        self.wake(now)
    }

    /// The oldest batch becomes durable.
    pub(super) fn commit(&mut self) {
        if let Some((id, batch)) = self.batches.pop_front() {
            let outcomes = batch.iter().map(|command| {
                let Ok(outcome) = apply(&mut self.rows, command);
                outcome
            });
            let outcomes = outcomes.collect();
            self.durable.push_back((id, outcomes));
        }
    }

    /// The role learns that the oldest durable batch is.
    pub(super) fn committed(&mut self, now: Now) -> Wants {
        if let Inside::Function(driver) = &mut self.inside
            && let Some((id, outcomes)) = self.durable.pop_front()
        {
            driver.stored(now, id, Ok(outcomes));
        }
        self.wake(now)
    }

    /// A page is read, unless that fails.
    pub(super) fn read(&mut self, fails: bool) {
        if let Some(page) = self.reads.pop_front() {
            let rows = if fails {
                Err(StoreFailure)
            } else {
                Ok(self.rows.page(&page))
            };
            self.was_read.push_back((page, rows));
        }
    }

    /// The role gets a page.
    pub(super) fn has_read(&mut self, now: Now) -> Wants {
        if let Inside::Function(driver) = &mut self.inside
            && let Some((page, rows)) = self.was_read.pop_front()
        {
            driver.outbox_read(now, page, rows);
        }
        self.wake(now)
    }

    /// It has just started, or time has passed.
    pub(super) fn wake(&mut self, now: Now) -> Wants {
        let mut wants = Wants::default();
        match &mut self.inside {
            Inside::Function(driver) => {
                if !std::mem::replace(&mut self.begun, true) {
                    // The machine has not been started anew: its uptime is that of the simulation.
                    let anchor = ClockAnchor {
                        boot: "simulated".into(),
                        offset: self.clock_error,
                    };
                    let at = now.wall;
                    let Ok(_) = apply(&mut self.rows, &Command::ClockAnchored { anchor, at });
                    driver.recovered(now, self.rows.owed(), self.rows.last_row());
                }
                driver.timeout(now);
                while let Some(output) = driver.poll_output() {
                    match output {
                        Output::Transmit(transmit) => wants.transmits.push(transmit),
                        Output::Store(id, batch) => {
                            self.batches.push_back((id, batch));
                            wants.batches += 1;
                        }
                        Output::ReadOutbox(page) => {
                            self.reads.push_back(page);
                            wants.reads += 1;
                        }
                        Output::Decisions(count) => {
                            let decided = driver.decided(count).iter();
                            wants
                                .decisions
                                .extend(decided.map(|it| it.decision.clone()));
                            driver.forget_decided(count);
                        }
                        // All hops are addresses, reached over UDP.
                        Output::Expect(..)
                        | Output::Locate(..)
                        | Output::Release(_)
                        | Output::About(..)
                        | Output::Ordered(..) => {}
                    }
                }
            }
            Inside::Core(endpoint) => {
                endpoint.handle_timeout(now.mono);
                while let Some(event) = endpoint.poll_event() {
                    match event {
                        Event::Answer { client, response } => {
                            wants.answers.push((client, Ok(response)));
                        }
                        Event::Failed { client, failure } => {
                            wants.answers.push((client, Err(failure)));
                        }
                        _ => {}
                    }
                }
                while let Some(transmit) = endpoint.poll_transmit() {
                    wants.transmits.push(transmit);
                }
            }
            Inside::Nothing => {}
        }
        wants
    }

    /// A core sends a request of its users.
    pub(super) fn request(
        &mut self,
        now: Now,
        peer: SocketAddr,
        request: &Request,
    ) -> (ClientId, Wants) {
        let path = self.towards(peer);
        let Inside::Core(endpoint) = &mut self.inside else {
            panic!("{self} is no running core");
        };
        let sent = endpoint.request(now.mono, path, request);
        let client = sent.expect("a core has few transactions");
        (client, self.wake(now))
    }

    fn towards(&self, peer: SocketAddr) -> Path {
        Path {
            local: self.address,
            peer,
            transport: Transport::Udp,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.place, self.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Server => "server",
            Self::Gateway => "gateway",
            Self::Core => "core",
        })
    }
}

fn role(plan: &Plan, place: Place, kind: Kind, dice: &mut Dice) -> Option<Box<dyn Role>> {
    let random = Random::new(dice.seed());
    match kind {
        Kind::Server => Some(Box::new(ServiceServer::new(plan.server(place), random))),
        Kind::Gateway => Some(Box::new(GatewayServer::new(plan.gateway(place), random))),
        Kind::Core => None,
    }
}
