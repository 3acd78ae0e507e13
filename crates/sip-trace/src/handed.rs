//! A decision as it is handed to the recorder: nothing is written out or copied that is there already. What a reader gets is
//! the [`DecisionRecord`] of it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::record::DecisionRecord;

/// A decision, from who takes it. Fields are those of [`DecisionRecord`].
#[derive(Clone, Default)]
pub struct Decision {
    /// Id of the requirement that decided.
    pub requirement: Cow<'static, str>,
    /// The verdict in a word or two.
    pub verdict: Cow<'static, str>,
    /// The reason.
    pub why: Cow<'static, str>,
    /// The procedure.
    pub procedure: Option<Procedure>,
    /// The user concerned.
    pub user: Option<Arc<str>>,
    /// The part that decided.
    pub target: Cow<'static, str>,
    /// Whether every message takes this step.
    pub detail: bool,
    /// Call-ID of the message that it is about.
    pub call: Option<Arc<str>>,
    /// The transaction that it is about.
    pub transaction: Option<u64>,
}

/// The id of a procedure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Procedure {
    /// A UUID, written out for who reads it.
    Uuid([u8; 16]),
    /// Whatever it is.
    Text(Arc<str>),
}

impl Procedure {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.to_string(),
            Self::Uuid(bytes) => {
                let mut text = String::with_capacity(36);
                for (place, byte) in bytes.iter().enumerate() {
                    if matches!(place, 4 | 6 | 8 | 10) {
                        text.push('-');
                    }
                    // Writing to a string does not fail.
                    let _ = write!(text, "{byte:02x}");
                }
                text
            }
        }
    }
}

impl From<DecisionRecord> for Decision {
    fn from(record: DecisionRecord) -> Self {
        Self {
            requirement: record.requirement,
            verdict: record.verdict,
            why: record.why,
            procedure: record.procedure.map(|id| Procedure::Text(id.into())),
            user: record.user.map(Into::into),
            target: record.target,
            detail: record.detail,
            call: record.call,
            transaction: record.transaction,
        }
    }
}

impl Decision {
    fn record(self) -> DecisionRecord {
        DecisionRecord {
            requirement: self.requirement,
            verdict: self.verdict,
            why: self.why,
            procedure: self.procedure.as_ref().map(Procedure::text),
            user: self.user.as_deref().map(str::to_owned),
            target: self.target,
            detail: self.detail,
            call: self.call,
            transaction: self.transaction,
        }
    }
}

/// A decision as a ring holds it: copying it is counting references.
#[derive(Clone)]
pub(crate) enum Held {
    /// Whose words are all there when the program starts, as a step's of a transaction: it takes no memory of its own.
    Step(Step),
    /// Any other.
    Whole(Arc<Decision>),
}

#[derive(Clone)]
pub(crate) struct Step {
    requirement: &'static str,
    verdict: &'static str,
    why: &'static str,
    target: &'static str,
    detail: bool,
    call: Option<Arc<str>>,
    transaction: Option<u64>,
}

impl From<Decision> for Held {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision {
                requirement: Cow::Borrowed(requirement),
                verdict: Cow::Borrowed(verdict),
                why: Cow::Borrowed(why),
                target: Cow::Borrowed(target),
                procedure: None,
                user: None,
                detail,
                call,
                transaction,
            } => Self::Step(Step {
                requirement,
                verdict,
                why,
                target,
                detail,
                call,
                transaction,
            }),
            other => Self::Whole(Arc::new(other)),
        }
    }
}

impl Held {
    pub fn record(self) -> DecisionRecord {
        match self {
            Self::Whole(decision) => Arc::unwrap_or_clone(decision).record(),
            Self::Step(step) => DecisionRecord {
                requirement: step.requirement.into(),
                verdict: step.verdict.into(),
                why: step.why.into(),
                target: step.target.into(),
                detail: step.detail,
                call: step.call,
                transaction: step.transaction,
                ..DecisionRecord::default()
            },
        }
    }

    /// What it takes beside its place in the ring, in bytes.
    pub fn weight(&self) -> usize {
        let shared = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let owned = |text: &Cow<'static, str>| match text {
            Cow::Borrowed(_) => 0,
            Cow::Owned(text) => text.len(),
        };
        match self {
            Self::Step(step) => shared(&step.call),
            Self::Whole(decision) => [
                size_of::<Decision>(),
                owned(&decision.requirement),
                owned(&decision.verdict),
                owned(&decision.why),
                owned(&decision.target),
                shared(&decision.user),
                shared(&decision.call),
            ]
            .iter()
            .sum(),
        }
    }
}
