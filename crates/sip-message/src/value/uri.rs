use std::fmt;

use memchr::memchr;

use super::host::{Host, host};
use super::params::Params;
use super::uri_pairs::{
    escaped_or, is_hnv, is_paramchar, is_password, is_uric, is_user, uri_pairs,
};
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
    pub fn parse(value: &'a [u8]) -> Result<Uri<'a>, ValueError> {
        let malformed = |rest: &[u8]| ValueError::malformed("URI", value.len() - rest.len());
        let colon = memchr(b':', value).ok_or_else(|| malformed(value))?;
        let (scheme, rest) = value.split_at_checked(colon).unwrap_or_default();
        let rest = rest.strip_prefix(b":").unwrap_or_default();
        let [first, tail @ ..] = scheme else {
            return Err(malformed(value));
        };
        let in_scheme =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !first.is_ascii_alphabetic() || !tail.iter().all(in_scheme) {
            return Err(malformed(value));
        }
        let form = if scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips") {
            Form::Sip(sip(rest).map_err(malformed)?)
        } else if scheme.eq_ignore_ascii_case(b"tel") {
            tel(rest).map_err(malformed)?
        } else if !rest.is_empty() && escaped_or(rest, is_uric) {
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
fn sip(input: &[u8]) -> Result<Sip<'_>, &[u8]> {
    let (user, password, rest) = match memchr(b'@', input) {
        Some(at) => {
            let (info, rest) = input.split_at_checked(at).unwrap_or_default();
            let colon = memchr(b':', info).unwrap_or(info.len());
            let (user, password) = info.split_at_checked(colon).unwrap_or_default();
            let password = password.strip_prefix(b":");
            let bad = user.is_empty()
                || !escaped_or(user, is_user)
                || !password.is_none_or(|p| escaped_or(p, is_password));
            if bad {
                return Err(input);
            }
            (Some(user), password, rest.get(1..).unwrap_or_default())
        }
        None => (None, None, input),
    };
    let (mut rest, host) = host(rest).map_err(|_| rest)?;
    let mut port = None;
    if let Some(digits) = rest.strip_prefix(b":") {
        let (after, value) = number(digits).map_err(|_| digits)?;
        (rest, port) = (after, Some(value));
    }
    let question = memchr(b'?', rest).unwrap_or(rest.len());
    let (parameters, header) = rest.split_at_checked(question).unwrap_or_default();
    let params = match parameters {
        [] => Params::none(),
        [b';', pairs @ ..] => uri_pairs(pairs, b';', false, is_paramchar).map_err(|_| rest)?,
        _ => return Err(rest),
    };
    let headers = match header {
        [] => Params::checked(&[], b'&', 0),
        [_, pairs @ ..] => uri_pairs(pairs, b'&', true, is_hnv).map_err(|_| header)?,
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
        [_, pairs @ ..] => uri_pairs(pairs, b';', false, is_paramchar).map_err(|_| rest)?,
    };
    Ok(Form::Tel { number, params })
}
