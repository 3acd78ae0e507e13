//! A decision as it is handed to the recorder: nothing of it is copied or written out before the recorder does. What a reader gets
//! is the [`DecisionRecord`] of it.

use std::fmt::Write as _;

use crate::record::DecisionRecord;

/// A decision, from who takes it. Fields are those of [`DecisionRecord`].
#[derive(Clone, Copy, Default)]
pub struct Decision<'a> {
    /// Id of the requirement that decided.
    pub requirement: &'a str,
    /// The verdict in a word or two.
    pub verdict: &'a str,
    /// The reason.
    pub why: &'a str,
    /// The procedure.
    pub procedure: Option<Procedure<'a>>,
    /// The user concerned.
    pub user: Option<&'a str>,
    /// The part that decided.
    pub target: &'a str,
    /// Whether every message takes this step.
    pub detail: bool,
    /// Call-ID of the message that it is about, as it came.
    pub call: Option<&'a [u8]>,
    /// The transaction that it is about.
    pub transaction: Option<u64>,
}

/// The id of a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Procedure<'a> {
    /// A UUID, written out for who reads it.
    Uuid([u8; 16]),
    /// Whatever it is.
    Text(&'a str),
}

impl Procedure<'_> {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Text(text) => (*text).to_owned(),
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

impl<'a> From<&'a DecisionRecord> for Decision<'a> {
    fn from(record: &'a DecisionRecord) -> Self {
        Self {
            requirement: &record.requirement,
            verdict: &record.verdict,
            why: &record.why,
            procedure: record.procedure.as_deref().map(Procedure::Text),
            user: record.user.as_deref(),
            target: &record.target,
            detail: record.detail,
            call: record.call.as_deref().map(str::as_bytes),
            transaction: record.transaction,
        }
    }
}
