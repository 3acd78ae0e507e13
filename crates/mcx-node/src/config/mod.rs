//! Configuration: a TOML file becomes a [`Config`], or a list of [`Problem`]s that name file,
//! line and what to write instead.

mod file;
mod functions;
mod load;
mod problem;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use mcx::{GatewayConfig, ServiceServerConfig};
use sip_message::Limits;
use sip_transaction::Timers;

pub use load::{load, parse};
pub use problem::{Problem, Problems};

/// A node: one process, one or more functions of one MC system.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the node in ladders, traces and logs.
    pub name: String,
    /// SIP timer values.
    pub timers: Timers,
    /// Bounds of what is read from the network.
    pub limits: Limits,
    /// File that the flight recorder writes to, if any.
    pub trace_file: Option<PathBuf>,
    /// The MC service server, if this node is one.
    pub service_server: Option<ServiceServerSection>,
    /// The MC gateway server, if this node is one.
    pub gateway: Option<GatewaySection>,
}

/// The MC service server of a node.
#[derive(Clone, Debug)]
pub struct ServiceServerSection {
    /// UDP addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// The database.
    pub store: PathBuf,
    /// What the procedures are told.
    pub config: ServiceServerConfig,
}

/// The MC gateway server of a node.
#[derive(Clone, Debug)]
pub struct GatewaySection {
    /// UDP addresses to listen on.
    pub listen: Vec<SocketAddr>,
    /// What the procedures are told.
    pub config: GatewayConfig,
}

impl Config {
    /// Every address that the node listens on, with the function behind it.
    pub fn listeners(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let server = self
            .service_server
            .iter()
            .flat_map(|s| s.listen.iter().map(|a| ("service-server", *a)));
        let gateway = self
            .gateway
            .iter()
            .flat_map(|g| g.listen.iter().map(|a| ("gateway", *a)));
        server.chain(gateway)
    }
}
