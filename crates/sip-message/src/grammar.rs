//! The lexical rules of RFC 3261 §25.1 that several values share. Folding was kept in the value, so CR and LF are
//! linear white space here: in a value they cannot be anything else.

use std::borrow::Cow;

use nom::error::{Error, ErrorKind};
use nom::sequence::terminated;
use nom::{Err, IResult, Parser};

use crate::class::{LWS, QUOTED, TOKEN};
use crate::error::{Subject, ValueError};

pub(crate) type Bits<'a> = &'a [u8];

/// What a reader without combinators gives, for values that nearly every message has: the value and what is left behind
/// it, or what was left where it failed.
pub(crate) type Read<'a, O> = Result<(O, Bits<'a>), Bits<'a>>;

/// Comments may nest; this deep and no deeper.
const COMMENT_DEPTH: usize = 8;

#[inline]
pub(crate) fn failed<'a, O>(input: Bits<'a>) -> IResult<Bits<'a>, O> {
    Err(Err::Error(Error::new(input, ErrorKind::Verify)))
}

/// Without linear white space before it. Unlike `trim_ascii_start`, leaves a form feed where it is: it is white space
/// to no SIP grammar, and who takes it for some reads other header fields than the next one.
#[inline]
pub(crate) fn trim_start(text: Bits<'_>) -> Bits<'_> {
    text.get(LWS.span(text)..).unwrap_or_default()
}

/// Without linear white space after it.
#[inline]
pub(crate) fn trim_end(mut text: Bits<'_>) -> Bits<'_> {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

/// Without linear white space around it.
#[inline]
pub(crate) fn trim(text: Bits<'_>) -> Bits<'_> {
    trim_end(trim_start(text))
}

/// `LWS` or nothing
#[inline]
pub(crate) fn lws(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    let (blank, rest) = LWS.split(input);
    Ok((rest, blank))
}

/// What is left behind `LWS`, or nothing.
#[inline]
pub(crate) fn behind_lws(input: Bits<'_>) -> Bits<'_> {
    match input.first() {
        Some(first) if LWS.has(*first) => LWS.split(input).1,
        _ => input,
    }
}

#[inline]
pub(crate) fn token(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    match TOKEN.split(input) {
        ([], _) => failed(input),
        (token, rest) => Ok((rest, token)),
    }
}

/// What is left behind a separator with optional white space on both sides, if there is one here: `SLASH`, `EQUAL`,
/// `SEMI`, `COLON` …
#[inline]
pub(crate) fn behind(byte: u8, input: Bits<'_>) -> Option<Bits<'_>> {
    match behind_lws(input) {
        [first, rest @ ..] if *first == byte => Some(behind_lws(rest)),
        _ => None,
    }
}

/// A separator with optional white space on both sides.
#[inline]
pub(crate) fn separator<'a>(
    byte: u8,
) -> impl Parser<Bits<'a>, Output = (), Error = Error<Bits<'a>>> {
    move |input: Bits<'a>| match behind(byte, input) {
        Some(rest) => Ok((rest, ())),
        None => failed(input),
    }
}

/// `quoted-string` without leading white space, returned with its quotes. Any byte may stand inside, and folding.
pub(crate) fn quoted(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    let [b'"', inside @ ..] = input else {
        return failed(input);
    };
    let mut rest = inside;
    loop {
        rest = match QUOTED.split(rest).1 {
            [b'"', behind @ ..] => return Ok((behind, before(input, behind))),
            [b'\\', escaped, behind @ ..] if !matches!(escaped, b'\r' | b'\n') => behind,
            [] => return failed(input),
            broken => return failed(broken),
        };
    }
}

/// `comment`, nested to a bound, returned with its parentheses
pub(crate) fn comment(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, byte) in input.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if depth > 0 => escaped = true,
            b'(' if depth < COMMENT_DEPTH => depth += 1,
            b')' if depth == 1 => {
                let (value, rest) = input.split_at_checked(at + 1).unwrap_or_default();
                return Ok((rest, value));
            }
            b')' if depth > 1 => depth -= 1,
            b'(' | b')' => return failed(input),
            _ if depth == 0 => return failed(input),
            _ => {}
        }
    }
    failed(input)
}

/// No header field has a number as large as this.
const ENOUGH: u64 = 1 << 60;

/// `1*DIGIT` that fits; a number that does not is malformed, never wrapped
#[inline]
pub(crate) fn number<N: TryFrom<u64>>(input: Bits<'_>) -> IResult<Bits<'_>, N> {
    let mut value = 0u64;
    let mut rest = input;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        rest = tail;
        value = match value {
            // far from wrapping
            ..ENOUGH => value * 10 + u64::from(*digit & 0x0f),
            _ => return failed(input),
        };
    }
    match N::try_from(value) {
        Ok(number) if rest.len() < input.len() => Ok((rest, number)),
        _ => failed(input),
    }
}

/// Runs a parser over a whole value, white space around it aside, and turns its failure into an error with a place.
#[inline(always)]
pub(crate) fn whole<'a, O>(
    subject: impl Into<Subject>,
    value: Bits<'a>,
    parser: impl Parser<Bits<'a>, Output = O, Error = Error<Bits<'a>>>,
) -> Result<O, ValueError> {
    let mut parser = parser;
    let left = match parser.parse(behind_lws(value)) {
        Ok((rest, output)) => match behind_lws(rest) {
            [] => return Ok(output),
            rest => rest.len(),
        },
        Err(Err::Error(error) | Err::Failure(error)) => error.input.len(),
        Err(Err::Incomplete(_)) => 0,
    };
    Err(ValueError::malformed(
        subject,
        value.len().saturating_sub(left),
    ))
}

/// What was read, for combinators.
#[inline]
pub(crate) fn combined<O>(read: Read<'_, O>) -> IResult<Bits<'_>, O> {
    match read {
        Ok((output, rest)) => Ok((rest, output)),
        Err(left) => failed(left),
    }
}

/// The way back: what combinators read.
#[inline]
pub(crate) fn read<'a, O>(parsed: IResult<Bits<'a>, O>) -> Read<'a, O> {
    match parsed {
        Ok((rest, output)) => Ok((output, rest)),
        Err(Err::Error(error) | Err::Failure(error)) => Err(error.input),
        Err(Err::Incomplete(_)) => Err(&[]),
    }
}

/// What was read of a whole value, white space around it aside; a failure becomes an error with a place.
#[inline(always)]
pub(crate) fn all_read<'a, O>(
    subject: impl Into<Subject>,
    value: Bits<'a>,
    reader: impl FnOnce(Bits<'a>) -> Read<'a, O>,
) -> Result<O, ValueError> {
    let left = match reader(behind_lws(value)) {
        Ok((output, rest)) => match behind_lws(rest) {
            [] => return Ok(output),
            rest => rest,
        },
        Err(left) => left,
    };
    Err(malformed(subject, value, left))
}

/// The same with a reader that moves on in the text and makes the error itself: large values are not moved then.
#[inline(always)]
pub(crate) fn read_to_end<'a, O>(
    subject: impl Into<Subject>,
    value: Bits<'a>,
    reader: impl FnOnce(&mut Bits<'a>) -> Result<O, ValueError>,
) -> Result<O, ValueError> {
    let mut rest = behind_lws(value);
    let mut parsed = reader(&mut rest);
    if parsed.is_ok() && !rest.is_empty() && !behind_lws(rest).is_empty() {
        parsed = Err(malformed(subject, value, behind_lws(rest)));
    }
    parsed
}

/// Malformed where `left` begins, which is the end of `value`.
#[cold]
pub(crate) fn malformed(
    subject: impl Into<Subject>,
    value: Bits<'_>,
    left: Bits<'_>,
) -> ValueError {
    ValueError::malformed(subject, value.len().saturating_sub(left.len()))
}

/// The part of `whole` before `rest`, which is its end.
#[inline]
pub(crate) fn before<'a>(whole: Bits<'a>, rest: Bits<'_>) -> Bits<'a> {
    whole
        .get(..whole.len().saturating_sub(rest.len()))
        .unwrap_or_default()
}

/// What a folded text means: each folding, with the white space around it, is one blank (RFC 3261 §7.3.1). Borrows where
/// there is none.
pub(crate) fn unfold(text: Bits<'_>) -> Cow<'_, [u8]> {
    let mut rest = text;
    let mut out = Vec::new();
    while let Some(end) = memchr::memchr2(b'\r', b'\n', rest) {
        let (line, tail) = rest.split_at_checked(end).unwrap_or_default();
        out.reserve(text.len());
        out.extend_from_slice(trim_end(line));
        out.push(b' ');
        rest = trim_start(tail);
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// A quoted string's meaning: without its quotes, without the backslash of each quoted pair, and with one blank for each
/// folding (RFC 3261 §25.1). Anything else is returned as it is. Borrows where there is nothing to undo.
///
/// ```
/// use sip_message::unquote;
///
/// assert_eq!(unquote(br#""say \"over\"""#).as_ref(), br#"say "over""#);
/// assert_eq!(unquote(b"\"over\r\n\t two lines\"").as_ref(), b"over two lines");
/// assert_eq!(unquote(b"token").as_ref(), b"token");
/// ```
pub fn unquote(value: &[u8]) -> Cow<'_, [u8]> {
    let inner = match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => return Cow::Borrowed(value),
    };
    let folded = unfold(inner);
    let Some(first) = memchr::memchr(b'\\', &folded) else {
        return folded;
    };
    let mut out = Vec::with_capacity(folded.len());
    let (before, escaped) = folded.split_at_checked(first).unwrap_or_default();
    out.extend_from_slice(before);
    let mut bytes = escaped.iter().copied();
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'\\' {
            bytes.next().unwrap_or(byte)
        } else {
            byte
        });
    }
    Cow::Owned(out)
}

/// The quoted string that means `text`: the way back from [`unquote`]. Control characters get a backslash (RFC 3261
/// §25.1, `quoted-pair`). Line ends and NUL, which no quoted string can hold everywhere, become blanks.
///
/// ```
/// use sip_message::{NameAddr, escape};
///
/// let name = escape(br#"Ann "A""#);
/// assert_eq!(name, br#""Ann \"A\"""#);
/// let from = [&name[..], b" <sip:ann@home1.example>"].concat();
/// assert_eq!(NameAddr::parse(&from)?.display_name().as_deref(), Some(&br#"Ann "A""#[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn escape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    for byte in text {
        match byte {
            b'\r' | b'\n' | 0 => out.push(b' '),
            b'"' | b'\\' | 0x01..=0x08 | 0x0b..=0x1f | 0x7f => out.extend([b'\\', *byte]),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    out
}

/// `token` with white space after it dropped
pub(crate) fn token_lws(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    terminated(token, lws).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_goes_both_ways() {
        let text = b"a \"quoted\" \\ text\twith \x07 and \x7f";
        assert_eq!(unquote(&escape(text)).as_ref(), text);
        assert_eq!(escape(b"\x07\r\n\0\t"), b"\"\\\x07   \t\"");
        assert!(matches!(unquote(b"\"plain\""), Cow::Borrowed(b"plain")));
        assert_eq!(unquote(b"token").as_ref(), b"token");
        assert_eq!(unquote(b"\"").as_ref(), b"\"");
    }

    #[test]
    fn comments_nest_to_a_bound() {
        assert_eq!(
            comment(b"(a (b\\)) c) d").unwrap(),
            (&b" d"[..], &b"(a (b\\)) c)"[..])
        );
        assert!(comment(&b"(".repeat(100)).is_err());
        assert!(comment(b"a").is_err());
        assert!(comment(b"(open").is_err());
    }

    #[test]
    fn numbers_never_wrap() {
        assert!(number::<u32>(b"4294967296").is_err());
        assert_eq!(
            number::<u32>(b"4294967295x").unwrap(),
            (&b"x"[..], u32::MAX)
        );
        assert!(number::<u8>(b"-1").is_err());
        assert!(number::<u8>(b"+1").is_err());
    }
}
