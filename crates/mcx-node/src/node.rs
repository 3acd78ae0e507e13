//! A node: the functions of a configuration, started and stopped together.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use mcx::{GatewayServer, Random, Role, ServiceServer};
use mcx_store::{OpenError, SqliteStore, Store, StoreError};
use sip_message::Limits;
use sip_trace::{Capacity, Recorder};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::info;

use crate::config::Config;
use crate::driver::{Driver, Totals};
use crate::function::Function;
use crate::trace;
use crate::udp::{self, Sockets};

/// Why a node cannot start.
#[derive(Debug)]
pub enum StartError {
    /// An address cannot be bound.
    Listen(SocketAddr, io::Error),
    /// The store cannot be opened.
    Open(OpenError),
    /// The store cannot be read.
    Store(StoreError),
    /// The trace file cannot be opened.
    Trace(std::path::PathBuf, io::Error),
    /// The operating system gives no random numbers.
    Seed,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(address, error) => write!(f, "cannot listen on udp:{address}: {error}"),
            Self::Open(error) => write!(f, "store: {error}"),
            Self::Store(error) => write!(f, "store: {error}"),
            Self::Trace(path, error) => write!(f, "trace file {}: {error}", path.display()),
            Self::Seed => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl std::error::Error for StartError {}

/// A running node.
pub struct Node {
    stop: watch::Sender<bool>,
    functions: Vec<(&'static str, Vec<SocketAddr>, JoinHandle<Totals>)>,
    trace: Option<std::thread::JoinHandle<()>>,
}

impl Node {
    /// Starts the functions of `config`; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Says what is missing; nothing runs then.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (stop, stopped) = watch::channel(false);
        let (recorder, trace) = match &config.trace_file {
            None => (Recorder::off(), None),
            Some(path) => {
                let (recorder, drain) = Recorder::new(&config.name, Capacity::default());
                let thread = trace::start(path, drain)
                    .map_err(|error| StartError::Trace(path.clone(), error))?;
                (recorder, Some(thread))
            }
        };
        let transactions = sip_transaction::Config {
            timers: config.timers,
            ..Default::default()
        };
        let node: Arc<str> = config.name.as_str().into();
        let mut functions = Vec::new();
        // Everything that may fail comes before anything runs.
        let server = match config.service_server {
            None => None,
            Some(section) => {
                let store = SqliteStore::open(&section.store).map_err(StartError::Open)?;
                let recovered = store.outbox().map_err(StartError::Store)?;
                let role = ServiceServer::new(section.config, Random::new(seed()?));
                let sockets = sockets(&section.listen)?;
                Some(Function {
                    node: node.clone(),
                    kind: "service-server",
                    driver: driver(role, &sockets, &config.limits, &transactions)?,
                    sockets,
                    store: Some(Arc::new(store)),
                    recovered,
                    recorder: recorder.clone(),
                })
            }
        };
        let gateway = match config.gateway {
            None => None,
            Some(section) => {
                let role = GatewayServer::new(section.config, Random::new(seed()?));
                let sockets = sockets(&section.listen)?;
                Some(Function {
                    node,
                    kind: "gateway",
                    driver: driver(role, &sockets, &config.limits, &transactions)?,
                    sockets,
                    store: None,
                    recovered: Vec::new(),
                    recorder,
                })
            }
        };
        if let Some(function) = server {
            let addresses = function.sockets.addresses().collect();
            let task = tokio::spawn(function.run(stopped.clone()));
            functions.push(("service-server", addresses, task));
        }
        if let Some(function) = gateway {
            let addresses = function.sockets.addresses().collect();
            functions.push(("gateway", addresses, tokio::spawn(function.run(stopped))));
        }
        Ok(Self {
            stop,
            functions,
            trace,
        })
    }

    /// The functions and the addresses that they listen on.
    pub fn listeners(&self) -> impl Iterator<Item = (&'static str, &[SocketAddr])> {
        self.functions
            .iter()
            .map(|(kind, addresses, _)| (*kind, addresses.as_slice()))
    }

    /// Stops: what was handed to the store is answered, what is owed stays in the outbox.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for (kind, _, task) in self.functions {
            if let Ok(totals) = task.await {
                let Totals {
                    datagrams,
                    not_sip,
                    transactions,
                } = totals;
                info!(
                    function = kind,
                    datagrams,
                    not_sip,
                    requests = transactions.requests,
                    rejected = transactions.rejected,
                    absorbed = transactions.absorbed,
                    retransmitted = transactions.retransmitted,
                    strays = transactions.strays,
                    "stopped"
                );
            }
        }
        if let Some(trace) = self.trace {
            let _ = tokio::task::spawn_blocking(move || trace.join()).await;
        }
    }
}

fn driver<R: Role>(
    role: R,
    sockets: &Sockets,
    limits: &Limits,
    transactions: &sip_transaction::Config,
) -> Result<Driver<R>, StartError> {
    let local = sockets.addresses().collect();
    Ok(Driver::new(
        role,
        local,
        limits.clone(),
        transactions.clone(),
        seed()?,
    ))
}

fn sockets(listen: &[SocketAddr]) -> Result<Sockets, StartError> {
    let bound: Result<Vec<UdpSocket>, _> = listen
        .iter()
        .map(|address| udp::bind(*address).map_err(|e| StartError::Listen(*address, e)))
        .collect();
    let any = SocketAddr::from(([0, 0, 0, 0], 0));
    Sockets::new(bound?).map_err(|error| StartError::Listen(any, error))
}

fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| StartError::Seed)?;
    Ok(seed)
}
