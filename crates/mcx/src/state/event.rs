//! What happened to a visiting user's service, for other parts of the deployment (P1.E1, P1.N2).

use serde::{Deserialize, Serialize};

use super::{UserKey, Visitor};
use crate::{McId, ProcedureId, Timestamp};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// The MC service stopped for a user who left (P1.E1).
    ServiceStopped,
    /// The mapping of a user who left was removed (P1.N2).
    MappingPurged,
}

impl EventKind {
    /// All kinds, in a fixed order.
    pub const ALL: [Self; 2] = [Self::ServiceStopped, Self::MappingPurged];

    /// The name in the store and in the stream: `service-stopped`, `mapping-purged`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceStopped => "service-stopped",
            Self::MappingPurged => "mapping-purged",
        }
    }

    /// The kind of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// An event to be appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NewEvent {
    /// What happened.
    #[serde(rename = "event")]
    pub kind: EventKind,
    /// To whom.
    #[serde(flatten)]
    pub key: UserKey,
    /// The id that this system gave the user.
    pub partner_id: McId,
    /// Number of the stay; `None` from a primary that sends none.
    pub number: Option<u64>,
    /// The procedure that ended the stay.
    pub procedure: Option<ProcedureId>,
    /// When.
    pub at: Timestamp,
}

/// An event, durable with the change that it tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Grows with every event of a store, and names no other one ever; there may be gaps.
    pub seq: u64,
    /// What was appended.
    #[serde(flatten)]
    pub event: NewEvent,
}

impl NewEvent {
    pub(super) fn of(kind: EventKind, key: &UserKey, visitor: &Visitor, at: Timestamp) -> Self {
        Self {
            kind,
            key: key.clone(),
            partner_id: visitor.partner_id.clone(),
            number: visitor.number,
            procedure: visitor.procedure,
            at,
        }
    }
}
