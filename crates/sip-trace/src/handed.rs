//! A decision as it is handed to the recorder: nothing of it is copied or written out before the recorder does. What a reader gets
//! is the [`DecisionRecord`] of it.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::record::DecisionRecord;

/// A decision, from who takes it. Fields are those of [`DecisionRecord`].
#[derive(Clone, Copy, Default)]
pub struct Decision<'a> {
    /// Id of the requirement that decided.
    pub requirement: Said<'a>,
    /// The verdict in a word or two.
    pub verdict: Said<'a>,
    /// The reason.
    pub why: Said<'a>,
    /// The procedure.
    pub procedure: Option<Procedure<'a>>,
    /// The user concerned.
    pub user: Option<&'a str>,
    /// The part that decided.
    pub target: Said<'a>,
    /// Whether every message takes this step.
    pub detail: bool,
    /// Call-ID of the message that it is about, as it came.
    pub call: Option<&'a [u8]>,
    /// The transaction that it is about.
    pub transaction: Option<u64>,
}

/// Words of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Words of the program: a recorder refers to them.
    Always(&'static str),
    /// Words of this one time.
    Once(&'a str),
    /// Words of the program, with these numbers where `{}` stands in them: written out for who reads it.
    Counted(&'static str, [u64; 2]),
}

/// Most digits of a number.
const DIGITS: usize = 20;

impl Said<'_> {
    /// Whether nothing of it was there before.
    pub(crate) fn is_of_this_time(&self) -> bool {
        matches!(self, Self::Once(_))
    }
}

/// Words with numbers in them.
pub(crate) fn counted(words: &str, numbers: [u64; 2]) -> String {
    let mut text = String::with_capacity(words.len() + numbers.len() * DIGITS);
    let mut numbers = numbers.into_iter();
    for (place, part) in words.split("{}").enumerate() {
        if place > 0
            && let Some(number) = numbers.next()
        {
            // Writing to a string does not fail.
            let _ = write!(text, "{number}");
        }
        text.push_str(part);
    }
    text
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always(words) => f.write_str(words),
            Self::Once(words) => f.write_str(words),
            Self::Counted(words, numbers) => f.write_str(&counted(words, *numbers)),
        }
    }
}

impl Default for Said<'_> {
    fn default() -> Self {
        Self::Always("")
    }
}

impl From<&'static str> for Said<'_> {
    fn from(words: &'static str) -> Self {
        Self::Always(words)
    }
}

impl<'a> From<&'a Cow<'static, str>> for Said<'a> {
    fn from(words: &'a Cow<'static, str>) -> Self {
        match words {
            Cow::Borrowed(words) => Self::Always(words),
            Cow::Owned(words) => Self::Once(words),
        }
    }
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
            requirement: (&record.requirement).into(),
            verdict: (&record.verdict).into(),
            why: (&record.why).into(),
            procedure: record.procedure.as_deref().map(Procedure::Text),
            user: record.user.as_deref(),
            target: (&record.target).into(),
            detail: record.detail,
            call: record.call.as_deref().map(str::as_bytes),
            transaction: record.transaction,
        }
    }
}
