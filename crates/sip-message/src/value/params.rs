mod distinct;
mod equal;
mod read;

use std::borrow::Cow;
use std::fmt;

use super::escapes::without_case;
use crate::class::LWS;
use crate::error::ValueError;
use crate::grammar::{Bits, behind_lws, quoted, unquote, whole};
#[cfg(doc)]
use crate::limits::Limits;

pub(super) use self::distinct::Distinct;
pub(crate) use self::read::{is_param_value, list, params, params_noting};

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
}
