//! The changes that a service server asks its store for.

use serde::{Deserialize, Serialize};

use super::{ClockAnchor, Event, OutboxRow, Parked, UserKey};
use crate::{McId, ProcedureId, SystemId, Timestamp};

/// A service authorization: until when, and what made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// End of its validity.
    pub until: Timestamp,
    /// Entity-tag (RFC 3903 §4.1), for an authorization by PUBLISH.
    pub etag: Option<String>,
    /// Call-ID of the client's registration, for an authorization by REGISTER. The same Call-ID
    /// again refreshes it (RFC 3261 §10.2.4); another one is a client that begins anew.
    pub registration: Option<String>,
}

/// Which request of the SIP core an event came with. A copy of it that comes late, in a
/// transaction of its own, is no new event (RFC 3261 §10.3 step 7; L2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Call-ID.
    pub call_id: String,
    /// CSeq number.
    pub cseq: u32,
}

/// One change. Everything that the outcome depends on, the time included, is in it or in the
/// rows, so that applying it is a pure function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// An own user completed service authorization here: ends every open stay (P1.0, P1.1).
    AuthorizeHome {
        /// The user.
        key: UserKey,
        /// The authorization.
        authorization: Authorization,
        /// Entity-tag that must be the present authorization's (RFC 3903 §4.1), if any.
        if_match: Option<String>,
        /// Which request it came with.
        heard: Option<Heard>,
        /// Joins what follows.
        procedure: ProcedureId,
        /// When.
        at: Timestamp,
    },
    /// An own user's service authorization ended.
    EndHomeAuthorization {
        /// The user.
        key: UserKey,
        /// Entity-tag that must be the present authorization's (RFC 3903 §4.1), if any.
        if_match: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// An own user may migrate: opens a stay and owes the partner the response (L1).
    AllowMigration {
        /// The user.
        key: UserKey,
        /// The partner that asks.
        system: SystemId,
        /// The id that it gave the user.
        partner_id: McId,
        /// The procedure of the request.
        procedure: ProcedureId,
        /// Call-ID of the request.
        in_reply_to: String,
        /// When.
        at: Timestamp,
        /// From when on the partner no longer waits for the response.
        expires: Timestamp,
    },
    /// An own user may not migrate: owes the partner that response (L1).
    RefuseMigration {
        /// The user.
        key: UserKey,
        /// The partner that asks.
        system: SystemId,
        /// The id that it gave the user.
        partner_id: McId,
        /// The procedure of the request.
        procedure: ProcedureId,
        /// Call-ID of the request.
        in_reply_to: String,
        /// When.
        at: Timestamp,
        /// From when on the partner no longer waits for the response.
        expires: Timestamp,
    },
    /// An own user completed service authorization at `system`: ends every open stay that is
    /// older than the one there (P2.2).
    UserMoved {
        /// The user.
        key: UserKey,
        /// The partner that says so.
        system: SystemId,
        /// The id that it gave the user.
        partner_id: McId,
        /// Number of the stay there; `None` from a peer that sends none.
        number: Option<u64>,
        /// The procedure of the notification.
        procedure: ProcedureId,
        /// When.
        at: Timestamp,
    },
    /// The primary allowed a user's stay here: stores the mapping (L1) and owes the primary the
    /// notification (P2.1).
    StoreMapping {
        /// The user.
        key: UserKey,
        /// The primary system.
        primary: SystemId,
        /// The id that this system gives the user.
        partner_id: McId,
        /// Number of the stay, when the primary gave one.
        number: Option<u64>,
        /// The procedure.
        procedure: ProcedureId,
        /// The authorization that waited for it.
        authorization: Authorization,
        /// Which request it came with.
        heard: Option<Heard>,
        /// When.
        at: Timestamp,
    },
    /// A visiting user authorizes again: refreshed when a mapping for the same id is in force and
    /// it is the same registration or publication. Any other may come after a stay elsewhere that
    /// ended this one, its de-authorization being under way (L2): the primary has to be asked.
    RefreshVisitor {
        /// The user.
        key: UserKey,
        /// The id that this system gave the user.
        partner_id: McId,
        /// The authorization.
        authorization: Authorization,
        /// Which request it came with.
        heard: Option<Heard>,
        /// Entity-tag that must be the present authorization's (RFC 3903 §4.1), if any.
        if_match: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// A visiting user's service authorization ended; the mapping stays.
    EndVisitorAuthorization {
        /// The user.
        key: UserKey,
        /// The id that this system gave the user: another's authorization is not his to end.
        partner_id: McId,
        /// Entity-tag that must be the present authorization's (RFC 3903 §4.1), if any.
        if_match: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The primary de-authorizes a stay here (P1.4).
    EndStay {
        /// The user.
        key: UserKey,
        /// The id that this system gave the user, when the primary knows it.
        partner_id: Option<McId>,
        /// Number of the stay that ends; `None` from a peer that sends none.
        number: Option<u64>,
        /// The procedure of the notification, when it names one.
        procedure: Option<ProcedureId>,
        /// When.
        at: Timestamp,
        /// When the service stops; not after `at` to stop at once (P1.E1).
        stop_at: Timestamp,
        /// Until when the mapping is kept as was-migrated (P1.N2).
        purge_at: Timestamp,
    },
    /// The deployment reports that a visiting user's last session ended: a service that goes on until its
    /// grace period is over stops now (P1.E1).
    SessionsEnded {
        /// The user.
        key: UserKey,
        /// When.
        at: Timestamp,
    },
    /// Stops services whose grace period is over (P1.E1) and removes mappings whose retention is over (P1.N2),
    /// at most `limit` of both.
    Expire {
        /// The time.
        at: Timestamp,
        /// Most mappings to change in one go.
        limit: usize,
    },
    /// The wall clock was set: deadlines move with it, so that nothing is stopped or purged early, and nothing
    /// later than if it had begun now.
    ClockStepped {
        /// By how many milliseconds, forward or back.
        by: i64,
        /// What it shows since.
        at: Timestamp,
    },
    /// A process begins, and says how its clocks stand to each other: tells how far the wall clock was set
    /// while none was running.
    ClockAnchored {
        /// The clocks.
        anchor: ClockAnchor,
        /// What the wall clock shows.
        at: Timestamp,
    },
    /// These are the sinks that events are delivered to, and no others.
    EventSinks {
        /// Their names.
        names: Vec<String>,
    },
    /// A sink has every event up to that one.
    EventsDelivered {
        /// Its name.
        sink: String,
        /// [`Event::seq`] of the newest it has.
        seq: u64,
    },
    /// Removes events that every sink has, but for the newest.
    TrimEvents {
        /// How many of the newest stay for those who ask later.
        keep: u64,
        /// Most events to remove in one go.
        limit: usize,
    },
    /// The partner has it, or nobody waits for it any more: the row is removed.
    OutboxDone {
        /// The row.
        id: u64,
    },
    /// It was sent in vain.
    OutboxRetry {
        /// The row.
        id: u64,
        /// How often by now.
        attempts: u32,
        /// Not to be sent before.
        next_at: Timestamp,
        /// Why it was in vain.
        failure: String,
    },
    /// An operator wants it sent now, parked or not.
    OutboxRelease {
        /// The row.
        id: u64,
        /// When.
        at: Timestamp,
    },
    /// An operator drops it.
    OutboxDrop {
        /// The row.
        id: u64,
    },
    /// An operator de-authorizes an own user wherever he has an open stay (P1.1).
    EndStays {
        /// The user.
        key: UserKey,
        /// Joins what follows.
        procedure: ProcedureId,
        /// When.
        at: Timestamp,
    },
    /// The partner refused it.
    OutboxPark {
        /// The row.
        id: u64,
        /// How.
        parked: Parked,
    },
}

impl Command {
    /// Octets that it takes, identities aside, which are short ([`McId::MAX_LENGTH`]): what a bound on octets counts.
    #[must_use]
    pub fn octets(&self) -> usize {
        let maybe = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let of = |authorization: &Authorization, heard: &Option<Heard>| {
            let heard = heard.as_ref().map_or(0, |heard| heard.call_id.len());
            maybe(&authorization.etag) + maybe(&authorization.registration) + heard
        };
        let texts = match self {
            Self::AuthorizeHome {
                authorization,
                heard,
                if_match,
                ..
            }
            | Self::RefreshVisitor {
                authorization,
                heard,
                if_match,
                ..
            } => of(authorization, heard) + maybe(if_match),
            Self::StoreMapping {
                authorization,
                heard,
                ..
            } => of(authorization, heard),
            Self::EndHomeAuthorization { if_match, .. }
            | Self::EndVisitorAuthorization { if_match, .. } => maybe(if_match),
            Self::AllowMigration { in_reply_to, .. }
            | Self::RefuseMigration { in_reply_to, .. } => in_reply_to.len(),
            Self::OutboxRetry { failure, .. } => failure.len(),
            Self::OutboxPark { parked, .. } => parked.text.len(),
            Self::EventSinks { names } => names.iter().map(String::len).sum(),
            Self::EventsDelivered { sink, .. } => sink.len(),
            Self::ClockAnchored { anchor, .. } => anchor.boot.len(),
            Self::UserMoved { .. }
            | Self::EndStay { .. }
            | Self::SessionsEnded { .. }
            | Self::Expire { .. }
            | Self::ClockStepped { .. }
            | Self::TrimEvents { .. }
            | Self::OutboxDone { .. }
            | Self::OutboxRelease { .. }
            | Self::OutboxDrop { .. }
            | Self::EndStays { .. } => 0,
        };
        size_of::<Self>() + texts
    }
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result.
    pub verdict: Verdict,
    /// Rows that it appended to the outbox.
    pub appended: Vec<OutboxRow>,
    /// Events that it appended.
    pub events: Vec<Event>,
}

/// The result of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done; nothing more to say.
    Done,
    /// Authorized; these stays were ended, and their partners are owed a notification.
    Authorized {
        /// Partner and number of each stay that ended.
        ended: Vec<(SystemId, u64)>,
    },
    /// The stay is open.
    Allowed {
        /// Its number.
        number: u64,
    },
    /// These stays were ended, and their partners are owed a notification.
    StaysEnded {
        /// Partner and number of each.
        ended: Vec<(SystemId, u64)>,
    },
    /// The user moved on.
    Moved {
        /// Partner and number of each stay that ended.
        ended: Vec<(SystemId, u64)>,
    },
    /// It speaks of a stay that a newer one replaced, or that ended already; nothing changed.
    Stale,
    /// The primary never allowed that stay.
    NeverAllowed,
    /// The mapping is stored.
    Mapped,
    /// The mapping is in force and its authorization refreshed.
    Refreshed,
    /// No mapping is in force: the primary has to be asked.
    NotMigrated,
    /// There is no authorization of that entity-tag (RFC 3903 §6).
    NoSuchEntityTag,
    /// It is a late copy of an event that was heard before; nothing changed (L2).
    HeardBefore {
        /// The entity-tag of the authorization in force, if it has one.
        etag: Option<String>,
    },
    /// The mapping is of another user of this system; nothing changed.
    AnotherUser,
    /// The stay ended.
    Ended {
        /// When the service stops; not after the command's time if it has (P1.E1).
        stop_at: Timestamp,
        /// When the mapping will be removed.
        purge_at: Timestamp,
    },
    /// The stay had ended before; nothing changed (L3).
    AlreadyEnded,
    /// No mapping of that user, or no such row.
    Unknown,
    /// The service stopped; the mapping is kept until then.
    Stopped {
        /// When the mapping will be removed.
        purge_at: Timestamp,
    },
    /// The user's stay has not ended, or the service stopped before; nothing changed.
    NotStopping,
    /// What was due is done.
    Expired {
        /// How many services stopped.
        stopped: usize,
        /// How many mappings were removed.
        purged: usize,
        /// When something is due next, if ever.
        next: Option<Timestamp>,
    },
    /// That many events were removed.
    Trimmed(usize),
}

impl Heard {
    /// Whether this request, after `newest`, is a late copy of it or of one before it.
    pub(super) fn is_late(&self, newest: Option<&Self>) -> bool {
        newest.is_some_and(|n| n.call_id == self.call_id && self.cseq <= n.cseq)
    }
}

impl Authorization {
    /// Whether `present` is in force at `at` and has the entity-tag that is asked for.
    pub(super) fn matches(present: Option<&Self>, if_match: Option<&str>, at: Timestamp) -> bool {
        let Some(wanted) = if_match else {
            return true;
        };
        present.is_some_and(|a| a.until > at && a.etag.as_deref() == Some(wanted))
    }

    /// Whether this authorization is of the registration that made `present`, still in force.
    pub(super) fn refreshes(&self, present: Option<&Self>, at: Timestamp) -> bool {
        self.registration.is_some()
            && present.is_some_and(|a| a.until > at && a.registration == self.registration)
    }

    /// This authorization after `present`: what names the other of registration and publication
    /// stays, for a client may have both.
    pub(super) fn after(&self, present: Option<&Self>) -> Self {
        let mut merged = self.clone();
        if let Some(present) = present {
            merged.etag = merged.etag.or_else(|| present.etag.clone());
            merged.registration = merged.registration.or_else(|| present.registration.clone());
        }
        merged
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self {
            verdict,
            appended: Vec::new(),
            events: Vec::new(),
        }
    }
}
