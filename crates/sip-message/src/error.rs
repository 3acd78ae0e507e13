use std::fmt;

use crate::message::Request;
use crate::name::HeaderName;
use crate::status::StatusCode;

/// What an error is about. Never the text of a message: identities and tokens leak that way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The value of this header field.
    Header(HeaderName),
    /// The request line's URI.
    RequestUri,
    /// The method in the request line.
    Method,
    /// The reason phrase of a status line.
    ReasonPhrase,
    /// A value that was parsed on its own, by the name the RFC gives it.
    Value(&'static str),
}

impl From<HeaderName> for Subject {
    fn from(name: HeaderName) -> Self {
        Subject::Header(name)
    }
}

/// The name a rule of the grammar has.
impl From<&'static str> for Subject {
    fn from(rule: &'static str) -> Self {
        Subject::Value(rule)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Header(name) => fmt::Display::fmt(name, f),
            Subject::RequestUri => f.write_str("Request-URI"),
            Subject::Method => f.write_str("Method"),
            Subject::ReasonPhrase => f.write_str("Reason-Phrase"),
            Subject::Value(name) => f.write_str(name),
        }
    }
}

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueErrorKind {
    /// The header field is not there.
    Missing,
    /// A header field that may stand once stands there more often.
    Duplicate,
    /// The value is not what its grammar says.
    Malformed,
    /// More parameters or values than [`Limits`](crate::Limits) allow.
    TooMany,
}

/// Why a typed value could not be had: what it is about, what is wrong, and where in the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueError {
    /// The header field or value concerned.
    pub subject: Subject,
    /// What is wrong.
    pub kind: ValueErrorKind,
    /// Where in the value, in bytes; 0 where that means nothing.
    pub offset: usize,
}

impl ValueError {
    pub(crate) fn new(subject: Subject, kind: ValueErrorKind) -> Self {
        ValueError {
            subject,
            kind,
            offset: 0,
        }
    }

    pub(crate) fn missing(name: &HeaderName) -> Self {
        ValueError::new(Subject::Header(name.clone()), ValueErrorKind::Missing)
    }

    pub(crate) fn duplicate(name: &HeaderName) -> Self {
        ValueError::new(Subject::Header(name.clone()), ValueErrorKind::Duplicate)
    }

    pub(crate) fn malformed(subject: impl Into<Subject>, offset: usize) -> Self {
        ValueError {
            subject: subject.into(),
            kind: ValueErrorKind::Malformed,
            offset,
        }
    }

    pub(crate) fn too_many(subject: impl Into<Subject>) -> Self {
        ValueError::new(subject.into(), ValueErrorKind::TooMany)
    }

    /// The same error, told of the header field it was found in, `shift` bytes further on.
    pub(crate) fn within(self, name: &HeaderName, shift: usize) -> Self {
        ValueError {
            subject: Subject::Header(name.clone()),
            kind: self.kind,
            offset: self.offset.saturating_add(shift),
        }
    }

    /// The header field concerned, if it is one.
    pub fn header(&self) -> Option<&HeaderName> {
        match &self.subject {
            Subject::Header(name) => Some(name),
            _ => None,
        }
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ValueErrorKind::Missing => write!(f, "{}: missing", self.subject),
            ValueErrorKind::Duplicate => write!(f, "{}: more than one", self.subject),
            ValueErrorKind::Malformed => {
                write!(f, "{}: malformed at byte {}", self.subject, self.offset)
            }
            ValueErrorKind::TooMany => write!(f, "{}: too many parameters or values", self.subject),
        }
    }
}

impl std::error::Error for ValueError {}

/// Why bytes could not be represented as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseErrorKind {
    /// No bytes at all.
    Empty,
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1, §4.4.1). No answer is owed to a datagram.
    KeepAlive,
    /// The first line is neither a request line nor a status line of any SIP version.
    NotSip,
    /// A start line of SIP, but without a method, URI or status code that can be represented.
    StartLine,
    /// A line of the head without a colon, without a token before it, or a continuation of nothing.
    HeaderLine,
    /// The head does not end. What follows could be taken for a body by one reader and for headers by the next.
    NoBlankLine,
    /// Longer than [`Limits::message`](crate::Limits::message).
    TooLarge,
    /// The head is longer than [`Limits::header_bytes`](crate::Limits::header_bytes).
    HeadTooLarge,
    /// The body is longer than [`Limits::body`](crate::Limits::body).
    BodyTooLarge,
    /// More header fields than [`Limits::header_fields`](crate::Limits::header_fields).
    TooManyHeaders,
    /// A carriage return in the head that does not end a line.
    BareCr,
    /// A NUL byte in the head that is not escaped in a quoted string.
    Nul,
    /// A message on a stream without a usable Content-Length: its end is unknown (RFC 3261 §18.3).
    ContentLength,
}

impl ParseErrorKind {
    /// The status that a request with this flaw is owed.
    pub fn status(self) -> StatusCode {
        match self {
            ParseErrorKind::TooLarge
            | ParseErrorKind::HeadTooLarge
            | ParseErrorKind::TooManyHeaders => StatusCode::MESSAGE_TOO_LARGE,
            ParseErrorKind::BodyTooLarge => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Bytes that are no message we can represent: why, and where.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where in the bytes handed in.
    pub offset: usize,
    pub(crate) answerable: Option<Box<Request>>,
}

impl ParseError {
    pub(crate) fn new(kind: ParseErrorKind, offset: usize) -> Self {
        ParseError {
            kind,
            offset,
            answerable: None,
        }
    }

    /// As much of the request as could be read, without its body, when it is enough to send [`ParseError::status`]
    /// back: a request with Via, From, To, Call-ID and CSeq, and not an ACK. For answering only.
    pub fn answerable(&self) -> Option<&Request> {
        self.answerable.as_deref()
    }

    /// The same, to set the source on.
    pub fn into_answerable(self) -> Option<Request> {
        self.answerable.map(|request| *request)
    }

    /// The status that the request is owed.
    pub fn status(&self) -> StatusCode {
        self.kind.status()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ParseErrorKind::Empty => "no bytes",
            ParseErrorKind::KeepAlive => "keep-alive",
            ParseErrorKind::NotSip => "not SIP",
            ParseErrorKind::StartLine => "malformed start line",
            ParseErrorKind::HeaderLine => "malformed header line",
            ParseErrorKind::NoBlankLine => "no blank line after the header",
            ParseErrorKind::TooLarge => "message too large",
            ParseErrorKind::HeadTooLarge => "header too large",
            ParseErrorKind::BodyTooLarge => "body too large",
            ParseErrorKind::TooManyHeaders => "too many header fields",
            ParseErrorKind::BareCr => "bare carriage return",
            ParseErrorKind::Nul => "NUL",
            ParseErrorKind::ContentLength => "no usable Content-Length",
        };
        write!(f, "{what} at byte {}", self.offset)
    }
}

impl std::error::Error for ParseError {}

/// Why a message could not be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuildErrorKind {
    /// CR, LF or NUL: the value would add lines of its own (header injection).
    ControlCharacter,
    /// A name, method or tag that is not a token, or a URI with blanks.
    Malformed,
    /// The message would be larger than any parser takes.
    TooLarge,
}

/// What could not be written, and why. Never the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// The header field or part of the start line concerned.
    pub subject: Subject,
    /// What is wrong with it.
    pub kind: BuildErrorKind,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            BuildErrorKind::ControlCharacter => "control character",
            BuildErrorKind::Malformed => "malformed",
            BuildErrorKind::TooLarge => "too large",
        };
        write!(f, "{}: {what}", self.subject)
    }
}

impl std::error::Error for BuildError {}
