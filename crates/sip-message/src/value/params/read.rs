//! The grammar of parameters (RFC 3261 §25.1).

use nom::IResult;

use super::{Distinct, Params};
use crate::build::has_control;
use crate::class::{GEN_VALUE, TOKEN};
use crate::grammar::{Bits, Read, before, behind, behind_lws, combined, quoted, read};

/// Name and value of a parameter.
type Pair<'a> = (Bits<'a>, Option<Bits<'a>>);

/// `generic-param`
#[inline(always)]
fn param(input: Bits<'_>) -> Read<'_, Pair<'_>> {
    let (name, rest) = match TOKEN.split(input) {
        ([], _) => return Err(input),
        split => split,
    };
    let after = match rest {
        [] | [b';' | b',', ..] => return Ok(((name, None), rest)),
        [b'=', after @ ..] => after,
        _ => match behind(b'=', rest) {
            Some(after) => after,
            None => return Ok(((name, None), rest)),
        },
    };
    let (value, rest) = match after.split_at_checked(GEN_VALUE.long_span(after)) {
        Some((value @ [_, ..], rest)) => (value, rest),
        _ => unusual_value(after)?,
    };
    Ok(((name, Some(value)), rest))
}

/// A value that begins with white space or is a `quoted-string`.
#[inline(never)]
fn unusual_value(input: Bits<'_>) -> Read<'_, Bits<'_>> {
    let value = behind_lws(input);
    if value.first() == Some(&b'"') {
        return read(quoted(value));
    }
    match value.split_at_checked(GEN_VALUE.long_span(value)) {
        Some((value @ [_, ..], rest)) => Ok((value, rest)),
        _ => Err(value),
    }
}

/// Is this the whole value of one parameter, without line ends?
pub(crate) fn is_param_value(value: Bits<'_>) -> bool {
    let whole = GEN_VALUE.fills(value) || matches!(quoted(value), Ok(([], _)));
    whole && !has_control(value)
}

/// `*( SEMI generic-param )`
pub(crate) fn params(input: Bits<'_>) -> IResult<Bits<'_>, Params<'_>> {
    combined(params_noting(input, |_, _| {}))
}

/// The same, each parameter shown as it is read.
#[inline(always)]
pub(crate) fn params_noting<'a>(
    input: Bits<'a>,
    mut note: impl FnMut(Bits<'a>, Option<Bits<'a>>),
) -> Read<'a, Params<'a>> {
    let mut rest = input;
    let mut names = Distinct::default();
    loop {
        let after = match rest {
            [] => break,
            [b';', after @ ..] => behind_lws(after),
            _ => match behind(b';', rest) {
                Some(after) => after,
                None => break,
            },
        };
        let ((name, value), left) = param(after)?;
        let earlier = names.count;
        if !names.add(name, || Params::checked(before(input, rest), b';', earlier)) {
            return Err(after);
        }
        note(name, value);
        rest = left;
    }
    let params = Params::checked(before(input, rest), b';', names.count);
    match names.hold_for(&params) {
        true => Ok((params, rest)),
        false => Err(input),
    }
}

/// `generic-param *( separator generic-param )`
pub(crate) fn list(by: u8, input: Bits<'_>) -> IResult<Bits<'_>, Params<'_>> {
    combined(listed(by, input))
}

fn listed(by: u8, input: Bits<'_>) -> Read<'_, Params<'_>> {
    let mut rest = input;
    let mut after = input;
    let mut names = Distinct::default();
    loop {
        let ((name, _), left) = param(after)?;
        let earlier = names.count;
        if !names.add(name, || Params::checked(before(input, rest), by, earlier)) {
            return Err(after);
        }
        rest = left;
        after = match behind(by, rest) {
            Some(after) => after,
            None => break,
        };
    }
    let params = Params::checked(before(input, rest), by, names.count);
    match names.hold_for(&params) {
        true => Ok((params, rest)),
        false => Err(input),
    }
}

#[cfg(test)]
mod tests {
    use crate::Params;
    use crate::limits::Limits;

    #[test]
    fn empty_and_unfinished_parameters_are_malformed() {
        for bad in [
            &b";"[..],
            b";;a",
            b";a=",
            b";a=\"",
            b";a;",
            b";=b",
            b";a=b c",
            b";a=<",
            b"",
        ] {
            assert!(
                Params::parse(bad).is_err(),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let many = |count| {
            (0..count)
                .map(|number| format!(";a{number}"))
                .collect::<String>()
        };
        assert!(Params::parse(many(Limits::MOST_PARAMETERS).as_bytes()).is_ok());
        assert!(Params::parse(many(Limits::MOST_PARAMETERS + 1).as_bytes()).is_err());
    }
}
