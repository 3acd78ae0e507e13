//! What a partner system keeps about a user who migrated to it.

use serde::{Deserialize, Serialize};

use super::{Authorization, Heard, NEVER};
use crate::{McId, ProcedureId, Timestamp};

/// The mapping between the MC service ID given by the primary system (its key) and the one given
/// by this, the partner system (P1.4, L1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The id that this system gave the user.
    pub partner_id: McId,
    /// Number of the stay; `None` from a primary that sends none.
    pub number: Option<u64>,
    /// The procedure that stored it, or that ended it.
    pub procedure: Option<ProcedureId>,
    /// When the stay began.
    pub since: Timestamp,
    /// Whether the user may be served.
    pub phase: VisitorPhase,
    /// Service authorization in this system; `None` once it ended.
    pub authorization: Option<Authorization>,
    /// The newest event of the user.
    pub heard: Option<Heard>,
}

/// Whether the user is served under a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VisitorPhase {
    /// The user migrated here.
    Migrated,
    /// The user left and was de-authorized; the service goes on until `stop_at`, or until his last session
    /// ended before (P1.E1). No new authorization is taken.
    Stopping {
        /// When the de-authorization was applied.
        since: Timestamp,
        /// When the service stops.
        stop_at: Timestamp,
        /// When the mapping is removed, if the service stops at `stop_at`.
        purge_at: Timestamp,
    },
    /// The user left; the mapping is kept for look-ups alone until `purge_at` (P1.N2).
    WasMigrated {
        /// When the service stopped.
        since: Timestamp,
        /// When the mapping is removed.
        purge_at: Timestamp,
    },
}

/// How a de-authorization relates to the mapping it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// It ends this stay, or a newer one of which this system never heard.
    Ends,
    /// It ends a stay that came before this one.
    Older,
}

impl Visitor {
    /// When something is to happen with the mapping, if it is not kept for ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        let deadline = match self.phase {
            VisitorPhase::Migrated => return None,
            VisitorPhase::Stopping { stop_at, .. } => stop_at,
            VisitorPhase::WasMigrated { purge_at, .. } => purge_at,
        };
        (deadline < NEVER).then_some(deadline)
    }

    /// Compares a de-authorization with this stay. Numbers decide when both sides have one
    /// (L2); otherwise the rule for peers that send none: another partner id means another,
    /// earlier stay; the same id, or none, means this one.
    pub(super) fn relation(&self, number: Option<u64>, partner_id: Option<&McId>) -> Relation {
        match (self.number, number) {
            (Some(mine), Some(named)) if named < mine => Relation::Older,
            (Some(_), Some(_)) => Relation::Ends,
            _ => match partner_id {
                Some(id) if *id != self.partner_id => Relation::Older,
                _ => Relation::Ends,
            },
        }
    }
}
