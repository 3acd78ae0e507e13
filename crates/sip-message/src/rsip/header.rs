//! Header fields as they stand, without a look at what they mean.

use std::fmt;

use ::rsip::headers::{self, UntypedHeader};

use super::error::{ConversionError, ConversionErrorKind};
use super::text::{one_line, text};
use crate::error::{Subject, ValueErrorKind};
use crate::headers::Headers;
use crate::name::HeaderName;

/// A header field on its own: what [`Headers::iter`] gives, and what a builder takes.
///
/// ```
/// use sip_message::HeaderName;
/// use sip_message::rsip::HeaderField;
///
/// let field = HeaderField::from((HeaderName::Subject, &b"lunch"[..]));
/// let theirs = rsip::Header::try_from(&field).unwrap();
/// assert_eq!(theirs.to_string(), "Subject: lunch");
/// assert_eq!(HeaderField::try_from(&theirs).unwrap(), field);
///
/// let injected = rsip::Header::Subject("lunch\r\nPriority: emergency".into());
/// let error = HeaderField::try_from(&injected).unwrap_err();
/// assert_eq!(error.to_string(), "Subject: control character");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// The name.
    pub name: HeaderName,
    /// The value, without white space around it.
    pub value: Vec<u8>,
}

impl HeaderField {
    /// A field that was written from rsip's typed value, if it is what our own parser takes.
    pub(super) fn checked<T>(
        name: HeaderName,
        value: String,
        parse: impl FnOnce(&[u8]) -> Result<T, crate::ValueError>,
    ) -> Result<HeaderField, ConversionError> {
        let subject = Subject::Header(name.clone());
        one_line(&subject, &value)?;
        if let Err(error) = parse(value.as_bytes()) {
            return Err(ConversionError::from(error).within(subject));
        }
        let value = value.into_bytes();
        Ok(HeaderField { name, value })
    }
}

/// Name and size, never content.
impl fmt::Debug for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeaderField({}, {} bytes)", self.name, self.value.len())
    }
}

impl From<(HeaderName, &[u8])> for HeaderField {
    fn from((name, value): (HeaderName, &[u8])) -> Self {
        HeaderField {
            name,
            value: value.to_vec(),
        }
    }
}

macro_rules! known {
    ($($name:ident)*) => {
        /// The header field with this name and value.
        fn header(name: &HeaderName, value: String) -> ::rsip::Header {
            match name {
                $(HeaderName::$name => ::rsip::Header::$name(headers::$name::new(value)),)*
                other => ::rsip::Header::Other(other.as_str().to_owned(), value),
            }
        }

        /// Name and value; no name if it is no token.
        fn parts(header: &::rsip::Header) -> (Option<HeaderName>, &str) {
            match header {
                $(::rsip::Header::$name(untyped) => (Some(HeaderName::$name), untyped.value()),)*
                ::rsip::Header::Other(name, value) => {
                    (HeaderName::from_bytes(name.as_bytes()), value)
                }
            }
        }
    };
}

known! {
    Accept AcceptEncoding AcceptLanguage AlertInfo Allow AuthenticationInfo Authorization CSeq CallId CallInfo Contact
    ContentDisposition ContentEncoding ContentLanguage ContentLength ContentType Date ErrorInfo Event Expires From
    InReplyTo MaxForwards MimeVersion MinExpires Organization Priority ProxyAuthenticate ProxyAuthorization ProxyRequire
    RecordRoute ReplyTo Require RetryAfter Route Server Subject SubscriptionState Supported Timestamp To Unsupported
    UserAgent Via Warning WwwAuthenticate
}

/// The header field with this name and value, unless its value is not UTF-8.
fn convert(name: &HeaderName, value: &[u8]) -> Result<::rsip::Header, ConversionError> {
    // a name that was filled by hand may be a known one all the same
    let Some(known) = HeaderName::from_bytes(name.as_bytes()) else {
        let kind = ConversionErrorKind::Value(ValueErrorKind::Malformed);
        return Err(ConversionError::new(Subject::Header(name.clone()), kind));
    };
    let value = text(&Subject::Header(known.clone()), value)?;
    Ok(header(&known, value))
}

impl TryFrom<&HeaderField> for ::rsip::Header {
    type Error = ConversionError;

    /// The same field. Compact names become long ones, foldings become blanks, names that rsip does not know become
    /// `Other`.
    ///
    /// # Errors
    /// A value that is not UTF-8; a name that is no token.
    fn try_from(field: &HeaderField) -> Result<Self, ConversionError> {
        convert(&field.name, &field.value)
    }
}

impl TryFrom<&::rsip::Header> for HeaderField {
    type Error = ConversionError;

    /// The same field.
    ///
    /// # Errors
    /// A name that is no token; CR, LF or NUL in the value.
    fn try_from(header: &::rsip::Header) -> Result<Self, ConversionError> {
        let (name, value) = parts(header);
        let Some(name) = name else {
            return Err(ConversionError::malformed("header-name"));
        };
        one_line(&Subject::Header(name.clone()), value)?;
        let value = value.trim_ascii().as_bytes().to_vec();
        Ok(HeaderField { name, value })
    }
}

/// What is said of this header field, unless there is none: none and an empty one may differ (RFC 3261 §20.1).
pub(super) fn present(headers: &Headers, name: HeaderName) -> Result<Subject, ConversionError> {
    let there = headers.contains(&name);
    let subject = Subject::Header(name);
    if there {
        return Ok(subject);
    }
    let kind = ConversionErrorKind::Value(ValueErrorKind::Missing);
    Err(ConversionError::new(subject, kind))
}

impl TryFrom<&Headers> for ::rsip::Headers {
    type Error = ConversionError;

    /// The same fields, in the same order.
    ///
    /// # Errors
    /// A value that is not UTF-8, with the name of its field.
    fn try_from(headers: &Headers) -> Result<Self, ConversionError> {
        let all: Vec<::rsip::Header> = headers
            .iter()
            .map(|(name, value)| convert(&name, value))
            .collect::<Result<_, _>>()?;
        Ok(all.into())
    }
}
