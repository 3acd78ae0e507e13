use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use nom::IResult;

use super::escapes::{lower, unescape, without_case};
use crate::class::{GEN_VALUE, LWS};
use crate::error::ValueError;
use crate::grammar::{Bits, before, behind, behind_lws, failed, quoted, token, unquote, whole};
use crate::limits::Limits;

/// The parameters of a value: `;name=value;name`, in the order they came (RFC 3261 §7.3.1). Names are compared
/// without case; in a URI, `%6Cr` is `lr` (§19.1.4). Checked once when the value is parsed, read again from the bytes when
/// asked.
///
/// ```
/// use sip_message::Params;
///
/// let params = Params::parse(b";+g.3gpp.icsi-ref=\"urn%3Aurn-7\";require;explicit")?;
/// assert_eq!(params.len(), 3);
/// assert_eq!(params.get("Require"), Some(None)); // it is there, and has no value
/// assert_eq!(params, Params::parse(b"explicit;require;+g.3gpp.icsi-ref=\"urn%3Aurn-7\"")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Params<'a> {
    raw: Bits<'a>,
    separator: u8,
    /// Of a URI, where `%HH` is a character. Elsewhere it is three.
    escaped: bool,
    /// At most [`Limits::MOST_PARAMETERS`].
    count: u16,
}

impl<'a> Params<'a> {
    pub(crate) const fn none() -> Self {
        Params {
            raw: &[],
            separator: b';',
            escaped: false,
            count: 0,
        }
    }

    /// For values whose grammar was checked elsewhere.
    pub(crate) fn checked(raw: Bits<'a>, separator: u8, count: u16) -> Self {
        Params {
            raw,
            separator,
            escaped: false,
            count,
        }
    }

    /// The same for the pairs of a URI.
    pub(super) fn checked_of_uri(raw: Bits<'a>, separator: u8, count: u16) -> Self {
        Params {
            escaped: true,
            ..Params::checked(raw, separator, count)
        }
    }

    /// Parses `name=value` pairs, separated by semicolons; a leading semicolon is allowed.
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// assert_eq!(Params::parse(b"lr;transport=tcp")?.len(), 2);
    /// assert!(Params::parse(b";tag=1;tag=2").is_err()); // two readers would disagree
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place; more than [`Limits::MOST_PARAMETERS`].
    pub fn parse(value: &'a [u8]) -> Result<Params<'a>, ValueError> {
        let leading = behind_lws(value).first() == Some(&b';');
        let parser = move |input| {
            if leading {
                params(input)
            } else {
                list(b';', input)
            }
        };
        whole("parameters", value, parser)
    }

    /// The value of the first parameter with this name, as it stands (a quoted string with its quotes): `None` if there
    /// is no such parameter, `Some(None)` if it has no value.
    ///
    /// ```
    /// use sip_message::{Params, Uri};
    ///
    /// let params = Params::parse(b";qop=\"auth\";lr")?;
    /// assert_eq!(params.get("qop"), Some(Some(&b"\"auth\""[..])));
    /// assert_eq!(params.get("lr"), Some(None));
    /// assert_eq!(params.get("tag"), None);
    /// assert!(Uri::parse(b"sip:proxy.example;%6Cr")?.params().contains("lr"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Option<&'a [u8]>> {
        let name = name.as_ref();
        self.iter()
            .find(|(other, _)| self.is_name(other, name))
            .map(|(_, value)| value)
    }

    fn is_name(&self, spelling: &[u8], name: &[u8]) -> bool {
        spelling.eq_ignore_ascii_case(name)
            || self.escaped
                && (spelling.contains(&b'%') || name.contains(&b'%'))
                && without_case(spelling) == without_case(name)
    }

    /// The value of the first parameter with this name, quotes and escapes undone; `None` also if it has no value.
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// let params = Params::parse(br#";text="say \"over\"";cause=200;lr"#)?;
    /// assert_eq!(params.unquoted("text").as_deref(), Some(&br#"say "over""#[..]));
    /// assert_eq!(params.unquoted("cause").as_deref(), Some(&b"200"[..]));
    /// assert_eq!(params.unquoted("lr"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unquoted(&self, name: impl AsRef<[u8]>) -> Option<Cow<'a, [u8]>> {
        self.get(name).flatten().map(unquote)
    }

    /// Is there a parameter with this name and this value? Compared as parameters are (RFC 3261 §7.3.1): names and tokens
    /// without case, quoted strings with it, quotes and escapes undone, those of a URI too.
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// let params = Params::parse(b";Transport=TCP;reason=\"timed out\"")?;
    /// assert!(params.is("transport", "tcp"));
    /// assert!(params.is("reason", "timed out") && !params.is("reason", "Timed Out"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is(&self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> bool {
        match self.get(name).flatten() {
            Some(quoted @ [b'"', ..]) => unquote(quoted).as_ref() == value.as_ref(),
            Some(escaped) if self.escaped => without_case(escaped) == without_case(value.as_ref()),
            Some(token) => token.eq_ignore_ascii_case(value.as_ref()),
            None => false,
        }
    }

    /// Is there a parameter with this name?
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// assert!(Params::parse(b";LR;ob")?.contains("lr"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, name: impl AsRef<[u8]>) -> bool {
        self.get(name).is_some()
    }

    /// All parameters, names and raw values, in order.
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// let params = Params::parse(b";index=1.1;rc=1;lr")?;
    /// let all: Vec<_> = params.iter().collect();
    /// assert_eq!(all, [(&b"index"[..], Some(&b"1.1"[..])), (b"rc", Some(b"1")), (b"lr", None)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        Iter {
            rest: self.raw,
            separator: self.separator,
        }
    }

    /// How many there are.
    ///
    /// ```
    /// use sip_message::Params;
    ///
    /// assert_eq!(Params::parse(b";branch=z9hG4bK1;rport")?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Are there none?
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"sip:ann@home1.example")?;
    /// assert!(uri.params().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes as they came. They begin with a semicolon when they follow something in a header field's value, and with
    /// a name in a URI, in credentials and in P-Charging-Vector.
    ///
    /// ```
    /// use sip_message::{Uri, Via};
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP a.example;rport ;branch=z9hG4bK1")?;
    /// assert_eq!(via.params().as_bytes(), b";rport ;branch=z9hG4bK1");
    /// let uri = Uri::parse(b"sip:as1.home1.example;lr;transport=tcp")?;
    /// assert_eq!(uri.params().as_bytes(), b"lr;transport=tcp");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

/// The same names with the same values, in any order (RFC 3261 §7.3.1): names and tokens without case, quoted strings
/// with it, escapes undone.
impl PartialEq for Params<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.agree(other, |_| false)
    }
}

impl Eq for Params<'_> {}

impl<'a> Params<'a> {
    /// Do those that both have have the same values? One that only one has is judged by its name, which comes without case
    /// and escapes. Sorts both, so that many cost little more than a few each.
    pub(super) fn agree(&self, other: &Params<'_>, alone: impl Fn(&[u8]) -> bool) -> bool {
        self.agree_by(other, alone, |_, one, other| self.same_value(one, other))
    }

    /// The same, where `same` says of a name whether two values of it are the same.
    pub(super) fn agree_by(
        &self,
        other: &Params<'_>,
        alone: impl Fn(&[u8]) -> bool,
        same: impl Fn(&[u8], Option<&[u8]>, Option<&[u8]>) -> bool,
    ) -> bool {
        let (these, those) = (self.sorted(), other.sorted());
        let (mut these, mut those) = (these.iter().peekable(), those.iter().peekable());
        loop {
            let order = match (these.peek(), those.peek()) {
                (Some((one, _)), Some((two, _))) => one.cmp(two),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return true,
            };
            let one = these.next_if(|_| order.is_le());
            let two = those.next_if(|_| order.is_ge());
            let right = match (one, two) {
                (Some((name, one)), Some((_, two))) => same(name, *one, *two),
                (Some((name, _)), None) | (None, Some((name, _))) => alone(name),
                (None, None) => true,
            };
            if !right {
                return false;
            }
        }
    }

    /// By name, without case and escapes; those of one name stay in order.
    fn sorted(&self) -> Vec<Named<'a>> {
        let name = |name: Bits<'a>| match self.escaped {
            true => without_case(name),
            false => lower(Cow::Borrowed(name)),
        };
        let mut all: Vec<Named<'_>> = self.iter().map(|(n, value)| (name(n), value)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Two values of one parameter.
    fn same_value(&self, one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
        match (one, other) {
            (Some(one @ [b'"', ..]), Some(other @ [b'"', ..])) => unquote(one) == unquote(other),
            (Some([b'"', ..]), _) | (_, Some([b'"', ..])) => false,
            (Some(one), Some(other)) if self.escaped => {
                unescape(one).eq_ignore_ascii_case(&unescape(other))
            }
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        }
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
        let mut rest = behind_lws(self.rest);
        if let [first, tail @ ..] = rest
            && *first == self.separator
        {
            rest = behind_lws(tail);
        }
        if rest.is_empty() {
            return None;
        }
        let ends = |byte: &u8| *byte == self.separator || LWS.has(*byte);
        let end = rest
            .iter()
            .position(|byte| *byte == b'=' || ends(byte))
            .unwrap_or(rest.len());
        let (name, tail) = rest.split_at_checked(end)?;
        let tail = behind_lws(tail);
        let Some(tail) = tail.strip_prefix(b"=") else {
            self.rest = tail;
            return Some((name, None));
        };
        let tail = behind_lws(tail);
        let (rest, value) = quoted(tail).unwrap_or_else(|_| {
            let end = tail.iter().position(ends).unwrap_or(tail.len());
            let (value, rest) = tail.split_at_checked(end).unwrap_or_default();
            (rest, value)
        });
        self.rest = rest;
        Some((name, Some(value)))
    }
}

/// What the name of a parameter is compared by, and its value.
type Named<'a> = (Cow<'a, [u8]>, Option<Bits<'a>>);

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

/// Parameter names, of which none may stand twice (RFC 3261 §7.3.1, §19.1.1): two readers would disagree on which one
/// counts.
#[derive(Default)]
pub(super) struct Distinct<'a> {
    first: [Bits<'a>; FEW],
    /// Is there an escape among them?
    escaped: bool,
    pub(super) count: u16,
}

/// So many are compared each with each; more are sorted.
const FEW: usize = 6;

impl<'a> Distinct<'a> {
    /// False for a name that was there among the first few, and when there are more than [`Limits::MOST_PARAMETERS`].
    #[inline]
    pub(super) fn add(&mut self, name: Bits<'a>) -> bool {
        let count = usize::from(self.count);
        self.count += 1;
        let Some(place) = self.first.get_mut(count) else {
            return count < Limits::MOST_PARAMETERS;
        };
        *place = name;
        let mut before = self.first.iter().take(count);
        !before.any(|other| {
            (other.len() == name.len() && other.eq_ignore_ascii_case(name))
                || self.escaped && without_case(other) == without_case(name)
        })
    }

    /// The same for a name in a URI, where `%6Cr` is `lr`.
    #[inline]
    pub(super) fn add_of_uri(&mut self, name: Bits<'a>) -> bool {
        self.escaped |= name.contains(&b'%');
        self.add(name)
    }

    /// Does none stand twice among all of them?
    #[inline]
    pub(super) fn hold_for(&self, params: &Params<'_>) -> bool {
        usize::from(self.count) <= FEW || sorted_differ(params)
    }
}

fn sorted_differ(params: &Params<'_>) -> bool {
    let sorted = params.sorted();
    let next = sorted.iter().skip(1);
    !sorted
        .iter()
        .zip(next)
        .any(|((one, _), (next, _))| one == next)
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
    fn order_and_case_do_not_matter_but_in_quotes() {
        let same = |one: &str, other: &str| {
            Params::parse(one.as_bytes()).unwrap() == Params::parse(other.as_bytes()).unwrap()
        };
        assert!(same(";a=B;c;d=\"x\"", "; C ; A = b;d=\"\\x\""));
        for (one, other) in [
            (";a", ";b"),
            (";a", ";a;b"),
            (";a", ";a=1"),
            (";a=1", ";a=2"),
            (";a=\"x\"", ";a=\"X\""),
            (";a=\"x\"", ";a=x"),
        ] {
            assert!(!same(one, other) && !same(other, one), "{one} {other}");
        }
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
        let many = |count| {
            (0..count)
                .map(|number| format!(";a{number}"))
                .collect::<String>()
        };
        assert!(Params::parse(many(Limits::MOST_PARAMETERS).as_bytes()).is_ok());
        assert!(Params::parse(many(Limits::MOST_PARAMETERS + 1).as_bytes()).is_err());
    }

    #[test]
    fn no_parameter_stands_twice_among_few_or_many() {
        for count in [2, FEW, FEW + 1, 100] {
            for (one, other) in [(0, count - 1), (count / 2, count - 1)] {
                let name = |number| match number {
                    _ if number == one => "Lr".to_owned(),
                    _ if number == other => "lR".to_owned(),
                    _ => format!("p{number}"),
                };
                let text: String = (0..count)
                    .map(|number| format!(";{}", name(number)))
                    .collect();
                assert_eq!(
                    Params::parse(text.as_bytes()).is_ok(),
                    one == other,
                    "{text}"
                );
            }
        }
    }
}
