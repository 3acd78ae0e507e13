//! Checks of a message on reception that do not depend on the application, and the answer each failure is owed.
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{Limits, Message, StatusCode, validate};
//!
//! let bytes = Bytes::from_static(
//!     b"OPTIONS sip:home1.example SIP/2.0\r\n\
//!       Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!       From: <sip:ann@home1.example>;tag=1\r\n\
//!       To: <sip:home1.example>\r\n\
//!       Call-ID: 1@192.0.2.1\r\n\
//!       CSeq: 1 INVITE\r\n\r\n",
//! );
//! // it can be represented, and still is not right
//! let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
//! let refusal = validate::request(&request).unwrap_err();
//! assert_eq!((refusal.status, &*refusal.reason), (StatusCode::BAD_REQUEST, "CSeq method does not match"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use crate::error::{ValueError, ValueErrorKind};
use crate::headers::Headers;
use crate::index::Names;
use crate::message::{Request, Response};
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::typed::address_parser;
use crate::value::{CSeq, NameAddr, Via};

/// Header fields that may stand once: a second one is taken by one reader and not by the next. From, To, Call-ID and
/// CSeq are checked on their own, Content-Length may be repeated with the same number.
const SINGULAR: &[HeaderName] = &[
    HeaderName::MaxForwards,
    HeaderName::AnswerMode,
    HeaderName::ContentType,
    HeaderName::ContentDisposition,
    HeaderName::ContentId,
    HeaderName::ContentTransferEncoding,
    HeaderName::Date,
    HeaderName::Event,
    HeaderName::Expires,
    HeaderName::FlowTimer,
    HeaderName::Identity,
    HeaderName::InfoPackage,
    HeaderName::Join,
    HeaderName::MaxBreadth,
    HeaderName::MimeVersion,
    HeaderName::MinExpires,
    HeaderName::MinSe,
    HeaderName::Organization,
    HeaderName::PAnswerState,
    HeaderName::PCalledPartyId,
    HeaderName::PChargingVector,
    HeaderName::PProfileKey,
    HeaderName::PServedUser,
    HeaderName::PUserDatabase,
    HeaderName::Priority,
    HeaderName::PrivAnswerMode,
    HeaderName::RAck,
    HeaderName::ReferSub,
    HeaderName::ReferTo,
    HeaderName::ReferredBy,
    HeaderName::Replaces,
    HeaderName::ReplyTo,
    HeaderName::RetryAfter,
    HeaderName::RSeq,
    HeaderName::Server,
    HeaderName::SessionExpires,
    HeaderName::SessionId,
    HeaderName::SipEtag,
    HeaderName::SipIfMatch,
    HeaderName::Subject,
    HeaderName::SubscriptionState,
    HeaderName::SuppressIfMatch,
    HeaderName::TargetDialog,
    HeaderName::Timestamp,
    HeaderName::UserAgent,
];

static SINGULAR_NAMES: LazyLock<Names> = LazyLock::new(|| Names::of(SINGULAR));

/// Why a request is refused, and the answer it is owed. The reason names the header field, never its value.
///
/// ```
/// use sip_message::{Method, Request, Response, validate};
///
/// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
/// let refusal = validate::request(&request).unwrap_err();
/// assert_eq!(refusal.to_string(), "400 Missing Via");
/// let response = Response::to(&request, refusal.status, Some("b0b")).reason(&refusal.reason).finish()?;
/// assert!(response.as_bytes().starts_with(b"SIP/2.0 400 Missing Via\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status to answer with.
    pub status: StatusCode,
    /// The reason phrase to answer with: `Malformed CSeq`, `Missing Call-ID`.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    fn bad_request(reason: &'static str) -> Self {
        Refusal {
            status: StatusCode::BAD_REQUEST,
            reason: Cow::Borrowed(reason),
        }
    }
}

impl From<ValueError> for Refusal {
    /// 400, and what is wrong with which header field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Refusal, Request};
    ///
    /// fn service(request: &Request) -> Result<Vec<u8>, Refusal> {
    ///     let services = request.headers().p_asserted_services()?; // what is malformed is refused
    ///     Ok(services.first().map_or_else(Vec::new, |service| service.after_scheme().to_vec()))
    /// }
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PAssertedService, "no URI")
    ///     .finish()?;
    /// assert_eq!(service(&request).unwrap_err().to_string(), "400 Malformed P-Asserted-Service");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fn from(error: ValueError) -> Self {
        let what = match error.kind {
            ValueErrorKind::Missing => "Missing",
            ValueErrorKind::Duplicate => "Duplicate",
            ValueErrorKind::Malformed => "Malformed",
            ValueErrorKind::TooMany => "Too many values in",
        };
        Refusal {
            status: StatusCode::BAD_REQUEST,
            reason: format!("{what} {}", error.subject).into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}

/// Checks a request on reception (RFC 3261 §8.2, §16.3 and §20): version, request line, the mandatory header fields,
/// singular ones, the values every element reads, and the body's length.
///
/// ```
/// use sip_message::{HeaderName, Method, Request, validate};
///
/// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
///     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
///     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
///     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
///     .header(HeaderName::CallId, "1@192.0.2.1")
///     .header(HeaderName::CSeq, "1 MESSAGE")
///     .finish()?;
/// assert_eq!(validate::request(&request), Ok(()));
///
/// let other = request.edit().set(HeaderName::CSeq, "1 INVITE").finish()?;
/// assert_eq!(validate::request(&other).unwrap_err().reason, "CSeq method does not match");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The answer that is owed: 505 for another version, 400 for all else; what
/// [`ParseError::status`](crate::ParseError::status) says if the request came out of such an error.
pub fn request(request: &Request) -> Result<(), Refusal> {
    essentials(request).map(|_| ())
}

/// What checking a request reads anyway: whoever goes on with it need not read it again.
///
/// ```
/// use sip_message::{HeaderName, Method, Request, validate};
///
/// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
/// #     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
/// #     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
/// #     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
/// #     .header(HeaderName::CallId, "1@192.0.2.1")
/// #     .header(HeaderName::CSeq, "1 MESSAGE")
/// #     .finish()?;
/// let validate::Essentials { top_via, from, to, call_id, cseq } = validate::essentials(&request)?;
/// assert_eq!((top_via.sent_by(), from.tag(), to.tag()), (&b"192.0.2.1"[..], Some(&b"1"[..]), None));
/// assert_eq!((call_id, cseq.number), (&b"1@192.0.2.1"[..], 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Essentials<'a> {
    /// The topmost Via.
    pub top_via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// CSeq.
    pub cseq: CSeq<'a>,
}

/// Checks a request as [`request()`] does, and gives the values that every element reads.
///
/// ```
/// use sip_message::{HeaderName, Method, Request, validate};
///
/// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
/// #     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
/// #     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
/// #     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
/// #     .header(HeaderName::CallId, "1@192.0.2.1")
/// #     .header(HeaderName::CSeq, "1 MESSAGE")
/// #     .finish()?;
/// assert_eq!(validate::essentials(&request)?.top_via.branch(), Some(&b"z9hG4bK1"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`request()`].
pub fn essentials(request: &Request) -> Result<Essentials<'_>, Refusal> {
    if let Some(kind) = request.raw.torn {
        return Err(Refusal {
            status: kind.status(),
            reason: kind.status().default_reason().into(),
        });
    }
    if !request.version_is_sip2() {
        return Err(Refusal {
            status: StatusCode::VERSION_NOT_SUPPORTED,
            reason: StatusCode::VERSION_NOT_SUPPORTED.default_reason().into(),
        });
    }
    let headers = request.headers();
    let essentials = core(headers)?;
    if !request.request_line_is_clean() {
        return Err(Refusal::bad_request("Malformed Request-Line"));
    }
    if !request.uri()?.headers().is_empty() {
        return Err(Refusal::bad_request("Headers in Request-URI"));
    }
    if essentials.cseq.method != request.method().as_bytes() {
        return Err(Refusal::bad_request("CSeq method does not match"));
    }
    values(headers)?;
    if request.truncated() {
        return Err(Refusal::bad_request("Content-Length larger than message"));
    }
    if !request.body().is_empty() && !headers.contains(&HeaderName::ContentType) {
        return Err(ValueError::missing(&HeaderName::ContentType).into());
    }
    Ok(essentials)
}

/// Checks a response on reception: what its transaction needs, the header fields of RFC 3261 §8.1.1 and its length. One that
/// fails is dropped, for responses are not answered; so nothing else is asked of it, and who reads another header field
/// sees then whether it is malformed.
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, validate};
///
/// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\n\r\n");
/// let response = Message::parse_datagram(bytes, &Limits::default())?.into_response().ok_or("a request")?;
/// assert_eq!(validate::response(&response).unwrap_err().to_string(), "From: missing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What is wrong, named by header field.
pub fn response(response: &Response) -> Result<(), ValueError> {
    response_essentials(response).map(|_| ())
}

/// Checks a response as [`response()`] does, and gives the values that every element reads.
///
/// ```
/// use sip_message::{HeaderName, Method, Request, Response, StatusCode, validate};
///
/// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
/// #     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
/// #     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
/// #     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
/// #     .header(HeaderName::CallId, "1@192.0.2.1")
/// #     .header(HeaderName::CSeq, "1 MESSAGE")
/// #     .finish()?;
/// let response = Response::to(&request, StatusCode::OK, Some("b0b")).finish()?;
/// assert_eq!(validate::response_essentials(&response)?.cseq.method, b"MESSAGE");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What is wrong, named by header field.
pub fn response_essentials(response: &Response) -> Result<Essentials<'_>, ValueError> {
    if !response.version_is_sip2() {
        return Err(ValueError::malformed("SIP-Version", 0));
    }
    let essentials = core(response.headers())?;
    response.headers().content_length()?;
    if response.truncated() {
        return Err(ValueError::malformed(HeaderName::ContentLength, 0));
    }
    Ok(essentials)
}

/// The header fields every message has (RFC 3261 §8.1.1), each right.
fn core(headers: &Headers) -> Result<Essentials<'_>, ValueError> {
    let top_via = top_of_vias(headers)?;
    Ok(Essentials {
        top_via,
        from: headers.from()?,
        to: headers.to()?,
        call_id: headers.call_id()?,
        cseq: headers.cseq()?,
    })
}

/// The topmost Via, all of them being right.
fn top_of_vias(headers: &Headers) -> Result<Via<'_>, ValueError> {
    let mut top = None;
    let right = headers.all_are_right(&HeaderName::Via, Via::read, |via| {
        top.get_or_insert(*via);
    });
    if let (true, Some(top)) = (right, top) {
        return Ok(top);
    }
    // which one is wrong, and where
    let mut vias = headers.vias();
    let missing = || ValueError::missing(&HeaderName::Via);
    let top = vias.next().ok_or_else(missing)??;
    vias.try_for_each(|via| via.map(|_| ()))?;
    Ok(top)
}

/// Header fields that may be absent but are not wrong.
fn values(headers: &Headers) -> Result<(), ValueError> {
    singular(headers)?;
    headers.max_forwards()?;
    headers.content_length()?;
    headers.content_type()?;
    headers.expires()?;
    headers.min_expires()?;
    headers.date()?;
    if headers.contains(&HeaderName::Contact) && !headers.contact_is_wildcard() {
        addresses(headers, &HeaderName::Contact)?;
    }
    for name in &[HeaderName::Route, HeaderName::RecordRoute] {
        if headers.contains(name) {
            addresses(headers, name)?;
        }
    }
    for name in &[HeaderName::Require, HeaderName::ProxyRequire] {
        if headers.contains(name) {
            headers.tokens(name)?;
        }
    }
    Ok(())
}

/// The values of a comma list of addresses are right.
fn addresses(headers: &Headers, name: &'static HeaderName) -> Result<(), ValueError> {
    let mut bracketed = true;
    let right = headers.all_are_right(name, NameAddr::read, |address| {
        bracketed &= address.is_bracketed();
    });
    if right && (bracketed || *name == HeaderName::Contact) {
        return Ok(());
    }
    // which one is wrong, and where
    headers
        .each(name, address_parser(name))
        .try_for_each(|address| address.map(|_| ()))
}

/// No singular header field stands twice.
fn singular(headers: &Headers) -> Result<(), ValueError> {
    let repeated = headers.index.repeated().and(*SINGULAR_NAMES);
    if repeated.is_empty() {
        return Ok(());
    }
    let again = SINGULAR
        .iter()
        .find(|name| repeated.contains(name.number()));
    again.map_or(Ok(()), |name| Err(ValueError::duplicate(name)))
}
