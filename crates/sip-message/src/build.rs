//! Messages of our own making. What is built is parsed again, so that it is an indexed message like any other.

use bytes::{Bytes, BytesMut};

use crate::error::{BuildError, BuildErrorKind, ParseErrorKind, Subject};
use crate::limits::Limits;
use crate::message::{Message, Request, Response};
use crate::method::Method;
use crate::name::HeaderName;
use crate::status::StatusCode;

/// Collects the header fields and the body of a message. The first mistake is kept and told by `finish`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    fields: BytesMut,
    body: Bytes,
    error: Option<BuildError>,
}

impl Draft {
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
        self.copy(&name, &[value.trim_ascii()]);
    }

    /// Writes a field whose value comes from a parsed message: folding becomes a blank, since the bytes between lines
    /// are the sender's own.
    pub(crate) fn copy(&mut self, name: &HeaderName, pieces: &[&[u8]]) {
        self.fields.extend_from_slice(name.as_bytes());
        self.fields.extend_from_slice(b": ");
        for piece in pieces {
            let mut lines = piece.split(|byte| matches!(byte, b'\r' | b'\n'));
            self.fields
                .extend_from_slice(lines.next().unwrap_or_default());
            for line in lines.filter(|line| !line.is_empty()) {
                self.fields.extend_from_slice(b" ");
                self.fields.extend_from_slice(line.trim_ascii_start());
            }
        }
        self.fields.extend_from_slice(b"\r\n");
    }

    pub(crate) fn body(&mut self, content_type: &str, body: Bytes) {
        self.header(HeaderName::ContentType, content_type.as_bytes());
        self.body = body;
    }

    pub(crate) fn fail(&mut self, subject: Subject, kind: BuildErrorKind) {
        self.error.get_or_insert(BuildError { subject, kind });
    }

    fn finish(self, start_line: &[&[u8]]) -> Result<Message, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut bytes = BytesMut::with_capacity(self.fields.len() + self.body.len() + 256);
        for piece in start_line {
            bytes.extend_from_slice(piece);
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.fields);
        bytes.extend_from_slice(HeaderName::ContentLength.as_bytes());
        bytes.extend_from_slice(format!(": {}\r\n\r\n", self.body.len()).as_bytes());
        bytes.extend_from_slice(&self.body);
        let limits = unlimited();
        Message::parse_datagram(bytes.freeze(), &limits).map_err(|error| match error.kind {
            ParseErrorKind::StartLine | ParseErrorKind::NotSip => BuildError {
                subject: Subject::RequestUri,
                kind: BuildErrorKind::Malformed,
            },
            _ => BuildError {
                subject: Subject::Value("message"),
                kind: BuildErrorKind::Malformed,
            },
        })
    }
}

/// What we wrote ourselves is as long as it is.
pub(crate) fn unlimited() -> Limits {
    Limits {
        message: usize::MAX,
        header_fields: usize::MAX,
        header_bytes: usize::MAX,
        body: usize::MAX,
        ..Limits::default()
    }
}

/// CR, LF and NUL are what ends lines or strings for somebody.
pub(crate) fn has_control(value: &[u8]) -> bool {
    memchr::memchr3(b'\r', b'\n', 0, value).is_some()
}

/// Builds a request; see [`Request::build`].
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
        RequestBuilder {
            method,
            uri: uri.as_bytes().to_vec(),
            draft: Draft::default(),
        }
    }
}

impl RequestBuilder {
    /// Appends a header field. Content-Length is not taken: it is written last, and right.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.draft.header(name, value.as_ref());
        self
    }

    /// Sets the body and appends its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.draft.body(content_type, body.into());
        self
    }

    /// The request.
    ///
    /// # Errors
    /// What cannot be written without becoming something else: line ends in a value, blanks in the URI.
    pub fn finish(mut self) -> Result<Request, BuildError> {
        if !self.method.is_token() {
            self.draft.fail(Subject::Method, BuildErrorKind::Malformed);
        }
        if has_control(&self.uri) {
            self.draft
                .fail(Subject::RequestUri, BuildErrorKind::ControlCharacter);
        }
        if self.uri.is_empty() || self.uri.iter().any(|byte| *byte <= b' ' || *byte == 0x7f) {
            self.draft
                .fail(Subject::RequestUri, BuildErrorKind::Malformed);
        }
        match self
            .draft
            .finish(&[self.method.as_bytes(), b" ", &self.uri, b" SIP/2.0"])?
        {
            Message::Request(request) => Ok(request),
            Message::Response(_) => Err(BuildError {
                subject: Subject::Method,
                kind: BuildErrorKind::Malformed,
            }),
        }
    }
}

/// Builds a response; see [`Response::to`].
#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    status: StatusCode,
    reason: Vec<u8>,
    pub(crate) draft: Draft,
}

impl ResponseBuilder {
    pub(crate) fn new(status: StatusCode) -> Self {
        ResponseBuilder {
            status,
            reason: status.default_reason().as_bytes().to_vec(),
            draft: Draft::default(),
        }
    }

    /// Replaces the reason phrase.
    #[must_use]
    pub fn reason(mut self, reason: &str) -> Self {
        self.reason = reason.as_bytes().to_vec();
        self
    }

    /// Appends a header field. Content-Length is not taken: it is written last, and right.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.draft.header(name, value.as_ref());
        self
    }

    /// Sets the body and appends its Content-Type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.draft.body(content_type, body.into());
        self
    }

    /// The response.
    ///
    /// # Errors
    /// What cannot be written without becoming something else: line ends in a value or in the reason phrase.
    pub fn finish(mut self) -> Result<Response, BuildError> {
        if has_control(&self.reason) {
            self.draft
                .fail(Subject::ReasonPhrase, BuildErrorKind::ControlCharacter);
        }
        let code = self.status.to_string();
        match self
            .draft
            .finish(&[b"SIP/2.0 ", code.as_bytes(), b" ", &self.reason])?
        {
            Message::Response(response) => Ok(response),
            Message::Request(_) => Err(BuildError {
                subject: Subject::ReasonPhrase,
                kind: BuildErrorKind::Malformed,
            }),
        }
    }
}
