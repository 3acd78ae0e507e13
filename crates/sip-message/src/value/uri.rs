use std::fmt;

use memchr::memchr;

use super::host::{Host, host};
use super::params::Params;
use super::uri_pairs::{uri_headers, uri_parameters};
use crate::class::{Class, PASSWORD, SCHEME, URIC, USER};
use crate::error::ValueError;
use crate::grammar::number;

/// A URI: `sip` and `sips` (RFC 3261 §19.1), `tel` (RFC 3966), and any other scheme kept opaque. Borrows the bytes it was
/// parsed from.
#[derive(Clone, Copy)]
pub struct Uri<'a> {
    raw: &'a [u8],
    scheme: &'a [u8],
    pub(super) form: Form<'a>,
}

#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    Sip(Sip<'a>),
    Tel {
        number: &'a [u8],
        params: Params<'a>,
    },
    Opaque(&'a [u8]),
}

#[derive(Clone, Copy)]
pub(super) struct Sip<'a> {
    pub(super) user: Option<&'a [u8]>,
    pub(super) password: Option<&'a [u8]>,
    pub(super) host: Host<'a>,
    pub(super) port: Option<u16>,
    pub(super) params: Params<'a>,
    pub(super) headers: Params<'a>,
}

impl<'a> Uri<'a> {
    /// Parses a URI without brackets or white space around it.
    ///
    /// # Errors
    /// Malformed, with the place. Unknown schemes are no error.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Uri<'a>, ValueError> {
        let malformed = |rest: &[u8]| ValueError::malformed("URI", value.len() - rest.len());
        if let (Some(rest), Some(scheme)) = (value.strip_prefix(b"sip:"), value.get(..3)) {
            return Ok(Uri {
                raw: value,
                scheme,
                form: Form::Sip(sip(rest).map_err(malformed)?),
            });
        }
        let (scheme, rest) = SCHEME.split(value);
        let (Some(b'a'..=b'z' | b'A'..=b'Z'), Some(rest)) =
            (scheme.first(), rest.strip_prefix(b":"))
        else {
            return Err(malformed(value));
        };
        let form = if scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips") {
            Form::Sip(sip(rest).map_err(malformed)?)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            tel(rest).map_err(malformed)?
        } else if !rest.is_empty() && all_of(URIC, rest) {
            Form::Opaque(rest)
        } else {
            return Err(malformed(rest));
        };
        Ok(Uri {
            raw: value,
            scheme,
            form,
        })
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }

    /// The scheme as it came, without the colon; compare it without case.
    pub fn scheme(&self) -> &'a [u8] {
        self.scheme
    }

    /// Is this the scheme (without case)?
    pub fn is_scheme(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme.as_bytes())
    }

    /// Everything after the scheme's colon.
    pub fn after_scheme(&self) -> &'a [u8] {
        self.raw.get(self.scheme.len() + 1..).unwrap_or_default()
    }

    /// `user` of a SIP URI, escapes as they came, without a password.
    pub fn user(&self) -> Option<&'a [u8]> {
        self.sip().and_then(|sip| sip.user)
    }

    /// `password` of a SIP URI.
    pub fn password(&self) -> Option<&'a [u8]> {
        self.sip().and_then(|sip| sip.password)
    }

    /// `host` of a SIP URI.
    pub fn host(&self) -> Option<Host<'a>> {
        self.sip().map(|sip| sip.host)
    }

    /// `port` of a SIP URI.
    pub fn port(&self) -> Option<u16> {
        self.sip().and_then(|sip| sip.port)
    }

    /// The number of a `tel` URI, separators as they came.
    pub fn telephone_number(&self) -> Option<&'a [u8]> {
        match self.form {
            Form::Tel { number, .. } => Some(number),
            _ => None,
        }
    }

    /// `uri-parameters` of a SIP URI or the parameters of a `tel` URI.
    pub fn params(&self) -> Params<'a> {
        match self.form {
            Form::Sip(sip) => sip.params,
            Form::Tel { params, .. } => params,
            Form::Opaque(_) => Params::none(),
        }
    }

    /// `headers` of a SIP URI: what stands after the question mark (RFC 3261 §19.1.1).
    pub fn headers(&self) -> Params<'a> {
        self.sip().map_or(Params::none(), |sip| sip.headers)
    }

    fn sip(&self) -> Option<Sip<'a>> {
        match self.form {
            Form::Sip(sip) => Some(sip),
            _ => None,
        }
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = std::str::from_utf8(self.scheme).unwrap_or_default();
        write!(f, "Uri({scheme}, {} bytes)", self.raw.len())
    }
}

/// `[ userinfo ] hostport uri-parameters [ headers ]`. The error is what was left when it failed.
#[inline]
fn sip(input: &[u8]) -> Result<Sip<'_>, &[u8]> {
    let (user, password, rest) = match input.split_at_checked(USER.escaped_span(input)) {
        Some((user @ [_, ..], [b'@', rest @ ..])) => (Some(user), None, rest),
        Some((user, other)) => match memchr(b'@', other) {
            None => (None, None, input),
            // a colon and a password is all that may come between
            Some(at) => match other.split_at_checked(at) {
                Some(([b':', password @ ..], [_, rest @ ..]))
                    if !user.is_empty() && all_of(PASSWORD, password) =>
                {
                    (Some(user), Some(password), rest)
                }
                _ => return Err(input),
            },
        },
        None => return Err(input),
    };
    let (mut rest, host) = host(rest).map_err(|_| rest)?;
    let mut port = None;
    if let Some(digits) = rest.strip_prefix(b":") {
        let (after, value) = number(digits).map_err(|_| digits)?;
        (rest, port) = (after, Some(value));
    }
    if rest.is_empty() {
        return Ok(Sip {
            user,
            password,
            host,
            port,
            params: Params::none(),
            headers: Params::checked(&[], b'&', 0),
        });
    }
    let question = memchr(b'?', rest).unwrap_or(rest.len());
    let (parameters, header) = rest.split_at_checked(question).unwrap_or_default();
    let params = match parameters {
        [] => Params::none(),
        [b';', pairs @ ..] => uri_parameters(pairs).map_err(|_| rest)?,
        _ => return Err(rest),
    };
    let headers = match header {
        [] => Params::checked(&[], b'&', 0),
        [_, pairs @ ..] => uri_headers(pairs).map_err(|_| header)?,
    };
    Ok(Sip {
        user,
        password,
        host,
        port,
        params,
        headers,
    })
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
    let params = match rest {
        [] => Params::none(),
        [_, pairs @ ..] => uri_parameters(pairs).map_err(|_| rest)?,
    };
    Ok(Form::Tel { number, params })
}

/// Are these bytes of the set, or whole escapes `%HH`?
fn all_of(class: Class, text: &[u8]) -> bool {
    class.escaped_span(text) == text.len()
}
