//! Whole messages.

use ::rsip::SipMessage;
use bytes::Bytes;

use super::error::{ConversionError, ConversionErrorKind};
use super::header::HeaderField;
use super::start_line::{status_line, wrong_version};
use super::uri::UriBuf;
use crate::build::ResponseBuilder;
use crate::build::USUAL_BYTES;
use crate::error::{Subject, ValueErrorKind};
use crate::message::{Message, Raw, Request, Response};
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::validate::{self, Refusal};

impl TryFrom<&Message> for SipMessage {
    type Error = ConversionError;

    /// The same message.
    ///
    /// # Errors
    /// What rsip cannot hold; see the [page of this module](crate::rsip).
    fn try_from(message: &Message) -> Result<Self, ConversionError> {
        Ok(match message {
            Message::Request(request) => SipMessage::Request(request.try_into()?),
            Message::Response(response) => SipMessage::Response(response.try_into()?),
        })
    }
}

impl TryFrom<&Request> for ::rsip::Request {
    type Error = ConversionError;

    /// The same request.
    ///
    /// # Errors
    /// What rsip cannot hold; see the [page of this module](crate::rsip).
    fn try_from(request: &Request) -> Result<Self, ConversionError> {
        let method = ::rsip::Method::try_from(request.method())?;
        if !request.request_line_is_clean() {
            return Err(ConversionError::malformed("Request-Line"));
        }
        let uri = ::rsip::Uri::try_from(&request.uri()?)
            .map_err(|error| error.within(Subject::RequestUri))?;
        let (version, headers, body) = parts(&request.raw, request.version_is_sip2())?;
        Ok(::rsip::Request {
            method,
            uri,
            version,
            headers,
            body,
        })
    }
}

impl TryFrom<&Response> for ::rsip::Response {
    type Error = ConversionError;

    /// The same response. The reason phrase is kept where rsip has no name for the code.
    ///
    /// ```
    /// use sip_message::{Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Options, "sip:home1.example").finish()?;
    /// let ours = Response::to(&request, StatusCode::BUSY_HERE, None).finish()?;
    /// let theirs = rsip::Response::try_from(&ours)?;
    /// assert_eq!(theirs.status_code, rsip::StatusCode::BusyHere);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What rsip cannot hold; see the [page of this module](crate::rsip).
    fn try_from(response: &Response) -> Result<Self, ConversionError> {
        let status_code = status_line(response)?;
        let (version, headers, body) = parts(&response.raw, response.version_is_sip2())?;
        Ok(::rsip::Response {
            status_code,
            version,
            headers,
            body,
        })
    }
}

/// What requests and responses have in common.
fn parts(
    raw: &Raw,
    sip2: bool,
) -> Result<(::rsip::Version, ::rsip::Headers, Vec<u8>), ConversionError> {
    if !sip2 {
        return Err(wrong_version());
    }
    if raw.torn.is_some() {
        return Err(ConversionError::malformed("message"));
    }
    if raw.truncated {
        let kind = ConversionErrorKind::Truncated;
        return Err(ConversionError::value("message", kind));
    }
    let headers = ::rsip::Headers::try_from(&raw.headers)?;
    Ok((::rsip::Version::V2, headers, raw.body.to_vec()))
}

impl TryFrom<&SipMessage> for Message {
    type Error = ConversionError;

    /// The same message, built and validated.
    ///
    /// # Errors
    /// What cannot be written without becoming something else; what would be refused on reception.
    fn try_from(message: &SipMessage) -> Result<Self, ConversionError> {
        Ok(match message {
            SipMessage::Request(request) => Message::Request(request.try_into()?),
            SipMessage::Response(response) => Message::Response(response.try_into()?),
        })
    }
}

impl TryFrom<&::rsip::Request> for Request {
    type Error = ConversionError;

    /// The same request, built and validated. Content-Length comes last.
    ///
    /// ```
    /// use sip_message::Request;
    ///
    /// let theirs = rsip::Request {
    ///     method: rsip::Method::Options,
    ///     uri: rsip::Uri { scheme: Some(rsip::Scheme::Sip), ..rsip::Uri::default() },
    ///     version: rsip::Version::V2,
    ///     headers: rsip::Headers::default(),
    ///     body: Vec::new(),
    /// };
    /// let error = Request::try_from(&theirs).unwrap_err();
    /// assert_eq!(error.to_string(), "request: Missing Via");
    /// ```
    ///
    /// # Errors
    /// What cannot be written without becoming something else; a Content-Length that is not the body's; what
    /// [`validate::request`] refuses.
    fn try_from(from: &::rsip::Request) -> Result<Self, ConversionError> {
        is_version_2(&from.version)?;
        let uri = UriBuf::try_from(&from.uri).map_err(|error| error.within(Subject::RequestUri))?;
        let mut builder = Request::build(from.method.into(), uri.as_str());
        for field in fields(&from.headers, &from.body)? {
            // the builder takes the body with its type; so the type keeps its place
            builder = match content_type(&field) {
                Some(kind) => builder.body(kind, Bytes::copy_from_slice(&from.body)),
                None => builder.header(field.name, field.value),
            };
        }
        let request = builder.finish()?;
        validate::request(&request)
            .map_err(|refusal| ConversionError::refused("request", refusal))?;
        Ok(request)
    }
}

impl TryFrom<&::rsip::Response> for Response {
    type Error = ConversionError;

    /// The same response, built and validated. A code that rsip has a name for gets its own reason phrase.
    ///
    /// # Errors
    /// What cannot be written without becoming something else; a Content-Length that is not the body's; what
    /// [`validate::response`] refuses.
    fn try_from(from: &::rsip::Response) -> Result<Self, ConversionError> {
        is_version_2(&from.version)?;
        let mut builder =
            ResponseBuilder::new(StatusCode::try_from(&from.status_code)?, USUAL_BYTES);
        if let ::rsip::StatusCode::Other(_, reason) = &from.status_code {
            builder = builder.reason(reason);
        }
        for field in fields(&from.headers, &from.body)? {
            builder = match content_type(&field) {
                Some(kind) => builder.body(kind, Bytes::copy_from_slice(&from.body)),
                None => builder.header(field.name, field.value),
            };
        }
        let response = builder.finish()?;
        validate::response(&response)
            .map_err(|error| ConversionError::refused("response", Refusal::from(error)))?;
        Ok(response)
    }
}

fn is_version_2(version: &::rsip::Version) -> Result<(), ConversionError> {
    match version {
        ::rsip::Version::V2 => Ok(()),
        ::rsip::Version::V1 => Err(wrong_version()),
    }
}

/// The value of a Content-Type.
fn content_type(field: &HeaderField) -> Option<&str> {
    let value = (field.name == HeaderName::ContentType).then_some(&field.value)?;
    std::str::from_utf8(value).ok()
}

/// The header fields, those aside that the builder writes. What they say of the body's length has to be so: which of
/// the two is right, nobody can tell.
fn fields(headers: &::rsip::Headers, body: &[u8]) -> Result<Vec<HeaderField>, ConversionError> {
    let mut fields = Vec::new();
    let mut typed = body.is_empty();
    for header in headers.iter() {
        let field = HeaderField::try_from(header)?;
        typed |= field.name == HeaderName::ContentType;
        if field.name != HeaderName::ContentLength {
            fields.push(field);
            continue;
        }
        let length: Result<usize, _> = crate::value::whole_number(&field.value);
        if length.ok() != Some(body.len()) {
            let kind = ConversionErrorKind::ContentLength;
            return Err(ConversionError::new(Subject::Header(field.name), kind));
        }
    }
    if !typed {
        let kind = ConversionErrorKind::Value(ValueErrorKind::Missing);
        let subject = Subject::Header(HeaderName::ContentType);
        return Err(ConversionError::new(subject, kind));
    }
    Ok(fields)
}
