//! The endpoint: all transactions of one function, matched, timed and bounded.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sip_message::{
    HeaderName, Message, Method, Request, Response, StatusCode, ValueErrorKind, validate,
};

use crate::timers::Rings;
use crate::{Path, Timers, client, key, server};

/// Names a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// Names a server transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u64);

/// Values and bounds of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Timer values.
    pub timers: Timers,
    /// Most client transactions at once; [`Endpoint::request`] refuses more.
    pub max_clients: usize,
    /// Most server transactions at once; requests beyond are answered 503 without one.
    pub max_servers: usize,
    /// Retry-After of that 503, in seconds.
    pub retry_after: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            timers: Timers::default(),
            max_clients: 100_000,
            max_servers: 1_000_000,
            retry_after: 5,
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Where.
    pub path: Path,
    /// What.
    pub bytes: Bytes,
    /// Whether it was sent before.
    pub retransmission: bool,
}

/// What the transaction user is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request, once; it passed the checks of RFC 3261 §8.2.
    Request {
        /// The transaction to answer.
        server: ServerId,
        /// Where it came from.
        path: Path,
        /// The request.
        request: Request,
    },
    /// A final answer, the only event for that transaction.
    Answer {
        /// The transaction that it ends.
        client: ClientId,
        /// The answer.
        response: Response,
    },
    /// A provisional answer.
    Provisional {
        /// The transaction.
        client: ClientId,
        /// The answer.
        response: Response,
    },
    /// No final answer will come, the only event for that transaction.
    Failed {
        /// The transaction that it ends.
        client: ClientId,
        /// Why.
        failure: Failure,
    },
    /// A request was answered without a transaction.
    Rejected {
        /// Where it came from.
        path: Path,
        /// With which status.
        status: StatusCode,
        /// Why.
        reason: String,
    },
    /// A message that belongs to no transaction was dropped.
    Stray {
        /// Where it came from.
        path: Path,
        /// What it was.
        what: &'static str,
    },
}

/// Why no final answer will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Timer F fired.
    Timeout,
    /// The transport failed (§17.1.4).
    Transport,
}

/// A request was not sent: too many client transactions are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// An answer was not sent: its transaction is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// What an endpoint has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests handed up.
    pub requests: u64,
    /// Retransmitted requests that were absorbed.
    pub absorbed: u64,
    /// Requests of ours that were sent again.
    pub retransmitted: u64,
    /// Requests answered without a transaction.
    pub rejected: u64,
    /// Messages that belonged to no transaction.
    pub strays: u64,
}

#[derive(Debug)]
struct ClientTransaction {
    state: client::State,
    path: Path,
    method: Method,
    branch: Box<[u8]>,
    bytes: Bytes,
    /// The running Timer E.
    e: Duration,
}

#[derive(Debug)]
struct ServerTransaction {
    state: server::State,
    key: Box<[u8]>,
    /// Where answers go.
    path: Path,
    /// The last answer.
    answer: Bytes,
}

#[derive(Clone, Copy, Debug)]
enum Timer {
    E(ClientId),
    F(ClientId),
    K(ClientId),
    J(ServerId),
    ClientGone(ServerId),
}

/// All transactions of one function.
///
/// Its methods come in four kinds: getters; `handle_*`, which take what the network and the clock
/// bring; `request`, `respond` and `reject`, which take what the transaction user wants; and
/// `poll_*`, which give to the caller what is to be done, until they give `None`.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    random: ChaCha12Rng,
    /// Start of every branch of this endpoint, the magic cookie included.
    branch_prefix: String,
    clients: HashMap<ClientId, ClientTransaction>,
    branches: HashMap<Box<[u8]>, ClientId>,
    servers: HashMap<ServerId, ServerTransaction>,
    keys: HashMap<Box<[u8]>, ServerId>,
    timers: Rings<Timer>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
    last_id: u64,
}

impl Endpoint {
    /// An endpoint without transactions. `seed` must come from the operating system in
    /// production: branches and tags are unguessable only if it is.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = ChaCha12Rng::from_seed(seed);
        let branch_prefix = format!("z9hG4bK{:016x}", random.next_u64());
        Self {
            config,
            random,
            branch_prefix,
            clients: HashMap::new(),
            branches: HashMap::new(),
            servers: HashMap::new(),
            keys: HashMap::new(),
            timers: Rings::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            last_id: 0,
        }
    }

    /// Client transactions that are not forgotten yet.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Server transactions that are not forgotten yet.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// What the endpoint has seen.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a message from the network.
    pub fn handle_message(&mut self, now: Instant, path: Path, message: Message) {
        match message {
            Message::Request(request) => self.handle_request(now, path, request),
            Message::Response(response) => self.handle_response(now, path, response),
        }
    }

    /// Takes the time: fires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, timer)) = self.timers.pop(now) {
            match timer {
                Timer::E(id) => self.client_event(now, id, client::Event::TimerE, None),
                Timer::F(id) => self.client_event(now, id, client::Event::TimerF, None),
                Timer::K(id) => self.client_event(now, id, client::Event::TimerK, None),
                Timer::J(id) => self.server_event(now, id, server::Event::TimerJ, None),
                Timer::ClientGone(id) => {
                    self.server_event(now, id, server::Event::ClientGone, None);
                }
            }
        }
    }

    /// Takes a transport failure on a hop: ends the client transactions that wait on it.
    pub fn handle_transport_error(&mut self, now: Instant, path: Path) {
        let mut waiting: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, c)| c.path == path && c.state != client::State::Completed)
            .map(|(id, _)| *id)
            .collect();
        // The order of the requests, not that of a hash table.
        waiting.sort_unstable();
        for id in waiting {
            self.client_event(now, id, client::Event::TransportError, None);
        }
    }

    /// Answers, without a transaction, a request that is too broken to have one.
    pub fn reject(&mut self, path: Path, request: &Request, status: StatusCode, reason: &str) {
        self.reject_with(path, request, status, Some(reason), None);
    }

    /// Sends a request in a client transaction of its own; the Via is added here.
    ///
    /// # Errors
    /// Too many client transactions are open.
    pub fn request(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request,
    ) -> Result<ClientId, Refused> {
        if self.clients.len() >= self.config.max_clients {
            return Err(Refused);
        }
        self.last_id += 1;
        let id = ClientId(self.last_id);
        let mut branch = self.branch_prefix.clone();
        let _ = write!(branch, "{:x}{:08x}", id.0, self.random.next_u32());
        let via = format!(
            "SIP/2.0/{} {};branch={branch};rport",
            path.transport, path.local
        );
        let bytes = request.with_via(&via).as_bytes().clone();
        let branch: Box<[u8]> = branch.into_bytes().into();
        self.branches.insert(branch.clone(), id);
        let timers = self.config.timers;
        let reliable = path.transport.is_reliable();
        self.clients.insert(
            id,
            ClientTransaction {
                state: client::State::Trying,
                path,
                method: request.method().clone(),
                branch,
                bytes: bytes.clone(),
                e: timers.t1,
            },
        );
        self.timers.start(now, timers.f(), Timer::F(id));
        if !reliable {
            self.timers.start(now, timers.t1, Timer::E(id));
        }
        self.transmits.push_back(Transmit {
            path,
            bytes,
            retransmission: false,
        });
        Ok(id)
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Its transaction is over: nobody waits for the answer.
    pub fn respond(
        &mut self,
        now: Instant,
        server: ServerId,
        response: &Response,
    ) -> Result<(), Gone> {
        if !self.servers.contains_key(&server) {
            return Err(Gone);
        }
        let event = if response.status().is_provisional() {
            server::Event::SendProvisional
        } else {
            server::Event::SendFinal
        };
        self.server_event(now, server, event, Some(response.as_bytes().clone()));
        Ok(())
    }

    /// The next message to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] is to be called next, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn handle_request(&mut self, now: Instant, path: Path, mut request: Request) {
        request.set_source(path.peer);
        let method = request.method().clone();
        if let Err(refusal) = validate::request(&request) {
            if method == Method::Ack {
                self.stray(path, "malformed ACK");
            } else {
                self.reject_with(path, &request, refusal.status, Some(&refusal.reason), None);
            }
            return;
        }
        let Some(key) = key::server(&request, &method) else {
            self.stray(path, "request without a usable Via");
            return;
        };
        if let Some(id) = self.keys.get(&key).copied() {
            self.counters.absorbed += 1;
            self.server_event(now, id, server::Event::Retransmission, None);
            return;
        }
        match method {
            // §17.1.1.3: an ACK is never answered.
            Method::Ack => return self.stray(path, "ACK for no transaction"),
            // §9.2: CANCEL has no effect on a non-INVITE request, and is answered on its own.
            Method::Cancel => return self.answer_cancel(path, &request),
            _ => {}
        }
        if self.is_own_loop(&request) {
            self.reject_with(path, &request, StatusCode::LOOP_DETECTED, None, None);
            return;
        }
        if self.servers.len() >= self.config.max_servers {
            let retry_after = self.config.retry_after.to_string();
            let header = Some((HeaderName::RetryAfter, retry_after));
            self.reject_with(
                path,
                &request,
                StatusCode::SERVICE_UNAVAILABLE,
                None,
                header,
            );
            return;
        }
        let Ok(answers_to) = request
            .headers()
            .top_via()
            .map(|via| path.of_response(&via))
        else {
            self.stray(path, "request without a usable Via");
            return;
        };
        self.last_id += 1;
        let server = ServerId(self.last_id);
        self.keys.insert(key.clone(), server);
        self.servers.insert(
            server,
            ServerTransaction {
                state: server::State::Trying,
                key,
                path: answers_to,
                answer: Bytes::new(),
            },
        );
        self.timers
            .start(now, self.config.timers.f(), Timer::ClientGone(server));
        self.counters.requests += 1;
        self.events.push_back(Event::Request {
            server,
            path,
            request,
        });
    }

    fn handle_response(&mut self, now: Instant, path: Path, response: Response) {
        if validate::response(&response).is_err() {
            return self.stray(path, "malformed response");
        }
        let headers = response.headers();
        let (Ok(via), Ok(cseq)) = (headers.top_via(), headers.cseq()) else {
            return self.stray(path, "malformed response");
        };
        let found = via.branch().and_then(|b| self.branches.get(b)).copied();
        let matched = found.filter(|id| {
            // §17.1.3: branch, and the method in CSeq.
            self.clients
                .get(id)
                .is_some_and(|c| c.method.as_bytes() == cseq.method)
        });
        let Some(id) = matched else {
            return self.stray(path, "response to no request of ours");
        };
        let event = if response.status().is_provisional() {
            client::Event::Provisional
        } else {
            client::Event::Final
        };
        self.client_event(now, id, event, Some(response));
    }

    fn client_event(
        &mut self,
        now: Instant,
        id: ClientId,
        event: client::Event,
        response: Option<Response>,
    ) {
        let Some(transaction) = self.clients.get_mut(&id) else {
            return;
        };
        let timers = self.config.timers;
        let (state, actions) = transaction.state.on(event);
        transaction.state = state;
        let mut response = response;
        for action in actions {
            match action {
                client::Action::Retransmit => {
                    self.counters.retransmitted += 1;
                    self.transmits.push_back(Transmit {
                        path: transaction.path,
                        bytes: transaction.bytes.clone(),
                        retransmission: true,
                    });
                    let proceeding = state == client::State::Proceeding;
                    transaction.e = timers.e_after(transaction.e, proceeding);
                    self.timers.start(now, transaction.e, Timer::E(id));
                }
                client::Action::PassUp => {
                    if let Some(response) = response.take() {
                        self.events.push_back(match event {
                            client::Event::Provisional => Event::Provisional {
                                client: id,
                                response,
                            },
                            _ => Event::Answer {
                                client: id,
                                response,
                            },
                        });
                    }
                }
                client::Action::InformTimeout => self.events.push_back(Event::Failed {
                    client: id,
                    failure: Failure::Timeout,
                }),
                client::Action::InformTransportError => self.events.push_back(Event::Failed {
                    client: id,
                    failure: Failure::Transport,
                }),
                client::Action::StartTimerK => {
                    transaction.bytes = Bytes::new();
                    let k = timers.k(transaction.path.transport.is_reliable());
                    self.timers.start(now, k, Timer::K(id));
                }
            }
        }
        if state == client::State::Terminated
            && let Some(transaction) = self.clients.remove(&id)
        {
            self.branches.remove(&transaction.branch);
        }
    }

    fn server_event(
        &mut self,
        now: Instant,
        id: ServerId,
        event: server::Event,
        answer: Option<Bytes>,
    ) {
        let Some(transaction) = self.servers.get_mut(&id) else {
            return;
        };
        let (state, actions) = transaction.state.on(event);
        transaction.state = state;
        let mut answer = answer;
        for action in actions {
            match action {
                server::Action::Send | server::Action::SendAgain => {
                    if let Some(answer) = answer.take() {
                        transaction.answer = answer;
                    }
                    self.transmits.push_back(Transmit {
                        path: transaction.path,
                        bytes: transaction.answer.clone(),
                        retransmission: *action == server::Action::SendAgain,
                    });
                }
                server::Action::StartTimerJ => {
                    let reliable = transaction.path.transport.is_reliable();
                    let j = self.config.timers.j(reliable);
                    self.timers.start(now, j, Timer::J(id));
                }
            }
        }
        if state == server::State::Terminated
            && let Some(transaction) = self.servers.remove(&id)
        {
            self.keys.remove(&transaction.key);
        }
    }

    /// §9.2: 200 when it names a transaction, whose answer it does not change; else 481.
    fn answer_cancel(&mut self, path: Path, request: &Request) {
        let known = [
            Method::Message,
            Method::Register,
            Method::Publish,
            Method::Options,
        ]
        .iter()
        .filter_map(|method| key::server(request, method))
        .any(|key| self.keys.contains_key(&key));
        let status = if known {
            StatusCode::OK
        } else {
            StatusCode::CALL_OR_TRANSACTION_DOES_NOT_EXIST
        };
        self.reject_with(path, request, status, None, None);
    }

    /// Whether a Via of the request is one that this endpoint wrote: it went in a circle.
    fn is_own_loop(&self, request: &Request) -> bool {
        request.headers().vias().any(|via| {
            via.is_ok_and(|via| {
                via.branch()
                    .is_some_and(|b| b.starts_with(self.branch_prefix.as_bytes()))
            })
        })
    }

    fn reject_with(
        &mut self,
        path: Path,
        request: &Request,
        status: StatusCode,
        reason: Option<&str>,
        header: Option<(HeaderName, String)>,
    ) {
        // The same tag for a retransmission, without keeping anything (§8.2.7).
        let tag = format!("{:016x}", digest(&self.branch_prefix, request.as_bytes()));
        let answers_to = match request.headers().top_via() {
            Ok(via) => path.of_response(&via),
            Err(error) if error.kind == ValueErrorKind::Missing => {
                return self.stray(path, "request without a Via");
            }
            // Its port cannot be read, and the 400 is owed all the same (RFC 4475 §3.1.2.1).
            Err(_) => path,
        };
        let mut builder = Response::to(request, status, Some(&tag));
        if let Some(reason) = reason {
            builder = builder.reason(reason);
        }
        if let Some((name, value)) = header {
            builder = builder.header(name, value);
        }
        match builder.finish() {
            Ok(response) => {
                self.counters.rejected += 1;
                self.transmits.push_back(Transmit {
                    path: answers_to,
                    bytes: response.as_bytes().clone(),
                    retransmission: false,
                });
                self.events.push_back(Event::Rejected {
                    path,
                    status,
                    reason: reason.unwrap_or(status.default_reason()).to_owned(),
                });
            }
            Err(_) => self.stray(path, "request that cannot be answered"),
        }
    }

    fn stray(&mut self, path: Path, what: &'static str) {
        self.counters.strays += 1;
        self.events.push_back(Event::Stray { path, what });
    }
}

fn digest(key: &str, bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    bytes.hash(&mut hasher);
    hasher.finish()
}
