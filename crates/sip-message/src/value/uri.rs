use std::fmt;
use std::ops::Range;

use memchr::memchr;

use super::host::{Host, host};
use super::params::Params;
use super::uri_pairs::{uri_headers, uri_parameters};
use crate::class::{Class, HOSTNAME, PASSWORD, SCHEME, URIC, USER};
use crate::error::ValueError;
use crate::grammar::{Read, before, number};

/// A URI: `sip` and `sips` (RFC 3261 §19.1), `tel` (RFC 3966), and any other scheme kept opaque. Borrows the bytes it was
/// parsed from.
///
/// ```
/// use sip_message::Uri;
///
/// let uri = Uri::parse(b"sip:ann@home1.example:5070;transport=tcp")?;
/// assert_eq!((uri.user(), uri.port()), (Some(&b"ann"[..]), Some(5070)));
///
/// let uri = Uri::parse(b"tel:+1-201-555-0123")?;
/// assert_eq!(uri.telephone_number(), Some(&b"+1-201-555-0123"[..]));
///
/// let uri = Uri::parse(b"urn:urn-7:3gpp-service.ims.icsi.mcptt")?;
/// assert_eq!((uri.scheme(), uri.host()), (&b"urn"[..], None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Uri<'a> {
    raw: &'a [u8],
    /// How long the scheme is; all other places are counted from behind its colon.
    scheme: u32,
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Sip(Sip<'a>),
    Tel { number: u32, parameters: u16 },
    Opaque,
}

/// Where the parts of a SIP URI lie. It is copied often, so it holds places, not slices.
#[derive(Clone, Copy)]
struct Sip<'a> {
    /// Where the user ends, and where the `@` is behind it; both 0 where there is none.
    user: u32,
    at: u32,
    host: Host<'a>,
    port: Option<u16>,
    /// Where hostport ends: at the semicolon of the parameters, if there are any.
    hostport: u32,
    parameters: u16,
    /// Where the parameters end: at the question mark of the headers, if there are any.
    question: u32,
    headers: u16,
}

/// The longest URI: its places have 32 bits.
const LONGEST: usize = 0xffff_ffff;

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl<'a> Uri<'a> {
    /// Parses a URI without brackets or white space around it.
    ///
    /// ```
    /// use sip_message::{Subject, Uri};
    ///
    /// assert!(Uri::parse(b"im:ann@home1.example").is_ok());
    /// let error = Uri::parse(b"sip:ann@home1.example;lr;lr").unwrap_err();
    /// assert_eq!(error.subject, Subject::Value("URI"));
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place. Unknown schemes are no error.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Uri<'a>, ValueError> {
        Uri::read(value).map_err(|left| ValueError::malformed("URI", value.len() - left.len()))
    }

    /// The same; the error is what was left when it failed.
    #[inline]
    pub(super) fn read(value: &'a [u8]) -> Result<Uri<'a>, &'a [u8]> {
        if value.len() > LONGEST {
            return Err(value);
        }
        if let Some(rest) = value.strip_prefix(b"sip:") {
            return Ok(Uri {
                raw: value,
                scheme: 3,
                form: Form::Sip(sip(rest)?),
            });
        }
        Uri::read_unusual(value)
    }

    /// What most URIs are, `sip:user@host:port;lr` or less, up to the byte `end`, which can stand in no URI; what is left
    /// behind it too. `None` for whatever is not plain to see.
    #[inline(always)]
    pub(super) fn plain_before(end: u8, input: &'a [u8]) -> Option<(Uri<'a>, &'a [u8])> {
        let begun = input.strip_prefix(b"sip:")?;
        let place_of = |rest: &[u8]| place(begun.len() - rest.len());
        let (user, behind_user) = match HOSTNAME.split(begun) {
            (user @ [_, ..], [b'@', rest @ ..]) => (user.len(), rest),
            _ => (0, begun),
        };
        let (host, mut rest) = host(behind_user).ok()?;
        let mut port = None;
        if let [b':', digits @ ..] = rest {
            let (after, number) = number(digits).ok()?;
            (rest, port) = (after, Some(number));
        }
        let hostport = place_of(rest);
        let (parameters, closed) = match rest {
            [b';', b'l', b'r', rest @ ..] => (1, rest),
            _ => (0, rest),
        };
        let (last, behind) = closed.split_first()?;
        if *last != end {
            return None;
        }
        let sip = Sip {
            user: place(user),
            at: place(user),
            host,
            port,
            hostport,
            parameters,
            question: place_of(closed),
            headers: 0,
        };
        let uri = Uri {
            raw: before(input, closed),
            scheme: 3,
            form: Form::Sip(sip),
        };
        (begun.len() <= LONGEST).then_some((uri, behind))
    }

    /// The same in every scheme and spelling.
    #[inline(never)]
    fn read_unusual(value: &'a [u8]) -> Result<Uri<'a>, &'a [u8]> {
        let (scheme, rest) = SCHEME.split(value);
        let (Some(b'a'..=b'z' | b'A'..=b'Z'), Some(rest)) =
            (scheme.first(), rest.strip_prefix(b":"))
        else {
            return Err(value);
        };
        let form = if scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips") {
            Form::Sip(sip(rest)?)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            tel(rest)?
        } else if !rest.is_empty() && all_of(URIC, rest) {
            Form::Opaque
        } else {
            return Err(rest);
        };
        Ok(Uri {
            raw: value,
            scheme: place(scheme.len()),
            form,
        })
    }

    /// The bytes as they came.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"SIP:Ann@Home1.Example")?;
    /// assert_eq!(uri.as_bytes(), b"SIP:Ann@Home1.Example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The scheme as it came, without the colon; compare it without case.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// assert_eq!(Uri::parse(b"SIPS:ann@home1.example")?.scheme(), b"SIPS");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scheme(&self) -> &'a [u8] {
        self.raw.get(..at(self.scheme)).unwrap_or_default()
    }

    /// Is this the scheme (without case)?
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"SIPS:ann@home1.example")?;
    /// assert!(uri.is_scheme("sips") && !uri.is_scheme("sip"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme().eq_ignore_ascii_case(scheme.as_bytes())
    }

    /// Everything after the scheme's colon.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"urn:service:sos.fire")?;
    /// assert_eq!(uri.after_scheme(), b"service:sos.fire");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn after_scheme(&self) -> &'a [u8] {
        self.raw.get(at(self.scheme) + 1..).unwrap_or_default()
    }

    /// `user` of a SIP URI, escapes as they came, without a password.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// assert_eq!(Uri::parse(b"sip:%61nn:secret@home1.example")?.user(), Some(&b"%61nn"[..]));
    /// assert_eq!(Uri::parse(b"sip:home1.example")?.user(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn user(&self) -> Option<&'a [u8]> {
        let sip = self.sip().filter(|sip| sip.at > 0)?;
        self.after_scheme().get(..at(sip.user))
    }

    /// `password` of a SIP URI.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// assert_eq!(Uri::parse(b"sip:ann:secret@home1.example")?.password(), Some(&b"secret"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn password(&self) -> Option<&'a [u8]> {
        let sip = self.sip().filter(|sip| sip.at > sip.user)?;
        self.after_scheme().get(at(sip.user) + 1..at(sip.at))
    }

    /// `host` of a SIP URI.
    ///
    /// ```
    /// use sip_message::{Host, Uri};
    ///
    /// assert_eq!(Uri::parse(b"sip:ann@Home1.example")?.host(), Some(Host::Name(b"home1.example")));
    /// assert_eq!(Uri::parse(b"sip:[2001:db8::1]")?.host(), Some(Host::parse(b"[2001:DB8::1]")?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host(&self) -> Option<Host<'a>> {
        self.sip().map(|sip| sip.host)
    }

    /// `port` of a SIP URI.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// assert_eq!(Uri::parse(b"sip:as1.home1.example:5090;lr")?.port(), Some(5090));
    /// assert!(Uri::parse(b"sip:as1.home1.example:65536").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.sip().and_then(|sip| sip.port)
    }

    /// The number of a `tel` URI, separators as they came.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// assert_eq!(Uri::parse(b"tel:911;phone-context=+1")?.telephone_number(), Some(&b"911"[..]));
    /// assert_eq!(Uri::parse(b"sip:911@home1.example;user=phone")?.telephone_number(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn telephone_number(&self) -> Option<&'a [u8]> {
        match self.form {
            Form::Tel { number, .. } => self.after_scheme().get(..at(number)),
            _ => None,
        }
    }

    /// `uri-parameters` of a SIP URI or the parameters of a `tel` URI.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"sip:as1.home1.example;transport=tcp;lr")?;
    /// assert_eq!(uri.params().get("transport"), Some(Some(&b"tcp"[..])));
    /// assert!(uri.params().contains("lr"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        let (range, count) = match &self.form {
            Form::Sip(sip) => (at(sip.hostport) + 1..at(sip.question), sip.parameters),
            Form::Tel { number, parameters } => (at(*number) + 1..usize::MAX, *parameters),
            Form::Opaque => return Params::none(),
        };
        self.pairs(range, b';', count)
    }

    /// `headers` of a SIP URI: what stands after the question mark (RFC 3261 §19.1.1).
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let uri = Uri::parse(b"sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302&Privacy=history")?;
    /// assert_eq!(uri.headers().get("Privacy"), Some(Some(&b"history"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> Params<'a> {
        match self.sip() {
            Some(sip) => self.pairs(at(sip.question) + 1..usize::MAX, b'&', sip.headers),
            None => Params::none(),
        }
    }

    fn pairs(&self, range: Range<usize>, separator: u8, count: u16) -> Params<'a> {
        let rest = self.after_scheme();
        let end = range.end.min(rest.len());
        let pairs = rest.get(range.start..end).unwrap_or_default();
        Params::checked_of_uri(pairs, separator, count)
    }

    /// How many parameters or headers it has, whichever are more.
    pub(crate) fn pair_count(&self) -> usize {
        let count = match &self.form {
            Form::Sip(sip) => sip.parameters.max(sip.headers),
            Form::Tel { parameters, .. } => *parameters,
            Form::Opaque => 0,
        };
        usize::from(count)
    }

    fn sip(&self) -> Option<&Sip<'a>> {
        match &self.form {
            Form::Sip(sip) => Some(sip),
            _ => None,
        }
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = std::str::from_utf8(self.scheme()).unwrap_or_default();
        write!(f, "Uri({scheme}, {} bytes)", self.raw.len())
    }
}

/// `[ userinfo ] hostport uri-parameters [ headers ]`. The error is what was left when it failed.
#[inline(always)]
fn sip(input: &[u8]) -> Result<Sip<'_>, &[u8]> {
    let place_of = |rest: &[u8]| place(input.len() - rest.len());
    // what comes first is the user, or the host, mostly without a character that only one of them can have
    let (user, rest) = match HOSTNAME.split(input) {
        (user @ [_, ..], [b'@', rest @ ..]) => (user, rest),
        (_, []) => (Default::default(), input),
        _ => userinfo(input)?,
    };
    let behind_at = place_of(rest);
    let (host, mut rest) = host(rest)?;
    let mut port = None;
    if let Some(digits) = rest.strip_prefix(b":") {
        let (after, value) = number(digits).map_err(|_| digits)?;
        (rest, port) = (after, Some(value));
    }
    let mut sip = Sip {
        user: place(user.len()),
        at: behind_at.saturating_sub(1),
        host,
        port,
        hostport: place_of(rest),
        parameters: 0,
        question: place(input.len()),
        headers: 0,
    };
    if rest.is_empty() {
        return Ok(sip);
    }
    let header = match rest {
        [b';', pairs @ ..] => {
            let (count, header) = uri_parameters(pairs).map_err(|_| rest)?;
            sip.parameters = count;
            header
        }
        [b'?', ..] => rest,
        _ => return Err(rest),
    };
    sip.question = place_of(header);
    if let [_, pairs @ ..] = header {
        sip.headers = uri_headers(pairs).map_err(|_| header)?;
    }
    Ok(sip)
}

/// `[ userinfo ]`, and what is left behind its `@`.
fn userinfo(input: &[u8]) -> Read<'_, &[u8]> {
    // without one there is none
    if memchr(b'@', input).is_none() {
        return Ok((Default::default(), input));
    }
    match input.split_at_checked(USER.escaped_span(input)) {
        Some((user @ [_, ..], [b'@', rest @ ..])) => Ok((user, rest)),
        // a colon and a password is all that may come between
        Some((user @ [_, ..], [b':', behind @ ..])) => {
            match behind.split_at_checked(PASSWORD.escaped_span(behind)) {
                Some((_, [b'@', rest @ ..])) => Ok((user, rest)),
                _ => Err(input),
            }
        }
        _ => Err(input),
    }
}

/// `telephone-subscriber` (RFC 3966 §3). The error is what was left when it failed.
fn tel(input: &[u8]) -> Result<Form<'_>, &[u8]> {
    let end = memchr(b';', input).unwrap_or(input.len());
    let (number, rest) = input.split_at_checked(end).unwrap_or_default();
    let global = number.first() == Some(&b'+');
    let digits = number.strip_prefix(b"+").unwrap_or(number);
    let is_digit = |byte: &u8| {
        if global {
            byte.is_ascii_digit()
        } else {
            byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#')
        }
    };
    let separator = |byte: &u8| matches!(byte, b'-' | b'.' | b'(' | b')');
    if !digits.iter().any(is_digit) || !digits.iter().all(|byte| is_digit(byte) || separator(byte))
    {
        return Err(input);
    }
    let parameters = match rest {
        [] => 0,
        [_, pairs @ ..] => match uri_parameters(pairs) {
            Ok((count, [])) => count,
            _ => return Err(rest),
        },
    };
    Ok(Form::Tel {
        number: place(number.len()),
        parameters,
    })
}

/// Are these bytes of the set, or whole escapes `%HH`?
fn all_of(class: Class, text: &[u8]) -> bool {
    class.escaped_span(text) == text.len()
}
