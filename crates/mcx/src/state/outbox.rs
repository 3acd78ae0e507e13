//! Messages that are owed to other systems, and stay owed across restarts (L4).

use serde::{Deserialize, Serialize};

use super::UserKey;
use crate::{McId, MessageKind, ProcedureId, SystemId, Timestamp};

/// What is owed, without the names of the wire: it is written as SIP when it is sent, so that a
/// changed configuration holds for waiting rows too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Notice {
    /// Migration service de-authorization notification (P1.1).
    Deauthorization {
        /// The id that the partner gave the user.
        partner_id: Option<McId>,
        /// Number of the stay that ends.
        number: u64,
    },
    /// Migration service authorization response (L1).
    AuthorizationResponse {
        /// The id that the partner gave the user.
        partner_id: McId,
        /// Number of the stay when it is allowed; `None` when it is refused.
        number: Option<u64>,
        /// Call-ID of the request that it answers.
        in_reply_to: String,
    },
    /// MC service user authorisation notification (P2.1).
    UserAuthorization {
        /// The id that this system gave the user.
        partner_id: McId,
        /// Number of the stay, when the primary gave one.
        number: Option<u64>,
    },
}

impl Notice {
    /// The kind of message it becomes.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Deauthorization { .. } => MessageKind::DeauthorizationNotification,
            Self::AuthorizationResponse { .. } => MessageKind::AuthorizationResponse,
            Self::UserAuthorization { .. } => MessageKind::UserAuthorizationNotification,
        }
    }

    /// The id that the partner gave the user, when it is known.
    #[must_use]
    pub fn partner_id(&self) -> Option<&McId> {
        match self {
            Self::Deauthorization { partner_id, .. } => partner_id.as_ref(),
            Self::AuthorizationResponse { partner_id, .. }
            | Self::UserAuthorization { partner_id, .. } => Some(partner_id),
        }
    }

    /// Number of the stay, when there is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match self {
            Self::Deauthorization { number, .. } => Some(*number),
            Self::AuthorizationResponse { number, .. } | Self::UserAuthorization { number, .. } => {
                *number
            }
        }
    }
}

/// A row to be appended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRow {
    /// Whom it is about.
    pub key: UserKey,
    /// The system that it is owed to.
    pub to: SystemId,
    /// What is owed.
    pub notice: Notice,
    /// The procedure it belongs to.
    pub procedure: ProcedureId,
    /// When it became owed.
    pub created: Timestamp,
    /// From when on nobody waits for it any more; `None` for what is owed for ever.
    pub expires: Option<Timestamp>,
}

impl NewRow {
    /// Two rows with equal `(key, to, sameness)` say the same: the second is not appended while
    /// the first waits.
    #[must_use]
    pub fn sameness(&self) -> String {
        match &self.notice {
            // Of another procedure it is another one: the first may be under way to a partner
            // that did not know the user yet.
            Notice::Deauthorization { number, .. } => format!("d{number}-{}", self.procedure),
            Notice::AuthorizationResponse { .. } => format!("r{}", self.procedure),
            Notice::UserAuthorization { number, .. } => match number {
                Some(number) => format!("u{number}"),
                None => format!("u-{}", self.procedure),
            },
        }
    }
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Grows with every row; the order within a lane.
    pub id: u64,
    /// What was appended.
    #[serde(flatten)]
    pub row: NewRow,
    /// How often it was sent without success.
    pub attempts: u32,
    /// Not to be sent before.
    pub next_at: Timestamp,
    /// Why it was in vain last time; `None` when it was not sent yet.
    pub failure: Option<String>,
    /// Set when the partner refused it: it is not sent again unless an operator says so.
    pub parked: Option<Parked>,
}

/// Why a row waits for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Status code of the partner's answer.
    pub status: u16,
    /// Its Warning text or reason phrase.
    pub text: String,
    /// When.
    pub since: Timestamp,
}

/// What is owed to a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The partner.
    pub to: SystemId,
    /// Rows that are sent when their time comes.
    pub waiting: u64,
    /// When the first of them was appended.
    pub oldest: Option<Timestamp>,
    /// Rows that wait for an operator.
    pub parked: u64,
}

/// Some of the rows that wait for a partner and are not parked, in order of their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxPage {
    /// The partner.
    pub to: SystemId,
    /// Rows after this one,
    pub after: u64,
    /// up to and with this one,
    pub until: u64,
    /// and no more than so many.
    pub limit: usize,
}

/// Rows of one lane are sent one after the other, in order; lanes do not wait for each other.
///
/// A lane is a user of one service and one partner. Responses have a lane of their own: a
/// partner waits for them with the user on the line, and no order is lost, for stays are
/// numbered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// Whom it is about.
    pub key: UserKey,
    /// The system that it is owed to.
    pub to: SystemId,
    /// Whether it is the lane of responses.
    pub responses: bool,
}

impl OutboxRow {
    /// The lane that the row waits in.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane {
            key: self.row.key.clone(),
            to: self.row.to.clone(),
            responses: self.row.notice.kind() == MessageKind::AuthorizationResponse,
        }
    }
}
