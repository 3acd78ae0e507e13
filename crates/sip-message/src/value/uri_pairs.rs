//! The pairs in a URI (RFC 3261 §25.1).

use super::params::Params;
use crate::class::Class;
use crate::grammar::Bits;
use crate::limits::Limits;

/// `uri-parameters` or a URI's `headers`: no white space, no quotes, escapes checked. `input` is all of them, without
/// the character that begins them. The error is what was left when it failed.
pub(super) fn uri_pairs(
    input: Bits<'_>,
    by: u8,
    empty_value: bool,
    allowed: Class,
) -> Result<Params<'_>, Bits<'_>> {
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
        let complete = if empty_value {
            value.is_some()
        } else {
            value != Some(0)
        };
        if name == 0 || !complete || usize::from(count) > Limits::MOST_PARAMETERS {
            return Err(pair);
        }
        rest = match after {
            [] => return Ok(Params::checked(input, by, count)),
            [next, tail @ ..] if *next == by => tail,
            _ => return Err(pair),
        };
    }
}
