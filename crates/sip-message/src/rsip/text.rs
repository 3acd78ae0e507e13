//! Bytes to `String`s and back to what a rule allows.

use super::error::{ConversionError, ConversionErrorKind};
use crate::build::has_control;
use crate::class::{Class, GEN_VALUE, TOKEN};
use crate::error::{BuildErrorKind, Subject};
use crate::grammar::{quoted, unfold};

/// The text of a value, each folding of lines a blank (RFC 3261 §7.3.1).
pub(super) fn text(subject: &Subject, value: &[u8]) -> Result<String, ConversionError> {
    String::from_utf8(unfold(value).into_owned())
        .map_err(|_| ConversionError::new(subject.clone(), ConversionErrorKind::NotUtf8))
}

/// CR, LF and NUL would add lines to a message.
pub(super) fn one_line(subject: &Subject, value: &str) -> Result<(), ConversionError> {
    if !has_control(value.as_bytes()) {
        return Ok(());
    }
    let kind = ConversionErrorKind::Build(BuildErrorKind::ControlCharacter);
    Err(ConversionError::new(subject.clone(), kind))
}

/// Bytes of the set and whole escapes, and at least one.
pub(super) fn is_escaped(class: Class, text: &str) -> bool {
    !text.is_empty() && class.escaped_span(text.as_bytes()) == text.len()
}

/// `quoted-string`, and nothing behind it.
pub(super) fn is_quoted(text: &str) -> bool {
    matches!(quoted(text.as_bytes()), Ok(([], _)))
}

/// `generic-param`
pub(super) fn is_generic(name: &str, value: Option<&str>) -> bool {
    TOKEN.fills(name.as_bytes())
        && value.is_none_or(|value| GEN_VALUE.fills(value.as_bytes()) || is_quoted(value))
}

/// A token as it is, anything else in quotes.
pub(super) fn token_or_quoted(text: &str) -> String {
    if TOKEN.fills(text.as_bytes()) {
        return text.to_owned();
    }
    String::from_utf8_lossy(&crate::grammar::escape(text.as_bytes())).into_owned()
}
