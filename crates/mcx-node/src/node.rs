//! A node: the functions of a configuration, started and stopped together.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
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
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::admin::Orders;
use crate::collector::Collector;
use crate::config::{AdminSocket, Config};
use crate::congestion::Congestion;
use crate::driver::{Driver, Totals};
use crate::events::{Events, EventsError};
use crate::function::Function;
use crate::next_hop::{Capability, Locator};
use crate::recovering::Recovering;
use crate::trace;
use crate::transport::tls::{Tls, TlsError};
use crate::transport::{Acquaintances, Bounds, Counters, Listen, Setup, Transports};
use crate::watches::Watches;
use crate::{admin, boot, clock, local_socket};

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
    Store(StoreError),
    /// The trace file cannot be opened.
    Trace(std::path::PathBuf, io::Error),
    /// What is told to the collector cannot be made.
    Collector(io::Error),
    /// The admin socket cannot be bound.
    Admin(std::path::PathBuf, io::Error),
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
            Self::Store(error) => write!(f, "store: {error}"),
            Self::Collector(error) => write!(f, "collector: {error}"),
            Self::Trace(path, error) => write!(f, "trace file {}: {error}", path.display()),
            Self::Admin(path, error) => write!(f, "admin socket {}: {error}", path.display()),
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
    watches: Option<Arc<Watches>>,
    /// What tells of events and answers an operator.
    beside: JoinSet<()>,
}

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
        let watches = config.watches.clone().map(|folder| (folder, partners));
        let watched = Watched::default();
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
            bounds: config.connections,
            limits: config.limits,
            ignore_strangers: config.ignore_strangers,
            dns: config.dns,
        };
        // Everything that may fail comes before anything runs.
        let (mut told, mut asked) = (None, None);
        let server = match config.service_server {
            None => None,
            Some(section) => {
                let store = SqliteStore::open(&section.store).map_err(StartError::Open)?;
                let store: Arc<dyn Store> = Arc::new(store);
                let events = Events::prepare(section.events).map_err(StartError::Events)?;
                let (order, orders) = Orders::new();
                told = Some((events, store.clone()));
                asked = Some(admin::OfServer {
                    store: store.clone(),
                    orders: order,
                });
                let recovering = Recovering::begin(&store).map_err(StartError::Store)?;
                let config = &section.config;
                let known = common.acquaintances(&config.core, peers_of_server(config));
                let transports = common.bind(section.listen, known)?;
                let role = ServiceServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                let kind = "service-server";
                let function = common.function(kind, role, transports)?;
                Some(Function {
                    store: Some(store),
                    orders,
                    recovering: Some(recovering),
                    ..function
                })
            }
        };
        let gateway = match config.gateway {
            None => None,
            Some(section) => {
                let config = &section.config;
                let known = common.acquaintances(&config.core, peers_of_gateway(config));
                let transports = common.bind(section.listen, known)?;
                let role = GatewayServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                Some(common.function("gateway", role, transports)?)
            }
        };
        let admin = admin_socket(&config.admin)?;
        let watches = watches.map(|(folder, partners)| {
            let reader = recorder.reader();
            let watches = Watches::new(folder, &config.name, reader, partners);
            Arc::new(watches.marking(watched))
        });
        if let Some(watches) = &watches {
            watches.keep_marked();
        }
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
            beside.spawn(admin::serve(
                admin,
                asked,
                reader,
                watches.clone(),
                stopped.clone(),
            ));
        }
        let mut functions = Vec::new();
        functions.extend(server.map(|function| Running::start(function, stopped.clone())));
        functions.extend(gateway.map(|function| Running::start(function, stopped)));
        Ok(Self {
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
            .map(|running| (running.kind, running.listening.as_slice()))
    }

    /// Its flight recorder.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Reads certificates and roots anew; connections that are open stay.
    ///
    /// # Errors
    /// Says what cannot be read; what was read before stays in use.
    pub fn reload_certificates(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }

    /// Stops: what was handed to the store is answered, what is owed stays in the outbox.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for running in self.functions {
            let (function, counters) = (running.kind, running.counters);
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
        if let Some(watches) = self.watches {
            let _ = tokio::task::spawn_blocking(move || watches.end_all()).await;
        }
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
    let started = wanted.map(|wanted| Collector::start(wanted, config));
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
    kind: &'static str,
    listening: Vec<Listen>,
    counters: Arc<Counters>,
    task: JoinHandle<Totals>,
}

impl Running {
    fn start<R: Role + Send + 'static>(function: Function<R>, stop: watch::Receiver<bool>) -> Self {
        Self {
            kind: function.kind,
            listening: function.transports.listening().to_vec(),
            counters: function.transports.counters().clone(),
            task: tokio::spawn(function.run(stop)),
        }
    }
}

/// What the functions of a node share.
struct Common {
    node: Arc<str>,
    tls: Option<Arc<Tls>>,
    recorder: Recorder,
    transactions: sip_transaction::Config,
    bounds: Bounds,
    limits: Limits,
    ignore_strangers: bool,
    dns: Option<Vec<SocketAddr>>,
}

impl Common {
    /// Whom the configuration names.
    fn acquaintances<'a>(
        &self,
        core: &Core,
        peers: impl Iterator<Item = &'a Peer> + Clone,
    ) -> Acquaintances {
        let domains = peers.clone().map(|peer| &peer.domain);
        let domains = domains.chain([&core.domain]).flatten().cloned();
        Acquaintances {
            domains: domains.collect(),
            hosts: sources(core, peers),
            ignore_strangers: self.ignore_strangers,
        }
    }

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
        kind: &'static str,
        role: R,
        transports: Transports,
    ) -> Result<Function<R>, StartError> {
        let driver = Driver::new(
            role,
            transports.listening().to_vec(),
            self.limits.clone(),
            self.transactions.clone(),
            seed()?,
        );
        let can = capabilities(transports.listening(), self.tls.is_some());
        Ok(Function {
            node: self.node.clone(),
            kind,
            driver,
            transports,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            congestion: Congestion::new(Instant::now()),
            looked: Instant::now(),
            durable: 0,
            locator: Locator::new(self.dns.as_deref(), can),
            locating: JoinSet::new(),
            store: None,
            complained: None,
            recovering: None,
            orders: Orders::default(),
            recorder: self.recorder.clone(),
        })
    }
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
