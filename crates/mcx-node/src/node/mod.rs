//! A node: the functions of a configuration, started and stopped together.

mod beside;
mod peers;
mod running;
mod shared;
mod start_error;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mcx::marking::Watched;
use mcx::{GatewayServer, Random, ServiceServer};
use mcx_store::{SqliteStore, Store};
use sip_trace::Recorder;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use self::beside::{admin_socket, anchor_clock, http_listener, recorder};
use self::peers::{acquaintances, names_of_peers, peers_of_gateway, peers_of_server};
use self::running::{Changes, Running};
use self::shared::{Common, seed};
use crate::admin::{Directed, Orders};
use crate::config::{Config, Drain};
use crate::driver::Totals;
use crate::events::Events;
use crate::function::{Function, Opened};
use crate::function_thread::FunctionThread;
use crate::life::{Life, Phase};
use crate::reload::{Reloaded, Running as Current};
use crate::transport::Listen;
use crate::transport::tls::{Material, Tls, TlsError};
use crate::watches::Watches;
use crate::{admin, clock, http};

pub use self::running::Pulse;
pub use self::start_error::StartError;

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
    directives: tokio::sync::Mutex<mpsc::Receiver<Directed>>,
    pulse: Pulse,
    http: Option<SocketAddr>,
}

/// What functions are called.
const SERVICE_SERVER: &str = "service-server";
const GATEWAY: &str = "gateway";
/// Most directives of operators that wait.
const MOST_DIRECTIVES: usize = 4;

impl Node {
    /// Starts the functions of `config`; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Says what is missing; nothing was served then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        let (recorder, trace) = recorder(&config)?;
        let tls = match &config.tls {
            None => None,
            Some(files) => Some(Arc::new(Tls::load(files.clone()).map_err(StartError::Tls)?)),
        };
        if let Some(tls) = &tls {
            certificate_warnings(tls, &config);
        }
        let partners: Vec<_> = config.partners().cloned().collect();
        let watched = Watched::default();
        let keep = config.service_identities().map(str::to_owned).collect();
        let names = names_of_peers(&config);
        let watches = (config.watches.clone(), partners);
        let current = Mutex::new(Current::of(&config));
        let common = Common {
            node: config.name.as_str().into(),
            tls: tls.clone(),
            workers: Handle::current(),
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
        // What may fail comes before anything is served. Who asks while the store opens is told that the node starts.
        let (mut to_open, mut orders) = (None, None);
        let server = match config.service_server.clone() {
            None => None,
            Some(section) => {
                let events = Events::prepare(section.events).map_err(StartError::Events)?;
                let (order, ordered) = Orders::new();
                let (opened, opening) = oneshot::channel();
                to_open = Some((section.store, opened, events));
                let of_role = &section.config;
                let known = acquaintances(&config, &of_role.core, peers_of_server(of_role));
                let thread = thread(SERVICE_SERVER)?;
                let transports = common.bind(&thread, section.listen, known)?;
                let role = ServiceServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                let life = Life::new(SERVICE_SERVER);
                orders = Some((life.clone(), order));
                let (change, function) = common.function(life, role, transports)?;
                let function = Function {
                    opening: Some(opening),
                    orders: ordered,
                    ..function
                };
                Some((Changes::Server(change), function, thread))
            }
        };
        let gateway = match config.gateway.clone() {
            None => None,
            Some(section) => {
                let of_role = &section.config;
                let known = acquaintances(&config, &of_role.core, peers_of_gateway(of_role));
                let thread = thread(GATEWAY)?;
                let transports = common.bind(&thread, section.listen, known)?;
                let role = GatewayServer::new(section.config, Random::new(seed()?))
                    .watching(watched.clone());
                let life = Life::new(GATEWAY);
                let (change, function) = common.function(life, role, transports)?;
                Some((Changes::Gateway(change), function, thread))
            }
        };
        let http = http_listener(config.http)?;
        let (folder, partners) = watches;
        let watches = Watches::new(folder, &config.name, recorder.reader(), partners);
        let watches = Arc::new(watches.marking(watched));
        watches.keep_marked();
        let lives: Vec<_> = [
            server
                .as_ref()
                .map(|(_, function, _)| function.life.clone()),
            gateway
                .as_ref()
                .map(|(_, function, _)| function.life.clone()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let of_server = server.as_ref().map(|(changes, ..)| changes.clone());
        let of_gateway = gateway.as_ref().map(|(changes, ..)| changes.clone());
        let pulse = Pulse(of_server.into_iter().chain(of_gateway).collect());
        let (direct, directives) = mpsc::channel(MOST_DIRECTIVES);
        let mut functions = Vec::new();
        functions.extend(
            server.map(|(changes, function, thread)| Running::start(changes, function, thread)),
        );
        functions.extend(
            gateway.map(|(changes, function, thread)| Running::start(changes, function, thread)),
        );
        let stop_all = |_: &StartError| {
            for running in &functions {
                running.life.comes_to(Phase::Stopping);
            }
        };
        let mut beside = JoinSet::new();
        let http_address = http.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = http {
            let live = http::live::Live::new(&config.name, recorder.clone(), keep, names);
            let (recorder, tls) = (recorder.clone(), tls.clone());
            let told = http::Told::new(lives.clone(), pulse.clone(), recorder, tls, live);
            beside.spawn(listener.serve(told, stopped.clone()));
        }
        // Of two nodes on one store the second says that, and not that a socket is taken.
        let admin = admin_socket(&config.admin).map(|listener| {
            if let Some(listener) = listener {
                let reader = recorder.is_on().then(|| recorder.reader());
                let asked = admin::Asked::new(orders, reader, watches.clone(), lives, direct);
                beside.spawn(admin::serve(listener, asked, stopped.clone()));
            }
        });
        let mut to_serve = None;
        if let Some((path, opened, events)) = to_open {
            let store = opened_store(&path).inspect_err(stop_all)?;
            let mut told = events.start(&store, &stopped);
            beside.spawn(async move { while told.join_next().await.is_some() {} });
            to_serve = Some((path, store, opened));
        }
        admin.inspect_err(stop_all)?;
        if let Some((path, store, opened)) = to_serve {
            serve_with_store(&path, &store, opened).inspect_err(stop_all)?;
        }
        for running in &functions {
            running.life.comes_to(Phase::Serving);
        }
        Ok(Self {
            current,
            directives: directives.into(),
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
    pub async fn directive(&self) -> Directed {
        match self.directives.lock().await.recv().await {
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
        if let Some(tls) = &self.tls {
            reloaded.warnings = certificate_warnings(tls, &config);
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
            if let Ok(totals) = running.ended.await {
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

/// The store, which knows how the clocks stand.
fn opened_store(path: &Path) -> Result<Arc<dyn Store>, StartError> {
    let store = SqliteStore::open(path).map_err(StartError::Open)?;
    let store: Arc<dyn Store> = Arc::new(store);
    // Before anything that a function wants of it.
    tokio::spawn(anchor_clock(&store));
    Ok(store)
}

/// Waits until the function that `opened` belongs to serves with the store.
fn serve_with_store(
    path: &Path,
    store: &Arc<dyn Store>,
    opened: oneshot::Sender<Opened>,
) -> Result<(), StartError> {
    let unreadable = |error| StartError::Store(path.to_owned(), error);
    let owed = store.owed().map_err(unreadable)?;
    let last = store.last_outbox_id().map_err(unreadable)?;
    let (serves, served) = std::sync::mpsc::channel();
    let _ = opened.send(Opened {
        store: store.clone(),
        owed,
        last,
        serves,
    });
    // It has a thread of its own; nothing comes where that has ended.
    let _ = served.recv();
    Ok(())
}

/// Logs what is to be known of the certificates in use; gives it.
fn certificate_warnings(tls: &Tls, config: &Config) -> Vec<String> {
    let remarks = tls.remarks(&config.system, SystemTime::now());
    let texts = remarks.iter().map(|remark| format!("TLS: {remark}"));
    texts.inspect(|text| warn!("{text}")).collect()
}

/// A thread for the function of this kind.
fn thread(kind: &str) -> Result<FunctionThread, StartError> {
    FunctionThread::start(kind).map_err(StartError::Thread)
}
