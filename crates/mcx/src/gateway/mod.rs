//! The MC gateway server: exit and entry of a system towards others (P1.2, P1.3). A back-to-back
//! user agent that hides what is behind it (L6); it keeps nothing durable, for whoever sent a
//! request keeps it until the answer came from the far end.

mod hosts;
mod loops;
mod replies;
mod rewrite;

use std::collections::HashMap;
use std::time::Instant;

use bytes::Bytes;
use sip_message::{Limits, Method, Request, StatusCode};

use crate::answer::{check_max_forwards, check_readable, check_require, method_not_allowed};
use crate::availability;
use crate::charging;
use crate::document::{Bounds, Document, ServiceDocument};
use crate::incoming::{self, Said};
use crate::marking::{self, Watched};
use crate::trust::{self, Sender, same_uri};
use crate::{
    Availability, Core, Decision, Effect, Input, McId, MessageKind, Now, Origin, Partner, Peer,
    ProcedureId, Profile, Random, Refusal, RequestId, Role, SendFailure, SendId, Service, SystemId,
    Systems,
};
pub use hosts::HostAlias;
use loops::UnderWay;
use replies::Replies;

/// Most requests that wait for the far end at once; beyond, they are answered 503.
const MAX_PENDING: usize = 10_000;
/// Retry-After of a 503, in seconds.
const RETRY_AFTER: u32 = 5;
/// So many requests to a partner that were not answered, and none that was: it counts as down.
const MOST_FAILURES: u32 = 4;
/// The methods that a gateway handles.
const ALLOW: &str = "MESSAGE, OPTIONS";

/// What an MC gateway server is told about itself and its surroundings.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Its public service identity.
    pub psi: String,
    /// The own system, and the partners with their gateways.
    pub systems: Systems,
    /// The own service servers and what each of them serves.
    pub servers: Vec<(Vec<Service>, Peer)>,
    /// Public service identities under which own servers address one partner each, for
    /// notifications whose document does not name it.
    pub exits: Vec<(String, SystemId)>,
    /// Hosts of the inside that documents may name, and their names outside.
    pub host_aliases: Vec<HostAlias>,
    /// The SIP core, where one is in between.
    pub core: Core,
    /// Names on the wire.
    pub profile: Profile,
    /// Bounds of what is read.
    pub limits: Limits,
    /// Bounds of the documents in it.
    pub bounds: Bounds,
}

/// The MC gateway server as a state machine.
#[derive(Debug)]
pub struct GatewayServer {
    config: GatewayConfig,
    availability: Availability,
    random: Random,
    pending: HashMap<SendId, Pending>,
    under_way: UnderWay,
    replies: Replies,
    /// Requests to each partner that were not answered, since one was.
    in_vain: HashMap<SystemId, u32>,
    next_id: u64,
    watched: Watched,
}

/// A request that waits for the far end's answer.
#[derive(Debug)]
struct Pending {
    id: RequestId,
    request: Request,
    procedure: Option<ProcedureId>,
    user: McId,
    /// The partner that it went to, if it went to one.
    partner: Option<SystemId>,
    /// Where it went, for decisions.
    to: String,
    /// The requirement behind it, for decisions.
    requirement: &'static str,
    /// Digests of the body as it came and as it went on.
    bodies: [u64; 2],
}

impl Role for GatewayServer {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Effect>) {
        match input {
            Input::Request {
                id,
                source,
                request,
            } => {
                if let Err(refusal) = self.request(now, id, source, request, out) {
                    match self.sender(source, request) {
                        Sender::Unknown => self.turn_away(id, request, &refusal, out),
                        _ => self.refuse(id, request, &refusal, out),
                    }
                }
            }
            Input::Answer { id, response } => {
                if let Some(pending) = self.pending.remove(&id) {
                    self.arrived(&pending, id);
                    if let Some(partner) = &pending.partner {
                        self.in_vain.remove(partner);
                    }
                    self.answered(&pending, response, out);
                }
            }
            Input::Failed { id, why } => {
                if let Some(pending) = self.pending.remove(&id) {
                    self.arrived(&pending, id);
                    if let Some(partner) = &pending.partner {
                        let failures = self.in_vain.entry(partner.clone()).or_default();
                        *failures = failures.saturating_add(1);
                    }
                    self.failed(&pending, why, out);
                }
            }
            Input::Order { id, .. } => {
                let result = Err("a gateway keeps nothing that could be ordered about".into());
                out.push(Effect::Ordered { id, result });
            }
            Input::Stored { .. }
            | Input::Recovered { .. }
            | Input::OutboxRead { .. }
            | Input::Tick => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn set_availability(&mut self, availability: Availability) {
        self.availability = availability;
    }

    fn partners(&self) -> Vec<(SystemId, bool)> {
        let configured = self.config.systems.partners.iter();
        configured
            .map(|partner| {
                let id = &partner.system.id;
                let failures = self.in_vain.get(id).copied().unwrap_or_default();
                (id.clone(), failures < MOST_FAILURES)
            })
            .collect()
    }

    fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}

impl GatewayServer {
    /// A gateway with nothing under way. `random` must be seeded by the operating system in
    /// production.
    #[must_use]
    pub fn new(config: GatewayConfig, random: Random) -> Self {
        Self {
            config,
            availability: Availability::default(),
            random,
            pending: HashMap::new(),
            under_way: UnderWay::default(),
            replies: Replies::default(),
            in_vain: HashMap::new(),
            next_id: 0,
            watched: Watched::default(),
        }
    }

    /// The same, which marks what it forwards about these users (RFC 8497).
    #[must_use]
    pub fn watching(mut self, watched: Watched) -> Self {
        self.watched = watched;
        self
    }

    /// Goes by another configuration from now on; what is under way ends as it was begun.
    pub fn reconfigure(&mut self, config: GatewayConfig) {
        self.config = config;
    }

    fn request(
        &mut self,
        now: Now,
        id: RequestId,
        source: &Origin,
        request: &Request,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if !matches!(request.method(), Method::Message | Method::Options) {
            return Err(method_not_allowed(ALLOW));
        }
        check_readable(request)?;
        check_require(request)?;
        if *request.method() == Method::Options {
            self.availability.check_options()?;
            self.options(id, request, out);
            return Ok(());
        }
        let max_forwards = check_max_forwards(request)?;
        if self.pending.len() >= MAX_PENDING {
            return Err(Refusal::unavailable(RETRY_AFTER));
        }
        let route = self.route(source, request, out)?;
        self.availability.check(false)?;
        self.forward(now, id, request, route, max_forwards.saturating_sub(1), out)
    }

    /// Where a request goes: towards a partner when an own server sent it (exit), to an own
    /// server when a partner did (entry), and nowhere otherwise.
    fn route(
        &self,
        source: &Origin,
        request: &Request,
        out: &mut Vec<Effect>,
    ) -> Result<Route, Refusal> {
        let config = &self.config;
        let mut inside = config.servers.iter().map(|(_, peer)| peer);
        let sender = self.sender(source, request);
        let Sender::Function(from) = &sender else {
            return Err(trust::unknown_sender(source));
        };
        if self
            .under_way
            .comes_back(loops::digest(request.body()), from)
        {
            let mut refusal = Refusal::new(StatusCode::LOOP_DETECTED, "wire:answers");
            refusal.detail = Some("this body is on its way through here already".into());
            return Err(refusal);
        }
        let exit = inside.any(|peer| peer.psi == *from);
        let (said, content) = self.read(request, exit)?;
        out.push(Effect::Decide(said.decision()));
        let Said {
            service,
            kind,
            primary_id,
            partner_id,
            document,
            ..
        } = said;
        let own_user = config.systems.own.gave(&primary_id);
        let requirement = match kind {
            MessageKind::DeauthorizationNotification if exit => "P1.2",
            MessageKind::DeauthorizationNotification => "P1.3",
            MessageKind::UserAuthorizationNotification => "P2.1",
            MessageKind::AuthorizationRequest | MessageKind::AuthorizationResponse => "L1",
        };
        // Own servers are trusted; a partner is where it is written.
        let marked = marking::is_marked(request.headers());
        let (peer, partner, to, logme) = if exit {
            let partner = if kind.from_primary() {
                own_user
                    .then(|| match &partner_id {
                        Some(id) => config.systems.partner_of(id, service),
                        None => {
                            let named = self.exit(request);
                            named.filter(|partner| partner.services.contains(&service))
                        }
                    })
                    .flatten()
            } else {
                partner_id
                    .as_ref()
                    .filter(|id| config.systems.own.gave(id))
                    .and_then(|_| config.systems.partner_of(&primary_id, service))
            };
            let partner = partner.ok_or_else(Refusal::not_entitled)?;
            if marked {
                // It counts here all the same: the own server may always ask.
                let (procedure, to) = (document.procedure(), partner.system.id.as_str());
                let decision = marking::decision(true, "the own server", procedure, &primary_id);
                out.push(Effect::Decide(decision));
                if !partner.logme {
                    let decision = marking::decision(false, to, procedure, &primary_id);
                    out.push(Effect::Decide(decision));
                }
            }
            let logme = partner.logme && (marked || self.watched.has(&primary_id));
            let id = &partner.system.id;
            (&partner.peer, Some(id.clone()), id.to_string(), logme)
        } else {
            let partner = trust::partner_entitled(
                &config.systems,
                &sender,
                (kind, service),
                &primary_id,
                partner_id.as_ref(),
            )?;
            let server = config.servers.iter().find(|(s, _)| s.contains(&service));
            let (_, peer) = server.ok_or_else(|| incoming::other_type(self.accept()))?;
            if marked {
                let from = partner.system.id.as_str();
                let procedure = document.procedure();
                let decision = marking::decision(partner.logme, from, procedure, &primary_id);
                out.push(Effect::Decide(decision));
            }
            let logme = marked && partner.logme || self.watched.has(&primary_id);
            (peer, None, format!("the {service} server"), logme)
        };
        out.push(Effect::Decide(
            Decision::new(requirement, "forwards", format!("{kind} to {to}"))
                .of(document.procedure())
                .about(&primary_id),
        ));
        Ok(Route {
            service,
            kind,
            user: primary_id,
            procedure: document.procedure(),
            partner,
            to,
            requirement,
            from: from.clone(),
            peer: peer.clone(),
            logme,
            content,
        })
    }

    /// What a request says in the words of the inside, and the body that goes on.
    fn read(&self, request: &Request, exit: bool) -> Result<(Said, Content), Refusal> {
        let config = &self.config;
        let aliases = &config.host_aliases;
        let bounds = (&config.limits, config.bounds);
        let (headers, body) = (request.headers(), request.body());
        let accept = || self.accept();
        let mut said = incoming::message((headers, body), &config.profile, bounds, accept)?;
        let mut media = rewrite::content_type(headers)?;
        if exit {
            let body = hosts::hidden((&mut media, body), &said.bytes, aliases, config.bounds)?;
            return Ok((said, Content { media, body }));
        }
        let shown = hosts::shown(&mut media, body, &said.bytes, aliases);
        let Some((body, document)) = shown else {
            let body = body.clone();
            return Ok((said, Content { media, body }));
        };
        if let Some(bytes) = document.map(Bytes::from) {
            let service = said.service;
            let document = Document::read(&bytes, config.profile.of(service), config.bounds)
                .map_err(|error| Refusal::bad_request(error.to_string()))?;
            let renamed = ServiceDocument {
                service,
                document,
                bytes,
            };
            said = incoming::of_document(renamed, &config.profile)?;
        }
        Ok((said, Content { media, body }))
    }

    /// The partner that the Request-URI stands for.
    fn exit(&self, request: &Request) -> Option<&Partner> {
        let (_, system) = self
            .config
            .exits
            .iter()
            .find(|(psi, _)| same_uri(psi, request.uri_bytes()))?;
        self.config.systems.partner(system)
    }

    fn accept(&self) -> String {
        let services = Service::ALL.into_iter().filter(|s| {
            let served = |(services, _): &(Vec<Service>, Peer)| services.contains(s);
            self.config.servers.iter().any(served)
        });
        incoming::accept(&self.config.profile, services, &["multipart/mixed"])
    }

    fn options(&mut self, id: RequestId, request: &Request, out: &mut Vec<Effect>) {
        let tag = self.random.hex(8);
        let response = availability::capabilities(request, &tag, ALLOW, self.accept());
        out.extend(response.map(|response| Effect::Respond { id, response }));
    }

    /// It is no longer under way.
    fn arrived(&mut self, pending: &Pending, id: SendId) {
        for body in pending.bodies {
            self.under_way.remove(body, id);
        }
    }

    fn sender(&self, source: &Origin, request: &Request) -> Sender {
        let inside = self.config.servers.iter().map(|(_, peer)| peer);
        let outside = self.config.systems.partners.iter().map(|p| &p.peer);
        trust::sender(source, request, &self.config.core, inside.chain(outside))
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

    fn failed(&mut self, pending: &Pending, why: SendFailure, out: &mut Vec<Effect>) {
        let to = &pending.to;
        if why == SendFailure::Timeout {
            // RFC 4320 §4.2: no 408 for a non-INVITE transaction; its sender has given up too.
            let why = format!("{to} did not answer");
            let decision = Decision::new(pending.requirement, "no answer", why);
            out.push(Effect::Decide(
                decision.of(pending.procedure).about(&pending.user),
            ));
            out.push(Effect::Abandon { id: pending.id });
            return;
        }
        let mut refusal = Refusal::unavailable(RETRY_AFTER);
        refusal.detail = Some(format!("{to} {why}").into());
        self.refuse(pending.id, &pending.request, &refusal, out);
    }
}

/// Where a request goes.
struct Route {
    service: Service,
    kind: MessageKind,
    user: McId,
    procedure: Option<ProcedureId>,
    partner: Option<SystemId>,
    to: String,
    requirement: &'static str,
    /// Public service identity of who sent it.
    from: String,
    peer: Peer,
    /// Whether it goes on with a mark to be logged.
    logme: bool,
    content: Content,
}

/// What goes on.
struct Content {
    /// Content-Type.
    media: String,
    body: Bytes,
}
