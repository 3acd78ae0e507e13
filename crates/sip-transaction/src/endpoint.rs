//! The endpoint: all transactions of one function, matched, timed and bounded. Here is what the caller sees;
//! [`clients`] and [`servers`] drive the machines, [`stateless`] is for requests that get no transaction.

mod clients;
mod servers;
mod stateless;

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sip_message::{Message, Method, Request, Response, StatusCode};

use self::clients::Client;
use self::servers::Server;
use crate::event::{ClientId, Counters, Event, Gone, Refused, ServerId, Transmit};
use crate::key::{ByKey, Keys};
use crate::slab::Slab;
use crate::timers::Rings;
use crate::{Config, Path};

#[derive(Clone, Copy, Debug)]
enum Timer {
    A(ClientId),
    B(ClientId),
    C(ClientId),
    D(ClientId),
    E(ClientId),
    F(ClientId),
    K(ClientId),
    M(ClientId),
    /// 64·T1 after a CANCEL.
    Cancel(ClientId),
    G(ServerId),
    H(ServerId),
    I(ServerId),
    J(ServerId),
    L(ServerId),
    /// Time for a 100.
    Trying(ServerId),
    ClientGone(ServerId),
}

/// All transactions of one function.
///
/// Its methods come in four kinds: getters; `handle_*`, which take what the network and the clock
/// bring; `request`, `cancel`, `send`, `respond` and `reject`, which take what the transaction user
/// wants; and `poll_*`, which give to the caller what is to be done, until they give `None`.
#[derive(Debug)]
pub struct Endpoint {
    config: Config,
    random: ChaCha12Rng,
    /// Start of every branch of this endpoint, the magic cookie included.
    branch_prefix: String,
    branches: u64,
    keys: Keys,
    clients: Slab<Client>,
    clients_by_key: ByKey<ClientId>,
    servers: Slab<Server>,
    servers_by_key: ByKey<ServerId>,
    /// Ongoing transactions by what merged requests have in common.
    merged: ByKey<ServerId>,
    timers: Rings<Timer>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    counters: Counters,
}

impl Endpoint {
    /// An endpoint without transactions. `seed` must come from the operating system in
    /// production: branches, tags and the keys of its tables are unguessable only if it is.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = ChaCha12Rng::from_seed(seed);
        let branch_prefix = format!("z9hG4bK{:016x}", random.next_u64());
        let mut secret = [0; 16];
        random.fill_bytes(&mut secret);
        Self {
            config,
            random,
            branch_prefix,
            branches: 0,
            keys: Keys::new(secret),
            clients: Slab::default(),
            clients_by_key: ByKey::default(),
            servers: Slab::default(),
            servers_by_key: ByKey::default(),
            merged: ByKey::default(),
            timers: Rings::default(),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
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

    /// Timers that run, those of transactions that have moved on included.
    #[must_use]
    pub fn timers(&self) -> usize {
        self.timers.len()
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
        use crate::{invite_client, invite_server, non_invite_client, non_invite_server};
        while let Some((_, timer)) = self.timers.pop(now) {
            match timer {
                Timer::A(id) => self.on_invite_client(now, id, invite_client::Event::TimerA, None),
                Timer::B(id) => self.on_invite_client(now, id, invite_client::Event::TimerB, None),
                Timer::C(id) => self.on_timer_c(now, id),
                Timer::D(id) => self.on_invite_client(now, id, invite_client::Event::TimerD, None),
                Timer::M(id) => self.on_invite_client(now, id, invite_client::Event::TimerM, None),
                Timer::Cancel(id) => {
                    self.on_invite_client(now, id, invite_client::Event::CancelTimeout, None);
                }
                Timer::E(id) => self.on_client(now, id, non_invite_client::Event::TimerE, None),
                Timer::F(id) => self.on_client(now, id, non_invite_client::Event::TimerF, None),
                Timer::K(id) => self.on_client(now, id, non_invite_client::Event::TimerK, None),
                Timer::G(id) => self.on_invite_server(now, id, invite_server::Event::TimerG, None),
                Timer::H(id) => self.on_invite_server(now, id, invite_server::Event::TimerH, None),
                Timer::I(id) => self.on_invite_server(now, id, invite_server::Event::TimerI, None),
                Timer::L(id) => self.on_invite_server(now, id, invite_server::Event::TimerL, None),
                Timer::Trying(id) => {
                    self.on_invite_server(now, id, invite_server::Event::Timer100, None);
                    self.on_server(now, id, non_invite_server::Event::Timer100, None);
                }
                Timer::J(id) => self.on_server(now, id, non_invite_server::Event::TimerJ, None),
                Timer::ClientGone(id) => {
                    self.on_server(now, id, non_invite_server::Event::ClientGone, None);
                }
            }
        }
    }

    /// Takes a transport failure on a hop: ends the client transactions that wait on it, and tells of INVITE
    /// transactions whose answers cannot go there.
    pub fn handle_transport_error(&mut self, now: Instant, path: Path) {
        self.clients_lost(now, path);
        self.servers_lost(now, path);
    }

    /// Answers, without a transaction, a request that is too broken to have one.
    pub fn reject(&mut self, path: Path, request: &Request, status: StatusCode, reason: &str) {
        self.reject_with(path, request, status, Some(reason), None);
    }

    /// Sends a request in a client transaction of its own; the Via is added here.
    ///
    /// # Errors
    /// Too many client transactions are open; an ACK or a CANCEL.
    pub fn request(
        &mut self,
        now: Instant,
        path: Path,
        request: &Request,
    ) -> Result<ClientId, Refused> {
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Err(Refused::Method);
        }
        if self.clients.len() >= self.config.max_clients {
            return Err(Refused::TooMany);
        }
        let branch = self.new_branch();
        let request = request.with_via(&via(path, &branch));
        Ok(self.begin_client(now, path, request, &branch, true))
    }

    /// Takes an INVITE back (RFC 3261 §9.1): its CANCEL goes out as soon as a provisional answer is there. The
    /// transaction ends with a final answer, 487 as a rule, or 64·T1 after the CANCEL.
    ///
    /// # Errors
    /// It is no INVITE, or has its final answer.
    pub fn cancel(&mut self, now: Instant, client: ClientId) -> Result<(), Gone> {
        self.cancel_client(now, client)
    }

    /// Sends a request without a transaction: the ACK of a 2xx. The Via is added here.
    pub fn send(&mut self, path: Path, request: &Request) {
        let branch = self.new_branch();
        let bytes = request.with_via(&via(path, &branch)).as_bytes().clone();
        self.transmit(path, bytes, false);
    }

    /// Answers a request. What RFC 4320 §4 forbids for a request that is no INVITE is not sent: a 1xx (the 100 is sent
    /// here, when it helps) and a 408.
    ///
    /// # Errors
    /// Its transaction is over: nobody waits for the answer.
    pub fn respond(
        &mut self,
        now: Instant,
        server: ServerId,
        response: &Response,
    ) -> Result<(), Gone> {
        self.answer(now, server, response)
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

    fn transmit(&mut self, path: Path, bytes: Bytes, retransmission: bool) {
        self.transmits.push_back(Transmit {
            path,
            bytes,
            retransmission,
        });
    }

    fn new_branch(&mut self) -> String {
        self.branches += 1;
        let random = self.random.next_u32();
        format!("{}{:x}{random:08x}", self.branch_prefix, self.branches)
    }
}

fn via(path: Path, branch: &str) -> String {
    format!(
        "SIP/2.0/{} {};branch={branch};rport",
        path.transport, path.local
    )
}
