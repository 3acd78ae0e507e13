//! The endpoint: all transactions of one function, matched, timed and bounded. Here is what the caller sees;
//! [`clients`] and [`servers`] drive the machines, [`stateless`] is for requests that get no transaction.

mod clients;
mod servers;
mod stateless;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;
use memchr::memmem::Finder;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sip_message::{Edit, HeaderName, Message, Method, Request, Response, StatusCode};

use self::clients::Client;
use self::servers::Server;
use crate::event::{ClientId, Counters, Event, Gone, Refused, ServerId, Transmit};
use crate::hops::{HopId, Hops};
use crate::key::Keys;
use crate::overload::{Oc, Overload, Sender, Sequence};
use crate::slab::Slab;
use crate::step::{Moved, Step, Transaction};
use crate::table::Table;
use crate::timers::Rings;
use crate::{Config, Path, Transport};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    A,
    B,
    C,
    D,
    E,
    F,
    K,
    M,
    /// 64·T1 after a CANCEL.
    Cancel,
    G,
    H,
    I,
    J,
    L,
    /// Time for a 100.
    Trying,
    ClientGone,
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
    /// Looks for it.
    own: Finder<'static>,
    branches: u64,
    /// The start of the last Via of ours, up to its branch: as a rule the next one begins alike.
    via_start: Option<(Path, String)>,
    keys: Keys,
    hops: Hops,
    clients: Slab<Client>,
    clients_by_key: Table,
    servers: Slab<Server>,
    servers_by_key: Table,
    /// Ongoing transactions by what merged requests have in common.
    merged: Table,
    timers: Rings<Timer>,
    overload: Option<Overload>,
    oc_seq: Sequence,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    steps: VecDeque<Step>,
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
        let oc_seq = Sequence::starting_at(config.started);
        Self {
            config,
            random,
            own: Finder::new(&branch_prefix).into_owned(),
            branch_prefix,
            branches: 0,
            via_start: None,
            keys: Keys::new(secret),
            hops: Hops::new(secret),
            clients: Slab::default(),
            clients_by_key: Table::default(),
            servers: Slab::default(),
            servers_by_key: Table::default(),
            merged: Table::default(),
            timers: Rings::default(),
            overload: None,
            oc_seq,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            steps: VecDeque::new(),
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

    /// Hops that transactions are on.
    #[must_use]
    pub fn hops(&self) -> usize {
        self.hops.len()
    }

    /// What the endpoint has seen.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes a message from the network.
    pub fn handle_message(&mut self, now: Instant, path: Path, message: Message) {
        self.handle_message_of(now, path, Sender::Known, message);
    }

    /// The same, from somebody who may be a stranger: in overload, [`Overload::refuse_strangers`] holds for them.
    pub fn handle_message_of(
        &mut self,
        now: Instant,
        path: Path,
        sender: Sender,
        message: Message,
    ) {
        match message {
            Message::Request(request) => self.handle_request(now, path, sender, request),
            Message::Response(response) => self.handle_response(now, path, response),
        }
    }

    /// Takes the time: fires what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        use crate::{invite_client, invite_server, non_invite_client, non_invite_server};
        while let Some(due) = self.timers.pop(now) {
            let (client, server) = (ClientId(due.name), ServerId(due.name));
            match due.kind {
                Timer::A => self.on_invite_client(now, client, invite_client::Event::TimerA, None),
                Timer::B => self.on_invite_client(now, client, invite_client::Event::TimerB, None),
                Timer::C => self.on_timer_c(now, client),
                Timer::D => self.on_invite_client(now, client, invite_client::Event::TimerD, None),
                Timer::M => self.on_invite_client(now, client, invite_client::Event::TimerM, None),
                Timer::Cancel => {
                    self.on_invite_client(now, client, invite_client::Event::CancelTimeout, None);
                }
                Timer::E => self.on_client(now, client, non_invite_client::Event::TimerE, None),
                Timer::F => self.on_client(now, client, non_invite_client::Event::TimerF, None),
                Timer::K => self.on_client(now, client, non_invite_client::Event::TimerK, None),
                Timer::G => self.on_invite_server(now, server, invite_server::Event::TimerG, None),
                Timer::H => self.on_invite_server(now, server, invite_server::Event::TimerH, None),
                Timer::I => self.on_invite_server(now, server, invite_server::Event::TimerI, None),
                Timer::L => self.on_invite_server(now, server, invite_server::Event::TimerL, None),
                Timer::Trying => self.on_trying(now, due.at, server),
                Timer::J => self.on_server(now, server, non_invite_server::Event::TimerJ, None),
                Timer::ClientGone => {
                    self.on_server(now, server, non_invite_server::Event::ClientGone, None);
                }
            }
        }
    }

    /// Takes a transport failure on a hop: ends the client transactions that wait on it, and tells of INVITE
    /// transactions whose answers cannot go there. It costs what waits on that hop, however much there is beside.
    pub fn handle_transport_error(&mut self, now: Instant, path: Path) {
        if let Some(hop) = self.hops.find(&path) {
            self.clients_lost(now, hop);
            self.servers_lost(now, hop);
        }
    }

    /// Says that new requests are to be refused, how many of a hundred, or (`None`) that none are any more. Who measures
    /// how long requests wait calls it, as often as that changes.
    ///
    /// A request that belongs to no transaction is then refused before anything else is done for it: a 503 from nothing
    /// but itself, no transaction, no event, counted in [`Counters::refused`]. Retransmissions, ACKs, the CANCEL of a
    /// transaction and responses pass.
    ///
    /// Previous hops that offer `oc` are told in every answer (RFC 7339 §4): the percentage, for
    /// [`Overload::validity`], with a sequence number that rises with every call; 0 for 0 ms while there is no overload.
    pub fn set_overload(&mut self, now: Instant, overload: Option<Overload>) {
        self.oc_seq.step(now);
        self.overload = overload;
    }

    /// Looks at a datagram, or at a message of a connection, before anybody spends time on it, and refuses it if it is a new
    /// request and its share says so. Gives whether that was all there is to do; else it is to be parsed and handled, in
    /// its turn. Costs a fraction of what parsing and handling do, and next to nothing without overload.
    ///
    /// What is not plainly a request passes, to be parsed, and a stranger's is dropped when all of theirs is refused,
    /// unless it is a response.
    pub fn refuse(&mut self, path: Path, sender: Sender, datagram: &[u8]) -> bool {
        match self.overload {
            Some(overload) => self.refuse_at_a_glance(path, sender, overload, datagram),
            None => false,
        }
    }

    /// What was said last of overload.
    #[must_use]
    pub fn overload(&self) -> Option<Overload> {
        self.overload
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
            return Err(self.too_many_clients());
        }
        let (via, branch) = self.new_via(path);
        let request = request.with_via(&via);
        let branch = via.as_bytes().get(branch).unwrap_or_default();
        self.begin_client(now, path, request, branch, true)
            .ok_or_else(|| self.too_many_clients())
    }

    /// Passes a request on with its changes in a client transaction of its own, as a proxy does (RFC 3261 §16.6): what
    /// [`Endpoint::request`] does, but the changes and the Via are written in one go.
    ///
    /// # Errors
    /// Too many client transactions are open; an ACK or a CANCEL; a change that cannot be written.
    pub fn forward(
        &mut self,
        now: Instant,
        path: Path,
        request: Edit<'_, Request>,
    ) -> Result<ClientId, Refused> {
        if self.clients.len() >= self.config.max_clients {
            return Err(self.too_many_clients());
        }
        let (via, branch) = self.new_via(path);
        let request = request.push(HeaderName::Via, &via).finish();
        let request = request.map_err(Refused::Edit)?;
        if matches!(request.method(), Method::Ack | Method::Cancel) {
            return Err(Refused::Method);
        }
        let branch = via.as_bytes().get(branch).unwrap_or_default();
        self.begin_client(now, path, request, branch, true)
            .ok_or_else(|| self.too_many_clients())
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
        let (via, _) = self.new_via(path);
        let bytes = request.with_via(&via).as_bytes().clone();
        self.transmit(path, bytes, false, None);
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

    /// The next step of a transaction, where [`Config::steps`] wants them; whoever wants them takes them as often as events.
    pub fn poll_step(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// When [`Endpoint::handle_timeout`] is to be called next, at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn step(&mut self, transaction: Transaction, moved: Moved) {
        if self.config.steps {
            self.steps.push_back(Step { transaction, moved });
        }
    }

    fn transmit(
        &mut self,
        path: Path,
        bytes: Bytes,
        retransmission: bool,
        alternative: Option<SocketAddr>,
    ) {
        self.transmits.push_back(Transmit {
            path,
            bytes,
            retransmission,
            independent: false,
            alternative,
        });
    }

    /// Sends an answer that may overtake others.
    fn transmit_alone(&mut self, path: Path, bytes: Bytes, alternative: Option<SocketAddr>) {
        self.transmits.push_back(Transmit {
            path,
            bytes,
            retransmission: false,
            independent: true,
            alternative,
        });
    }

    fn too_many_clients(&mut self) -> Refused {
        self.counters.clients_full += 1;
        Refused::TooMany
    }

    fn path_of(&self, hop: HopId) -> Option<Path> {
        self.hops.get(hop).map(|hop| hop.path)
    }

    fn is_reliable(&self, hop: HopId) -> bool {
        self.hops
            .get(hop)
            .is_some_and(|hop| hop.path.transport.is_reliable())
    }

    /// What is told of overload now.
    fn oc(&self) -> Oc {
        Oc::new(self.overload, self.oc_seq)
    }

    /// A Via with a branch of its own, and where that lies in it.
    fn new_via(&mut self, path: Path) -> (String, Range<usize>) {
        self.branches += 1;
        let random = self.random.next_u32();
        // `write!` to a string does not fail.
        let mut via = String::with_capacity(USUAL_VIA);
        match &self.via_start {
            Some((known, start))
                if (known.local, known.transport) == (path.local, path.transport) =>
            {
                via.push_str(start);
            }
            _ => {
                let _ = write!(via, "SIP/2.0/{} {};branch=", path.transport, path.local);
                self.via_start = Some((path, via.clone()));
            }
        }
        let start = via.len();
        via.push_str(&self.branch_prefix);
        push_hex(&mut via, self.branches, 1);
        push_hex(&mut via, random.into(), 8);
        let branch = start..via.len();
        via.push_str(";rport");
        if self.config.offer_connections && path.transport == Transport::Tls {
            via.push_str(";alias");
        }
        (via, branch)
    }
}

/// Room for a Via of ours.
const USUAL_VIA: usize = 128;

/// A number in hexadecimal digits, at least so many.
fn push_hex(to: &mut String, number: u64, least: u32) {
    let digits = (64 - number.leading_zeros()).div_ceil(4).max(least);
    for place in (0..digits).rev() {
        let digit = u32::try_from(number >> (4 * place) & 15).unwrap_or_default();
        to.push(char::from_digit(digit, 16).unwrap_or('0'));
    }
}
