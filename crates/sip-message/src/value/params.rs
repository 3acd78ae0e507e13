use std::borrow::Cow;
use std::fmt;

use nom::bytes::complete::take_while1;
use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::error::ValueError;
use crate::grammar::{Bits, before, failed, is_lws, quoted, separator, token, unquote, whole};
use crate::limits::Limits;

/// The parameters of a value: `;name=value;name`, in the order they came (RFC 3261 §7.3.1). Names are compared
/// without case. Checked once when the value is parsed, read again from the bytes when asked.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    raw: Bits<'a>,
    separator: u8,
    count: usize,
}

impl<'a> Params<'a> {
    pub(crate) const fn none() -> Self {
        Params {
            raw: &[],
            separator: b';',
            count: 0,
        }
    }

    /// For values whose grammar was checked elsewhere.
    pub(crate) fn checked(raw: Bits<'a>, separator: u8, count: usize) -> Self {
        Params {
            raw,
            separator,
            count,
        }
    }

    /// Parses `name=value` pairs, separated by semicolons; a leading semicolon is allowed.
    ///
    /// # Errors
    /// Malformed, with the place; more than [`Limits::MOST_PARAMETERS`].
    pub fn parse(value: &'a [u8]) -> Result<Params<'a>, ValueError> {
        let leading = value.trim_ascii_start().first() == Some(&b';');
        let parser = move |input| {
            if leading {
                params(input)
            } else {
                list(b";", input)
            }
        };
        whole("parameters", value, parser)
    }

    /// The value of the first parameter with this name, as it stands (a quoted string with its quotes): `None` if there
    /// is no such parameter, `Some(None)` if it has no value.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Option<&'a [u8]>> {
        let name = name.as_ref();
        self.iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first parameter with this name, quotes and escapes undone; `None` also if it has no value.
    pub fn unquoted(&self, name: impl AsRef<[u8]>) -> Option<Cow<'a, [u8]>> {
        self.get(name).flatten().map(unquote)
    }

    /// Is there a parameter with this name?
    pub fn contains(&self, name: impl AsRef<[u8]>) -> bool {
        self.get(name).is_some()
    }

    /// All parameters, names and raw values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        Iter {
            rest: self.raw,
            separator: self.separator,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes as they came, leading separator included.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// Does a parameter that identifies something stand there twice? Two readers would disagree on which counts.
    pub(crate) fn repeated(&self, name: &[u8]) -> bool {
        self.iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name))
            .nth(1)
            .is_some()
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Params({})", self.count)
    }
}

/// Reads what was checked before, so that it needs no errors.
struct Iter<'a> {
    rest: Bits<'a>,
    separator: u8,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Bits<'a>, Option<Bits<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.trim_ascii_start();
        if let [first, tail @ ..] = rest
            && *first == self.separator
        {
            rest = tail.trim_ascii_start();
        }
        if rest.is_empty() {
            return None;
        }
        let ends = |byte: &u8| *byte == self.separator || is_lws(*byte);
        let end = rest
            .iter()
            .position(|byte| *byte == b'=' || ends(byte))
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end)?;
        let tail = tail.trim_ascii_start();
        let Some(tail) = tail.strip_prefix(b"=") else {
            self.rest = tail;
            return Some((name, None));
        };
        let tail = tail.trim_ascii_start();
        let (rest, value) = quoted(tail).unwrap_or_else(|_| {
            let end = tail.iter().position(ends).unwrap_or(tail.len());
            let (value, rest) = tail.split_at_checked(end).unwrap_or_default();
            (rest, value)
        });
        self.rest = rest;
        Some((name, Some(value)))
    }
}

/// `gen-value`: a quoted string, or anything printable that is no separator of the value around it. Wider than
/// `token / host`, since unquoted base64 and bare IPv6 addresses are common and harmless.
fn value(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    if input.first() == Some(&b'"') {
        return quoted(input);
    }
    take_while1(|byte| {
        byte > 0x20
            && byte != 0x7f
            && !matches!(
                byte,
                b'"' | b',' | b';' | b'<' | b'>' | b'\\' | b'(' | b')' | b'{' | b'}'
            )
    })
    .parse(input)
}

/// `generic-param`
fn param(input: Bits<'_>) -> IResult<Bits<'_>, ()> {
    (token, opt(preceded(separator(b"="), value)))
        .map(|_| ())
        .parse(input)
}

/// `*( SEMI generic-param )`
pub(crate) fn params(input: Bits<'_>) -> IResult<Bits<'_>, Params<'_>> {
    let mut rest = input;
    let mut count = 0;
    while let Ok((after, _)) = separator(b";").parse(rest) {
        (rest, _) = param(after)?;
        count += 1;
        if count > Limits::MOST_PARAMETERS {
            return failed(rest);
        }
    }
    Ok((
        rest,
        Params {
            raw: before(input, rest),
            separator: b';',
            count,
        },
    ))
}

/// `generic-param *( separator generic-param )`
pub(crate) fn list<'a>(by: &'static [u8], input: Bits<'a>) -> IResult<Bits<'a>, Params<'a>> {
    let (mut rest, _) = param(input)?;
    let mut count = 1;
    while let Ok((after, _)) = separator(by).parse(rest) {
        (rest, _) = param(after)?;
        count += 1;
        if count > Limits::MOST_PARAMETERS {
            return failed(rest);
        }
    }
    let separator = by.first().copied().unwrap_or(b';');
    Ok((
        rest,
        Params {
            raw: before(input, rest),
            separator,
            count,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_in_order_with_and_without_values() {
        let params = Params::parse(b" ;a = 1 ; B;c=\"x;y=\\\"\" ;received=[2001:db8::1]").unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(params.len(), 4);
        assert_eq!(
            all,
            [
                (&b"a"[..], Some(&b"1"[..])),
                (b"B", None),
                (b"c", Some(b"\"x;y=\\\"\"")),
                (b"received", Some(b"[2001:db8::1]"))
            ]
        );
        assert_eq!(params.get("b"), Some(None));
        assert_eq!(params.get("C").flatten(), Some(&b"\"x;y=\\\"\""[..]));
        assert_eq!(params.unquoted("c").unwrap().as_ref(), b"x;y=\"");
        assert_eq!(params.get("d"), None);
    }

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
        assert!(Params::parse(&b";a".repeat(Limits::MOST_PARAMETERS)).is_ok());
        assert!(Params::parse(&b";a".repeat(Limits::MOST_PARAMETERS + 1)).is_err());
    }
}
