//! What is asked at the admin socket.

use mcx::state::UserKey;
use mcx::{McId, Order, Service};
use serde::{Deserialize, Serialize};

use super::{OutboxFilter, TraceFilter, UserFilter};
use crate::watches::Wish;

/// A question: one line of JSON.
///
/// ```
/// use mcx_node::admin::Question;
///
/// let line = r#"{"users":{"state":"migrated"}}"#;
/// let Question::Users(filter) = serde_json::from_str(line)? else { panic!() };
/// assert!(filter.service.is_none());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Question {
    /// Who is migrated where?
    Users(UserFilter),
    /// What is owed?
    Outbox(OutboxFilter),
    /// What is recorded? Lines of [`sip_trace::ndjson`], and [`Lost`](super::Lost) where records are missing.
    Trace(TraceFilter),
    /// How much of what was recorded went lost? One line of [`RecorderLine`](super::RecorderLine).
    Recorder,
    /// Copy what matches.
    Watch {
        /// What, and for how long.
        wish: Wish,
        /// Why: for the audit, so it is to name no user.
        because: String,
    },
    /// Which watches are there? Lines of [`WatchLine`](crate::watches::WatchLine).
    Watches,
    /// End a watch.
    EndWatch {
        /// Its id.
        id: u64,
        /// Why: for the audit, so it is to name no user.
        because: String,
    },
    /// Can it take requests? [`End::Done`] when it can, [`End::Error`] with what is in the way.
    Ready,
    /// Read the configuration anew. [`End::Done`] with what changed, [`End::Error`] with why nothing did.
    Reload,
    /// Take leave, finish what is under way, end. [`End::Done`] when it has begun.
    Drain,
    /// Do this.
    Order {
        /// What.
        what: Wanted,
        /// Why: for the audit, so it is to name no user.
        because: String,
    },
}

/// What can be ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Send this row of the outbox now.
    Retry(u64),
    /// Drop this row of the outbox.
    Drop(u64),
    /// De-authorize an own user at every partner.
    Deauthorize(User),
    /// A visiting user's last session ended.
    SessionsEnded(User),
}

/// A user of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct User {
    /// The service.
    pub service: Service,
    /// MC service ID in the primary system.
    pub primary_id: String,
}

/// How an answer ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// That was all.
    All,
    /// The order was carried out.
    Done(String),
    /// It was not, or the answer breaks off here.
    Error(String),
}

impl TryFrom<Wanted> for Order {
    type Error = String;

    fn try_from(wanted: Wanted) -> Result<Self, String> {
        Ok(match wanted {
            Wanted::Retry(id) => Self::RetryRow { id },
            Wanted::Drop(id) => Self::DropRow { id },
            Wanted::Deauthorize(user) => Self::Deauthorize { key: user.key()? },
            Wanted::SessionsEnded(user) => Self::SessionsEnded { key: user.key()? },
        })
    }
}

impl User {
    fn key(&self) -> Result<UserKey, String> {
        let primary_id = McId::parse(&self.primary_id)
            .map_err(|why| format!("{} is no MC service ID: {why}", self.primary_id))?;
        Ok(UserKey {
            service: self.service,
            primary_id,
        })
    }
}
