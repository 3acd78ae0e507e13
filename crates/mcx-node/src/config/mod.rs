//! Configuration: a TOML file becomes a [`Config`], or a list of [`Problem`]s that name file,
//! line and what to write instead.

mod connections;
mod file;
mod functions;
mod host_aliases;
mod load;
mod paths;
mod places;
mod problem;
mod remedy;
mod shape;
mod syntax;
mod token_issuers;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use mcx::{GatewayConfig, ServiceServerConfig, System, Systems};
use sip_message::Limits;
use sip_transaction::Timers;

pub use load::{load, parse};
pub use paths::{admin_socket, store};
pub use problem::{Problem, Problems};

use crate::collector::CollectorConfig;
use crate::events::EventsConfig;
use crate::logging::LogConfig;
use crate::transport::tls::TlsFiles;
use crate::transport::{self, Listen};

/// A node: one process, one or more functions of one MC system.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the node in ladders, traces and logs.
    pub name: String,
    /// The MC system that it is of.
    pub system: System,
    /// The file as it is written.
    pub written: toml::Table,
    /// From which level on is logged, and how.
    pub log: LogConfig,
    /// How the node takes leave.
    pub drain: Drain,
    /// Where probes are answered and metrics are told, a loopback address, if anywhere.
    pub http: Option<SocketAddr>,
    /// SIP timer values.
    pub timers: Timers,
    /// Bounds of what is read from the network.
    pub limits: Limits,
    /// Certificate and roots, if connections speak TLS.
    pub tls: Option<TlsFiles>,
    /// Bounds of connections.
    pub connections: transport::Bounds,
    /// Whether those whom the configuration does not name get no answer at all.
    pub ignore_strangers: bool,
    /// DNS servers, if they are not those of the system.
    pub dns: Option<Vec<SocketAddr>>,
    /// Bytes of the ring that the flight recorder keeps in memory; nothing is recorded when it is 0.
    pub ring: usize,
    /// File that the flight recorder writes to, if any.
    pub trace_file: Option<PathBuf>,
    /// File in which each export with identities is written down; without one there are none.
    pub raw_audit: Option<PathBuf>,
    /// Folder in which watches write, if there may be any.
    pub watches: Option<PathBuf>,
    /// Collector that is told what the flight recorder takes, if any.
    pub collector: Option<CollectorConfig>,
    /// Where in the file it is written.
    pub lines: Lines,
    /// The socket at which an operator asks and orders: one, whatever the functions.
    pub admin: AdminSocket,
    /// The MC service server, if this node is one.
    pub service_server: Option<ServiceServerSection>,
    /// The MC gateway server, if this node is one.
    pub gateway: Option<GatewaySection>,
}

/// How a node takes leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long it still serves everything, while it says to who asks that it soon will not.
    pub announce: Duration,
    /// How long it then waits, at most, until what it has is finished.
    pub finish: Duration,
}

/// The admin socket of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminSocket {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the node runs without it where it cannot be had: that of a gateway for which none is written, since a gateway
    /// needs no folder to write in.
    pub dispensable: bool,
}

/// Lines of the file, from 1, where what depends on the machine is written.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Line of the address where HTTP is answered.
    pub http: usize,
    /// Line of the trace file.
    pub trace_file: usize,
    /// Line of the folder of watches.
    pub watches: usize,
    /// Line of the key of the pseudonyms that a collector is told.
    pub pseudonyms: usize,
    /// Line of the certificate.
    pub certificate: usize,
    /// Line of its private key.
    pub key: usize,
    /// Line of the roots.
    pub roots: usize,
    /// Line of the store.
    pub store: usize,
    /// Line of the admin socket, or of the store where none is written; 0 for that of a gateway then.
    pub admin: usize,
    /// Line of the file of events.
    pub events_file: usize,
    /// Line of the socket of events.
    pub events_socket: usize,
    /// Lines of the webhooks.
    pub webhooks: Vec<usize>,
    /// Lines of the addresses that the service server listens on.
    pub service_server: Vec<usize>,
    /// Lines of the addresses that the gateway listens on.
    pub gateway: Vec<usize>,
}

/// The MC service server of a node.
#[derive(Clone, Debug)]
pub struct ServiceServerSection {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// The database.
    pub store: PathBuf,
    /// Keys of token issuers as they were read, by issuer.
    pub issuer_keys: Vec<(String, String)>,
    /// Who is told of events.
    pub events: EventsConfig,
    /// What the procedures are told.
    pub config: ServiceServerConfig,
}

/// The MC gateway server of a node.
#[derive(Clone, Debug)]
pub struct GatewaySection {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// What the procedures are told.
    pub config: GatewayConfig,
}

impl Config {
    /// Every public service identity that is written there: the node's own, its neighbours', its partners'.
    pub fn service_identities(&self) -> impl Iterator<Item = &str> {
        let server = self.service_server.iter().flat_map(|section| {
            let mut all = psis_of_partners(&section.config.systems);
            all.push(&section.config.psi);
            all
        });
        let gateway = self.gateway.iter().flat_map(|section| {
            let config = &section.config;
            let mut all = psis_of_partners(&config.systems);
            all.push(&config.psi);
            all.extend(config.servers.iter().map(|(_, peer)| peer.psi.as_str()));
            all.extend(config.exits.iter().map(|(psi, _)| psi.as_str()));
            all
        });
        server.chain(gateway)
    }

    /// The partners that are written there.
    pub fn partners(&self) -> impl Iterator<Item = &System> {
        let server = self.service_server.iter().map(|s| &s.config.systems);
        let gateway = self.gateway.iter().map(|g| &g.config.systems);
        let systems = server.chain(gateway);
        systems.flat_map(|systems| systems.partners.iter().map(|partner| &partner.system))
    }

    /// Every address that the node listens on, with the function behind it and its line in the
    /// file.
    pub fn listeners(&self) -> impl Iterator<Item = (&'static str, Listen, usize)> {
        let part = |kind, listen: &[Listen], lines: &[usize]| {
            let with_line = listen.iter().zip(lines);
            let all = with_line.map(|(listen, line)| (kind, *listen, *line));
            all.collect::<Vec<_>>()
        };
        let server = self
            .service_server
            .iter()
            .flat_map(move |s| part("service-server", &s.listen, &self.lines.service_server));
        let gateway = self
            .gateway
            .iter()
            .flat_map(move |g| part("gateway", &g.listen, &self.lines.gateway));
        server.chain(gateway)
    }
}

fn psis_of_partners(systems: &Systems) -> Vec<&str> {
    let partners = systems.partners.iter();
    partners.map(|partner| partner.peer.psi.as_str()).collect()
}
