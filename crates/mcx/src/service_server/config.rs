//! What an MC service server is told about itself and its surroundings.

use std::collections::HashMap;
use std::time::Duration;

use sip_message::Limits;

use crate::document::Bounds;

use crate::{Core, Profile, Retry, Service, SystemId, Systems, Tokens};

/// How long a was-migrated mapping is kept (P1.N2).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Retention {
    /// Where nothing else is said.
    pub default: Duration,
    /// Per service.
    pub services: HashMap<Service, Duration>,
    /// Per partner; goes before the service's.
    pub partners: HashMap<SystemId, Duration>,
}

impl Retention {
    pub(super) fn of(&self, service: Service, primary: &SystemId) -> Duration {
        let by_partner = self.partners.get(primary);
        *by_partner
            .or_else(|| self.services.get(&service))
            .unwrap_or(&self.default)
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
    /// How long a was-migrated mapping is kept.
    pub retention: Retention,
    /// How the outbox retries.
    pub retry: Retry,
    /// How long a client's authorization may wait for the primary's answer, at most; below
    /// Timer F, so that the client hears the outcome.
    pub migration_timeout: Duration,
    /// Validity of a service authorization whose request names none, in seconds.
    pub default_expires: u32,
}
