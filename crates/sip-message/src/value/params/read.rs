//! The grammar of parameters (RFC 3261 §25.1).

use nom::IResult;

use super::{Distinct, Params};
use crate::class::GEN_VALUE;
use crate::grammar::{Bits, before, behind, failed, quoted, token};

/// Name and value of a parameter.
type Pair<'a> = (Bits<'a>, Option<Bits<'a>>);

/// `generic-param`
#[inline(always)]
fn param(input: Bits<'_>) -> IResult<Bits<'_>, Pair<'_>> {
    let (rest, name) = token(input)?;
    let Some(after) = behind(b'=', rest) else {
        return Ok((rest, (name, None)));
    };
    let (rest, value) = match after.first() {
        Some(b'"') => quoted(after)?,
        _ => match after.split_at_checked(GEN_VALUE.long_span(after)) {
            Some((value @ [_, ..], rest)) => (rest, value),
            _ => return failed(after),
        },
    };
    Ok((rest, (name, Some(value))))
}

/// `*( SEMI generic-param )`
pub(crate) fn params(input: Bits<'_>) -> IResult<Bits<'_>, Params<'_>> {
    params_noting(input, |_, _| {})
}

/// The same, each parameter shown as it is read.
#[inline(always)]
pub(crate) fn params_noting<'a>(
    input: Bits<'a>,
    mut note: impl FnMut(Bits<'a>, Option<Bits<'a>>),
) -> IResult<Bits<'a>, Params<'a>> {
    let mut rest = input;
    let mut names = Distinct::default();
    while let Some(after) = behind(b';', rest) {
        let (left, (name, value)) = param(after)?;
        if !names.add(name) {
            return failed(after);
        }
        note(name, value);
        rest = left;
    }
    let params = Params::checked(before(input, rest), b';', names.count);
    if names.hold_for(&params) {
        Ok((rest, params))
    } else {
        failed(input)
    }
}

/// `generic-param *( separator generic-param )`
pub(crate) fn list(by: u8, input: Bits<'_>) -> IResult<Bits<'_>, Params<'_>> {
    let (mut rest, (first, _)) = param(input)?;
    let mut names = Distinct::default();
    names.add(first);
    while let Some(after) = behind(by, rest) {
        let (left, (name, _)) = param(after)?;
        if !names.add(name) {
            return failed(after);
        }
        rest = left;
    }
    let params = Params::checked(before(input, rest), by, names.count);
    if names.hold_for(&params) {
        Ok((rest, params))
    } else {
        failed(input)
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
