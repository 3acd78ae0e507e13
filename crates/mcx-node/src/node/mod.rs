//! A node: the functions of a configuration, started and stopped together.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mcx::marking::Watched;
use mcx::state::Command;
use mcx::{
    Core, GatewayConfig, GatewayServer, Peer, Random, Role, ServiceServer, ServiceServerConfig,
};
use mcx_store::{OpenError, SqliteStore, Store, StoreError};
use sip_message::Limits;
use sip_trace::{Capacity, Recorder};
use sip_transaction::Transport;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::admin::{Directed, Orders};
use crate::collector::Collector;
use crate::config::{AdminSocket, Config, Drain};
use crate::congestion::Congestion;
use crate::driver::{Driver, Totals};
use crate::events::{Events, EventsError};
use crate::function::{Change, Function, Reconfigured};
use crate::life::{Life, Phase};
use crate::metrics::Measured;
use crate::next_hop::{Capability, Locator, of_numeric};
use crate::outbox_reading::OutboxReading;
use crate::reload::{Reloaded, Running as Current};
use crate::trace;
use crate::transport::tls::{Material, Tls, TlsError};
use crate::transport::{Acquaintances, Bounds, Counters, Listen, Setup, Transports};
use crate::watches::Watches;
use crate::{admin, boot, clock, http, local_socket};

/// Why a node cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be bound.
    Listen(Listen, io::Error),
    /// TLS cannot be used.
    Tls(TlsError),
    /// The store cannot be opened.
    Open(OpenError),
    /// The store cannot be read.
    Store(std::path::PathBuf, StoreError),
    /// The trace file cannot be opened.
    Trace(std::path::PathBuf, io::Error),
    /// What is told to the collector cannot be made.
    Collector(io::Error),
    /// The admin socket cannot be bound.
    Admin(std::path::PathBuf, io::Error),
    /// The HTTP listener cannot be bound.
    Http(SocketAddr, io::Error),
    /// Events cannot be told.
    Events(EventsError),
    /// The operating system gives no random numbers.
    Seed,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(listen, error) => write!(f, "cannot listen on {listen}: {error}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Open(error) => write!(f, "store: {error}"),
            Self::Store(path, error) => write!(
                f,
                "store: {}: {error}: `mcx store check` names what is wrong",
                path.display()
            ),
            Self::Collector(error) => write!(f, "collector: {error}"),
            Self::Trace(path, error) => write!(f, "trace file {}: {error}", path.display()),
            Self::Admin(path, error) => write!(f, "admin socket {}: {error}", path.display()),
            Self::Http(address, error) => write!(f, "HTTP on {address}: {error}"),
            Self::Events(error) => error.fmt(f),
            Self::Seed => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for StartError {}

/// A running node.
pub struct Node {
    stop: watch::Sender<bool>,
    functions: Vec<Running>,
    tls: Option<Arc<Tls>>,
    trace: Option<std::thread::JoinHandle<()>>,
    recorder: Recorder,
    watches: Arc<Watches>,
    /// What tells of events and answers an operator.
    beside: JoinSet<()>,
    /// The configuration that holds.
    current: Mutex<Current>,
    /// What an operator wants of the node as a whole.
    directives: mpsc::Receiver<Directed>,
    pulse: Pulse,
    http: Option<SocketAddr>,
}

/// Most directives of operators that wait.
const MOST_DIRECTIVES: usize = 4;

impl Node {
    /// Starts the functions of `config`; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Says what is missing; nothing runs then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        let (recorder, trace) = recorder(&config)?;
        let tls = match &config.tls {
            None => None,
            Some(files) => Some(Arc::new(Tls::load(files.clone()).map_err(StartError::Tls)?)),
        };
        let partners: Vec<_> = config.partners().cloned().collect();
        let watched = Watched::default();
        let keep = config.service_identities().map(str::to_owned).collect();
        let names = names_of_peers(&config);
        let watches = (config.watches.clone(), partners);
        let current = Mutex::new(Current::of(&config));
        let common = Common {
            node: config.name.as_str().into(),
            tls: tls.clone(),
            recorder: recorder.clone(),
            transactions: sip_transaction::Config {
                timers: config.timers,
                // Nobody speaks TLS here without a certificate.
                offer_connections: true,
                started: Duration::from_micros(clock::wall_us()),
                steps: recorder.is_on(),
                ..Default::default()
            },
            bounds: config.connections.clone(),
            limits: config.limits.clone(),
            dns: config.dns.clone(),
        };
        // Everything that may fail comes before anything runs.
        let (mut told, mut asked) = (None, None);
        let mut of_store = None;
        let server = match config.service_server.clone() {
            None => None,
            Some(section) => {
                let store = SqliteStore::open(&section.store).map_err(StartError::Open)?;
                let store: Arc<dyn Store> = Arc::new(store);
                let events = Events::prepare(section.events).map_err(StartError::Events)?;
                let (order, orders) = Orders::new();
                of_store = Some(store.clone());
                told = Some((events, store.clone()));
                asked = Some(admin::OfServer {
                    store: store.clone(),
                    orders: order,
                });
                let unreadable = |error| StartError::Store(section.store.clone(), error);
                let owed = store.owed().map_err(unreadable)?;
                let last = store.last_outbox_id().map_err(unreadable)?;
                let of_role = &section.config;
                let known = acquaintances(&config, &of_role.core, peers_of_server(of_role));
                let transports = common.bind(section.listen, known)?;
                let role = ServiceServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                let life = Life::new("service-server", Some(store.clone()));
                let (change, mut function) = common.function(life, role, transports)?;
                function.driver.recovered(clock::now(), owed, last);
                let function = Function {
                    store: Some(store),
                    orders,
                    ..function
                };
                Some((Changes::Server(change), function))
            }
        };
        let gateway = match config.gateway.clone() {
            None => None,
            Some(section) => {
                let of_role = &section.config;
                let known = acquaintances(&config, &of_role.core, peers_of_gateway(of_role));
                let transports = common.bind(section.listen, known)?;
                let role = GatewayServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                let life = Life::new("gateway", None);
                let (change, function) = common.function(life, role, transports)?;
                Some((Changes::Gateway(change), function))
            }
        };
        let admin = admin_socket(&config.admin)?;
        let http = http_listener(config.http)?;
        let (folder, partners) = watches;
        let watches = Watches::new(folder, &config.name, recorder.reader(), partners);
        let watches = Arc::new(watches.marking(watched));
        watches.keep_marked();
        let lives: Vec<_> = [
            server.as_ref().map(|(_, function)| function.life.clone()),
            gateway.as_ref().map(|(_, function)| function.life.clone()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let of_server = server.as_ref().map(|(changes, _)| changes.clone());
        let of_gateway = gateway.as_ref().map(|(changes, _)| changes.clone());
        let pulse = Pulse(of_server.into_iter().chain(of_gateway).collect());
        let (direct, directives) = mpsc::channel(MOST_DIRECTIVES);
        let mut beside = match told {
            None => JoinSet::new(),
            Some((events, store)) => {
                // Before anything that a function wants of the store.
                tokio::spawn(anchor_clock(&store));
                events.start(&store, &stopped)
            }
        };
        if let Some(admin) = admin {
            let reader = recorder.is_on().then(|| recorder.reader());
            let lives = lives.clone();
            let asked = admin::Asked::new(asked, reader, watches.clone(), lives, direct);
            beside.spawn(admin::serve(admin, asked, stopped.clone()));
        }
        let mut http_address = None;
        if let Some((listener, address)) = http {
            http_address = Some(address);
            let pulse = pulse.clone();
            let live = http::live::Live::new(&config.name, recorder.clone(), keep, names);
            let (recorder, tls) = (recorder.clone(), tls.clone());
            let told = http::Told::new(lives, pulse, of_store, recorder, tls, live);
            beside.spawn(listener.serve(told, stopped));
        }
        let mut functions = Vec::new();
        functions.extend(server.map(|(changes, function)| Running::start(changes, function)));
        functions.extend(gateway.map(|(changes, function)| Running::start(changes, function)));
        for running in &functions {
            running.life.comes_to(Phase::Serving);
        }
        Ok(Self {
            current,
            directives,
            pulse,
            http: http_address,
            stop,
            functions,
            tls,
            trace,
            recorder,
            watches,
            beside,
        })
    }

    /// The functions and where they listen.
    pub fn listeners(&self) -> impl Iterator<Item = (&'static str, &[Listen])> {
        self.functions
            .iter()
            .map(|running| (running.life.kind, running.listening.as_slice()))
    }

    /// Its flight recorder.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Where it answers HTTP, if it does.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// What an operator wants next of the node as a whole; waits for ever when nobody can want anything.
    pub async fn directive(&mut self) -> Directed {
        match self.directives.recv().await {
            Some(directed) => directed,
            None => std::future::pending().await,
        }
    }

    /// Goes by another configuration from now on, as far as that is possible without a restart: all of it or, when certificates
    /// cannot be read, nothing. Connections that are open stay as they are.
    ///
    /// # Errors
    /// Says what cannot be read; everything stays as it was.
    pub async fn reload(&self, config: Config) -> Result<Reloaded, TlsError> {
        // What may fail comes first.
        let material = match (&self.tls, &config.tls) {
            (Some(_), Some(files)) => Some(Material::read(files.clone())?),
            _ => None,
        };
        let new = Current::of(&config);
        let mut reloaded = {
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            let old = std::mem::replace(&mut *current, new.clone());
            let (reloaded, holds) = old.becomes(new);
            *current = holds;
            reloaded
        };
        if let (Some(tls), Some(material)) = (&self.tls, material)
            && tls.replace(material)
        {
            reloaded.changed.push("certificates".to_owned());
        }
        let partners = config.partners().cloned().collect();
        self.watches.change(config.watches.clone(), partners);
        let mut holds = Vec::new();
        for running in &self.functions {
            let (done, is_done) = oneshot::channel();
            if running.changes.reconfigure(&config, done).await {
                holds.push(is_done);
            }
        }
        for is_done in holds {
            let _ = is_done.await;
        }
        Ok(reloaded)
    }

    /// Whether every function still does its work: each was seen to turn to the question.
    pub async fn is_alive(&self) -> bool {
        self.pulse.beats().await
    }

    /// Takes leave: says to who asks that it soon will not serve, for as long as `drain` says; then refuses what is new, and
    /// returns when what it has is finished, or the time for that is over. [`Node::stop`] ends it.
    pub async fn drain(&self, drain: Drain) {
        for running in &self.functions {
            running.life.comes_to(Phase::Leaving);
        }
        tokio::time::sleep(drain.announce).await;
        let finished = tokio::time::timeout(drain.finish, async {
            // The service server first: what it waits for may come through the gateway of this node.
            for running in &self.functions {
                running.life.comes_to(Phase::Draining);
                // What has arrived before is seen to.
                running.changes.is_alive().await;
                running.life.until_idle().await;
            }
        });
        if finished.await.is_err() {
            warn!(
                waited = ?drain.finish,
                "not everything that was under way is finished: who waits for it has to come again"
            );
        }
    }

    /// Stops: what was handed to the store is answered, what is owed stays in the outbox.
    pub async fn stop(self) {
        for running in &self.functions {
            running.life.comes_to(Phase::Stopping);
        }
        let _ = self.stop.send(true);
        for running in self.functions {
            let (function, counters) = (running.life.kind, running.counters);
            if let Ok(totals) = running.task.await {
                let Totals {
                    datagrams,
                    streamed,
                    not_sip,
                    transactions,
                    ..
                } = totals;
                info!(
                    function,
                    datagrams,
                    streamed,
                    not_sip,
                    requests = transactions.requests,
                    rejected = transactions.rejected,
                    absorbed = transactions.absorbed,
                    retransmitted = transactions.retransmitted,
                    strays = transactions.strays,
                    "stopped"
                );
                // Those of the line above too: one place to look for every counter that there is.
                let all = counters.all().chain(totals.all());
                let met: Vec<_> = all.filter(|(_, count)| *count > 0).collect();
                if !met.is_empty() {
                    info!(function, counters = ?met, "stopped");
                }
            }
        }
        drop(self.recorder);
        self.beside.join_all().await;
        let watches = self.watches;
        let _ = tokio::task::spawn_blocking(move || watches.end_all()).await;
        if let Some(trace) = self.trace {
            let _ = tokio::task::spawn_blocking(move || trace.join()).await;
        }
    }
}

/// The flight recorder, and the thread that empties it: none where nobody wants to know.
fn recorder(
    config: &Config,
) -> Result<(Recorder, Option<std::thread::JoinHandle<()>>), StartError> {
    let recorder = match config.ring {
        0 => Recorder::off(),
        bytes => Recorder::new(
            &config.name,
            Capacity {
                bytes,
                ..Capacity::default()
            },
        ),
    };
    let (file, wanted) = (config.trace_file.as_deref(), config.collector.as_ref());
    if file.is_none() && wanted.is_none() {
        return Ok((recorder, None));
    }
    let started = wanted.map(|wanted| Collector::start(wanted, config, recorder.reader()));
    let collector = started.transpose().map_err(StartError::Collector)?;
    let thread = trace::start(file, collector, recorder.reader()).map_err(|error| {
        let path = file.map(std::path::Path::to_path_buf);
        StartError::Trace(path.unwrap_or_default(), error)
    })?;
    Ok((recorder, Some(thread)))
}

/// The admin socket; `None` where it cannot be had and the node can be without.
fn admin_socket(admin: &AdminSocket) -> Result<Option<local_socket::Listener>, StartError> {
    match local_socket::Listener::bind(&admin.path) {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if admin.dispensable => {
            let path = admin.path.display();
            warn!(%path, %error, "nobody can ask this gateway: write admin into [gateway]");
            Ok(None)
        }
        Err(error) => Err(StartError::Admin(admin.path.clone(), error)),
    }
}

/// The HTTP listener, and where it is.
fn http_listener(
    address: Option<SocketAddr>,
) -> Result<Option<(http::Listener, SocketAddr)>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let bound = http::Listener::bind(address);
    let with_address = bound.and_then(|listener| Ok((listener.address()?, listener)));
    match with_address {
        Ok((address, listener)) => Ok(Some((listener, address))),
        Err(error) => Err(StartError::Http(address, error)),
    }
}

/// Tells the store how the clocks stand; queued when this returns.
fn anchor_clock(store: &Arc<dyn Store>) -> impl Future<Output = ()> + Send + 'static {
    let at = clock::now().wall;
    let applied =
        boot::anchor().map(|anchor| store.apply(vec![Command::ClockAnchored { anchor, at }]));
    async move {
        match applied {
            None => warn!(
                "this system does not tell how long it runs: a clock that is set while no node runs goes unseen"
            ),
            Some(applied) => {
                if let Err(error) = applied.await {
                    warn!(%error, "the store does not know how the clocks stand");
                }
            }
        }
    }
}

/// A function that runs.
struct Running {
    life: Life,
    changes: Changes,
    listening: Vec<Listen>,
    counters: Arc<Counters>,
    task: JoinHandle<Totals>,
}

impl Running {
    fn start<R: Role + Send + 'static>(changes: Changes, function: Function<R>) -> Self {
        Self {
            life: function.life.clone(),
            changes,
            listening: function.transports.listening().to_vec(),
            counters: function.transports.counters().clone(),
            task: tokio::spawn(function.run()),
        }
    }
}

/// Asks the functions of a node whether they still work.
#[derive(Clone)]
pub struct Pulse(Vec<Changes>);

impl Pulse {
    /// Whether each of them turned to the question; it waits until they do.
    pub async fn beats(&self) -> bool {
        for changes in &self.0 {
            if !changes.is_alive().await {
                return false;
            }
        }
        true
    }
}

impl Pulse {
    /// What each of them has measured.
    pub async fn measured(&self) -> Vec<Measured> {
        let mut all = Vec::new();
        for changes in &self.0 {
            all.extend(changes.measured().await.map(|measured| *measured));
        }
        all
    }
}

/// Where a function is told things.
#[derive(Clone)]
enum Changes {
    Server(mpsc::Sender<Change<ServiceServer>>),
    Gateway(mpsc::Sender<Change<GatewayServer>>),
}

impl Changes {
    /// Tells the function what holds from now on; whether it will.
    async fn reconfigure(&self, config: &Config, done: oneshot::Sender<()>) -> bool {
        match (self, &config.service_server, &config.gateway) {
            (Self::Server(changes), Some(section), _) => {
                let of_role = section.config.clone();
                let known = acquaintances(config, &of_role.core, peers_of_server(&of_role));
                let role = |role: &mut ServiceServer| role.reconfigure(of_role);
                changes
                    .send(changed(config, role, known, done))
                    .await
                    .is_ok()
            }
            (Self::Gateway(changes), _, Some(section)) => {
                let of_role = section.config.clone();
                let known = acquaintances(config, &of_role.core, peers_of_gateway(&of_role));
                let role = |role: &mut GatewayServer| role.reconfigure(of_role);
                changes
                    .send(changed(config, role, known, done))
                    .await
                    .is_ok()
            }
            // It is not there any more, which needs a restart.
            _ => false,
        }
    }

    /// What the function has measured; `None` when it has ended.
    async fn measured(&self) -> Option<Box<Measured>> {
        let (asker, answer) = oneshot::channel();
        let asked = match self {
            Self::Server(changes) => changes.send(Change::Measure(asker)).await.is_ok(),
            Self::Gateway(changes) => changes.send(Change::Measure(asker)).await.is_ok(),
        };
        if asked { answer.await.ok() } else { None }
    }

    /// Whether the function takes notice of a question.
    async fn is_alive(&self) -> bool {
        let (asker, answer) = oneshot::channel();
        let asked = match self {
            Self::Server(changes) => changes.send(Change::Alive(asker)).await.is_ok(),
            Self::Gateway(changes) => changes.send(Change::Alive(asker)).await.is_ok(),
        };
        asked && answer.await.is_ok()
    }
}

/// What a function of another configuration is told.
fn changed<R>(
    config: &Config,
    role: impl FnOnce(&mut R) + Send + 'static,
    acquaintances: Acquaintances,
    done: oneshot::Sender<()>,
) -> Change<R> {
    Change::Reconfigured(Box::new(Reconfigured {
        role: Box::new(role),
        limits: config.limits.clone(),
        bounds: config.connections.clone(),
        acquaintances,
        done,
    }))
}

/// Most changes that wait for a function.
const MOST_CHANGES: usize = 8;

/// What the functions of a node share.
struct Common {
    node: Arc<str>,
    tls: Option<Arc<Tls>>,
    recorder: Recorder,
    transactions: sip_transaction::Config,
    bounds: Bounds,
    limits: Limits,
    dns: Option<Vec<SocketAddr>>,
}

impl Common {
    fn bind(
        &self,
        listen: Vec<Listen>,
        acquaintances: Acquaintances,
    ) -> Result<Transports, StartError> {
        let setup = Setup {
            listen,
            tls: self.tls.clone(),
            bounds: self.bounds.clone(),
            limits: self.limits.clone(),
            acquaintances,
        };
        Transports::bind(setup, self.recorder.clone())
            .map_err(|(listen, error)| StartError::Listen(listen, error))
    }

    /// A function without a store.
    fn function<R: Role>(
        &self,
        life: Life,
        role: R,
        transports: Transports,
    ) -> Result<(mpsc::Sender<Change<R>>, Function<R>), StartError> {
        let driver = Driver::new(
            role,
            transports.listening().to_vec(),
            self.limits.clone(),
            self.transactions.clone(),
            seed()?,
        );
        let can = capabilities(transports.listening(), self.tls.is_some());
        let (change, changes) = mpsc::channel(MOST_CHANGES);
        let function = Function {
            node: self.node.clone(),
            life,
            changes,
            driver,
            transports,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            congestion: Congestion::new(Instant::now()),
            emptied: Instant::now(),
            looked: Instant::now(),
            locator: Locator::new(self.dns.as_deref(), can),
            locating: JoinSet::new(),
            store: None,
            complained: None,
            outbox: OutboxReading::default(),
            orders: Orders::default(),
            recorder: self.recorder.clone(),
            about: None,
        };
        Ok((change, function))
    }
}

/// Whom the configuration names.
fn acquaintances<'a>(
    config: &Config,
    core: &Core,
    peers: impl Iterator<Item = &'a Peer> + Clone,
) -> Acquaintances {
    let domains = peers.clone().map(|peer| &peer.domain);
    let domains = domains.chain([&core.domain]).flatten().cloned();
    Acquaintances {
        domains: domains.collect(),
        hosts: sources(core, peers),
        ignore_strangers: config.ignore_strangers,
    }
}

/// What peers are called whose next hop is an address: by their public service identities.
fn names_of_peers(config: &Config) -> HashMap<SocketAddr, String> {
    let server = config.service_server.iter();
    let gateway = config.gateway.iter();
    let peers = server
        .flat_map(|section| peers_of_server(&section.config))
        .chain(gateway.flat_map(|section| peers_of_gateway(&section.config)));
    let named = |peer: &Peer| {
        let name = peer.psi.strip_prefix("sip:").unwrap_or(&peer.psi);
        Some((of_numeric(&peer.next_hop)?.address, name.to_owned()))
    };
    peers.filter_map(named).collect()
}

fn peers_of_server(config: &ServiceServerConfig) -> impl Iterator<Item = &Peer> + Clone {
    config.systems.partners.iter().map(|partner| &partner.peer)
}

fn peers_of_gateway(config: &GatewayConfig) -> impl Iterator<Item = &Peer> + Clone {
    let servers = config.servers.iter().map(|(_, peer)| peer);
    let partners = config.systems.partners.iter();
    servers.chain(partners.map(|partner| &partner.peer))
}

/// What a function that listens there can send with, preferred first (RFC 3263 §4.1). Connections can be opened by
/// everybody, with TLS by who has a certificate.
fn capabilities(listening: &[Listen], tls: bool) -> Vec<Capability> {
    let udp = listening.iter().filter(|l| l.transport == Transport::Udp);
    let mut all: Vec<_> = udp.map(|l| (Transport::Udp, l.address.is_ipv4())).collect();
    let connections = [(Transport::Tcp, true), (Transport::Tls, tls)];
    for (transport, _) in connections.into_iter().filter(|(_, can)| *can) {
        all.extend(listening.iter().map(|l| (transport, l.address.is_ipv4())));
    }
    let of = |(transport, is_ipv4)| Capability { transport, is_ipv4 };
    let mut distinct: Vec<Capability> = Vec::new();
    for capability in all.into_iter().map(of) {
        if !distinct.contains(&capability) {
            distinct.push(capability);
        }
    }
    distinct
}

/// Hosts that the configuration names.
fn sources<'a>(core: &Core, peers: impl Iterator<Item = &'a Peer>) -> Vec<IpAddr> {
    let peers = peers.flat_map(|peer| &peer.sources);
    let mut hosts: Vec<_> = core.sources.iter().chain(peers).map(|s| s.ip).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Seed)?;
    Ok(seed)
}
