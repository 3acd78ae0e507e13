//! The pairs in a URI (RFC 3261 §25.1).

use super::params::{Distinct, Params};
use crate::class::{Class, HNV, PARAMCHAR};
use crate::grammar::{Bits, before};
use crate::limits::Limits;

/// How many pairs there are, and what is left behind them.
type Pairs<'a> = (u16, Bits<'a>);

/// `uri-parameters`: no white space, no quotes, escapes checked, none twice (RFC 3261 §19.1.1). `input` begins behind the
/// semicolon that begins them; they go to the question mark of `headers`, or to the end. The error is what was left when
/// it failed.
pub(super) fn uri_parameters(input: Bits<'_>) -> Result<Pairs<'_>, Bits<'_>> {
    let mut names = Distinct::default();
    let complete = |value: Option<usize>| value != Some(0);
    let earlier = |rest, count| Params::checked_of_uri(before(input, rest), b';', count);
    let (count, rest) = uri_pairs(input, b';', PARAMCHAR, complete, |name, rest, count| {
        names.add_of_uri(name, || earlier(rest, count))
    })?;
    match names.hold_for(&earlier(rest, count)) {
        true => Ok((count, rest)),
        false => Err(input),
    }
}

/// `headers` of a URI, in the same way; they have a value, which may be empty, and may stand more than once.
pub(super) fn uri_headers(input: Bits<'_>) -> Result<u16, Bits<'_>> {
    let pairs = uri_pairs(input, b'&', HNV, |value| value.is_some(), |_, _, _| true);
    pairs.map(|(count, _)| count)
}

/// `complete` judges the length of a value, if there is one; `add` the name, given with the text from it on and how many
/// came before it.
#[inline(always)]
fn uri_pairs<'a>(
    input: Bits<'a>,
    by: u8,
    allowed: Class,
    complete: impl Fn(Option<usize>) -> bool,
    mut add: impl FnMut(Bits<'a>, Bits<'a>, u16) -> bool,
) -> Result<Pairs<'a>, Bits<'a>> {
    let mut pair = input;
    let mut count = 0u16;
    loop {
        let (name, mut after) = pair
            .split_at_checked(allowed.escaped_span(pair))
            .unwrap_or_default();
        let mut value = None;
        if let [b'=', text @ ..] = after {
            let length = allowed.escaped_span(text);
            after = text.get(length..).unwrap_or_default();
            value = Some(length);
        }
        if name.is_empty() || !complete(value) || !add(name, pair, count) {
            return Err(pair);
        }
        count += 1;
        if usize::from(count) > Limits::MOST_PARAMETERS {
            return Err(pair);
        }
        pair = match after {
            [] | [b'?', ..] => return Ok((count, after)),
            [next, tail @ ..] if *next == by => tail,
            _ => return Err(pair),
        };
    }
}
