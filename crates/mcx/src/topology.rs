//! Who there is: the own system, its partners, and how each function is reached.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::{McId, Service, SystemId};

/// Where requests for a function are sent: a SIP URI that names the host (RFC 3263).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NextHop {
    /// `sip:` or `sips:` URI of the hop: host, port, transport.
    pub uri: String,
    /// The SIP domain that the host has to prove to be where the transport is TLS (RFC 5922), if it is not the URI's host.
    pub domain: Option<String>,
}

/// Where a request came from, as the transport saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The address.
    pub address: SocketAddr,
    /// Whether it came on a connection, whose port tells nothing about who opened it.
    pub over_connection: bool,
    /// SIP domains that the sender's certificate proves (RFC 5922 §7.1), lower case; none without one.
    pub domains: Arc<[Box<str>]>,
}

impl Origin {
    /// A datagram from that address.
    #[must_use]
    pub fn datagram(address: SocketAddr) -> Self {
        Self {
            address,
            over_connection: false,
            domains: Arc::default(),
        }
    }

    /// A message on a connection with that address, whose certificate names `domains`.
    #[must_use]
    pub fn connection(address: SocketAddr, domains: Arc<[Box<str>]>) -> Self {
        Self {
            address,
            over_connection: true,
            domains,
        }
    }

    fn proves(&self, domain: &str) -> bool {
        self.domains.iter().any(|d| d.eq_ignore_ascii_case(domain))
    }

    /// Whether it is one of the sources, and has proven the domain where that is wanted. Where only a domain is wanted
    /// the address does not matter.
    fn is_of(&self, sources: &[Source], domain: Option<&str>) -> bool {
        match domain {
            None => sources.iter().any(|s| s.matches(self)),
            Some(domain) => {
                self.proves(domain)
                    && (sources.is_empty() || sources.iter().any(|s| s.matches(self)))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.domains.first() {
            None => Ok(()),
            Some(domain) => write!(f, " ({domain})"),
        }
    }
}

/// An address that a peer's requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The host.
    pub ip: IpAddr,
    /// The port of datagrams, where it matters; `None` for any.
    pub port: Option<u16>,
}

impl Source {
    /// Whether `origin` is this source.
    #[must_use]
    pub fn matches(&self, origin: &Origin) -> bool {
        let Origin { address, .. } = origin;
        self.ip == address.ip()
            && self
                .port
                .is_none_or(|port| port == address.port() || origin.over_connection)
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
    /// The SIP domain that the certificate of its connections has to prove; without one its address is enough.
    pub domain: Option<String>,
}

impl Peer {
    /// Whether its requests come from `origin`.
    #[must_use]
    pub fn is_at(&self, origin: &Origin) -> bool {
        origin.is_of(&self.sources, self.domain.as_deref())
    }

    /// Whether a certificate says that `origin` is this peer, or one that shares its domain.
    pub(crate) fn is_proven_by(&self, origin: &Origin) -> bool {
        let domain = self.domain.as_deref();
        domain.is_some_and(|domain| origin.proves(domain))
    }
}

/// The SIP core: asserts identities of those behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Core {
    /// Where its requests come from.
    pub sources: Vec<Source>,
    /// The SIP domain that the certificate of its connections has to prove; without one its address is enough.
    pub domain: Option<String>,
}

impl Core {
    /// Whether its requests come from `origin`.
    #[must_use]
    pub fn is_at(&self, origin: &Origin) -> bool {
        origin.is_of(&self.sources, self.domain.as_deref())
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
    /// Users who may, if not all.
    pub users: Option<Vec<McId>>,
    /// Users who may not, whatever else is said.
    pub refused_users: Vec<McId>,
    /// User profile indexes that may be selected, if not all. A request that selects none means the user's
    /// default.
    pub profile_indexes: Option<Vec<u32>>,
}

impl MigrationPolicy {
    /// Whether `user` may migrate there with the profile of that index; says why not.
    ///
    /// # Errors
    /// What of the policy refuses it, in words that name no user.
    pub fn allows(&self, user: &McId, profile_index: Option<u32>) -> Result<(), &'static str> {
        if !self.allowed {
            return Err("no user may migrate there");
        }
        let listed = self.users.as_ref().is_none_or(|users| users.contains(user));
        if !listed || self.refused_users.contains(user) {
            return Err("this user may not migrate there");
        }
        match (&self.profile_indexes, profile_index) {
            (Some(may), Some(index)) if !may.contains(&index) => {
                Err("no user may migrate there with this profile")
            }
            _ => Ok(()),
        }
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
    /// The services that the two systems interconnect; of others nothing is exchanged.
    pub services: Vec<Service>,
    /// Whether own users may migrate there, where their service says nothing else.
    pub migration: MigrationPolicy,
    /// Whether own users of a service may.
    pub migration_of: HashMap<Service, MigrationPolicy>,
    /// Whether marks to be logged count from there, and are shown there (RFC 8497).
    pub logme: bool,
}

impl Partner {
    /// Whether own users of that service may migrate there.
    #[must_use]
    pub fn migration(&self, service: Service) -> &MigrationPolicy {
        self.migration_of.get(&service).unwrap_or(&self.migration)
    }
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

    /// The partner that gave that id, if that service is interconnected with it.
    #[must_use]
    pub fn partner_of(&self, id: &McId, service: Service) -> Option<&Partner> {
        let mut partners = self.partners.iter();
        partners.find(|p| p.system.gave(id) && p.services.contains(&service))
    }
}
