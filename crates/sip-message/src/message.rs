use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use crate::error::{Subject, ValueError};
use crate::headers::Headers;
use crate::method::Method;
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::value::Uri;
use crate::writer::Writer;

/// A request or a response (RFC 3261 §7).
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.raw().headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.raw().body
    }

    /// The whole message as it came, or as it was built.
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw().headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    pub fn truncated(&self) -> bool {
        self.raw().truncated
    }

    fn raw(&self) -> &Raw {
        match self {
            Message::Request(request) => &request.raw,
            Message::Response(response) => &response.raw,
        }
    }
}

/// What requests and responses have in common. The message's bytes are those of the headers' index.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) headers: Headers,
    pub(crate) body: Bytes,
    pub(crate) truncated: bool,
    /// Were lines of the head left out of the index, because they cannot be represented? Such a message is there to be
    /// answered only.
    pub(crate) torn: bool,
}

impl Raw {
    /// Where the line after the start line begins.
    pub(crate) fn first_line_end(&self) -> usize {
        let bytes = &self.headers.bytes;
        match self.headers.index.fields().first() {
            Some(field) if !self.torn => field.line(),
            _ => memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1),
        }
    }

    /// Where the body begins.
    pub(crate) fn head_end(&self) -> usize {
        self.headers.bytes.len().saturating_sub(self.body.len())
    }

    /// Where the lines of the header fields end: before the blank line, which a message enclosed in another may lack.
    pub(crate) fn fields_end(&self) -> usize {
        let head_end = self.head_end();
        let head = self.headers.bytes.get(..head_end).unwrap_or_default();
        let blank = match head {
            [.., b'\n', b'\r', b'\n'] => 2,
            [.., b'\n', b'\n'] => 1,
            _ => 0,
        };
        head_end - blank
    }
}

/// A request: its bytes and an index. Cheap to clone.
#[derive(Clone)]
pub struct Request {
    pub(crate) raw: Raw,
    pub(crate) method: Method,
    pub(crate) uri: Range<usize>,
    pub(crate) sip2: bool,
    /// Exactly one blank between method, URI and version, and none after it (RFC 3261 §7.1).
    pub(crate) clean_line: bool,
    pub(crate) source: Option<SocketAddr>,
}

impl Request {
    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as it came.
    pub fn uri_bytes(&self) -> &[u8] {
        self.as_bytes().get(self.uri.clone()).unwrap_or_default()
    }

    /// The Request-URI.
    ///
    /// # Errors
    /// Malformed, with the place; more parameters than [`Limits::parameters`](crate::Limits::parameters).
    pub fn uri(&self) -> Result<Uri<'_>, ValueError> {
        let uri = Uri::parse(self.uri_bytes()).map_err(|error| ValueError {
            subject: Subject::RequestUri,
            ..error
        })?;
        if uri.pair_count() > self.headers().bounds.parameters {
            return Err(ValueError::too_many(Subject::RequestUri));
        }
        Ok(uri)
    }

    /// Is the version `SIP/2.0`? Without case (RFC 3261 §7.1).
    pub fn version_is_sip2(&self) -> bool {
        self.sip2
    }

    /// Is the request line spaced as RFC 3261 §7.1 says?
    pub(crate) fn request_line_is_clean(&self) -> bool {
        self.clean_line
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.raw.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }

    /// The whole request as it came, or as it was built.
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw.headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    pub fn truncated(&self) -> bool {
        self.raw.truncated
    }

    /// Where the transport saw the datagram come from: copied into `received`/`rport` of the top Via of responses
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// What [`Request::set_source`] was told.
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// The same request with a Via pushed on top; all other bytes are copied as they are. Control characters are left
    /// out of the value, so that it stays one field.
    pub fn with_via(&self, via_value: &str) -> Request {
        let old = self.as_bytes();
        let fields = self.headers().index.fields();
        let top = self.raw.first_line_end();
        let mut out = Writer::with_capacity(old.len() + via_value.len() + 8, fields.len() + 1);
        out.put(old.get(..top).unwrap_or_default());
        out.begin_field(&HeaderName::Via);
        via_value
            .trim()
            .split(|character: char| character.is_ascii_control())
            .for_each(|piece| out.put(piece.as_bytes()));
        out.end_field();
        out.keep(old, top, self.raw.fields_end(), fields);
        Request {
            raw: out.finish_as(&self.raw),
            ..self.clone()
        }
    }
}

/// Method and sizes, never content.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Request({}, {} bytes, body {})",
            self.method,
            self.as_bytes().len(),
            self.body().len()
        )
    }
}

/// A response: its bytes and an index. Cheap to clone.
#[derive(Clone)]
pub struct Response {
    pub(crate) raw: Raw,
    pub(crate) status: StatusCode,
    pub(crate) reason: Range<usize>,
    pub(crate) sip2: bool,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as it came; possibly empty, possibly not UTF-8.
    pub fn reason(&self) -> &[u8] {
        self.as_bytes().get(self.reason.clone()).unwrap_or_default()
    }

    /// Is the version `SIP/2.0`? Without case (RFC 3261 §7.1).
    pub fn version_is_sip2(&self) -> bool {
        self.sip2
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.raw.headers
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }

    /// The whole response as it came, or as it was built.
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw.headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    pub fn truncated(&self) -> bool {
        self.raw.truncated
    }
}

/// Status and sizes, never content.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Response({}, {} bytes, body {})",
            self.status,
            self.as_bytes().len(),
            self.body().len()
        )
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Message::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Message::Response(response)
    }
}
