//! What an MC service server is told about itself and its surroundings.

use std::collections::HashMap;
use std::time::Duration;

use sip_message::Limits;

use crate::document::Bounds;

use crate::{Core, Profile, Retry, Service, SystemId, Systems, Timestamp, Tokens};

/// A choice for all, that a service and a partner may make otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ByPartner<T> {
    /// Where nothing else is said.
    pub default: T,
    /// Per service.
    pub services: HashMap<Service, T>,
    /// Per partner; goes before the service's.
    pub partners: HashMap<SystemId, T>,
}

impl<T: Copy> ByPartner<T> {
    pub(super) fn of(&self, service: Service, primary: &SystemId) -> T {
        let by_partner = self.partners.get(primary);
        *by_partner
            .or_else(|| self.services.get(&service))
            .unwrap_or(&self.default)
    }
}

/// When the service stops for a user who left (P1.E1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Stop {
    /// When his de-authorization is applied.
    #[default]
    Immediately,
    /// So long after it, or when the deployment reports that his last session ended, if that is sooner.
    After(Duration),
}

impl Stop {
    /// When a service stops whose de-authorization is applied at `at`.
    pub(super) fn at(self, at: Timestamp) -> Timestamp {
        match self {
            Self::Immediately => at,
            Self::After(grace) => at.after(grace),
        }
    }
}

/// What an MC service server is told about itself and its surroundings.
#[derive(Clone, Debug)]
pub struct ServiceServerConfig {
    /// Its public service identity.
    pub psi: String,
    /// The services that it serves.
    pub services: Vec<Service>,
    /// The own system and its partners.
    pub systems: Systems,
    /// The SIP core that clients' events come through.
    pub core: Core,
    /// Whose access tokens are accepted.
    pub tokens: Tokens,
    /// Names on the wire.
    pub profile: Profile,
    /// Bounds of what is read.
    pub limits: Limits,
    /// Bounds of the documents in it.
    pub bounds: Bounds,
    /// When the service stops for a user who left (P1.E1).
    pub stop: ByPartner<Stop>,
    /// How long his mapping is kept as was-migrated, from then on (P1.N2).
    pub retention: ByPartner<Duration>,
    /// How the outbox retries.
    pub retry: Retry,
    /// How long a client's authorization may wait for the primary's answer, at most; below
    /// Timer F, so that the client hears the outcome.
    pub migration_timeout: Duration,
    /// Validity of a service authorization whose request names none, in seconds.
    pub default_expires: u32,
}
