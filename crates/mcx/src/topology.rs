//! Who there is: the own system, its partners, and how each function is reached.

use std::net::{IpAddr, SocketAddr};

use sip_message::Uri;

use crate::{McId, SystemId};

/// Where requests for a function are sent: a SIP URI that names the host (RFC 3263).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// `sip:` URI of the hop, host and port.
    pub uri: String,
}

impl NextHop {
    /// The address, when the hop is written as one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        let uri = Uri::parse(self.uri.as_bytes()).ok()?;
        let ip: IpAddr = uri
            .host()?
            .to_string()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()?;
        Some(SocketAddr::new(ip, uri.port().unwrap_or(5060)))
    }
}

/// An address that a peer's requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The host.
    pub ip: IpAddr,
    /// The port, where it matters; `None` for any.
    pub port: Option<u16>,
}

impl Source {
    /// Whether `address` is this source.
    #[must_use]
    pub fn matches(&self, address: SocketAddr) -> bool {
        self.ip == address.ip() && self.port.is_none_or(|p| p == address.port())
    }
}

/// Another function that this one exchanges requests with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its public service identity: Request-URI towards it, P-Asserted-Identity from it.
    pub psi: String,
    /// Where requests for it go.
    pub next_hop: NextHop,
    /// Route set towards it, outermost first (RFC 3261 §8.1.2); may be empty.
    pub route: Vec<String>,
    /// Where its requests come from.
    pub sources: Vec<Source>,
}

impl Peer {
    /// Whether its requests come from `address`.
    #[must_use]
    pub fn is_at(&self, address: SocketAddr) -> bool {
        self.sources.iter().any(|s| s.matches(address))
    }
}

/// The SIP core: asserts identities of those behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Core {
    /// Where its requests come from.
    pub sources: Vec<Source>,
}

impl Core {
    /// Whether its requests come from `address`.
    #[must_use]
    pub fn is_at(&self, address: SocketAddr) -> bool {
        self.sources.iter().any(|s| s.matches(address))
    }
}

/// An MC system and the domains of the identities it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The system.
    pub id: SystemId,
    /// Domains of the MC service IDs that it gives, lower case.
    pub domains: Vec<String>,
}

impl System {
    /// Whether this system gave that id.
    #[must_use]
    pub fn gave(&self, id: &McId) -> bool {
        self.domains.iter().any(|d| d == id.domain())
    }
}

/// Whether own users may migrate to a partner (L1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationPolicy {
    /// Whether any may.
    pub allowed: bool,
    /// Users who may not.
    pub refused_users: Vec<McId>,
}

impl MigrationPolicy {
    /// Whether `user` may migrate there.
    #[must_use]
    pub fn allows(&self, user: &McId) -> bool {
        self.allowed && !self.refused_users.contains(user)
    }
}

/// Another MC system, with the function that its messages are exchanged with. For a service
/// server that is the partner's service server, or the own gateway where topology is hidden:
/// whoever builds this decides by the one configuration key (P1.N1), and nobody else knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// The system.
    pub system: System,
    /// The function to send to and to hear from.
    pub peer: Peer,
    /// Whether own users may migrate there.
    pub migration: MigrationPolicy,
}

/// The own system and its partners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Systems {
    /// The own system.
    pub own: System,
    /// The partners.
    pub partners: Vec<Partner>,
}

impl Systems {
    /// The partner of that name.
    #[must_use]
    pub fn partner(&self, system: &SystemId) -> Option<&Partner> {
        self.partners.iter().find(|p| &p.system.id == system)
    }

    /// The partner that gave that id.
    #[must_use]
    pub fn partner_of(&self, id: &McId) -> Option<&Partner> {
        self.partners.iter().find(|p| p.system.gave(id))
    }
}
