//! MC systems, their users and the configuration of their functions.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use mcx::{
    ByPartner, Core, GatewayConfig, McId, MigrationPolicy, NextHop, Partner, Peer, Profile, Retry,
    Service, ServiceServerConfig, Source, System, SystemId, Systems,
};
use sip_message::Limits;

use super::node::Kind;
use super::{Weather, token};

/// An MC system: `A` is `a.mcx.example`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u8);

impl Place {
    /// `a.mcx.example`.
    pub const A: Self = Self(0);
    /// `b.mcx.example`.
    pub const B: Self = Self(1);
    /// `c.mcx.example`.
    pub const C: Self = Self(2);
    /// `d.mcx.example`.
    pub const D: Self = Self(3);

    /// Its letter, lower case.
    #[must_use]
    pub fn letter(self) -> char {
        char::from(b'a' + self.0)
    }

    /// Its domain, which is its system id too.
    #[must_use]
    pub fn domain(self) -> String {
        format!("{}.mcx.example", self.letter())
    }

    /// Its system id.
    #[must_use]
    pub fn system(self) -> SystemId {
        SystemId::new(&self.domain())
    }

    /// The address of one of its functions.
    #[must_use]
    pub fn address(self, kind: Kind) -> SocketAddr {
        let last = match kind {
            Kind::Server => 1,
            Kind::Gateway => 2,
            Kind::Core => 3,
        };
        let ip = IpAddr::V4(Ipv4Addr::new(10, 0, self.0 + 1, last));
        SocketAddr::new(ip, 5060)
    }

    /// The public service identity of one of its functions. What is inside says so, for tests of
    /// topology hiding.
    #[must_use]
    pub fn psi(self, kind: Kind) -> String {
        let domain = self.domain();
        match kind {
            Kind::Server => format!("sip:server@inside.{domain}"),
            Kind::Gateway => format!("sip:gateway@{domain}"),
            Kind::Core => format!("sip:core@inside.{domain}"),
        }
    }

    fn peer(self, kind: Kind) -> Peer {
        let address = self.address(kind);
        Peer {
            psi: self.psi(kind),
            next_hop: NextHop {
                domain: None,
                uri: format!("sip:{address}"),
            },
            route: Vec::new(),
            sources: vec![Source {
                ip: address.ip(),
                port: None,
            }],
            domain: None,
        }
    }

    fn as_system(self) -> System {
        System {
            id: self.system(),
            domains: vec![self.domain()],
        }
    }

    fn core(self) -> Core {
        Core {
            sources: vec![Source {
                ip: self.address(Kind::Core).ip(),
                port: None,
            }],
            domain: None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.letter().to_ascii_uppercase())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A user of MC services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// His name.
    pub name: &'static str,
    /// His primary system.
    pub home: Place,
}

impl User {
    /// The id that a system gives him.
    ///
    /// # Panics
    /// When the name does not fit an id.
    #[must_use]
    pub fn id_at(self, place: Place) -> McId {
        let domain = place.domain();
        let id = if place == self.home {
            format!("sip:{}@{domain}", self.name)
        } else {
            format!("sip:visitor-{}@{domain}", self.name)
        };
        McId::parse(&id).expect("a user's name fits an id")
    }

    /// The id that every system knows him by.
    #[must_use]
    pub fn primary_id(self) -> McId {
        self.id_at(self.home)
    }

    /// His access token from a system.
    #[must_use]
    pub fn token_of(self, place: Place) -> String {
        token::issued(&place.domain(), self.id_at(place).as_str())
    }
}

/// Between which systems topology is hidden, so that gateways are on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hiding {
    /// Between all.
    All,
    /// Between none.
    None,
    /// Between A and B, B and C, C and D; not between the others.
    Neighbours,
}

impl Hiding {
    /// Whether it is hidden between these two.
    #[must_use]
    pub fn between(self, one: Place, other: Place) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Neighbours => one.0.abs_diff(other.0) == 1,
        }
    }
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many systems.
    pub systems: u8,
    /// Where gateways are on the way.
    pub hiding: Hiding,
    /// The network.
    pub weather: Weather,
    /// Shortest and longest time that a commit takes, in microseconds.
    pub commit: (u64, u64),
    /// Users whose primary system refuses their migration, and where to.
    pub refused: Vec<(User, Place)>,
    /// How long was-migrated mappings are kept.
    pub retention: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            systems: 3,
            hiding: Hiding::All,
            weather: Weather::CALM,
            commit: (100, 20_000),
            refused: Vec::new(),
            retention: Duration::from_secs(86_400),
        }
    }
}

impl Plan {
    /// All systems.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        (0..self.systems).map(Place)
    }

    /// The configuration of a system's MC service server.
    #[must_use]
    pub fn server(&self, place: Place) -> ServiceServerConfig {
        ServiceServerConfig {
            psi: place.psi(Kind::Server),
            services: Service::ALL.to_vec(),
            systems: self.systems_of(place, |partner| {
                // P1.N1: the one place that knows.
                Some(if self.hiding.between(place, partner) {
                    place.peer(Kind::Gateway)
                } else {
                    partner.peer(Kind::Server)
                })
            }),
            core: place.core(),
            tokens: token::accepted(&place.domain()),
            profile: Profile::default(),
            limits: Limits::default(),
            bounds: mcx::document::Bounds::default(),
            stop: ByPartner::default(),
            retention: ByPartner {
                default: self.retention,
                ..ByPartner::default()
            },
            // Few, so that most wait in the store alone.
            retry: Retry {
                in_memory: 3,
                ..Retry::default()
            },
            migration_timeout: Duration::from_secs(20),
            default_expires: 3600,
        }
    }

    /// The configuration of a system's MC gateway server.
    #[must_use]
    pub fn gateway(&self, place: Place) -> GatewayConfig {
        GatewayConfig {
            psi: place.psi(Kind::Gateway),
            systems: self.systems_of(place, |partner| {
                let hidden = self.hiding.between(place, partner);
                hidden.then(|| partner.peer(Kind::Gateway))
            }),
            servers: vec![(Service::ALL.to_vec(), place.peer(Kind::Server))],
            exits: Vec::new(),
            host_aliases: Vec::new(),
            core: place.core(),
            profile: Profile::default(),
            limits: Limits::default(),
            bounds: mcx::document::Bounds::default(),
        }
    }

    fn systems_of(&self, own: Place, peer: impl Fn(Place) -> Option<Peer>) -> Systems {
        let partners = self.places().filter(|place| *place != own);
        Systems {
            own: own.as_system(),
            partners: partners
                .filter_map(|place| {
                    let refused = self.refused.iter();
                    let refused = refused.filter(|(user, at)| user.home == own && *at == place);
                    Some(Partner {
                        system: place.as_system(),
                        peer: peer(place)?,
                        migration: MigrationPolicy {
                            allowed: true,
                            users: None,
                            profile_indexes: None,
                            refused_users: refused.map(|(user, _)| user.primary_id()).collect(),
                        },
                        services: Service::ALL.to_vec(),
                        migration_of: std::collections::HashMap::new(),
                        logme: false,
                    })
                })
                .collect(),
        }
    }
}
