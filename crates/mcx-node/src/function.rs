//! One function of a node while it runs: a [`Driver`] with sockets, a store, a clock and a
//! recorder around it. Everything happens in one task, one thing after the other; the store
//! alone works beside it.

mod starting;
mod telling;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcx::state::Outcome;
use mcx::{Availability, Now, Role, SendFailure, StoreFailure, StoreId};
use mcx_store::{Applied, Store, StoreError};
use sip_message::Limits;
use sip_trace::Recorder;
use sip_transaction::Path;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::admin::{Ordering, Orders};
use crate::clock;
use crate::congestion::Congestion;
use crate::driver::{Driver, Output, Totals};
use crate::life::{Life, Phase};
use crate::metrics::Measured;
use crate::next_hop::{Hop, LocateError, Locator, Target};
use crate::outbox_reading::{OutboxReading, Page};
use crate::transport::tls::Identity;
use crate::transport::{Acquaintances, Arrival, Bounds, Ended, Taken, Transports};
pub use starting::Opened;
use starting::store_opened;

/// Most messages handled before other work gets its turn.
const BURST: usize = 64;
/// Most messages that wait here; what comes beyond waits in the system's buffers, of which UDP's overflow.
pub(crate) const MOST_WAITING: usize = 16_384;
/// Most bytes of them.
pub(crate) const MOST_WAITING_BYTES: usize = 64 * 1024 * 1024;
/// Most messages that are taken off the sockets in one turn.
const MOST_TAKEN: usize = 1_024;
/// How often the log is told, at most, that batches fail.
const COMPLAINTS: Duration = Duration::from_secs(10);
/// How often it is looked, at most, what the system dropped.
const LOOK: Duration = Duration::from_secs(1);
/// How long the loop sleeps at most when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// What a function is told while it runs.
pub enum Change<R> {
    /// Another configuration holds.
    Reconfigured(Box<Reconfigured<R>>),
    /// Somebody wants to know whether its loop still turns.
    Alive(oneshot::Sender<()>),
    /// Somebody wants to know what it has measured.
    Measure(oneshot::Sender<Box<Measured>>),
}

/// Another configuration.
pub struct Reconfigured<R> {
    /// Tells it to the role.
    pub role: Box<dyn FnOnce(&mut R) + Send>,
    /// Bounds of messages.
    pub limits: Limits,
    /// Bounds of connections.
    pub bounds: Bounds,
    /// Whom it knows.
    pub acquaintances: Acquaintances,
    /// Hears when it holds.
    pub done: oneshot::Sender<()>,
}

/// A function and what is around it.
pub struct Function<R> {
    /// Column name of the node that it belongs to.
    pub node: Arc<str>,
    /// Where it stands, for everybody to see.
    pub life: Life,
    /// What it is told while it runs.
    pub changes: mpsc::Receiver<Change<R>>,
    /// Its transactions and procedures.
    pub driver: Driver<R>,
    /// Its sockets.
    pub transports: Transports,
    /// What has arrived, with the time when it was seen, and was not handled yet.
    pub waiting: VecDeque<(Instant, Arrival)>,
    /// How many bytes that is.
    pub waiting_bytes: usize,
    /// Says when there is more than can be served.
    pub congestion: Congestion,
    /// When there was last nothing on the sockets, as far as that was seen.
    pub emptied: Instant,
    /// When it was looked last what the system dropped.
    pub looked: Instant,
    /// Finds next hops that are names, or says why it cannot.
    pub locator: Result<Locator, LocateError>,
    /// Next hops that are being looked for.
    pub locating: JoinSet<(u64, Vec<Target>)>,
    /// Brings its store, if it will have durable state.
    pub opening: Option<oneshot::Receiver<Opened>>,
    /// Its store, as soon as it is open.
    pub store: Option<Arc<dyn Store>>,
    /// When the log was told last that batches fail.
    pub complained: Option<Instant>,
    /// Rows of its outbox that are being read.
    pub outbox: OutboxReading,
    /// What an operator orders.
    pub orders: Orders,
    /// Records what crosses its sockets and what it decides.
    pub recorder: Recorder,
    /// Call-ID of the message that its decisions are about.
    pub about: Option<Bytes>,
}

/// Waits until there is something to take.
async fn arrived(transports: &mut Transports, waiting: &VecDeque<(Instant, Arrival)>) {
    if waiting.is_empty() {
        transports.ready().await;
    }
}

/// Why a turn begins.
enum Woken<R: Role> {
    /// A batch came to its end.
    Durable(StoreId, Result<Vec<Outcome>, StoreError>),
    /// Rows of the outbox were read.
    Read(Page),
    /// Something arrived, or waits since it did.
    Arrived,
    /// Targets of a hop were looked for.
    Located(Option<(u64, Vec<Target>)>),
    /// The store is open.
    Opened(Opened),
    /// An operator wants something.
    Ordered(Ordering),
    /// The configuration is another one.
    Changed(Change<R>),
    /// A deadline, or another phase of the node's life.
    Due,
}

/// Does `work`, and gives whether it had to wait for something.
async fn noting_sleep<T>(work: impl Future<Output = T>) -> (T, bool) {
    let (mut work, mut slept) = (pin!(work), false);
    let done = std::future::poll_fn(|context| {
        let done = work.as_mut().poll(context);
        slept |= done.is_pending();
        done
    });
    let done = done.await;
    (done, slept)
}

/// Batches under way with the time when they were handed over, in the order in which they become durable.
type Stores = VecDeque<(StoreId, Applied, Instant)>;

impl<R: Role> Function<R> {
    /// Runs until its life comes to [`Phase::Stopping`]; then what was handed to the store is answered, and the
    /// function ends.
    pub async fn run(mut self) -> Totals {
        let mut stores = Stores::new();
        let mut phases = self.life.phases();
        self.starts(&mut phases).await;
        self.carry_out(&mut stores).await;
        while self.life.phase() != Phase::Stopping {
            self.wait(&mut stores, &mut phases).await;
            self.carry_out(&mut stores).await;
            self.life.is_idle(self.is_idle(&stores));
        }
        while let Some((id, applied, _)) = stores.pop_front() {
            self.stored(id, applied.await);
            self.carry_out(&mut stores).await;
        }
        self.transports.count_dropped();
        self.transports.close().await;
        self.driver.totals()
    }

    /// Whether it owes nobody anything that would be lost with it.
    fn is_idle(&self, stores: &Stores) -> bool {
        let nothing_waits = self.waiting.is_empty() && stores.is_empty();
        nothing_waits && self.locating.is_empty() && self.driver.is_idle()
    }

    /// Waits for a datagram, a durable batch, a deadline or the end, and takes in what came.
    async fn wait(&mut self, stores: &mut Stores, phases: &mut watch::Receiver<Phase>) {
        let idle = clock::now().mono + IDLE;
        let deadline = self.driver.deadline().unwrap_or(idle).min(idle);
        let outcome = async {
            match stores.front_mut() {
                Some((id, applied, _)) => (*id, applied.as_mut().await),
                None => std::future::pending().await,
            }
        };
        let woken = async {
            tokio::select! {
                biased;
                (id, result) = outcome => Woken::Durable(id, result),
                opened = store_opened(&mut self.opening) => Woken::Opened(opened),
                page = self.outbox.next() => Woken::Read(page),
                () = arrived(&mut self.transports, &self.waiting) => Woken::Arrived,
                Some(found) = self.locating.join_next() => Woken::Located(found.ok()),
                ordering = self.orders.next() => Woken::Ordered(ordering),
                () = tokio::time::sleep_until(deadline.into()) => Woken::Due,
                Some(change) = self.changes.recv() => Woken::Changed(change),
                _ = phases.changed() => Woken::Due,
            }
        };
        let (woken, slept) = noting_sleep(woken).await;
        if slept {
            // Nothing was there until now.
            self.emptied = clock::now().mono;
        }
        match woken {
            Woken::Durable(id, result) => {
                stores.pop_front();
                self.stored(id, result);
                self.take_durable(stores);
            }
            Woken::Read((page, rows)) => {
                self.driver.outbox_read(clock::now(), page, rows);
                // It comes first, lest it never come under load; but not alone.
                self.receive();
            }
            Woken::Arrived => self.receive(),
            Woken::Located(found) => {
                if let Some((number, targets)) = found {
                    self.driver.located(clock::now(), number, targets);
                }
            }
            Woken::Opened(opened) => self.opened(opened),
            Woken::Ordered(ordering) => self.order(ordering),
            Woken::Changed(change) => self.change(change),
            Woken::Due => {}
        }
        let now = clock::now();
        if let Some((_, _, since)) = stores.front() {
            self.congestion.stored(now.mono - *since);
        }
        self.hold_back(now);
        self.driver.availability(self.life.availability());
        self.driver.timeout(now);
    }

    /// Turns away what is too much.
    fn hold_back(&mut self, now: Now) {
        let driver = &self.driver;
        if let Some(overload) = self.congestion.step(now.mono, || driver.seen()) {
            self.driver.overload(now, overload);
            self.life.refuses(self.congestion.turns_away());
        }
        if !self.transports.shed(self.congestion.dropped()) {
            self.congestion.all_is_seen();
        }
        if now.mono - self.looked >= LOOK {
            self.looked = now.mono;
            self.transports.count_dropped();
        }
    }

    fn measured(&self) -> Measured {
        let endpoint = self.driver.endpoint();
        Measured {
            kind: self.life.kind,
            measures: self.driver.measures().clone(),
            totals: self.driver.totals(),
            sockets: self.transports.counters().all().collect(),
            clients: endpoint.clients(),
            servers: endpoint.servers(),
            connections: self.transports.connections(),
            tasks: Handle::current().metrics().num_alive_tasks(),
            waiting: self.waiting.len(),
            refused_percent: self.congestion.turns_away(),
            partners: self.driver.partners(),
        }
    }

    fn change(&mut self, change: Change<R>) {
        match change {
            Change::Alive(asker) => drop(asker.send(())),
            Change::Measure(asker) => drop(asker.send(Box::new(self.measured()))),
            Change::Reconfigured(changed) => {
                let Reconfigured {
                    role,
                    limits,
                    bounds,
                    acquaintances,
                    done,
                } = *changed;
                self.driver.reconfigure(role, limits.clone());
                self.transports.change(bounds, limits, acquaintances);
                let _ = done.send(());
            }
        }
    }

    fn order(&mut self, Ordering { order, by, done }: Ordering) {
        let id = self.orders.begin(done);
        self.driver.order(clock::now(), id, order, by);
    }

    /// Takes what became durable in the same commit, as a rule, so that its answers go out together.
    fn take_durable(&mut self, stores: &mut Stores) {
        for _ in 0..BURST {
            let Some((id, applied, _)) = stores.front_mut() else {
                break;
            };
            let mut now_or_never = Context::from_waker(Waker::noop());
            let (id, Poll::Ready(result)) = (*id, applied.as_mut().poll(&mut now_or_never)) else {
                break;
            };
            stores.pop_front();
            self.stored(id, result);
        }
    }

    fn stored(&mut self, id: StoreId, result: Result<Vec<Outcome>, StoreError>) {
        let result = result.map_err(|error| {
            self.complain(&error);
            StoreFailure
        });
        self.driver.stored(clock::now(), id, result);
    }

    /// Says that a batch failed: they come by the thousand.
    fn complain(&mut self, error: &StoreError) {
        let now = Instant::now();
        let told = matches!(error, StoreError::Backend(_))
            || self.complained.is_some_and(|at| now - at < COMPLAINTS);
        if told {
            // Of what is wrong with the disk the store itself tells, once.
            debug!(node = %self.node, by = "store", verdict = "not committed", %error, "a batch was not committed");
        } else {
            self.complained = Some(now);
            warn!(node = %self.node, by = "store", verdict = "not committed", %error, "the store could not commit");
        }
    }

    /// Takes what has arrived off the sockets, without what is refused for overload, and handles some of it, oldest first.
    fn receive(&mut self) {
        let arrived = clock::now().mono;
        let mut availability = self.life.availability();
        self.driver.availability(availability);
        let behind = arrived - self.emptied;
        for _ in 0..MOST_TAKEN {
            if self.waiting.len() >= MOST_WAITING || self.waiting_bytes >= MOST_WAITING_BYTES {
                self.driver.waiting_is_full();
                break;
            }
            let driver = &mut self.driver;
            let taken = self
                .transports
                .try_take(|path, sender, bytes| driver.refuses(path, sender, bytes));
            match taken {
                None => {
                    self.emptied = arrived;
                    break;
                }
                Some(Taken::Dropped) => {}
                Some(Taken::Arrival(arrival)) => {
                    self.waiting_bytes += arrival.len();
                    self.waiting.push_back((arrived, arrival));
                }
            }
        }
        let mut handled = 0;
        while handled < BURST
            && let Some((arrived, arrival)) = self.waiting.pop_front()
        {
            handled += 1;
            if availability != Availability::Ready {
                // It may have become so since: who was told that the node is ready is not refused.
                availability = self.life.availability();
                self.driver.availability(availability);
            }
            self.waiting_bytes = self.waiting_bytes.saturating_sub(arrival.len());
            let now = clock::now();
            self.congestion.waited(now.mono - arrived);
            self.take(now, arrival);
        }
        let (now, left) = (clock::now().mono, self.waiting.len());
        self.congestion.handled(now, handled, left, behind);
    }

    fn take(&mut self, now: Now, arrival: Arrival) {
        match arrival {
            Arrival::Datagram(path, sender, bytes) => {
                self.driver.datagram(now, path, sender, bytes);
            }
            Arrival::Message {
                path,
                sender,
                message,
                last,
            } => {
                let domains = self.transports.identity(path).map(Identity::all);
                let domains = domains.unwrap_or_default();
                self.driver
                    .message(now, path, sender, domains, message, last);
            }
            Arrival::Lost(path, ended) => {
                // Who is in the way of TLS is told of: nothing mends that but somebody who reads it.
                if let Ended::NotProven(_) = ended {
                    warn!(node = %self.node, by = "transport", requirement = "RFC 5922", verdict = "not proven", peer = %path.peer, %ended, "no TLS connection");
                } else {
                    debug!(node = %self.node, by = "transport", verdict = "hop lost", peer = %path.peer, transport = %path.transport, "{ended}");
                }
                self.driver.transport_error(now, path, failure(ended));
            }
        }
    }

    /// Looks for the targets of a hop, beside everything else.
    fn locate(&mut self, number: u64, hop: Hop) {
        let (locator, node) = (self.locator.clone(), self.node.clone());
        self.locating.spawn(async move {
            let targets = match locator {
                Ok(locator) => locator.locate(&hop).await,
                Err(error) => Err(error),
            };
            let targets = targets.unwrap_or_else(|error| {
                warn!(%node, by = "next-hop", verdict = "not found", host = hop.host, %error, "next hop not found");
                Vec::new()
            });
            (number, targets)
        });
    }

    /// Does what the driver wants done, and sends what that makes.
    async fn carry_out(&mut self, stores: &mut Stores) {
        loop {
            self.outputs(stores).await;
            let unsent = self.transports.flush().await;
            if unsent.is_empty() {
                return;
            }
            for (path, error) in unsent {
                self.cannot_send(path, error);
            }
        }
    }

    fn cannot_send(&mut self, path: Path, error: Ended) {
        warn!(node = %self.node, by = "transport", verdict = "not sent", peer = %path.peer, transport = %path.transport, %error, "cannot send");
        self.driver
            .transport_error(clock::now(), path, failure(error));
    }

    async fn outputs(&mut self, stores: &mut Stores) {
        // What comes out of one turn was decided at one moment.
        let mut at = None;
        while let Some(output) = self.driver.poll_output() {
            match output {
                Output::Decisions(count) => {
                    let at = *at.get_or_insert_with(clock::at);
                    self.decided(at, self.driver.decided(count));
                    self.driver.forget_decided(count);
                }
                Output::Transmit(transmit) => {
                    let path = transmit.path;
                    if let Err(error) = self.transports.queue(transmit).await {
                        self.cannot_send(path, error);
                    }
                }
                Output::Expect(path, domain) => self.transports.expect(path, &domain),
                Output::Release(path) => self.transports.release(path),
                Output::Locate(number, hop) => self.locate(number, hop),
                Output::Store(id, batch) => match &self.store {
                    Some(store) => {
                        stores.push_back((id, store.apply(batch), Instant::now()));
                    }
                    None => self.driver.stored(clock::now(), id, Err(StoreFailure)),
                },
                Output::ReadOutbox(page) => {
                    if let Some(store) = &self.store {
                        self.outbox.begin(store, page);
                    }
                }
                Output::About(call) => self.about = call,
                Output::Ordered(id, result) => self.orders.done(id, result),
            }
        }
    }
}

/// What a role is told of requests whose connection ended so.
fn failure(ended: Ended) -> SendFailure {
    match ended {
        Ended::NotProven(how) => SendFailure::NotProven(how.as_str()),
        _ => SendFailure::Transport,
    }
}
