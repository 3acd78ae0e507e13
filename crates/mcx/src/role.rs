//! What goes into a role and what comes out: the whole interface between the procedures and the
//! world.

use std::borrow::Cow;
use std::fmt;
use std::time::Instant;

use sip_message::{Request, Response};

use crate::state::{Command, OutboxPage, OutboxRow, Outcome, Owed, UserKey};
use crate::{Availability, McId, NextHop, Now, Origin, ProcedureId, SystemId};

/// Names a received request until it is answered; given by whoever drives the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a request that the role sent until its answer came; given by the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub u64);

/// Names a batch for the store until its outcome came; given by the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreId(pub u64);

/// Names an operator's order until it is done or refused; given by whoever drives the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub u64);

/// What an operator orders by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send a row of the outbox now, parked or not (L4).
    RetryRow {
        /// The row.
        id: u64,
    },
    /// Drop a row of the outbox, whoever it is owed to (L4).
    DropRow {
        /// The row.
        id: u64,
    },
    /// De-authorize an own user at every partner where he has an open stay, as if he had returned (P1.1).
    Deauthorize {
        /// The user.
        key: UserKey,
    },
    /// A visiting user's last session ended (P1.E1).
    SessionsEnded {
        /// The user.
        key: UserKey,
    },
}

/// What became of an order, or why it was refused, in words that name no user.
pub type Ordered = Result<String, String>;

/// What happened.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A request arrived, once (retransmissions never get here), and passed RFC 3261 §8.2
    /// validation.
    Request {
        /// Names it in [`Effect::Respond`].
        id: RequestId,
        /// Where it came from, as the transport saw it.
        source: &'a Origin,
        /// The request.
        request: &'a Request,
    },
    /// A request of ours was answered finally.
    Answer {
        /// Which.
        id: SendId,
        /// With what.
        response: &'a Response,
    },
    /// A request of ours will not be answered.
    Failed {
        /// Which.
        id: SendId,
        /// Why.
        why: SendFailure,
    },
    /// A batch is durable, or nothing of it is.
    Stored {
        /// Which.
        id: StoreId,
        /// What each of its commands did.
        result: Result<Vec<Outcome>, StoreFailure>,
    },
    /// What the outbox held when the node started: comes before everything else. The rows are read when they can be sent.
    Recovered {
        /// How much is owed to whom.
        owed: Vec<Owed>,
        /// The last id that a row got.
        last: u64,
    },
    /// Rows were read, or could not be.
    OutboxRead {
        /// Which.
        page: OutboxPage,
        /// The rows as they were stored when they were read, in order of their ids.
        rows: Result<Vec<OutboxRow>, StoreFailure>,
    },
    /// An operator orders something.
    Order {
        /// Names it in [`Effect::Ordered`].
        id: OrderId,
        /// What.
        order: &'a Order,
        /// Who orders it, and why; for the audit, so it is to name no user.
        by: &'a str,
    },
    /// A deadline that [`Role::deadline`] named has come.
    Tick,
}

/// Why a request will not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFailure {
    /// No final answer within 64·T1 (RFC 3261 §17.1.2.2, Timer F).
    Timeout,
    /// The transport could not send it (RFC 3261 §8.1.3.1).
    Transport,
    /// The peer of a TLS connection did not prove to be who was meant, or did not accept what was proven to it (RFC 5922); how.
    NotProven(&'static str),
    /// Too many transactions are open.
    Overload,
}

impl fmt::Display for SendFailure {
    /// As what a peer did, its name being before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("did not answer"),
            Self::Transport => f.write_str("cannot be reached"),
            Self::NotProven(how) => write!(f, "cannot be reached by TLS: {how}"),
            Self::Overload => f.write_str("is not asked: too many transactions are open"),
        }
    }
}

/// The store could not make a batch durable, and nothing of it is; or it could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFailure;

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Answer a request.
    Respond {
        /// Which.
        id: RequestId,
        /// With what.
        response: Response,
    },
    /// Forget a request without an answer (RFC 4320 §4.2: a late 408 helps nobody).
    Abandon {
        /// Which.
        id: RequestId,
    },
    /// Send a request.
    Send {
        /// Names it in [`Input::Answer`] and [`Input::Failed`].
        id: SendId,
        /// Where to.
        next_hop: NextHop,
        /// The request, without Via.
        request: Request,
    },
    /// Make a batch durable, all or nothing, after every batch handed over before.
    Store {
        /// Names it in [`Input::Stored`].
        id: StoreId,
        /// The commands.
        batch: Vec<Command>,
    },
    /// Read rows of the outbox; at most one such effect for a partner is under way.
    ReadOutbox(OutboxPage),
    /// An order is done, or refused.
    Ordered {
        /// Which.
        id: OrderId,
        /// What became of it.
        result: Ordered,
    },
    /// Record why something is done (L7).
    Decide(Decision),
}

/// A decision and its reason, for the flight recorder and the log (L7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Id of the requirement behind it (`P1.4`).
    pub requirement: &'static str,
    /// The result in a word or two: `applied`, `stale`, `refused 403`.
    pub verdict: Cow<'static, str>,
    /// Why, in a sentence that names no user.
    pub why: Cow<'static, str>,
    /// The procedure, when it is known.
    pub procedure: Option<ProcedureId>,
    /// The user, when it is known; not for logs.
    pub user: Option<McId>,
    /// Whom it concerns.
    pub weight: Weight,
    /// The part that decided: `trust` (L5), `outbox` (L4) or `procedure` where nothing else is said ([`Decision::by`]).
    pub target: &'static str,
}

/// Whom a decision concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// An engineer who looks for what should have happened: a step that every message takes.
    Detail,
    /// An engineer who traces; anybody who can send a datagram can cause as many as he likes.
    Minor,
    /// An operator who follows what happens.
    #[default]
    Normal,
    /// An operator who has to do something.
    Alarm,
}

impl Decision {
    /// A decision about nobody in particular.
    #[must_use]
    pub fn new(
        requirement: &'static str,
        verdict: impl Into<Cow<'static, str>>,
        why: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            requirement,
            verdict: verdict.into(),
            why: why.into(),
            procedure: None,
            user: None,
            weight: Weight::Normal,
            target: match requirement {
                "L5" => "trust",
                "L4" => "outbox",
                _ => "procedure",
            },
        }
    }

    /// The same decision, of another part.
    #[must_use]
    pub fn by(mut self, target: &'static str) -> Self {
        self.target = target;
        self
    }

    /// The same decision, of another weight.
    #[must_use]
    pub fn weighing(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The same decision, as part of a procedure.
    #[must_use]
    pub fn of(mut self, procedure: Option<ProcedureId>) -> Self {
        self.procedure = procedure;
        self
    }

    /// The same decision, about a user.
    #[must_use]
    pub fn about(mut self, user: &McId) -> Self {
        self.user = Some(user.clone());
        self
    }
}

/// A function of an MC system.
pub trait Role {
    /// Takes what happened and appends what is to be done, in order.
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Effect>);

    /// When [`Input::Tick`] is due next.
    fn deadline(&self) -> Option<Instant>;

    /// Takes whether it takes requests; [`Availability::Ready`] until then.
    fn set_availability(&mut self, availability: Availability);

    /// The partners that it has to do with, and whether each answered when it was asked last.
    fn partners(&self) -> Vec<(SystemId, bool)>;

    /// Whether nothing is under way: no request waits here for its answer, none of its own for one from elsewhere, and no
    /// batch for the store.
    fn is_idle(&self) -> bool;
}

impl<R: Role + ?Sized> Role for Box<R> {
    fn handle(&mut self, now: Now, input: Input<'_>, out: &mut Vec<Effect>) {
        (**self).handle(now, input, out);
    }

    fn deadline(&self) -> Option<Instant> {
        (**self).deadline()
    }

    fn set_availability(&mut self, availability: Availability) {
        (**self).set_availability(availability);
    }

    fn partners(&self) -> Vec<(SystemId, bool)> {
        (**self).partners()
    }

    fn is_idle(&self) -> bool {
        (**self).is_idle()
    }
}
