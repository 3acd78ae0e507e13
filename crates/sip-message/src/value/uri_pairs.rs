//! The pairs in a URI (RFC 3261 §25.1).

use super::params::{Distinct, Params};
use crate::class::{Class, HNV, PARAMCHAR};
use crate::grammar::Bits;
use crate::limits::Limits;

/// `uri-parameters`: no white space, no quotes, escapes checked, none twice (RFC 3261 §19.1.1). `input` is all of them,
/// without the semicolon that begins them; how many they are comes out. The error is what was left when it failed.
pub(super) fn uri_parameters(input: Bits<'_>) -> Result<u16, Bits<'_>> {
    let mut names = Distinct::default();
    let complete = |value: Option<usize>| value != Some(0);
    let count = uri_pairs(input, b';', PARAMCHAR, complete, |name| {
        names.add_of_uri(name)
    })?;
    if names.hold_for(&Params::checked_of_uri(input, b';', count)) {
        Ok(count)
    } else {
        Err(input)
    }
}

/// `headers` of a URI, in the same way; they have a value, which may be empty, and may stand more than once.
pub(super) fn uri_headers(input: Bits<'_>) -> Result<u16, Bits<'_>> {
    uri_pairs(input, b'&', HNV, |value| value.is_some(), |_| true)
}

/// `complete` judges the length of a value, if there is one; `add` the name.
#[inline]
fn uri_pairs<'a>(
    input: Bits<'a>,
    by: u8,
    allowed: Class,
    complete: impl Fn(Option<usize>) -> bool,
    mut add: impl FnMut(Bits<'a>) -> bool,
) -> Result<u16, Bits<'a>> {
    let mut rest = input;
    let mut count = 0u16;
    loop {
        count += 1;
        let pair = rest;
        let name = allowed.escaped_span(rest);
        let mut after = rest.get(name..).unwrap_or_default();
        let value = after.strip_prefix(b"=").map(|text| {
            let value = allowed.escaped_span(text);
            after = text.get(value..).unwrap_or_default();
            value
        });
        let good = name > 0 && complete(value) && add(pair.get(..name).unwrap_or_default());
        if !good || usize::from(count) > Limits::MOST_PARAMETERS {
            return Err(pair);
        }
        rest = match after {
            [] => return Ok(count),
            [next, tail @ ..] if *next == by => tail,
            _ => return Err(pair),
        };
    }
}
