//! One function of a node: the way of a message from its socket to its role and back.
//!
//! ```text
//! socket → record → parse → Endpoint → Role → Store … committed … → Role → Endpoint → record → socket
//! ```
//!
//! Everything happens in one task, one thing after the other; the store alone works beside it.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcx::state::OutboxRow;
use mcx::{
    Decision, Effect, Input, Now, RequestId, Role, SendFailure, SendId, StoreFailure, StoreId,
};
use mcx_store::{Applied, Store};
use sip_message::{Limits, Message, ParseErrorKind, Request, Response};
use sip_trace::{DecisionRecord, Direction, Recorder};
use sip_transaction::{
    ClientId, Config, Counters, Endpoint, Event, Failure, Path, ServerId, Transport,
};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::clock;
use crate::udp::Sockets;

/// Most datagrams taken before other work gets its turn.
const BURST: usize = 64;
/// How long the loop sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// What a function has seen since its start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Datagrams received.
    pub datagrams: u64,
    /// Of them, those that were no SIP and got no answer.
    pub not_sip: u64,
    /// What its transactions counted.
    pub transactions: Counters,
}

/// A function, ready to run.
pub struct Function<R> {
    /// Column name of the node that it belongs to.
    pub node: Arc<str>,
    /// `service-server` or `gateway`.
    pub kind: &'static str,
    /// Its procedures.
    pub role: R,
    /// Its sockets.
    pub sockets: Sockets,
    /// Its store, if it has durable state.
    pub store: Option<Arc<dyn Store>>,
    /// Rows that its outbox held at the start.
    pub recovered: Vec<OutboxRow>,
    /// Records what crosses its sockets and what it decides.
    pub recorder: Recorder,
    /// Bounds of what it reads.
    pub limits: Limits,
    /// Values of its transactions.
    pub transactions: Config,
    /// Seed of its transactions, from the operating system.
    pub seed: [u8; 32],
}

/// A function while it runs.
struct Running<R> {
    function: Function<R>,
    endpoint: Endpoint,
    sends: HashMap<ClientId, SendId>,
    /// Batches under way, in the order in which they become durable.
    stores: VecDeque<(StoreId, Applied)>,
    inputs: VecDeque<Owned>,
    totals: Totals,
}

/// An input that waits for its turn.
enum Owned {
    Request(RequestId, SocketAddr, Request),
    Answer(SendId, Response),
    Failed(SendId, SendFailure),
    Stored(StoreId, Result<Vec<mcx::state::Outcome>, StoreFailure>),
    Recovered(Vec<OutboxRow>),
    Tick,
}

impl<R: Role> Function<R> {
    /// Runs until `stop` turns true; then what was handed to the store is answered, and the
    /// function ends.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Totals {
        let mut running = Running {
            endpoint: Endpoint::new(self.transactions, self.seed),
            function: self,
            sends: HashMap::new(),
            stores: VecDeque::new(),
            inputs: VecDeque::new(),
            totals: Totals::default(),
        };
        let recovered = std::mem::take(&mut running.function.recovered);
        running.inputs.push_back(Owned::Recovered(recovered));
        running.work().await;
        while !*stop.borrow() {
            running.wait(&mut stop).await;
            running.work().await;
        }
        while let Some((id, applied)) = running.stores.pop_front() {
            running.stored(id, applied.await);
            running.work().await;
        }
        running.totals.transactions = running.endpoint.counters();
        running.totals
    }
}

impl<R: Role> Running<R> {
    /// Waits for a datagram, a durable batch, a deadline or the end, and takes in what came.
    async fn wait(&mut self, stop: &mut watch::Receiver<bool>) {
        let now = clock::now();
        let deadline = [self.endpoint.poll_timeout(), self.function.role.deadline()]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now.mono + IDLE);
        let outcome = async {
            match self.stores.front_mut() {
                Some((id, applied)) => (*id, applied.as_mut().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            (id, result) = outcome => {
                self.stores.pop_front();
                self.stored(id, result);
            }
            () = self.function.sockets.readable() => self.receive(),
            () = tokio::time::sleep_until(deadline.into()) => {}
            _ = stop.changed() => {}
        }
        let now = clock::now();
        self.endpoint.handle_timeout(now.mono);
        if self
            .function
            .role
            .deadline()
            .is_some_and(|at| at <= now.mono)
        {
            self.inputs.push_back(Owned::Tick);
        }
    }

    fn stored(
        &mut self,
        id: StoreId,
        result: Result<Vec<mcx::state::Outcome>, mcx_store::StoreError>,
    ) {
        let result = result.map_err(|error| {
            warn!(node = %self.function.node, %error, "the store could not commit");
            StoreFailure
        });
        self.inputs.push_back(Owned::Stored(id, result));
    }

    /// Takes the datagrams that are there, up to a bound.
    fn receive(&mut self) {
        for _ in 0..BURST {
            let Some((local, peer, bytes)) = self.function.sockets.try_receive() else {
                break;
            };
            self.datagram(local, peer, bytes);
        }
    }

    fn datagram(&mut self, local: SocketAddr, peer: SocketAddr, bytes: Bytes) {
        self.totals.datagrams += 1;
        self.function.recorder.message(
            clock::wall_us(),
            Direction::Received,
            sip_trace::Transport::Udp,
            local,
            peer,
            &bytes,
        );
        let path = Path {
            local,
            peer,
            transport: Transport::Udp,
        };
        let now = clock::now();
        match Message::parse_datagram(bytes, &self.function.limits) {
            Ok(message) => self.endpoint.handle_message(now.mono, path, message),
            Err(error) => match error.kind {
                // RFC 5626 §3.5.1: a keep-alive is no message.
                ParseErrorKind::KeepAlive | ParseErrorKind::Empty => {}
                _ => self.broken(path, error),
            },
        }
    }

    /// A datagram that is no SIP message gets no answer; one that is a broken request gets the
    /// answer that it can be given.
    fn broken(&mut self, path: Path, error: sip_message::ParseError) {
        let (status, why) = (error.status(), error.to_string());
        match error.into_answerable() {
            Some(mut request) => {
                request.set_source(path.peer);
                self.endpoint.reject(path, &request, status, &why);
            }
            None => {
                self.totals.not_sip += 1;
                let why = format!("{why}; dropped without an answer");
                self.decide(Decision::new("wire:answers", "not SIP", why));
            }
        }
    }

    /// Works until nothing is left to do now.
    async fn work(&mut self) {
        loop {
            self.take_events();
            if let Some(input) = self.inputs.pop_front() {
                self.handle(input);
            } else if !self.transmit().await {
                break;
            }
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Request {
                    server,
                    path,
                    request,
                } => self
                    .inputs
                    .push_back(Owned::Request(RequestId(server.0), path.peer, request)),
                Event::Answer { client, response } => {
                    if let Some(id) = self.sends.remove(&client) {
                        self.inputs.push_back(Owned::Answer(id, response));
                    }
                }
                Event::Failed { client, failure } => {
                    let why = match failure {
                        Failure::Timeout => SendFailure::Timeout,
                        Failure::Transport => SendFailure::Transport,
                    };
                    if let Some(id) = self.sends.remove(&client) {
                        self.inputs.push_back(Owned::Failed(id, why));
                    }
                }
                Event::Provisional { .. } => {}
                Event::Rejected { status, reason, .. } => self.decide(Decision::new(
                    "wire:answers",
                    format!("refused {}", status.as_u16()),
                    reason,
                )),
                Event::Stray { path, what } => {
                    debug!(node = %self.function.node, peer = %path.peer, what, "stray message");
                }
            }
        }
    }

    fn handle(&mut self, input: Owned) {
        let now = clock::now();
        let mut effects = Vec::new();
        let role = &mut self.function.role;
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
            self.carry_out(now, effect);
        }
    }

    fn carry_out(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Respond { id, response } => {
                if self
                    .endpoint
                    .respond(now.mono, ServerId(id.0), &response)
                    .is_err()
                {
                    debug!(node = %self.function.node, "answer too late: its transaction is over");
                }
            }
            // The transaction absorbs retransmissions until its client has given up.
            Effect::Abandon { .. } => {}
            Effect::Send {
                id,
                next_hop,
                request,
            } => {
                let sent = next_hop
                    .address()
                    .and_then(|peer| Some((peer, self.function.sockets.towards(peer)?)))
                    .ok_or(SendFailure::Transport)
                    .and_then(|(peer, local)| {
                        let path = Path {
                            local,
                            peer,
                            transport: Transport::Udp,
                        };
                        self.endpoint
                            .request(now.mono, path, &request)
                            .map_err(|_| SendFailure::Overload)
                    });
                match sent {
                    Ok(client) => {
                        self.sends.insert(client, id);
                    }
                    Err(why) => self.inputs.push_back(Owned::Failed(id, why)),
                }
            }
            Effect::Store { id, batch } => match &self.function.store {
                Some(store) => self.stores.push_back((id, store.apply(batch))),
                None => self.inputs.push_back(Owned::Stored(id, Err(StoreFailure))),
            },
            Effect::Decide(decision) => self.decide(decision),
        }
    }

    /// Records a decision, and logs it without the user.
    fn decide(&self, decision: Decision) {
        let procedure = decision.procedure.map(|p| p.to_string());
        info!(
            node = %self.function.node,
            function = self.function.kind,
            requirement = decision.requirement,
            verdict = %decision.verdict,
            procedure = procedure.as_deref().unwrap_or("-"),
            "{}", decision.why
        );
        self.function.recorder.decision(
            clock::wall_us(),
            DecisionRecord {
                requirement: decision.requirement.into(),
                verdict: decision.verdict.into_owned(),
                why: decision.why.into_owned(),
                procedure,
                user: decision.user.map(|u| u.as_str().to_owned()),
            },
        );
    }

    /// Sends what is to be sent; answers whether a failure of that makes new work.
    async fn transmit(&mut self) -> bool {
        let mut failed = false;
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let Path { local, peer, .. } = transmit.path;
            self.function.recorder.message(
                clock::wall_us(),
                Direction::Sent,
                sip_trace::Transport::Udp,
                local,
                peer,
                &transmit.bytes,
            );
            if let Err(error) = self
                .function
                .sockets
                .send(local, peer, &transmit.bytes)
                .await
            {
                warn!(node = %self.function.node, %peer, %error, "cannot send");
                self.endpoint
                    .handle_transport_error(clock::now().mono, transmit.path);
                failed = true;
            }
        }
        failed
    }
}
