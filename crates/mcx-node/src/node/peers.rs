//! Whom the configuration of a node names.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use mcx::{Core, GatewayConfig, Peer, ServiceServerConfig};

use crate::config::Config;
use crate::next_hop::of_numeric;
use crate::transport::Acquaintances;

/// Whom the configuration names.
pub(super) fn acquaintances<'a>(
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
pub(super) fn names_of_peers(config: &Config) -> HashMap<SocketAddr, String> {
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

pub(super) fn peers_of_server(config: &ServiceServerConfig) -> impl Iterator<Item = &Peer> + Clone {
    config.systems.partners.iter().map(|partner| &partner.peer)
}

pub(super) fn peers_of_gateway(config: &GatewayConfig) -> impl Iterator<Item = &Peer> + Clone {
    let servers = config.servers.iter().map(|(_, peer)| peer);
    let partners = config.systems.partners.iter();
    servers.chain(partners.map(|partner| &partner.peer))
}

/// Hosts that the configuration names.
fn sources<'a>(core: &Core, peers: impl Iterator<Item = &'a Peer>) -> Vec<IpAddr> {
    let peers = peers.flat_map(|peer| &peer.sources);
    let mut hosts: Vec<_> = core.sources.iter().chain(peers).map(|s| s.ip).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}
