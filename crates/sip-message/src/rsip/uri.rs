//! URIs.

use std::fmt;

use ::rsip::{Auth, Scheme};

use super::error::{ConversionError, ConversionErrorKind};
use super::host::{host_with_port, hostport};
use super::params;
use super::text::{is_escaped, text};
use crate::class::{PARAMCHAR, PASSWORD, USER};
use crate::error::{Subject, ValueError};
use crate::value::Uri;

const SUBJECT: Subject = Subject::Value("URI");

impl TryFrom<&Uri<'_>> for ::rsip::Uri {
    type Error = ConversionError;

    /// The same URI: user, password and parameters with their escapes as they came.
    ///
    /// # Errors
    /// A scheme other than `sip` and `sips`; `headers`; a `transport` or `method` that rsip does not have.
    fn try_from(uri: &Uri<'_>) -> Result<Self, ConversionError> {
        let scheme = if uri.is_scheme("sip") {
            Scheme::Sip
        } else {
            Scheme::Sips
        };
        let (true, Some(host)) = (uri.is_scheme("sip") || uri.is_scheme("sips"), uri.host()) else {
            return Err(ConversionError::new(SUBJECT, ConversionErrorKind::Scheme));
        };
        if !uri.headers().is_empty() {
            return Err(ConversionError::new(
                SUBJECT,
                ConversionErrorKind::UriHeaders,
            ));
        }
        let auth = match uri.user() {
            Some(user) => Some(Auth {
                user: text(&SUBJECT, user)?,
                password: uri
                    .password()
                    .map(|password| text(&SUBJECT, password))
                    .transpose()?,
            }),
            None => None,
        };
        Ok(::rsip::Uri {
            scheme: Some(scheme),
            auth,
            host_with_port: host_with_port(&host, uri.port())?,
            params: params::params(&SUBJECT, uri.params())?,
            headers: Vec::new(),
        })
    }
}

/// A URI that came from rsip: its text, checked. [`Uri`] borrows, so somebody has to own what it borrows from.
///
/// ```
/// use sip_message::rsip::UriBuf;
/// use sip_message::{Method, Request};
///
/// let theirs = rsip::Uri {
///     scheme: Some(rsip::Scheme::Sip),
///     host_with_port: rsip::HostWithPort::from((std::net::IpAddr::from([0x20, 1, 0, 0, 0, 0, 0, 1]), 5060)),
///     ..rsip::Uri::default()
/// };
/// let uri = UriBuf::try_from(&theirs).unwrap();
/// assert_eq!(uri.as_str(), "sip:[20:1::1]:5060");
/// assert_eq!(uri.uri().unwrap().port(), Some(5060));
/// assert!(Request::build(Method::Options, uri.as_str()).finish().is_ok());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UriBuf(String);

impl UriBuf {
    /// The URI as it is written.
    ///
    /// ```
    /// use sip_message::rsip::UriBuf;
    ///
    /// let theirs = rsip::Uri {
    ///     scheme: Some(rsip::Scheme::Sip),
    ///     host_with_port: rsip::Host::from("home1.example").into(),
    ///     ..rsip::Uri::default()
    /// };
    /// assert_eq!(UriBuf::try_from(&theirs)?.as_str(), "sip:home1.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URI.
    ///
    /// ```
    /// use sip_message::rsip::UriBuf;
    ///
    /// let theirs = rsip::Uri { scheme: Some(rsip::Scheme::Sips), ..rsip::Uri::default() };
    /// assert!(UriBuf::try_from(&theirs)?.uri()?.is_scheme("sips"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// None: the text was parsed when this was made.
    pub fn uri(&self) -> Result<Uri<'_>, ValueError> {
        Uri::parse(self.0.as_bytes())
    }
}

impl fmt::Display for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Size, never content.
impl fmt::Debug for UriBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UriBuf({} bytes)", self.0.len())
    }
}

impl TryFrom<&::rsip::Uri> for UriBuf {
    type Error = ConversionError;

    /// The same URI. Each part has to be what its rule says, so that none can become another when they are written one
    /// after the other.
    ///
    /// # Errors
    /// A scheme other than `sip` and `sips`, or none; `headers`; a part that is malformed.
    fn try_from(from: &::rsip::Uri) -> Result<Self, ConversionError> {
        let mut out = match &from.scheme {
            Some(Scheme::Sip) => "sip:".to_owned(),
            Some(Scheme::Sips) => "sips:".to_owned(),
            Some(Scheme::Other(_)) | None => {
                return Err(ConversionError::new(SUBJECT, ConversionErrorKind::Scheme));
            }
        };
        if !from.headers.is_empty() {
            return Err(ConversionError::new(
                SUBJECT,
                ConversionErrorKind::UriHeaders,
            ));
        }
        if let Some(auth) = &from.auth {
            if !is_escaped(USER, &auth.user) {
                return Err(ConversionError::malformed("user"));
            }
            out.push_str(&auth.user);
            if let Some(password) = &auth.password {
                if !password.is_empty() && !is_escaped(PASSWORD, password) {
                    return Err(ConversionError::malformed("password"));
                }
                out.push(':');
                out.push_str(password);
            }
            out.push('@');
        }
        out.push_str(&hostport(&from.host_with_port)?);
        params::write(&mut out, &SUBJECT, &from.params, |name, value| {
            is_escaped(PARAMCHAR, name) && value.is_none_or(|value| is_escaped(PARAMCHAR, value))
        })?;
        Uri::parse(out.as_bytes())?;
        Ok(UriBuf(out))
    }
}
