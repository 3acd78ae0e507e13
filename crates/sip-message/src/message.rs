use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use bytes::Bytes;
use memchr::memchr;

use crate::error::{ParseErrorKind, Subject, ValueError};
use crate::headers::Headers;
use crate::method::Method;
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::value::Uri;
use crate::writer::Writer;

/// A request or a response (RFC 3261 §7).
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, Method};
///
/// let bytes = Bytes::from_static(b"MESSAGE sip:ann@home1.example SIP/2.0\r\nContent-Length: 2\r\n\r\nhi");
/// match Message::parse_datagram(bytes, &Limits::default())? {
///     Message::Request(request) => assert_eq!(request.method(), &Method::Message),
///     Message::Response(response) => panic!("a response: {}", response.status()),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum Message {
    /// A request.
    Request(Request),
    /// A response.
    Response(Response),
}

impl Message {
    /// The header fields.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\ni: 1@192.0.2.1\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// assert_eq!(message.headers().call_id()?, b"1@192.0.2.1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> &Headers {
        &self.raw().headers
    }

    /// The body.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi, what follows is cut off");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// assert_eq!(message.body(), "hi");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> &Bytes {
        &self.raw().body
    }

    /// The whole message as it came, or as it was built.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nX-Own :as  it  came\r\n\r\n");
    /// let message = Message::parse_datagram(bytes.clone(), &Limits::default())?;
    /// assert_eq!(message.as_bytes(), &bytes);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw().headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nContent-Length: 100\r\n\r\nthe rest was lost");
    /// assert!(Message::parse_datagram(bytes, &Limits::default())?.truncated());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn truncated(&self) -> bool {
        self.raw().truncated
    }

    /// The request, if it is one.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, Method, Request};
    ///
    /// let bytes = Bytes::from_static(b"OPTIONS sip:home1.example SIP/2.0\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// assert_eq!(message.request().map(Request::method), Some(&Method::Options));
    /// assert!(message.response().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn request(&self) -> Option<&Request> {
        match self {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        }
    }

    /// The response, if it is one.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, Response, StatusCode};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 180 Ringing\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// assert_eq!(message.response().map(Response::status), Some(StatusCode::RINGING));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn response(&self) -> Option<&Response> {
        match self {
            Message::Request(_) => None,
            Message::Response(response) => Some(response),
        }
    }

    /// The request, if it is one: [`Message::request`] without the borrow.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, Method};
    ///
    /// let bytes = Bytes::from_static(b"OPTIONS sip:home1.example SIP/2.0\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// let mut request = message.into_request().ok_or("a response")?;
    /// request.set_source("192.0.2.1:5060".parse()?);
    /// assert_eq!(request.method(), &Method::Options);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_request(self) -> Option<Request> {
        match self {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        }
    }

    /// The response, if it is one: [`Message::response`] without the borrow.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 404 Not Found\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// let response = message.into_response().ok_or("a request")?;
    /// assert!(response.status().is_final());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_response(self) -> Option<Response> {
        match self {
            Message::Request(_) => None,
            Message::Response(response) => Some(response),
        }
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
    /// Why lines of the head may be missing in the index, or the body: such a message is there to be answered only.
    pub(crate) torn: Option<ParseErrorKind>,
}

impl Raw {
    /// Where the line after the start line begins.
    pub(crate) fn first_line_end(&self) -> usize {
        let bytes = &self.headers.bytes;
        match self.headers.index.fields().first() {
            Some(field) if self.torn.is_none() => field.line(),
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
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message};
///
/// let bytes = Bytes::from_static(
///     b"MESSAGE sip:mcptt-server@home1.example SIP/2.0\r\n\
///       P-Asserted-Identity: <sip:ann@home1.example>\r\n\
///       Content-Type: text/plain\r\n\r\nhello",
/// );
/// let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
/// assert_eq!(request.uri()?.user(), Some(&b"mcptt-server"[..]));
/// assert_eq!(request.headers().p_asserted_identities()?[0].uri_bytes(), b"sip:ann@home1.example");
/// assert_eq!(format!("{request:?}"), "Request(MESSAGE, 127 bytes, body 5)"); // never content
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Publish, "sip:ann@home1.example").finish()?;
    /// assert_eq!(request.method(), &Method::Publish);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI as it came.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Options, "SIP:Ann@home1.example").finish()?;
    /// assert_eq!(request.uri_bytes(), b"SIP:Ann@home1.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn uri_bytes(&self) -> &[u8] {
        self.as_bytes().get(self.uri.clone()).unwrap_or_default()
    }

    /// The Request-URI.
    ///
    /// ```
    /// use sip_message::{Host, Method, Request, Subject};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example;transport=tcp").finish()?;
    /// assert_eq!(request.uri()?.host(), Some(Host::Name(b"home1.example")));
    ///
    /// let request = Request::build(Method::Register, "home1.example").finish()?;
    /// assert_eq!(request.uri().unwrap_err().subject, Subject::RequestUri);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"OPTIONS sip:home1.example SIP/7.0\r\n\r\n");
    /// let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
    /// assert!(!request.version_is_sip2()); // owed a 505
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn version_is_sip2(&self) -> bool {
        self.sip2
    }

    /// Is the request line spaced as RFC 3261 §7.1 says?
    pub(crate) fn request_line_is_clean(&self) -> bool {
        self.clean_line
    }

    /// The header fields.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:ann@home1.example")
    ///     .header(HeaderName::MaxForwards, "70")
    ///     .finish()?;
    /// assert_eq!(request.headers().first(&HeaderName::MaxForwards), Some(&b"70"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> &Headers {
        &self.raw.headers
    }

    /// The body.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:ann@home1.example").body("text/plain", "hello").finish()?;
    /// let kept = request.body().clone(); // shares the bytes of the request
    /// assert_eq!(kept, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }

    /// The whole request as it came, or as it was built.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// assert_eq!(request.as_bytes(), "OPTIONS sip:home1.example SIP/2.0\r\nContent-Length: 0\r\n\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw.headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"MESSAGE sip:ann@home1.example SIP/2.0\r\nl: 9\r\n\r\nhello");
    /// let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
    /// assert!(request.truncated()); // owed a 400
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn truncated(&self) -> bool {
        self.raw.truncated
    }

    /// Where the transport saw the datagram come from: copied into `received`/`rport` of the top Via of responses
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// let mut request = Request::build(Method::Options, "sip:home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP phone.example;branch=z9hG4bK1;rport")
    ///     .finish()?;
    /// request.set_source("192.0.2.1:9988".parse()?);
    /// let response = Response::to(&request, StatusCode::OK, None).finish()?;
    /// let via = response.headers().top_via()?;
    /// assert_eq!((via.rport(), via.received()), (Some(Some(9988)), Some(&b"192.0.2.1"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_source(&mut self, source: SocketAddr) {
        self.source = Some(source);
    }

    /// What [`Request::set_source`] was told.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let mut request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// assert_eq!(request.source(), None);
    /// request.set_source("[2001:db8::1]:5060".parse()?);
    /// assert_eq!(request.source().map(|source| source.port()), Some(5060));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    /// The same request with a Via pushed on top; all other bytes are copied as they are. Control characters are left
    /// out of the value, so that it stays one field. What is there to be answered only
    /// ([`ParseError::into_answerable`](crate::ParseError::into_answerable)) stays so.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Options, "sip:home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP a.example;branch=z9hG4bK1")
    ///     .finish()?;
    /// let sent = request.with_via("SIP/2.0/UDP b.example;branch=z9hG4bK2");
    /// assert_eq!(sent.headers().top_via()?.sent_by(), b"b.example");
    /// assert_eq!(sent.headers().vias().count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
        self.with(out.finish_as(&self.raw))
    }

    /// The same start line with other fields. Cloned one by one, since counting references to what is left behind takes
    /// its time.
    pub(crate) fn with(&self, raw: Raw) -> Request {
        Request {
            raw,
            method: self.method.clone(),
            uri: self.uri.clone(),
            sip2: self.sip2,
            clean_line: self.clean_line,
            source: self.source,
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
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, StatusCode};
///
/// let bytes = Bytes::from_static(b"SIP/2.0 404 Nobody\r\nWarning: 399 home1.example \"unknown\"\r\n\r\n");
/// let response = Message::parse_datagram(bytes, &Limits::default())?.into_response().ok_or("a request")?;
/// assert_eq!((response.status(), response.reason()), (StatusCode::NOT_FOUND, &b"Nobody"[..]));
/// assert_eq!(response.headers().warnings()?[0].code, 399);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Response {
    pub(crate) raw: Raw,
    pub(crate) status: StatusCode,
    pub(crate) reason: Range<usize>,
    pub(crate) sip2: bool,
}

impl Response {
    /// The status code.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::BUSY_HERE, None).finish()?;
    /// assert_eq!(response.status(), StatusCode::BUSY_HERE);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The reason phrase as it came; possibly empty, possibly not UTF-8.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 \xc3\x89tabli\r\n\r\n");
    /// let response = Message::parse_datagram(bytes, &Limits::default())?.into_response().ok_or("a request")?;
    /// assert_eq!(response.reason(), "Établi".as_bytes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reason(&self) -> &[u8] {
        self.as_bytes().get(self.reason.clone()).unwrap_or_default()
    }

    /// Is the version `SIP/2.0`? Without case (RFC 3261 §7.1).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"sip/2.0 200 OK\r\n\r\n");
    /// let response = Message::parse_datagram(bytes, &Limits::default())?.into_response().ok_or("a request")?;
    /// assert!(response.version_is_sip2());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn version_is_sip2(&self) -> bool {
        self.sip2
    }

    /// The header fields.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Register, "sip:home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None)
    ///     .header(HeaderName::Contact, "<sip:ann@192.0.2.7>;expires=600")
    ///     .finish()?;
    /// assert_eq!(response.headers().contacts()?[0].expires(), Some(600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn headers(&self) -> &Headers {
        &self.raw.headers
    }

    /// The body.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Invite, "sip:ann@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None).body("application/sdp", "v=0\r\n").finish()?;
    /// assert_eq!(response.body(), "v=0\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }

    /// The whole response as it came, or as it was built.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None).finish()?;
    /// assert_eq!(response.as_bytes(), "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_bytes(&self) -> &Bytes {
        &self.raw.headers.bytes
    }

    /// Did Content-Length promise more than there was (RFC 3261 §18.3)?
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    /// let response = Message::parse_datagram(bytes, &Limits::default())?.into_response().ok_or("a request")?;
    /// assert!(!response.truncated());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

/// ```
/// use sip_message::{Message, Method, Request};
///
/// let message = Message::from(Request::build(Method::Options, "sip:home1.example").finish()?);
/// assert!(message.request().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
