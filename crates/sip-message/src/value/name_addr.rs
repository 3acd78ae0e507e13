use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use super::params::{Params, params_noting};
use super::small::seconds_or_an_hour;
use super::uri::Uri;
use crate::class::{BARE_URI, DISPLAY, TOKEN};
use crate::error::ValueError;
use crate::grammar::{
    Bits, Read, behind_lws, malformed, quoted, read, read_to_end, trim, unfold, unquote,
};

/// `name-addr` or `addr-spec` with its header parameters: From, To, Contact, Route and their like (RFC 3261 §20.10).
///
/// ```
/// use sip_message::NameAddr;
///
/// let contact = NameAddr::parse(b"\"Ann, dispatcher\" <sip:ann@192.0.2.7;ob>;expires=600")?;
/// assert_eq!(contact.display_name().as_deref(), Some(&b"Ann, dispatcher"[..]));
/// assert!(contact.uri().params().contains("ob")); // inside the brackets
/// assert!(contact.params().contains("expires")); // behind them
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct NameAddr<'a> {
    display_name: Option<&'a [u8]>,
    uri: Uri<'a>,
    params: Params<'a>,
    /// What `tag` says, if there is one.
    tag: Option<Option<&'a [u8]>>,
    bracketed: bool,
}

const NAME_ADDR: &str = "name-addr";

impl<'a> NameAddr<'a> {
    /// Parses one value, without a comma list around it.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// let bare = NameAddr::parse(b"sip:ann@home1.example;tag=1")?;
    /// assert_eq!((bare.uri().as_bytes(), bare.tag()), (&b"sip:ann@home1.example"[..], Some(&b"1"[..])));
    /// assert!(NameAddr::parse(b"<sip:ann@home1.example").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: also a URI with a question mark outside brackets (§20), and a parameter
    /// given twice.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<NameAddr<'a>, ValueError> {
        read_to_end(NAME_ADDR, value, |rest| NameAddr::read(value, rest))
    }

    /// `( name-addr / addr-spec ) *( SEMI generic-param )` at the beginning of `rest`, which is the end of `value`; `rest`
    /// becomes what is left behind it.
    #[inline(always)]
    pub(crate) fn read(value: &'a [u8], rest: &mut &'a [u8]) -> Result<NameAddr<'a>, ValueError> {
        // what most addresses are comes first, and is not mixed with what the others need
        match rest
            .strip_prefix(b"<")
            .and_then(|inner| Uri::plain_before(b'>', inner))
        {
            Some((uri, after)) => NameAddr::behind_uri(value, rest, (None, uri, true), after),
            None => NameAddr::read_unusual(value, rest),
        }
    }

    /// The same, whatever it is.
    #[inline(never)]
    fn read_unusual(value: &'a [u8], rest: &mut &'a [u8]) -> Result<NameAddr<'a>, ValueError> {
        let failed = |left| malformed(NAME_ADDR, value, left);
        let (display_name, after_name) = display_name(rest).map_err(failed)?;
        let bracket = after_name.strip_prefix(b"<");
        let (uri, after) = match bracket {
            Some(inner) => bracketed(inner),
            None => bare(rest),
        }
        .map_err(failed)?;
        NameAddr::behind_uri(value, rest, (display_name, uri, bracket.is_some()), after)
    }

    /// `*( SEMI generic-param )` behind display name and URI, of which the last says whether it stands in brackets.
    #[inline(always)]
    fn behind_uri(
        value: &'a [u8],
        rest: &mut &'a [u8],
        (display_name, uri, bracketed): (Option<&'a [u8]>, Uri<'a>, bool),
        after: &'a [u8],
    ) -> Result<NameAddr<'a>, ValueError> {
        let mut tag = None;
        let read = params_noting(after, |name, value| {
            if name == b"tag" || name.eq_ignore_ascii_case(b"tag") {
                tag = Some(value);
            }
        });
        match read {
            Ok((params, behind)) => {
                *rest = behind;
                Ok(NameAddr {
                    display_name,
                    uri,
                    params,
                    tag,
                    bracketed,
                })
            }
            Err(left) => Err(malformed(NAME_ADDR, value, left)),
        }
    }

    /// The same where the grammar has no `addr-spec`.
    pub(crate) fn parse_bracketed(value: &'a [u8]) -> Result<NameAddr<'a>, ValueError> {
        let parsed = NameAddr::parse(value)?;
        match parsed.bracketed {
            true => Ok(parsed),
            false => Err(ValueError::malformed(NAME_ADDR, 0)),
        }
    }

    /// Does its URI stand in brackets?
    pub(crate) fn is_bracketed(&self) -> bool {
        self.bracketed
    }

    /// The same for From and To, where `tag` is one with a token (`tag-param`).
    #[inline(always)]
    pub(crate) fn parse_tagged(value: &'a [u8]) -> Result<NameAddr<'a>, ValueError> {
        let mut parsed = read_to_end(NAME_ADDR, value, |rest| NameAddr::read(value, rest));
        if let Ok(address) = &parsed
            && !address.is_tagged_well()
        {
            let place = value.len() - address.params.as_bytes().len();
            parsed = Err(ValueError::malformed(NAME_ADDR, place));
        }
        parsed
    }

    /// Is a `tag`, if there is one, one with a token?
    #[inline]
    fn is_tagged_well(&self) -> bool {
        match self.tag {
            Some(tag) => {
                tag.is_some_and(|tag| !tag.is_empty() && TOKEN.long_span(tag) == tag.len())
            }
            None => true,
        }
    }

    /// The display name, quotes and escapes undone.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// let from = NameAddr::parse(br#""Ann \"A\"" <sip:ann@home1.example>"#)?;
    /// assert_eq!(from.display_name().as_deref(), Some(&br#"Ann "A""#[..]));
    /// assert_eq!(NameAddr::parse(b"<sip:ann@home1.example>")?.display_name(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn display_name(&self) -> Option<Cow<'a, [u8]>> {
        let name = self.display_name?;
        Some(match name.first() {
            Some(b'"') => unquote(name),
            _ => unfold(name),
        })
    }

    /// The display name as it came, with its quotes if it has some.
    #[cfg(feature = "rsip")]
    pub(crate) fn display_name_bytes(&self) -> Option<&'a [u8]> {
        self.display_name
    }

    /// The URI.
    ///
    /// ```
    /// use sip_message::{Host, NameAddr};
    ///
    /// let route = NameAddr::parse(b"<sip:as1.home1.example;lr>")?;
    /// assert_eq!(route.uri().host(), Some(Host::Name(b"as1.home1.example")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn uri(&self) -> &Uri<'a> {
        &self.uri
    }

    /// The URI as it came, without brackets.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// let identity = NameAddr::parse(b"Ann <sip:ann@home1.example>")?;
    /// assert_eq!(identity.uri_bytes(), b"sip:ann@home1.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn uri_bytes(&self) -> &'a [u8] {
        self.uri.as_bytes()
    }

    /// The header parameters: those after the brackets.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// let contact = NameAddr::parse(b"<sip:ann@192.0.2.7;ob>;+sip.instance=\"<urn:uuid:0>\";reg-id=1")?;
    /// assert_eq!(contact.params().get("reg-id"), Some(Some(&b"1"[..])));
    /// assert!(!contact.params().contains("ob")); // that one is the URI's
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The `expires` of a Contact (§20.10), in seconds. A malformed value counts as 3600, as that clause asks.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// assert_eq!(NameAddr::parse(b"<sip:ann@192.0.2.7>;expires=600")?.expires(), Some(600));
    /// assert_eq!(NameAddr::parse(b"<sip:ann@192.0.2.7>;expires=never")?.expires(), Some(3600));
    /// assert_eq!(NameAddr::parse(b"<sip:ann@192.0.2.7>")?.expires(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires(&self) -> Option<u32> {
        let value = self.params.get("expires")?;
        Some(seconds_or_an_hour(value.unwrap_or_default()))
    }

    /// Do both name the same (RFC 3261 §20.20)? Their URIs are equivalent, and parameters that both have are the same;
    /// one that only one has does not count, but for `tag`. Display names and brackets do not count.
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// let from = NameAddr::parse(b"\"Ann\" <sip:ann@home1.example>;tag=1")?;
    /// assert!(from.equivalent(&NameAddr::parse(b"sip:ann@HOME1.example;tag=1")?));
    /// assert!(!from.equivalent(&NameAddr::parse(b"<sip:ann@home1.example>")?)); // no tag
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn equivalent(&self, other: &NameAddr<'_>) -> bool {
        self.uri.equivalent(&other.uri) && self.params.agree(&other.params, |name| name != b"tag")
    }

    /// The `tag` of From and To (§19.3).
    ///
    /// ```
    /// use sip_message::NameAddr;
    ///
    /// assert_eq!(NameAddr::parse(b"<sip:ann@home1.example>;tag=171828")?.tag(), Some(&b"171828"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag.flatten()
    }
}

impl fmt::Debug for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NameAddr")
            .field("uri", &self.uri)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// `[ display-name ]`. Eats nothing unless a bracket follows. Bytes above ASCII are let through outside quotes too.
#[inline(always)]
fn display_name(input: Bits<'_>) -> Read<'_, Option<Bits<'_>>> {
    if input.first() == Some(&b'<') {
        return Ok((None, input));
    }
    if input.first() == Some(&b'"') {
        let (name, rest) = read(quoted(input))?;
        let rest = behind_lws(rest);
        return match rest.first() {
            Some(b'<') => Ok((Some(name), rest)),
            _ => Err(rest),
        };
    }
    let (name, rest) = DISPLAY.split(input);
    let name = trim(name);
    if rest.first() == Some(&b'<') {
        Ok(((!name.is_empty()).then_some(name), rest))
    } else {
        Ok((None, input))
    }
}

/// What stands between brackets, the closing one eaten.
fn bracketed(inner: Bits<'_>) -> Read<'_, Uri<'_>> {
    let end = memchr(b'>', inner).ok_or(inner)?;
    let (uri, rest) = inner.split_at_checked(end).ok_or(inner)?;
    match Uri::read(uri) {
        Ok(uri) => Ok((uri, rest.get(1..).unwrap_or_default())),
        Err(left) => Err(inner.get(uri.len() - left.len()..).unwrap_or_default()),
    }
}

/// A URI without brackets ends at the first semicolon; it can have no parameters, headers or commas of its own.
fn bare(input: Bits<'_>) -> Read<'_, Uri<'_>> {
    let (uri, rest) = BARE_URI.split(input);
    if matches!(rest.first(), Some(b'?' | b',')) {
        return Err(rest);
    }
    match Uri::read(uri) {
        Ok(uri) => Ok((uri, rest)),
        Err(left) => Err(input.get(uri.len() - left.len()..).unwrap_or_default()),
    }
}
