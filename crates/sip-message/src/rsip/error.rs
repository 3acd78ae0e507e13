use std::borrow::Cow;
use std::fmt;

use crate::error::{BuildError, BuildErrorKind, Subject, ValueError, ValueErrorKind};
use crate::validate::Refusal;

/// Why something has no counterpart on the other side.
///
/// ```
/// use sip_message::Via;
/// use sip_message::rsip::ConversionErrorKind;
///
/// let via = Via::parse(b"SIP/2.0/DTLS-UDP a.example").unwrap();
/// let error = rsip::typed::Via::try_from(&via).unwrap_err();
/// assert_eq!(error.kind, ConversionErrorKind::Transport);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConversionErrorKind {
    /// Bytes that are not UTF-8: rsip holds `String`s.
    NotUtf8,
    /// A method outside rsip's list of them. Methods are case-sensitive, so `invite` is one too.
    Method,
    /// A version that the other side does not have.
    Version,
    /// A URI that is neither `sip` nor `sips`, or has no scheme.
    Scheme,
    /// `headers` of a URI, after the question mark: rsip has numbers where they would stand.
    UriHeaders,
    /// A transport outside rsip's list of them, in Via or in a URI.
    Transport,
    /// A display name where rsip has no place for one: Route, Record-Route, Reply-To.
    DisplayName,
    /// A parameter without value where rsip needs one.
    NoValue,
    /// No host, and rsip has place for a host only.
    Host,
    /// A message that is shorter than its Content-Length says.
    Truncated,
    /// A Content-Length that is not the length of the body.
    ContentLength,
    /// The value is not what its grammar says.
    Value(ValueErrorKind),
    /// The value cannot be written without becoming something else.
    Build(BuildErrorKind),
    /// The message as a whole would be refused on reception, and why.
    Refused(Cow<'static, str>),
}

/// What could not be converted, and why. Never the text of a message: identities and tokens leak that way.
///
/// ```
/// use sip_message::rsip::ConversionErrorKind;
/// use sip_message::{Subject, Uri};
///
/// let uri = Uri::parse(b"tel:+12015550123").unwrap();
/// let error = rsip::Uri::try_from(&uri).unwrap_err();
/// assert_eq!(error.subject, Subject::Value("URI"));
/// assert_eq!(error.kind, ConversionErrorKind::Scheme);
/// assert_eq!(error.to_string(), "URI: neither sip nor sips");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionError {
    /// The header field, the part of the start line or the value concerned.
    pub subject: Subject,
    /// Why there is no counterpart.
    pub kind: ConversionErrorKind,
}

impl ConversionError {
    pub(super) fn new(subject: Subject, kind: ConversionErrorKind) -> Self {
        ConversionError { subject, kind }
    }

    pub(super) fn value(name: &'static str, kind: ConversionErrorKind) -> Self {
        ConversionError::new(Subject::Value(name), kind)
    }

    pub(super) fn malformed(name: &'static str) -> Self {
        let kind = ConversionErrorKind::Value(ValueErrorKind::Malformed);
        ConversionError::value(name, kind)
    }

    /// The same error, told of what it was found in.
    pub(super) fn within(self, subject: Subject) -> Self {
        ConversionError { subject, ..self }
    }

    pub(super) fn refused(what: &'static str, refusal: Refusal) -> Self {
        ConversionError::value(what, ConversionErrorKind::Refused(refusal.reason))
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.kind {
            ConversionErrorKind::NotUtf8 => "not UTF-8",
            ConversionErrorKind::Method => "method without counterpart",
            ConversionErrorKind::Version => "version without counterpart",
            ConversionErrorKind::Scheme => "neither sip nor sips",
            ConversionErrorKind::UriHeaders => "headers in a URI",
            ConversionErrorKind::Transport => "transport without counterpart",
            ConversionErrorKind::DisplayName => "no place for a display name",
            ConversionErrorKind::NoValue => "parameter without value",
            ConversionErrorKind::Host => "no host",
            ConversionErrorKind::Truncated => "shorter than its Content-Length",
            ConversionErrorKind::ContentLength => "not the length of the body",
            ConversionErrorKind::Value(ValueErrorKind::Missing) => "missing",
            ConversionErrorKind::Value(ValueErrorKind::Duplicate) => "more than one",
            ConversionErrorKind::Value(ValueErrorKind::Malformed) => "malformed",
            ConversionErrorKind::Value(ValueErrorKind::TooMany) => "too many parameters or values",
            ConversionErrorKind::Build(BuildErrorKind::ControlCharacter) => "control character",
            ConversionErrorKind::Build(BuildErrorKind::Malformed) => "malformed",
            ConversionErrorKind::Build(BuildErrorKind::Duplicate) => "more than one",
            ConversionErrorKind::Build(BuildErrorKind::NotAList) => "not a list",
            ConversionErrorKind::Build(BuildErrorKind::TooLarge) => "too large",
            ConversionErrorKind::Refused(reason) => reason,
        };
        write!(f, "{}: {what}", self.subject)
    }
}

impl std::error::Error for ConversionError {}

impl From<ValueError> for ConversionError {
    fn from(error: ValueError) -> Self {
        ConversionError::new(error.subject, ConversionErrorKind::Value(error.kind))
    }
}

impl From<BuildError> for ConversionError {
    fn from(error: BuildError) -> Self {
        ConversionError::new(error.subject, ConversionErrorKind::Build(error.kind))
    }
}
