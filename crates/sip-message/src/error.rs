use std::fmt;

use crate::message::Request;
use crate::name::HeaderName;
use crate::status::StatusCode;

/// What an error is about. Never the text of a message: identities and tokens leak that way.
///
/// ```
/// use sip_message::{HeaderName, Subject, Uri};
///
/// let error = Uri::parse(b"sip:").unwrap_err();
/// assert_eq!(error.subject, Subject::Value("URI")); // parsed on its own
/// assert_eq!(Subject::from(HeaderName::CallId).to_string(), "Call-ID");
/// ```
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
            // A name that a program made up may hold line ends, and errors are logged.
            Subject::Header(name) if name.as_str().bytes().any(|b| b.is_ascii_control()) => {
                f.write_str("header field name")
            }
            Subject::Header(name) => fmt::Display::fmt(name, f),
            Subject::RequestUri => f.write_str("Request-URI"),
            Subject::Method => f.write_str("Method"),
            Subject::ReasonPhrase => f.write_str("Reason-Phrase"),
            Subject::Value(name) => f.write_str(name),
        }
    }
}

/// What is wrong with a value.
///
/// ```
/// use sip_message::{HeaderName, Method, Request, ValueErrorKind};
///
/// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
///     .header(HeaderName::CSeq, "one MESSAGE")
///     .finish()?;
/// assert_eq!(request.headers().cseq().unwrap_err().kind, ValueErrorKind::Malformed);
/// assert_eq!(request.headers().from().unwrap_err().kind, ValueErrorKind::Missing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
///
/// ```
/// use sip_message::{HeaderName, Method, Request};
///
/// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
///     .header(HeaderName::Route, "<sip:p1.example;lr>, <sip:p2.example;lr;lr>")
///     .finish()?;
/// let error = request.headers().routes().unwrap_err();
/// assert_eq!(error.header(), Some(&HeaderName::Route));
/// assert_eq!(error.to_string(), "Route: malformed at byte 36"); // the place, never the value
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use sip_message::{HeaderName, Uri, Via};
    ///
    /// let error = Via::parse(b"SIP/2.0/UDP").unwrap_err();
    /// assert_eq!(error.header(), Some(&HeaderName::Via));
    /// let error = Uri::parse(b"no scheme").unwrap_err();
    /// assert_eq!(error.header(), None);
    /// ```
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
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, ParseErrorKind};
///
/// let kind = |bytes| Message::parse_datagram(Bytes::from_static(bytes), &Limits::default()).unwrap_err().kind;
/// assert_eq!(kind(b""), ParseErrorKind::Empty);
/// assert_eq!(kind(b"GET / HTTP/1.1\r\n\r\n"), ParseErrorKind::NotSip);
/// assert_eq!(kind(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a"), ParseErrorKind::NoBlankLine);
/// ```
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
    ///
    /// ```
    /// use sip_message::{ParseErrorKind, StatusCode};
    ///
    /// assert_eq!(ParseErrorKind::HeaderLine.status(), StatusCode::BAD_REQUEST);
    /// assert_eq!(ParseErrorKind::BodyTooLarge.status(), StatusCode::REQUEST_ENTITY_TOO_LARGE);
    /// ```
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
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, ParseErrorKind};
///
/// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nno colon\r\n\r\n");
/// let error = Message::parse_datagram(bytes, &Limits::default()).unwrap_err();
/// assert_eq!((error.kind, error.offset), (ParseErrorKind::HeaderLine, 16));
/// assert!(error.answerable().is_none()); // a response is dropped
/// ```
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
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, Response};
    ///
    /// let bytes = Bytes::from_static(
    ///     b"OPTIONS sip:home1.example SIP/2.0\r\n\
    ///       Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
    ///       From: <sip:ann@home1.example>;tag=1\r\n\
    ///       To: <sip:home1.example>\r\n\
    ///       Call-ID: 1@192.0.2.1\r\n\
    ///       CSeq: 1 OPTIONS\r\n\
    ///       no colon\r\n\r\n",
    /// );
    /// let error = Message::parse_datagram(bytes, &Limits::default()).unwrap_err();
    /// let request = error.answerable().ok_or("no answer is owed")?;
    /// let response = Response::to(request, error.status(), Some("b0b")).finish()?;
    /// assert!(response.as_bytes().starts_with(b"SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP 192.0.2.1;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn answerable(&self) -> Option<&Request> {
        self.answerable.as_deref()
    }

    /// The same, to set the source on.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, Response};
    ///
    /// # let bytes = Bytes::from_static(
    /// #     b"OPTIONS sip:home1.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\
    /// #       From: <sip:ann@home1.example>;tag=1\r\nTo: <sip:home1.example>\r\n\
    /// #       Call-ID: 1@192.0.2.1\r\nCSeq: 1 OPTIONS\r\nno colon\r\n\r\n",
    /// # );
    /// let error = Message::parse_datagram(bytes, &Limits::default()).unwrap_err();
    /// let status = error.status();
    /// let mut request = error.into_answerable().ok_or("no answer is owed")?;
    /// request.set_source("192.0.2.1:5060".parse()?);
    /// let response = Response::to(&request, status, Some("b0b")).finish()?;
    /// assert_eq!(response.headers().top_via()?.received(), Some(&b"192.0.2.1"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_answerable(self) -> Option<Request> {
        self.answerable.map(|request| *request)
    }

    /// The status that the request is owed.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, StatusCode};
    ///
    /// let limits = Limits { body: 4, ..Limits::default() };
    /// let bytes = Bytes::from_static(b"MESSAGE sip:ann@home1.example SIP/2.0\r\nContent-Length: 5\r\n\r\nhello");
    /// let error = Message::parse_datagram(bytes, &limits).unwrap_err();
    /// assert_eq!(error.status(), StatusCode::REQUEST_ENTITY_TOO_LARGE);
    /// ```
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
///
/// ```
/// use sip_message::{BuildErrorKind, HeaderName, Method, Request};
///
/// let error = Request::build(Method::Message, "sip:ann@home1.example")
///     .header(HeaderName::Subject, "lunch\r\nPriority: emergency")
///     .finish()
///     .unwrap_err();
/// assert_eq!(error.kind, BuildErrorKind::ControlCharacter);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuildErrorKind {
    /// CR, LF or NUL: the value would add lines of its own (header injection).
    ControlCharacter,
    /// A name, method or tag that is not a token, a URI with what no URI has, a parameter that would be more than one.
    Malformed,
    /// A second field where there is one: readers would disagree on which one counts.
    Duplicate,
    /// No comma list, or nobody knows: it has no first value that could be taken out.
    NotAList,
    /// The message would be larger than any parser takes.
    TooLarge,
}

/// What could not be written, and why. Never the value itself.
///
/// ```
/// use sip_message::{Method, Request, Subject};
///
/// let error = Request::build(Method::Other("NOT A TOKEN".into()), "sip:home1.example").finish().unwrap_err();
/// assert_eq!(error.subject, Subject::Method);
/// assert_eq!(error.to_string(), "Method: malformed");
/// ```
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
            BuildErrorKind::Duplicate => "duplicate",
            BuildErrorKind::NotAList => "not a list",
            BuildErrorKind::TooLarge => "too large",
        };
        write!(f, "{}: {what}", self.subject)
    }
}

impl std::error::Error for BuildError {}
