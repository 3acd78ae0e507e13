//! One function of a system: the way of a message from the wire to its role and back, as in
//! production, one thing after the other.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;
use mcx::state::{Command, MemoryRows, OutboxRow, Outcome, apply};
use mcx::{
    Decision, Effect, GatewayServer, Input, Now, Random, RequestId, Role, SendFailure, SendId,
    ServiceServer, StoreFailure, StoreId,
};
use sip_message::{Limits, Message, ParseErrorKind, Request, Response};
use sip_transaction::{
    ClientId, Config, Endpoint, Event, Failure, Path, ServerId, Transmit, Transport,
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
    /// Its transactions; all in memory.
    pub endpoint: Endpoint,
    /// Whether it runs.
    pub up: bool,
    /// Counts its starts.
    pub starts: u64,
    /// By how much its wall clock is wrong, in milliseconds.
    pub clock_error: i64,
    role: Option<Box<dyn Role>>,
    sends: HashMap<ClientId, SendId>,
    inputs: VecDeque<Owned>,
    /// Batches handed over and not durable yet, oldest first.
    batches: VecDeque<(StoreId, Vec<Command>)>,
    /// Batches that are durable and of which the role does not know yet, oldest first.
    durable: VecDeque<(StoreId, Vec<Outcome>)>,
}

/// What a node wants from the world.
#[derive(Default)]
pub(super) struct Wants {
    pub transmits: Vec<Transmit>,
    /// How many batches it handed to its store.
    pub batches: usize,
    pub decisions: Vec<Decision>,
    /// What happened to requests of a core.
    pub answers: Vec<(ClientId, Result<Response, Failure>)>,
}

/// An input that waits for its turn.
enum Owned {
    Request(RequestId, SocketAddr, Request),
    Answer(SendId, Response),
    Failed(SendId, SendFailure),
    Stored(StoreId, Result<Vec<Outcome>, StoreFailure>),
    Recovered(Vec<OutboxRow>),
    Tick,
}

impl Node {
    pub(super) fn new(plan: &Plan, place: Place, kind: Kind, dice: &mut Dice) -> Self {
        Self {
            place,
            kind,
            address: place.address(kind),
            rows: MemoryRows::default(),
            endpoint: Endpoint::new(Config::default(), dice.seed()),
            up: true,
            starts: 1,
            clock_error: 0,
            role: role(plan, place, kind, dice),
            sends: HashMap::new(),
            inputs: VecDeque::from([Owned::Recovered(Vec::new())]),
            batches: VecDeque::new(),
            durable: VecDeque::new(),
        }
    }

    /// Everything but the rows is gone.
    pub(super) fn crash(&mut self) {
        self.up = false;
        self.role = None;
        self.sends.clear();
        self.inputs.clear();
        self.batches.clear();
        self.durable.clear();
    }

    /// A new process on the old rows.
    pub(super) fn restart(&mut self, plan: &Plan, dice: &mut Dice) {
        self.up = true;
        self.starts += 1;
        self.endpoint = Endpoint::new(Config::default(), dice.seed());
        self.role = role(plan, self.place, self.kind, dice);
        let rows = self.rows.outbox.values().cloned().collect();
        self.inputs.push_back(Owned::Recovered(rows));
    }

    /// When it has to be woken, if nothing arrives before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let role = self.role.as_ref().and_then(|role| role.deadline());
        [self.endpoint.poll_timeout(), role]
            .into_iter()
            .flatten()
            .min()
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
        let mut wants = Wants::default();
        match Message::parse_datagram(bytes, &Limits::default()) {
            Ok(message) => self.endpoint.handle_message(now.mono, path, message),
            Err(error) => match error.kind {
                ParseErrorKind::KeepAlive | ParseErrorKind::Empty => {}
                _ => {
                    let (status, why) = (error.status(), error.to_string());
                    if let Some(mut request) = error.into_answerable() {
                        request.set_source(peer);
                        self.endpoint.reject(path, &request, status, &why);
                    }
                }
            },
        }
        self.work(now, &mut wants);
        wants
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
        if let Some((id, outcomes)) = self.durable.pop_front() {
            self.inputs.push_back(Owned::Stored(id, Ok(outcomes)));
        }
        self.wake(now)
    }

    /// Time has passed, or there is something to begin with.
    pub(super) fn wake(&mut self, now: Now) -> Wants {
        let mut wants = Wants::default();
        self.work(now, &mut wants);
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
        let sent = self.endpoint.request(now.mono, path, request);
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

    fn work(&mut self, now: Now, wants: &mut Wants) {
        self.endpoint.handle_timeout(now.mono);
        let deadline = self.role.as_ref().and_then(|role| role.deadline());
        if deadline.is_some_and(|at| at <= now.mono) {
            self.inputs.push_back(Owned::Tick);
        }
        loop {
            self.take_events(wants);
            let Some(input) = self.inputs.pop_front() else {
                break;
            };
            self.handle(now, input, wants);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            wants.transmits.push(transmit);
        }
    }

    fn take_events(&mut self, wants: &mut Wants) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Request {
                    server,
                    path,
                    request,
                } => {
                    let id = RequestId(server.0);
                    self.inputs
                        .push_back(Owned::Request(id, path.peer, request));
                }
                Event::Answer { client, response } => match self.sends.remove(&client) {
                    Some(id) => self.inputs.push_back(Owned::Answer(id, response)),
                    None => wants.answers.push((client, Ok(response))),
                },
                Event::Failed { client, failure } => match self.sends.remove(&client) {
                    Some(id) => {
                        let why = match failure {
                            Failure::Timeout => SendFailure::Timeout,
                            Failure::Transport => SendFailure::Transport,
                        };
                        self.inputs.push_back(Owned::Failed(id, why));
                    }
                    None => wants.answers.push((client, Err(failure))),
                },
                Event::Provisional { .. } | Event::Rejected { .. } | Event::Stray { .. } => {}
            }
        }
    }

    fn handle(&mut self, now: Now, input: Owned, wants: &mut Wants) {
        let Some(role) = &mut self.role else {
            return;
        };
        let mut effects = Vec::new();
        match input {
            Owned::Request(id, source, request) => {
                let request = &request;
                let input = Input::Request {
                    id,
                    source,
                    request,
                };
                role.handle(now, input, &mut effects);
            }
            Owned::Answer(id, response) => {
                let response = &response;
                role.handle(now, Input::Answer { id, response }, &mut effects);
            }
            Owned::Failed(id, why) => role.handle(now, Input::Failed { id, why }, &mut effects),
            Owned::Stored(id, result) => {
                role.handle(now, Input::Stored { id, result }, &mut effects);
            }
            Owned::Recovered(rows) => role.handle(now, Input::Recovered { rows }, &mut effects),
            Owned::Tick => role.handle(now, Input::Tick, &mut effects),
        }
        for effect in effects {
            self.carry_out(now, effect, wants);
        }
    }

    fn carry_out(&mut self, now: Now, effect: Effect, wants: &mut Wants) {
        match effect {
            Effect::Respond { id, response } => {
                // When its transaction is over nobody waits for the answer.
                let _ = self.endpoint.respond(now.mono, ServerId(id.0), &response);
            }
            // The transaction absorbs retransmissions until its client has given up.
            Effect::Abandon { .. } => {}
            Effect::Send {
                id,
                next_hop,
                request,
            } => {
                let sent = match next_hop.address() {
                    Some(peer) => self
                        .endpoint
                        .request(now.mono, self.towards(peer), &request)
                        .map_err(|_| SendFailure::Overload),
                    None => Err(SendFailure::Transport),
                };
                match sent {
                    Ok(client) => {
                        self.sends.insert(client, id);
                    }
                    Err(why) => self.inputs.push_back(Owned::Failed(id, why)),
                }
            }
            Effect::Store { id, batch } => {
                self.batches.push_back((id, batch));
                wants.batches += 1;
            }
            Effect::Decide(decision) => wants.decisions.push(decision),
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
