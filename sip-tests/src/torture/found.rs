//! Answers to questions about a message.

use sip_message::{Params, ValueError, ValueErrorKind};

/// An answer: bytes, or that there are none, and why.
pub(super) type Found = Result<Vec<u8>, Absent>;

/// Why a question has no bytes for an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    /// Nothing of that name is there.
    None,
    /// A parameter is there without value.
    NoValue,
    /// A value is there that cannot be read.
    Malformed,
    /// Two are there, and one may be.
    Duplicate,
    /// More are there than the limits allow.
    TooMany,
    /// Nobody knows the question.
    Unasked,
}

impl Absent {
    pub(super) fn word(self) -> &'static str {
        match self {
            Absent::None => "(none)",
            Absent::NoValue => "(no value)",
            Absent::Malformed => "(malformed)",
            Absent::Duplicate => "(duplicate)",
            Absent::TooMany => "(too many)",
            Absent::Unasked => "(no such question)",
        }
    }
}

impl From<ValueError> for Absent {
    fn from(error: ValueError) -> Self {
        match error.kind {
            ValueErrorKind::Missing => Absent::None,
            ValueErrorKind::Duplicate => Absent::Duplicate,
            ValueErrorKind::Malformed => Absent::Malformed,
            ValueErrorKind::TooMany => Absent::TooMany,
        }
    }
}

/// Up to the first dot, and what follows it.
pub(super) fn cut(question: &str) -> (&str, &str) {
    question.split_once('.').unwrap_or((question, ""))
}

/// The value that a question begins with the number of, counted from 1, and the rest of the question.
pub(super) fn nth<T>(values: Vec<T>, question: &str) -> Result<(T, &str), Absent> {
    let (number, rest) = cut(question);
    let number: usize = number.parse().map_err(|_| Absent::Unasked)?;
    let value = values.into_iter().nth(number.saturating_sub(1));
    Ok((value.ok_or(Absent::None)?, rest))
}

pub(super) fn text(value: impl AsRef<[u8]>) -> Found {
    Ok(value.as_ref().to_vec())
}

pub(super) fn number(value: impl ToString) -> Found {
    Ok(value.to_string().into_bytes())
}

pub(super) fn yes(value: bool) -> Found {
    text(if value { "yes" } else { "no" })
}

pub(super) fn optional(value: Option<impl AsRef<[u8]>>) -> Found {
    value.map_or(Err(Absent::None), text)
}

/// `params`: how many; `param.NAME`: its value, quotes undone.
pub(super) fn params(params: Params<'_>, kind: &str, name: &str) -> Found {
    match kind {
        "params" | "headers" => number(params.len()),
        "param" | "header" => match params.get(name) {
            None => Err(Absent::None),
            Some(None) => Err(Absent::NoValue),
            Some(Some(_)) => optional(params.unquoted(name)),
        },
        _ => Err(Absent::Unasked),
    }
}
