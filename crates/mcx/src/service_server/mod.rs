//! The MC service server: primary for its own users, partner for visiting ones. The role belongs
//! to the user, not to the server.

mod authorization;
mod config;
mod deauthorization;
mod expiry;
mod message;
mod orders;
mod outbox;
mod pending;
mod permission;
mod send;
mod visit;

use std::collections::HashMap;
use std::time::Instant;

use sip_message::{HeaderName, Method, Request, Response, StatusCode};

use crate::availability;
use crate::charging;
use crate::delivery::{Ended, Schedule, Trouble};
use crate::document::ServiceDocument;
use crate::incoming;
use crate::marking::Watched;
use crate::state::{Command, OutboxRow, Outcome, Owed};
use crate::trust::{self, Sender};
use crate::{
    Availability, Decision, Effect, Input, McId, MessageKind, Now, Origin, Partner, Random,
    Refusal, RequestId, Role, SendId, StoreFailure, StoreId, SystemId, Weight,
};
use pending::Pending;

pub use config::{ByPartner, ServiceServerConfig, Stop};

/// Most requests that wait for something at once; beyond, they are answered 503.
const MAX_PENDING: usize = 10_000;
/// Retry-After of a 503, in seconds.
const RETRY_AFTER: u32 = 5;

/// The MC service server as a state machine.
#[derive(Debug)]
pub struct ServiceServer {
    config: ServiceServerConfig,
    availability: Availability,
    random: Random,
    schedule: Schedule,
    /// Client events that wait for the primary's response.
    pending: Pending,
    /// Requests of ours under way.
    sends: HashMap<SendId, Sending>,
    /// Batches under way.
    stores: HashMap<StoreId, Continuation>,
    next_id: u64,
    next_expiry: Option<Instant>,
    /// When the two clocks were compared last.
    clock: Option<Now>,
    watched: Watched,
}

/// What a request of ours was sent for.
#[derive(Debug)]
enum Sending {
    /// A row of the outbox.
    Row(Box<OutboxRow>),
    /// The migration service authorization request of a pending migration.
    MigrationRequest(RequestId),
}

/// What happens when a batch is durable.
#[derive(Debug)]
enum Continuation {
    /// An event of an own user: answer it.
    Authorized(Box<authorization::Event>),
    /// A visiting user asked: refreshed, or the primary has to be asked.
    Visited(Box<authorization::Event>),
    /// A visiting user's authorization was stored after the primary's response.
    Mapped {
        event: Box<authorization::Event>,
        message: Answerable,
    },
    /// A MESSAGE: answer it by what the store says.
    Message {
        message: Answerable,
        kind: MessageKind,
    },
    /// A row of the outbox has its fate, and how if that is its end.
    Row {
        row: OutboxRow,
        ended: Option<Ended>,
    },
    /// An operator's order.
    Ordered(Box<orders::Pending>),
    Expired,
    /// Deadlines moved by so many milliseconds.
    ClockStepped(i64),
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Answerable {
    id: RequestId,
    request: Request,
    user: McId,
    procedure: Option<crate::ProcedureId>,
}

impl Role for ServiceServer {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Effect>) {
        if let Input::Recovered { .. } = input {
            // What happened to the clock before the store was there, the store finds out by itself ([`Command::ClockAnchored`]).
            self.clock = None;
            self.next_expiry = None;
        }
        // Before anything that names a time by the clock as it is now.
        self.watch_clock(now, out);
        match input {
            Input::Request {
                id,
                source,
                request,
            } => {
                if let Err(refusal) = self.request(now, id, source, request, out) {
                    match self.knows(source, request) {
                        true => self.refuse(id, request, &refusal, out),
                        false => self.turn_away(id, request, &refusal, out),
                    }
                }
            }
            Input::Answer { id, response } => match self.sends.remove(&id) {
                Some(Sending::Row(row)) => self.row_answered(now, *row, response, out),
                Some(Sending::MigrationRequest(event)) => {
                    self.migration_request_answered(event, response, out);
                }
                None => {}
            },
            Input::Failed { id, why } => match self.sends.remove(&id) {
                Some(Sending::Row(row)) => self.row_failed(now, *row, why, out),
                Some(Sending::MigrationRequest(event)) => {
                    self.migration_request_failed(event, why, out);
                }
                None => {}
            },
            Input::Stored { id, result } => {
                if let Some(continuation) = self.stores.remove(&id) {
                    self.stored(now, continuation, result, out);
                }
            }
            Input::Recovered { owed, last } => self.recover(&owed, last, out),
            Input::OutboxRead { page, rows } => self.schedule.take(now, &page, rows.ok()),
            Input::Order { id, order, by } => self.order(now, id, order, by, out),
            Input::Tick => {}
        }
        self.migrations_timed_out(now, out);
        self.expire(now, out);
        self.send_due_rows(now, out);
        if self.availability.begins() {
            let read = |page| out.push(Effect::ReadOutbox(page));
            self.schedule.read_more(now, read);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let sends = self.availability.begins();
        [
            self.schedule.deadline().filter(|_| sends),
            self.pending.deadline(),
            self.next_expiry,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn set_availability(&mut self, availability: Availability) {
        self.availability = availability;
    }

    fn partners(&self) -> Vec<(SystemId, bool)> {
        let of_outbox: HashMap<_, _> = self.schedule.partners().collect();
        let configured = self.config.systems.partners.iter();
        configured
            .map(|partner| {
                let id = &partner.system.id;
                (id.clone(), of_outbox.get(id).copied().unwrap_or(true))
            })
            .collect()
    }

    fn is_idle(&self) -> bool {
        self.pending.len() == 0 && self.stores.is_empty() && self.sends.is_empty()
    }
}

/// 503: as much as may waits already, or nothing can be stored. It comes by the thousand, so it is no line each in the log.
fn busy() -> Refusal {
    Refusal {
        weight: Weight::Minor,
        ..Refusal::unavailable(RETRY_AFTER)
    }
}

impl ServiceServer {
    /// Takes what was owed before the start.
    fn recover(&mut self, owed: &[Owed], last: u64, out: &mut Vec<Effect>) {
        let (mut waiting, mut parked) = (0, 0);
        for of in owed {
            waiting += of.waiting;
            parked += of.parked;
            if of.waiting > 0 {
                self.schedule.owes(&of.to, last);
            }
        }
        if waiting + parked > 0 {
            let why = format!("{waiting} owed from before the start, {parked} parked");
            let decision = Decision::new("L4", "recovered", why);
            out.push(Effect::Decide(if parked > 0 {
                decision.weighing(Weight::Alarm)
            } else {
                decision
            }));
        }
    }

    /// A server to which nothing is owed, unless [`Input::Recovered`] comes first. `random` must be seeded by the operating
    /// system in production.
    #[must_use]
    pub fn new(config: ServiceServerConfig, random: Random) -> Self {
        Self {
            schedule: Schedule::new(config.retry),
            config,
            availability: Availability::default(),
            random,
            pending: Pending::default(),
            sends: HashMap::new(),
            stores: HashMap::new(),
            next_id: 0,
            next_expiry: None,
            clock: None,
            watched: Watched::default(),
        }
    }

    /// The same, which marks its requests about these users (RFC 8497).
    #[must_use]
    pub fn watching(mut self, watched: Watched) -> Self {
        self.watched = watched;
        self
    }

    /// Whether a request about that user is marked there.
    fn marks(&self, partner: &Partner, user: &McId) -> bool {
        partner.logme && self.watched.has(user)
    }

    /// Goes by another configuration from now on. What is under way ends as it was begun; a row of the outbox is written when
    /// it is sent, so it goes by the new one.
    pub fn reconfigure(&mut self, config: ServiceServerConfig) {
        self.schedule.set_retry(config.retry);
        self.config = config;
    }

    /// A request, by its method.
    fn request(
        &mut self,
        now: Now,
        id: RequestId,
        source: &Origin,
        request: &Request,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        const ALLOW: &str = "MESSAGE, REGISTER, PUBLISH, OPTIONS";
        let method = request.method();
        if !matches!(
            method,
            Method::Message | Method::Register | Method::Publish | Method::Options
        ) {
            return Err(crate::answer::method_not_allowed(ALLOW));
        }
        crate::answer::check_readable(request)?;
        crate::answer::check_require(request)?;
        if *method == Method::Options {
            self.availability.check_options()?;
            let tag = self.random.hex(8);
            let response = availability::capabilities(request, &tag, ALLOW, self.accept());
            out.extend(response.map(|response| Effect::Respond { id, response }));
            return Ok(());
        }
        crate::answer::check_max_forwards(request)?;
        if self.stores.len() + self.pending.len() >= MAX_PENDING {
            return Err(busy());
        }
        match (method, self.sender(source, request)) {
            (Method::Message, sender @ Sender::Function(_)) => {
                self.message(now, id, &sender, request, out)
            }
            (Method::Message, _) => Err(trust::unknown_sender(source)),
            _ => {
                trust::event_entitled(source, &self.config.core)?;
                self.availability.check(false)?;
                self.event(now, id, request, out)
            }
        }
    }

    fn stored(
        &mut self,
        now: Now,
        continuation: Continuation,
        result: Result<Vec<Outcome>, StoreFailure>,
        out: &mut Vec<Effect>,
    ) {
        let outcomes = match result {
            Ok(mut outcomes) => {
                for outcome in &mut outcomes {
                    for row in outcome.appended.drain(..) {
                        self.schedule.add(now, row);
                    }
                }
                outcomes
            }
            Err(StoreFailure) => {
                self.not_stored(now, continuation, out);
                return;
            }
        };
        match continuation {
            Continuation::Authorized(event) => self.home_authorized(*event, &outcomes, out),
            Continuation::Visited(event) => self.visitor_looked_up(now, *event, &outcomes, out),
            Continuation::Mapped { event, message } => {
                self.mapped(*event, &message, &outcomes, out);
            }
            Continuation::Message { message, kind } => {
                self.message_stored(now, &message, kind, &outcomes, out);
            }
            Continuation::Row { row, ended } => {
                if let Some(ended) = ended {
                    self.schedule.finish(now, &row, ended);
                }
            }
            Continuation::Ordered(pending) => self.ordered(now, *pending, &outcomes, out),
            Continuation::Expired => self.expired(now, &outcomes, out),
            Continuation::ClockStepped(_) => {}
        }
    }

    /// Nothing of the batch is durable: 503, and whoever sent it comes again (L4).
    fn not_stored(&mut self, now: Now, continuation: Continuation, out: &mut Vec<Effect>) {
        let refusal = busy();
        match continuation {
            Continuation::Authorized(event) | Continuation::Visited(event) => {
                self.refuse(event.id, &event.request, &refusal, out);
            }
            Continuation::Mapped { event, message } => {
                self.refuse(event.id, &event.request, &refusal, out);
                self.refuse(message.id, &message.request, &refusal, out);
            }
            Continuation::Message { message, .. } => {
                self.refuse(message.id, &message.request, &refusal, out);
            }
            // It will be sent once more; applying it twice is applying it once (L3).
            Continuation::Row {
                row,
                ended: Some(_),
            } => {
                let after = (None, Trouble::Row);
                self.schedule.again(now, &row, after, &mut self.random);
            }
            Continuation::Row { ended: None, .. } => {}
            Continuation::Ordered(pending) => Self::not_ordered(&pending, out),
            Continuation::Expired => self.expire_later(now),
            Continuation::ClockStepped(by) => self.step_again(by),
        }
    }

    fn store(&mut self, batch: Vec<Command>, then: Continuation, out: &mut Vec<Effect>) {
        self.next_id += 1;
        let id = StoreId(self.next_id);
        self.stores.insert(id, then);
        out.push(Effect::Store { id, batch });
    }

    /// The MC info documents of a request, of services that this server serves.
    fn documents(&self, request: &Request) -> Result<Vec<ServiceDocument>, Refusal> {
        let config = &self.config;
        let accept = || self.accept();
        let found = incoming::find(
            (request.headers(), request.body()),
            &config.profile,
            (&config.limits, config.bounds),
            accept,
        )?;
        if found.iter().any(|d| !config.services.contains(&d.service)) {
            return Err(incoming::other_type(accept()));
        }
        Ok(found)
    }

    fn accept(&self) -> String {
        let services = self.config.services.iter().copied();
        let around = ["multipart/mixed", "message/sip"];
        incoming::accept(&self.config.profile, services, &around)
    }

    fn sender(&self, source: &Origin, request: &Request) -> Sender {
        let peers = self.config.systems.partners.iter().map(|p| &p.peer);
        trust::sender(source, request, &self.config.core, peers)
    }

    /// Whether it comes from within the trust domain (RFC 3325 §2.4): from a partner, or the SIP core.
    fn knows(&self, source: &Origin, request: &Request) -> bool {
        self.sender(source, request) != Sender::Unknown || self.config.core.is_at(source)
    }

    /// Answers a request of somebody known, and records why it is refused.
    fn refuse(
        &mut self,
        id: RequestId,
        request: &Request,
        refusal: &Refusal,
        out: &mut Vec<Effect>,
    ) {
        let vector = charging::of_answer(request, &self.config.systems.own.id);
        let by = (self.config.psi.as_str(), vector);
        refusal.send(id, request, by, &mut self.random, out);
    }

    /// The same for a stranger, who is told nothing of charging.
    fn turn_away(
        &mut self,
        id: RequestId,
        request: &Request,
        refusal: &Refusal,
        out: &mut Vec<Effect>,
    ) {
        let by = (self.config.psi.as_str(), None);
        refusal.send(id, request, by, &mut self.random, out);
    }

    /// Answers a request.
    fn respond(
        &mut self,
        id: RequestId,
        request: &Request,
        status: StatusCode,
        out: &mut Vec<Effect>,
        add: impl FnOnce(sip_message::ResponseBuilder) -> sip_message::ResponseBuilder,
    ) {
        let tag = self.random.hex(8);
        let mut builder = add(Response::to(request, status, Some(&tag)));
        if let Some(vector) = charging::of_answer(request, &self.config.systems.own.id) {
            builder = builder.header(HeaderName::PChargingVector, vector);
        }
        if let Ok(response) = builder.finish() {
            out.push(Effect::Respond { id, response });
        }
    }
}
