//! Messages of our own making.

use std::sync::LazyLock;

use bytes::Bytes;

use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::grammar::{trim, trim_start};
use crate::headers::Bounds;
use crate::index::{Index, Names};
use crate::limits::Limits;
use crate::message::{Raw, Request, Response};
use crate::method::Method;
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::writer::Writer;

/// Start line and header fields as they come, and the body. The first mistake is kept and told by `finish`.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    out: Writer,
    body: Bytes,
    /// Of [`ONCE`], those that are written.
    once: Names,
    error: Option<BuildError>,
}

/// Fields that say who, which transaction, how far and what the body is: written once. The rules for a second one of any
/// other name are its reader's.
const ONCE: &[HeaderName] = &[
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::MaxForwards,
    HeaderName::ContentType,
];

static ONCE_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(ONCE));

/// Room for the head of a usual message.
pub(crate) const USUAL_BYTES: usize = 768;
const USUAL_FIELDS: usize = 16;
/// Room for `Content-Length` and the blank line.
const LAST_LINES: usize = 48;

/// The value of a field of a parsed message.
#[derive(Clone, Copy)]
pub(crate) struct Copied<'a> {
    pub(crate) value: &'a [u8],
    /// Whether there are line ends in it.
    pub(crate) folded: bool,
}

impl Draft {
    fn new(start_line: &[&[u8]], room: usize) -> Draft {
        Draft::in_writer(Writer::with_capacity(room, USUAL_FIELDS), start_line)
    }

    /// A response with its default reason phrase.
    pub(crate) fn of_status(status: StatusCode, out: Writer) -> Draft {
        let mut digits = [0; 20];
        let code = decimal(status.as_u16().into(), &mut digits);
        let reason = status.default_reason().as_bytes();
        Draft::in_writer(out, &[b"SIP/2.0 ", code, b" ", reason])
    }

    fn in_writer(mut out: Writer, start_line: &[&[u8]]) -> Draft {
        start_line.iter().for_each(|piece| out.put(piece));
        out.put(b"\r\n");
        Draft {
            out,
            body: Bytes::new(),
            once: Names::default(),
            error: None,
        }
    }

    pub(crate) fn header(&mut self, name: HeaderName, value: &[u8]) {
        if name == HeaderName::ContentLength {
            return;
        }
        if !name.is_token() {
            return self.fail(Subject::Header(name), BuildErrorKind::Malformed);
        }
        if has_control(value) {
            return self.fail(Subject::Header(name), BuildErrorKind::ControlCharacter);
        }
        if !self.is_first(&name) {
            return self.fail(Subject::Header(name), BuildErrorKind::Duplicate);
        }
        self.out.field(&name, trim(value));
    }

    /// False for the second field of a name that stands once.
    fn is_first(&mut self, name: &HeaderName) -> bool {
        let name = Names::only(name.number()).and(*ONCE_NAMES);
        let first = self.once.and(name).is_empty();
        self.once = self.once.with(name);
        first
    }

    /// Writes a field as it stands in a parsed message, and what follows its value.
    pub(crate) fn copy(&mut self, name: &HeaderName, field: Copied<'_>, more: &[&[u8]]) {
        self.is_first(name);
        self.out.begin_field(name);
        self.piece(field, field.value);
        more.iter().for_each(|piece| self.out.put(piece));
        self.out.end_field();
    }

    /// A piece of a value, between `begin_copy` and `end_copy`. Folding becomes a blank, since the bytes between lines are
    /// the sender's own.
    pub(crate) fn piece(&mut self, of: Copied<'_>, piece: &[u8]) {
        if !of.folded {
            return self.out.put(piece);
        }
        let mut lines = piece.split(|byte| matches!(byte, b'\r' | b'\n'));
        self.out.put(lines.next().unwrap_or_default());
        for line in lines.filter(|line| !line.is_empty()) {
            self.out.put(b" ");
            self.out.put(trim_start(line));
        }
    }

    /// What is written here and no piece of another message.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.out.put(bytes);
    }

    pub(crate) fn begin_copy(&mut self, name: &HeaderName) {
        self.out.begin_field(name);
    }

    pub(crate) fn end_copy(&mut self) {
        self.out.end_field();
    }

    pub(crate) fn body(&mut self, content_type: &str, body: Bytes) {
        self.header(HeaderName::ContentType, content_type.as_bytes());
        self.body = body;
    }

    pub(crate) fn fail(&mut self, subject: Subject, kind: BuildErrorKind) {
        self.error.get_or_insert(BuildError { subject, kind });
    }

    /// The bytes of a message without a body.
    pub(crate) fn finish_bytes(mut self) -> Result<Bytes, BuildError> {
        match self.error {
            Some(error) => Err(error),
            None => {
                self.out.field(&HeaderName::ContentLength, b"0");
                Ok(self.out.finish_bytes())
            }
        }
    }

    /// The message; `start_line` comes instead of the one that it began with.
    fn finish(self, start_line: Option<&[&[u8]]>) -> Result<Raw, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut out = match start_line {
            None => self.out,
            Some(start_line) => {
                let line: usize = start_line.iter().map(|piece| piece.len()).sum();
                let mut out = Writer::with_capacity(line + 2 + self.out.len(), USUAL_FIELDS);
                start_line.iter().for_each(|piece| out.put(piece));
                out.put(b"\r\n");
                out.append_fields(&self.out);
                out
            }
        };
        let length = out.len().saturating_add(self.body.len());
        if length.saturating_add(LAST_LINES) > Index::MOST_BYTES {
            return Err(BuildError {
                subject: Subject::Value("message"),
                kind: BuildErrorKind::TooLarge,
            });
        }
        out.reserve(LAST_LINES + self.body.len());
        let mut digits = [0; 20];
        let length = decimal(self.body.len(), &mut digits);
        out.field(&HeaderName::ContentLength, length);
        Ok(out.finish(&self.body, Bounds::of(&Limits::default())))
    }
}

/// A number as it is written.
pub(crate) fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).unwrap_or_default()
}

/// May this stand as a Request-URI? What is no URI otherwise is its reader's to find; but blanks end one, brackets and
/// quotes are what stands around one, and bytes above ASCII are escaped in one (RFC 3261 §7.1, §19.1.2).
pub(crate) fn is_request_uri(uri: &[u8]) -> bool {
    let stands_in_none = |byte: &u8| matches!(byte, 0..=b' ' | 0x7f..=0xff | b'<' | b'>' | b'"');
    !uri.is_empty() && !uri.iter().any(stands_in_none)
}

/// CR, LF and NUL are what ends lines or strings for somebody.
pub(crate) fn has_control(value: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, value).is_some()
}

/// Builds a request; see [`Request::build`].
///
/// ```
/// use sip_message::{HeaderName, Method, Request};
///
/// let mut builder = Request::build(Method::Register, "sip:home1.example").header(HeaderName::MaxForwards, "70");
/// for contact in ["<sip:ann@192.0.2.7>", "<sip:ann@192.0.2.8>"] {
///     builder = builder.header(HeaderName::Contact, contact);
/// }
/// assert_eq!(builder.finish()?.headers().contacts()?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    method: Method,
    uri: Vec<u8>,
    draft: Draft,
}

impl Request {
    /// Begins a request: a method and its Request-URI. Header fields follow in the order they are given.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:server@example.org")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport")
    ///     .header(HeaderName::From, "<sip:a@example.org>;tag=1")
    ///     .header(HeaderName::To, "<sip:server@example.org>")
    ///     .header(HeaderName::CallId, "1@192.0.2.1")
    ///     .header(HeaderName::CSeq, "1 MESSAGE")
    ///     .body("text/plain", "hello")
    ///     .finish()
    ///     .unwrap();
    /// assert!(request.as_bytes().ends_with(b"Content-Length: 5\r\n\r\nhello"));
    ///
    /// let injected = Request::build(Method::Message, "sip:server@example.org")
    ///     .header(HeaderName::Subject, "hello\r\nP-Asserted-Identity: <sip:boss@example.org>")
    ///     .finish();
    /// assert_eq!(injected.unwrap_err().to_string(), "Subject: control character");
    /// ```
    pub fn build(method: Method, uri: &str) -> RequestBuilder {
        let method = method.canonical();
        RequestBuilder {
            draft: Draft::new(
                &[method.as_bytes(), b" ", uri.as_bytes(), b" SIP/2.0"],
                USUAL_BYTES,
            ),
            method,
            uri: uri.as_bytes().to_vec(),
        }
    }
}

impl RequestBuilder {
    /// Appends a header field. Content-Length is not taken: it is written last, and right.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let own = HeaderName::from_bytes(b"X-Own").unwrap();
    /// let request = Request::build(Method::Options, "sip:home1.example")
    ///     .header(HeaderName::Accept, "application/sdp")
    ///     .header(own, b"bytes, not text: \xff")
    ///     .finish()?;
    /// assert!(request.as_bytes().ends_with(b"X-Own: bytes, not text: \xff\r\nContent-Length: 0\r\n\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.draft.header(name, value.as_ref());
        self
    }

    /// Sets the body and appends its Content-Type.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:ann@home1.example")
    ///     .body("application/vnd.3gpp.mcptt-info+xml", "<mcpttinfo/>")
    ///     .finish()?;
    /// assert_eq!(request.headers().content_length()?, Some(12));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.draft.body(content_type, body.into());
        self
    }

    /// The request.
    ///
    /// ```
    /// use sip_message::{BuildErrorKind, Method, Request, Subject};
    ///
    /// assert!(Request::build(Method::Options, "sip:home1.example").finish().is_ok());
    /// let error = Request::build(Method::Options, "sip:home 1.example").finish().unwrap_err();
    /// assert_eq!((error.subject, error.kind), (Subject::RequestUri, BuildErrorKind::Malformed));
    /// ```
    ///
    /// # Errors
    /// What cannot be written without becoming something else: line ends in a value, blanks or brackets in the URI; a second
    /// From, To, Call-ID, CSeq, Max-Forwards or Content-Type.
    pub fn finish(mut self) -> Result<Request, BuildError> {
        if !self.method.is_token() {
            self.draft.fail(Subject::Method, BuildErrorKind::Malformed);
        }
        if has_control(&self.uri) {
            self.draft
                .fail(Subject::RequestUri, BuildErrorKind::ControlCharacter);
        }
        if !is_request_uri(&self.uri) {
            self.draft
                .fail(Subject::RequestUri, BuildErrorKind::Malformed);
        }
        let start = self.method.as_bytes().len() + 1;
        let raw = self.draft.finish(None)?;
        Ok(Request {
            raw,
            method: self.method,
            uri: start..start + self.uri.len(),
            sip2: true,
            clean_line: true,
            source: None,
        })
    }
}

impl Response {
    /// Begins a response to no request: with what is given and nothing else. [`Response::to`] copies what a response has
    /// from its request.
    ///
    /// ```
    /// use sip_message::{HeaderName, Response, StatusCode};
    ///
    /// // the body of a NOTIFY about a REFER (RFC 3515 §2.4.5)
    /// let fragment = Response::build(StatusCode::TRYING).finish()?;
    /// assert_eq!(fragment.as_bytes(), "SIP/2.0 100 Trying\r\nContent-Length: 0\r\n\r\n");
    /// let busy = Response::build(StatusCode::BUSY_HERE).header(HeaderName::RetryAfter, "60").finish()?;
    /// assert_eq!(busy.headers().retry_after()?, Some(60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(status: StatusCode) -> ResponseBuilder {
        ResponseBuilder::new(status, USUAL_BYTES)
    }
}

/// Builds a response; see [`Response::to`] and [`Response::build`].
///
/// ```
/// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
///
/// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
/// let mut builder = Response::to(&request, StatusCode::OK, Some("b0b"));
/// for method in [Method::Options, Method::Message] {
///     builder = builder.header(HeaderName::Allow, method.as_bytes());
/// }
/// assert_eq!(builder.finish()?.headers().allow()?, [b"OPTIONS", b"MESSAGE"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    status: StatusCode,
    /// Another reason phrase than the status has by default.
    reason: Option<Vec<u8>>,
    pub(crate) draft: Draft,
}

impl ResponseBuilder {
    /// With room for that many bytes.
    pub(crate) fn new(status: StatusCode, room: usize) -> Self {
        ResponseBuilder {
            status,
            reason: None,
            draft: Draft::of_status(status, Writer::with_capacity(room, USUAL_FIELDS)),
        }
    }

    /// Replaces the reason phrase.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::BAD_REQUEST, None).reason("Malformed CSeq").finish()?;
    /// assert!(response.as_bytes().starts_with(b"SIP/2.0 400 Malformed CSeq\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.as_bytes().to_vec());
        self
    }

    /// Appends a header field. Content-Length is not taken: it is written last, and right.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Publish, "sip:ann@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None)
    ///     .header(HeaderName::SipEtag, "dx200xyz")
    ///     .header(HeaderName::Expires, "1800")
    ///     .finish()?;
    /// assert_eq!(response.headers().sip_etag()?, Some(&b"dx200xyz"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.draft.header(name, value.as_ref());
        self
    }

    /// Sets the body and appends its Content-Type.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Invite, "sip:ann@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None).body("application/sdp", "v=0\r\n").finish()?;
    /// assert!(response.headers().content_type()?.is_some_and(|it| it.is("application", "sdp")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.draft.body(content_type, body.into());
        self
    }

    /// The response.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// let error = Response::to(&request, StatusCode::OK, None).reason("OK\r\nX: y").finish().unwrap_err();
    /// assert_eq!(error.to_string(), "Reason-Phrase: control character");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What cannot be written without becoming something else: line ends in a value or in the reason phrase; a second field
    /// of those that stand once, as for a request.
    pub fn finish(mut self) -> Result<Response, BuildError> {
        if self.reason.as_deref().is_some_and(has_control) {
            self.draft
                .fail(Subject::ReasonPhrase, BuildErrorKind::ControlCharacter);
        }
        let mut digits = [0; 20];
        let code = decimal(self.status.as_u16().into(), &mut digits);
        let start = b"SIP/2.0 ".len() + code.len() + 1;
        let (raw, length) = match &self.reason {
            None => (self.draft.finish(None)?, self.status.default_reason().len()),
            Some(reason) => {
                let line: [&[u8]; 4] = [b"SIP/2.0 ", code, b" ", reason];
                (self.draft.finish(Some(&line))?, reason.len())
            }
        };
        Ok(Response {
            raw,
            status: self.status,
            reason: start..start + length,
            sip2: true,
        })
    }
}
