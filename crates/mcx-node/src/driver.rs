//! The way of a message through a function, without sockets and clocks: parsed, matched to its
//! transaction, handed to the role, and the role's effects carried out.
//!
//! ```text
//! datagram ─▶ parse ─▶ Endpoint ─▶ Role ─▶ Output::Store … durable … ─▶ stored ─▶ Role ─▶ Endpoint ─▶ Output::Transmit
//! ```
//!
//! The node drives it with real sockets, the simulated network of the tests with virtual ones.

mod notes;
pub(crate) mod sending;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use mcx::state::{Command, OutboxPage, OutboxRow, Outcome, Owed};
use mcx::{
    Availability, Decision, Effect, Input, Now, Order, OrderId, Ordered, Origin, RequestId, Role,
    SendFailure, SendId, StoreFailure, StoreId, SystemId, Weight,
};
use sip_message::{Limits, Message, ParseError, ParseErrorKind, Request, Response};
use sip_trace::Said;
use sip_transaction::{
    ClientId, Config, Counters, Endpoint, Event, Failure, Overload, Path, Sender, ServerId,
    Transmit, Transport,
};

use self::notes::Notes;
use self::sending::Locating;
use crate::congestion::Seen;
use crate::metrics::Measures;
use crate::next_hop::{Attempt, Attempts, Hop, Outcome as Went, Target};
use crate::transport::Listen;

/// What is to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Send a message.
    Transmit(Transmit),
    /// What is sent on this way by TLS is meant for this SIP domain and for nobody else (RFC 5922 §7.3).
    Expect(Path, Arc<str>),
    /// Find the targets of a hop that is a name (RFC 3263); [`Driver::located`] takes them.
    Locate(u64, Hop),
    /// Nothing more can be read from this connection, and what is owed was sent: let it go.
    Release(Path),
    /// Make a batch durable, after every batch that came out before; [`Driver::stored`] takes the
    /// outcome.
    Store(StoreId, Vec<Command>),
    /// Read rows of the outbox; [`Driver::outbox_read`] takes them.
    ReadOutbox(OutboxPage),
    /// What comes next is about the message with this Call-ID, or about none. Said where steps are told.
    About(Option<Bytes>),
    /// Record and log why something is done: so many decisions, which [`Driver::decided`] shows until [`Driver::forget_decided`] is
    /// told, before the next output is polled.
    Decisions(usize),
    /// An order is done, or refused.
    Ordered(OrderId, Ordered),
}

/// A decision, and what it is about.
#[derive(Debug)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Numbers that stand in its reason where it says `{}`.
    pub numbers: Option<[u64; 2]>,
    /// The transaction behind it, told from those of other runs.
    pub transaction: Option<u64>,
}

impl Decided {
    /// The reason, as a recorder takes it.
    pub fn why(&self) -> Said<'_> {
        match (&self.decision.why, self.numbers) {
            (Cow::Borrowed(words), Some(numbers)) => Said::Counted(words, numbers),
            (words, _) => words.into(),
        }
    }
}

/// What a function has seen since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Datagrams received.
    pub datagrams: u64,
    /// Messages received on connections.
    pub streamed: u64,
    /// Of them, those that were no SIP and got no answer.
    pub not_sip: u64,
    /// Turns in which nothing more was taken off the sockets, because as much as may waited already.
    pub waiting_full: u64,
    /// Requests of its own that were not sent because as many as may waited for their next hop to be looked up.
    pub locating_full: u64,
    /// What its transactions counted.
    pub transactions: Counters,
}

impl Totals {
    /// All of them by name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let Self {
            datagrams,
            streamed,
            not_sip,
            waiting_full,
            locating_full,
            transactions,
        } = *self;
        let own = [
            ("datagrams", datagrams),
            ("streamed", streamed),
            ("not_sip", not_sip),
            ("waiting_full", waiting_full),
            ("locating_full", locating_full),
        ];
        own.into_iter().chain(transactions.all())
    }
}

/// A function: its transactions and its role.
#[derive(Debug)]
pub struct Driver<R> {
    role: R,
    endpoint: Endpoint,
    limits: Limits,
    /// Where it listens, which is where it sends from.
    local: Vec<Listen>,
    attempts: Attempts,
    sends: HashMap<ClientId, Attempt>,
    locating: HashMap<u64, Locating>,
    located: u64,
    /// What the sender of the message that is being taken has proven.
    proven: Option<(Path, Arc<[Box<str>]>)>,
    /// What is told of requests whose path is lost.
    unreachable: SendFailure,
    inputs: VecDeque<Owned>,
    outputs: VecDeque<Output>,
    /// Decisions that are among the outputs. They are large, and stay where they are until they are forgotten together.
    decided: Vec<Decided>,
    /// How many of them were forgotten.
    forgotten: usize,
    totals: Totals,
    notes: Option<Notes>,
    measures: Measures,
}

/// An input that waits for its turn.
#[derive(Debug)]
enum Owned {
    Request(RequestId, Origin, Request),
    Answer(SendId, Response),
    Failed(SendId, SendFailure),
    Stored(StoreId, Result<Vec<Outcome>, StoreFailure>),
    Recovered(Vec<Owed>, u64),
    OutboxRead(OutboxPage, Result<Vec<OutboxRow>, StoreFailure>),
    Order(OrderId, Order, String),
    Tick,
}

impl<R: Role> Driver<R> {
    /// A function that listens at `local` and sends from there; `seed` must come from the operating
    /// system in production.
    pub fn new(
        role: R,
        local: Vec<Listen>,
        limits: Limits,
        transactions: Config,
        seed: [u8; 32],
    ) -> Self {
        let notes = transactions.steps.then(|| Notes::new(&seed));
        Self {
            role,
            endpoint: Endpoint::new(transactions, seed),
            limits,
            attempts: Attempts::new(local.iter().any(|l| l.transport == Transport::Tcp)),
            local,
            sends: HashMap::new(),
            locating: HashMap::new(),
            located: 0,
            proven: None,
            unreachable: SendFailure::Transport,
            inputs: VecDeque::new(),
            outputs: VecDeque::new(),
            decided: Vec::new(),
            forgotten: 0,
            totals: Totals::default(),
            notes,
            measures: Measures::default(),
        }
    }

    /// Takes whether the function takes requests.
    pub fn availability(&mut self, availability: Availability) {
        self.role.set_availability(availability);
    }

    /// Takes another configuration of the role and other bounds of messages.
    pub fn reconfigure(&mut self, role: impl FnOnce(&mut R), limits: Limits) {
        role(&mut self.role);
        self.limits = limits;
    }

    /// Whether nothing is under way that somebody waits for, here or elsewhere.
    pub fn is_idle(&self) -> bool {
        let nothing_waits = self.inputs.is_empty() && self.outputs.is_empty();
        nothing_waits && self.sends.is_empty() && self.locating.is_empty() && self.role.is_idle()
    }

    /// Its transactions.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What it has measured.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// The partners of its role, and whether each answers.
    pub fn partners(&self) -> Vec<(SystemId, bool)> {
        self.role.partners()
    }

    /// What it has seen.
    pub fn totals(&self) -> Totals {
        Totals {
            transactions: self.endpoint.counters(),
            ..self.totals
        }
    }

    /// New requests that it has seen, served and refused; how they divide is taken from all messages.
    pub fn seen(&self) -> Seen {
        let Counters {
            requests, refused, ..
        } = self.endpoint.counters();
        let new = u128::from(requests + refused);
        let (datagrams, all) = (
            self.totals.datagrams,
            self.totals.datagrams + self.totals.streamed,
        );
        let datagrams = (new * u128::from(datagrams)).checked_div(u128::from(all));
        let datagrams = datagrams
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or_default();
        Seen {
            datagrams,
            streamed: (requests + refused).saturating_sub(datagrams),
        }
    }

    /// When [`Driver::timeout`] is due, if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        [self.endpoint.poll_timeout(), self.role.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes what the outbox held at the start, before anything else: how much is owed to whom, and its last id.
    pub fn recovered(&mut self, now: Now, owed: Vec<Owed>, last: u64) {
        self.inputs.push_back(Owned::Recovered(owed, last));
        self.work(now);
    }

    /// Takes rows of the outbox that were read.
    pub fn outbox_read(
        &mut self,
        now: Now,
        page: OutboxPage,
        rows: Result<Vec<OutboxRow>, StoreFailure>,
    ) {
        self.inputs.push_back(Owned::OutboxRead(page, rows));
        self.work(now);
    }

    /// Looks at a message as soon as it is here, and refuses it for overload if that is its lot. Gives whether nothing is
    /// left to be done; else it is handed over when its turn comes.
    pub fn refuses(&mut self, path: Path, sender: Sender, bytes: &[u8]) -> bool {
        let refuses = self.endpoint.refuse(path, sender, bytes);
        if refuses {
            match path.transport {
                Transport::Udp => self.totals.datagrams += 1,
                _ => self.totals.streamed += 1,
            }
        }
        refuses
    }

    /// Takes note that as much as may waits for its turn.
    pub fn waiting_is_full(&mut self) {
        self.totals.waiting_full += 1;
    }

    /// Takes a datagram.
    pub fn datagram(&mut self, now: Now, path: Path, sender: Sender, bytes: Bytes) {
        self.totals.datagrams += 1;
        match Message::parse_datagram(bytes, &self.limits) {
            Ok(message) => {
                self.is_about(message.headers());
                self.endpoint
                    .handle_message_of(now.mono, path, sender, message);
            }
            Err(error) => match error.kind {
                // RFC 5626 §3.5.1: a keep-alive is no message.
                ParseErrorKind::KeepAlive | ParseErrorKind::Empty => {}
                _ => self.broken(path, error),
            },
        }
        self.work(now);
    }

    /// Takes a message of a connection, or something that is none; `domains` is what the peer has proven to be. With
    /// `last` nothing more comes: the connection is released when what is owed was sent.
    pub fn message(
        &mut self,
        now: Now,
        path: Path,
        sender: Sender,
        domains: Arc<[Box<str>]>,
        message: Result<Message, ParseError>,
        last: bool,
    ) {
        self.totals.streamed += 1;
        self.proven = Some((path, domains));
        match message {
            Ok(message) => {
                self.is_about(message.headers());
                self.endpoint
                    .handle_message_of(now.mono, path, sender, message);
            }
            Err(error) => self.broken(path, error),
        }
        self.work(now);
        if last {
            self.outputs.push_back(Output::Release(path));
        }
    }

    /// Takes the targets of a hop, in order of preference; none if they cannot be found.
    pub fn located(&mut self, now: Now, number: u64, targets: Vec<Target>) {
        if let Some(locating) = self.locating.remove(&number) {
            let Locating { id, request, fixed } = locating;
            let next = self.attempts.begin(now.mono, id, request, targets, fixed);
            self.go_on(now, next);
        }
        self.work(now);
    }

    /// Takes the outcome of a batch.
    pub fn stored(&mut self, now: Now, id: StoreId, result: Result<Vec<Outcome>, StoreFailure>) {
        self.note_stored(now, id, result.is_ok());
        self.inputs.push_back(Owned::Stored(id, result));
        self.work(now);
    }

    /// Takes an operator's order: what, and who wants it why.
    pub fn order(&mut self, now: Now, id: OrderId, order: Order, by: String) {
        self.inputs.push_back(Owned::Order(id, order, by));
        self.work(now);
    }

    /// Takes the time.
    pub fn timeout(&mut self, now: Now) {
        self.endpoint.handle_timeout(now.mono);
        if self.role.deadline().is_some_and(|at| at <= now.mono) {
            self.inputs.push_back(Owned::Tick);
        }
        self.work(now);
    }

    /// Takes how many of a hundred new requests are to be refused (RFC 7339).
    pub fn overload(&mut self, now: Now, overload: Option<Overload>) {
        self.endpoint.set_overload(now.mono, overload);
    }

    /// Takes that a message could not be sent.
    pub fn transport_error(&mut self, now: Now, path: Path, why: SendFailure) {
        self.unreachable = why;
        self.endpoint.handle_transport_error(now.mono, path);
        self.work(now);
        self.unreachable = SendFailure::Transport;
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        // What was refused at a glance made no output.
        let output = self.outputs.pop_front();
        output.or_else(|| self.endpoint.poll_transmit().map(Output::Transmit))
    }

    /// So many decisions, from the first that is not forgotten.
    pub fn decided(&self, count: usize) -> &[Decided] {
        let rest = self.decided.get(self.forgotten..).unwrap_or_default();
        rest.get(..count).unwrap_or(rest)
    }

    /// Forgets so many decisions: they were taken.
    pub fn forget_decided(&mut self, count: usize) {
        self.forgotten = self.forgotten.saturating_add(count);
        if self.forgotten >= self.decided.len() {
            self.decided.clear();
            self.forgotten = 0;
        }
    }

    /// A datagram that is no SIP message gets no answer; one that is a broken request gets the
    /// answer that it can be given.
    fn broken(&mut self, path: Path, error: ParseError) {
        let (status, why) = (error.status(), error.to_string());
        match error.into_answerable() {
            Some(mut request) => {
                self.is_about(request.headers());
                request.set_source(path.peer);
                self.endpoint.reject(path, &request, status, &why);
            }
            None => {
                self.totals.not_sip += 1;
                let why = format!("{why}; dropped without an answer");
                let decision = Decision::new("wire:answers", "not SIP", why).by("parse");
                self.decide(decision.weighing(Weight::Minor));
            }
        }
    }

    /// Works until nothing is left to do now.
    fn work(&mut self, now: Now) {
        loop {
            self.note_steps();
            self.take_events(now);
            let Some(input) = self.inputs.pop_front() else {
                break;
            };
            self.handle(now, input);
        }
        self.note_steps();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            self.outputs.push_back(Output::Transmit(transmit));
        }
        // What comes next is about something else.
        self.is_about_nothing();
    }

    fn take_events(&mut self, now: Now) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Request {
                    server,
                    path,
                    request,
                } => {
                    let id = RequestId(server.0);
                    self.measures.came(now.mono, id, request.method());
                    let origin = self.origin(path);
                    self.inputs.push_back(Owned::Request(id, origin, request));
                }
                Event::Answer { client, response } => {
                    self.measures.answer_came(response.status().as_u16());
                    self.ended(now, client, Went::Answer(response));
                }
                Event::Failed { client, failure } => {
                    let why = match failure {
                        Failure::Timeout => SendFailure::Timeout,
                        Failure::Transport => self.unreachable,
                    };
                    self.measures.failed(why);
                    self.ended(now, client, Went::Failed(why));
                }
                Event::Rejected { status, reason, .. } => {
                    self.measures.rejected(status.as_u16());
                    let verdict = format!("refused {}", status.as_u16());
                    let decision = Decision::new("wire:answers", verdict, reason).by("parse");
                    self.decide(decision.weighing(Weight::Minor));
                }
                // Its 405 was refused, or got lost: the client is told nothing more.
                Event::Unacknowledged { failure, .. } => {
                    let why = match failure {
                        Failure::Timeout => "no ACK came within 64*T1",
                        Failure::Transport => "the transport failed",
                    };
                    let decision = Decision::new("wire:answers", "INVITE not acknowledged", why);
                    self.decide(decision.by("transaction").weighing(Weight::Minor));
                }
                // No role has a dialog, to which an ACK could belong.
                Event::Ack { .. } => {}
                // Roles answer an INVITE in the same turn, 405: there is nothing left to take back.
                Event::Cancelled { .. } => {}
                // No role sends an INVITE, and none forwards without state.
                Event::AnswerAgain { .. } | Event::StrayResponse { .. } => {}
                Event::Stray { what, .. } => {
                    let decision = Decision::new("RFC 3261 §17", "dropped", what);
                    self.decide(decision.by("transaction").weighing(Weight::Minor));
                }
                Event::Provisional { .. } => {}
            }
        }
    }

    fn handle(&mut self, now: Now, input: Owned) {
        let mut effects = Vec::new();
        let role = &mut self.role;
        match input {
            Owned::Request(id, source, request) => {
                let request = &request;
                let input = Input::Request {
                    id,
                    source: &source,
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
            Owned::Recovered(owed, last) => {
                let input = Input::Recovered { owed, last };
                role.handle(now, input, &mut effects);
            }
            Owned::OutboxRead(page, rows) => {
                role.handle(now, Input::OutboxRead { page, rows }, &mut effects);
            }
            Owned::Order(id, order, by) => {
                let (order, by) = (&order, by.as_str());
                role.handle(now, Input::Order { id, order, by }, &mut effects);
            }
            Owned::Tick => role.handle(now, Input::Tick, &mut effects),
        }
        for effect in effects {
            self.carry_out(now, effect);
        }
    }

    fn carry_out(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Respond { id, response } => {
                self.measures.answered(now.mono, id, &response);
                // When its transaction is over nobody waits for the answer.
                let _ = self.endpoint.respond(now.mono, ServerId(id.0), &response);
            }
            // The transaction absorbs retransmissions until its client has given up.
            Effect::Abandon { id } => self.measures.abandoned(id),
            Effect::Send {
                id,
                next_hop,
                request,
            } => {
                self.send(now, id, &next_hop, request);
            }
            Effect::Store { id, batch } => {
                self.note_storing(now, id, batch.len());
                self.outputs.push_back(Output::Store(id, batch));
            }
            Effect::Decide(decision) => {
                self.measures.decided(now.wall, &decision);
                self.decide(decision);
            }
            Effect::ReadOutbox(page) => self.outputs.push_back(Output::ReadOutbox(page)),
            Effect::Ordered { id, result } => {
                self.outputs.push_back(Output::Ordered(id, result));
            }
        }
    }

    fn decide(&mut self, decision: Decision) {
        self.put(Decided {
            decision,
            numbers: None,
            transaction: None,
        });
    }

    /// Where a request came from, with what its sender has proven.
    fn origin(&self, path: Path) -> Origin {
        if path.transport == Transport::Udp {
            return Origin::datagram(path.peer);
        }
        let domains = match self.proven.as_ref() {
            Some((of, domains)) if *of == path => domains.clone(),
            _ => Arc::default(),
        };
        Origin::connection(path.peer, domains)
    }
}
