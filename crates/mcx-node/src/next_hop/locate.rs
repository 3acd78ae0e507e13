//! Finds the targets of a hop that is a name (RFC 3263 §4).

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use sip_transaction::Transport;

use super::srv::{Srv, ordered};
use super::target::default_port;
use super::{Hop, Target};

/// Most SRV targets that are looked up, and most targets in all.
const MOST: usize = 8;
/// Most NAPTR records that are followed.
const MOST_NAPTR: usize = 4;
/// How long one question may take at one server; it is asked twice.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long all questions about one hop may take.
const IN_ALL: Duration = Duration::from_secs(5);

/// Asks DNS, and remembers answers as long as they are valid.
#[derive(Clone)]
pub struct Locator {
    resolver: TokioResolver,
    can: Arc<[Capability]>,
}

/// A transport that can be used, in one family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// The transport.
    pub transport: Transport,
    /// IPv4, or else IPv6.
    pub is_ipv4: bool,
}

/// Why a hop has no targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocateError {
    /// DNS knows no such name, or no address of it that can be used.
    NotFound,
    /// DNS did not answer, or could not say.
    Failed(String),
}

impl fmt::Display for LocateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("DNS knows no address that can be used"),
            Self::Failed(why) => write!(f, "DNS failed: {why}"),
        }
    }
}

impl std::error::Error for LocateError {}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locator").field("can", &self.can).finish()
    }
}

impl Locator {
    /// Asks these servers, or those of the system (`/etc/resolv.conf`). `can` is what can be used, preferred first.
    ///
    /// # Errors
    /// The system's configuration cannot be read.
    pub fn new(servers: Option<&[SocketAddr]>, can: Vec<Capability>) -> Result<Self, LocateError> {
        let failed = |error: NetError| LocateError::Failed(error.to_string());
        let mut builder = match servers {
            None => TokioResolver::builder_tokio().map_err(failed)?,
            Some(servers) => {
                let servers = servers.iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = TIMEOUT;
        options.attempts = 2;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        Ok(Self {
            resolver: builder.build().map_err(failed)?,
            can: can.into(),
        })
    }

    /// The targets of a hop, in the order in which they are to be tried.
    ///
    /// # Errors
    /// There are none, or DNS cannot say.
    pub async fn locate(&self, hop: &Hop) -> Result<Vec<Target>, LocateError> {
        if let Some(target) = hop.numeric() {
            return Ok(vec![target]);
        }
        let all = tokio::time::timeout(IN_ALL, self.ask(hop));
        let mut targets = all.await.unwrap_or_else(|_| {
            let why = format!("no answer within {} s", IN_ALL.as_secs());
            Err(LocateError::Failed(why))
        })?;
        targets.truncate(MOST);
        if targets.is_empty() {
            return Err(LocateError::NotFound);
        }
        Ok(targets)
    }

    async fn ask(&self, hop: &Hop) -> Result<Vec<Target>, LocateError> {
        // §4.2: with a port, the name is a host.
        if let Some(port) = hop.port {
            let transport = hop.transport.unwrap_or(Transport::Udp);
            return self.addresses(hop, &hop.host, transport, port).await;
        }
        // §4.1: the transport is written down, or NAPTR says it, or SRV does.
        let services = match hop.transport {
            Some(transport) => vec![(transport, service_name(transport, &hop.host))],
            None => {
                let replacements = self.naptr(hop).await?;
                if replacements.is_empty() {
                    let transports = self.transports(hop);
                    let service = |transport| (transport, service_name(transport, &hop.host));
                    transports.map(service).collect()
                } else {
                    replacements
                }
            }
        };
        let mut targets = Vec::new();
        let mut is_refused = false;
        for (transport, service) in services {
            let records = self.srv(&service).await?;
            // "." says: not here.
            is_refused |= records.iter().any(|(host, _)| host.is_empty());
            for (host, port) in records {
                if !host.is_empty() && targets.len() < MOST {
                    let found = self.addresses(hop, &host, transport, port).await;
                    targets.extend(found.unwrap_or_default());
                }
            }
        }
        if targets.is_empty() && !is_refused {
            let transport = hop.transport.unwrap_or(Transport::Udp);
            let port = default_port(transport);
            return self.addresses(hop, &hop.host, transport, port).await;
        }
        Ok(targets)
    }

    /// Transports that a hop may be reached with, preferred first. `sips` is TLS alone.
    fn transports(&self, hop: &Hop) -> impl Iterator<Item = Transport> {
        let secure = hop.secure;
        let mut all: Vec<Transport> = Vec::new();
        for can in self.can.iter() {
            if !all.contains(&can.transport) && (!secure || can.transport == Transport::Tls) {
                all.push(can.transport);
            }
        }
        all.into_iter()
    }

    /// What NAPTR records say: transports and the names whose SRV records are to be asked, in order.
    async fn naptr(&self, hop: &Hop) -> Result<Vec<(Transport, String)>, LocateError> {
        let records = match self
            .resolver
            .lookup(absolute(&hop.host), RecordType::NAPTR)
            .await
        {
            Ok(lookup) => lookup.answers().to_vec(),
            // Some servers cannot say anything about NAPTR; SRV and addresses may still be there.
            Err(_) => Vec::new(),
        };
        let mut found = Vec::new();
        for naptr in records.iter().filter_map(|record| match &record.data {
            RData::NAPTR(naptr) => Some(naptr),
            _ => None,
        }) {
            let transport = match naptr.services.to_ascii_uppercase().as_slice() {
                b"SIPS+D2T" => Transport::Tls,
                b"SIP+D2T" => Transport::Tcp,
                b"SIP+D2U" => Transport::Udp,
                _ => continue,
            };
            let usable = self.transports(hop).any(|can| can == transport);
            if usable && naptr.flags.eq_ignore_ascii_case(b"s") {
                let name = naptr.replacement.to_utf8();
                found.push((naptr.order, naptr.preference, transport, name));
            }
        }
        found.sort_by_key(|(order, preference, ..)| (*order, *preference));
        let services = found.into_iter().take(MOST_NAPTR);
        Ok(services.map(|(_, _, t, name)| (t, name)).collect())
    }

    /// Hosts and ports of SRV records in the order of RFC 2782; an empty host where there is no service.
    async fn srv(&self, service: &str) -> Result<Vec<(String, u16)>, LocateError> {
        let records = match self.resolver.srv_lookup(absolute(service)).await {
            Ok(lookup) => lookup.answers().to_vec(),
            Err(error) if error.is_no_records_found() => Vec::new(),
            Err(error) => return Err(LocateError::Failed(error.to_string())),
        };
        let found = records
            .iter()
            .filter_map(|record: &Record| match &record.data {
                RData::SRV(srv) => Some(Srv {
                    priority: srv.priority,
                    weight: srv.weight,
                    target: (
                        srv.target.to_utf8().trim_end_matches('.').to_owned(),
                        srv.port,
                    ),
                }),
                _ => None,
            });
        let mut targets = ordered(found.collect(), dice);
        targets.truncate(MOST);
        Ok(targets)
    }

    /// Targets at the addresses of a host.
    async fn addresses(
        &self,
        hop: &Hop,
        host: &str,
        transport: Transport,
        port: u16,
    ) -> Result<Vec<Target>, LocateError> {
        let found: Vec<IpAddr> = match self.resolver.lookup_ip(absolute(host)).await {
            Ok(lookup) => lookup.iter().collect(),
            Err(error) if error.is_no_records_found() => Vec::new(),
            Err(error) => return Err(LocateError::Failed(error.to_string())),
        };
        let usable = found.into_iter().filter(|ip| {
            let can = |c: &Capability| c.transport == transport && c.is_ipv4 == ip.is_ipv4();
            self.can.iter().any(can)
        });
        let target = |ip| Target {
            transport,
            address: SocketAddr::new(ip, port),
            domain: hop.domain.clone(),
        };
        Ok(usable.map(target).collect())
    }
}

/// The SRV name of a service (RFC 3263 §4.1).
fn service_name(transport: Transport, host: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{host}"),
        Transport::Tcp => format!("_sip._tcp.{host}"),
        Transport::Tls => format!("_sips._tcp.{host}"),
    }
}

/// A name that no search domain is added to.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// A number from 0 up to and including `most`.
fn dice(most: u32) -> u32 {
    let random = getrandom::u32().unwrap_or_default();
    let scaled = u64::from(random) * (u64::from(most) + 1) / (u64::from(u32::MAX) + 1);
    u32::try_from(scaled).unwrap_or(most)
}
