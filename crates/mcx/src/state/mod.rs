//! What is durable, and the one place that changes it.
//!
//! A store holds rows: a [`Home`] for each own user that ever migrated or is authorized here, a
//! [`Visitor`] for each user of another system that migrated here, the outbox, and the events for other
//! parts of the deployment. It changes
//! them by running [`apply()`] for every [`Command`] of a batch inside one transaction.

mod apply;
mod clock;
mod command;
mod ending;
mod event;
mod home;
mod memory;
mod outbox;
mod visitor;

pub use apply::{Rows, apply};
pub(crate) use clock::STEP;
pub use clock::{ClockAnchor, NEVER};
pub use command::{Authorization, Command, Heard, Outcome, Verdict};
pub use event::{Event, EventKind, NewEvent};
pub use home::{Home, HomeStay, MOST_REPLACED, Replaced, StayPhase};
pub use memory::MemoryRows;
pub use outbox::{Lane, NewRow, Notice, OutboxPage, OutboxRow, Owed, Parked};
pub use visitor::{Visitor, VisitorPhase};

use serde::{Deserialize, Serialize};

use crate::{McId, Service};

/// A user as one service knows him: the id that the primary system gave, which both the primary
/// and every partner know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserKey {
    /// The service.
    pub service: Service,
    /// MC service ID in the primary system.
    pub primary_id: McId,
}
