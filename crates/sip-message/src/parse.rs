//! From bytes to a message: lines, names and ranges. Refuses only what cannot be represented.

mod head;
mod start_line;

use std::sync::Arc;

use bytes::Bytes;

pub(crate) use self::head::{Flaw, Head, next_line};
use self::start_line::{Start, may_begin};
use crate::error::{ParseError, ParseErrorKind};
use crate::headers::{Bounds, Field, Headers};
use crate::limits::Limits;
use crate::message::{Message, Raw, Request};
use crate::method::Method;
use crate::name::HeaderName;
use crate::value::whole_number;

impl Message {
    /// Parses one datagram (RFC 3261 §18.3). A body longer than Content-Length is cut to it; a shorter one is kept and
    /// [`Message::truncated`]; without Content-Length the body goes to the end. Line ends before the start line are
    /// skipped (§7.5). Lines may end in a bare LF.
    ///
    /// # Errors
    /// What cannot be represented, or is longer than the limits. Where a request can still be answered, the error
    /// holds it: [`ParseError::answerable`].
    pub fn parse_datagram(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        parse(bytes, limits, false)
    }

    /// Parses a message that is the body or a body part of another one (`message/sip`, RFC 3261 §27.5). Its blank line
    /// may be missing when it has no body, since the line end before a boundary belongs to the boundary.
    ///
    /// # Errors
    /// As [`Message::parse_datagram`].
    pub fn parse_enclosed(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        parse(bytes, limits, true)
    }
}

fn parse(bytes: Bytes, limits: &Limits, enclosed: bool) -> Result<Message, ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    let skipped = leading_line_ends(&bytes);
    if skipped == bytes.len() {
        return Err(ParseError::new(ParseErrorKind::KeepAlive, 0));
    }
    parse_message(bytes.slice(skipped..), limits, enclosed, None).map_err(|mut error| {
        error.offset += skipped;
        error
    })
}

/// How many bytes of line ends come first.
pub(crate) fn leading_line_ends(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    while let Some(tail) = rest
        .strip_prefix(b"\r\n")
        .or_else(|| rest.strip_prefix(b"\n"))
    {
        rest = tail;
    }
    bytes.len() - rest.len()
}

/// Parses what begins with a start line. A flaw that framing found before is told first.
pub(crate) fn parse_message(
    bytes: Bytes,
    limits: &Limits,
    enclosed: bool,
    framing: Option<Flaw>,
) -> Result<Message, ParseError> {
    let window = bytes.get(..limits.header_bytes).unwrap_or(&bytes);
    let Some(line) = next_line(window, 0) else {
        let sip = may_begin(window);
        let kind = match (sip, window.len() < bytes.len()) {
            (false, _) => ParseErrorKind::NotSip,
            (true, true) => ParseErrorKind::HeadTooLarge,
            (true, false) => ParseErrorKind::NoBlankLine,
        };
        let (kind, offset) = framing.unwrap_or((kind, window.len()));
        return Err(ParseError::new(kind, offset));
    };
    let start = Start::parse(&bytes, line.content).map_err(|kind| ParseError::new(kind, 0))?;
    let mut head = Head {
        fields: Vec::with_capacity(24),
        end: line.next,
        flaw: framing.or(line.flaw),
    };
    if bytes.len() > limits.message {
        head.flaw = Some((ParseErrorKind::TooLarge, limits.message));
    }
    head.read(&bytes, |name| bytes.slice(name), limits, enclosed);

    let bounds = Bounds {
        parameters: limits.parameters.min(Limits::MOST_PARAMETERS),
        values: limits.values,
    };
    let (mut end, mut truncated) = (bytes.len(), false);
    if head.flaw.is_some() {
        end = head.end.min(bytes.len());
    } else if let Length::Exactly(length) = declared_length(&bytes, &head.fields) {
        match head.end.checked_add(length).filter(|cut| *cut <= end) {
            Some(cut) => end = cut,
            None => truncated = true,
        }
    }
    if head.flaw.is_none() && end - head.end > limits.body {
        head.flaw = Some((
            ParseErrorKind::BodyTooLarge,
            head.end.saturating_add(limits.body),
        ));
        end = head.end;
    }
    let body = bytes.slice(head.end.min(end)..end);
    let headers = Headers {
        bytes: bytes.slice(..end),
        fields: Arc::new(head.fields),
        bounds,
    };
    let message = start.message(Raw {
        headers,
        body,
        truncated,
    });
    match head.flaw {
        None => Ok(message),
        Some((kind, offset)) => Err(ParseError {
            kind,
            offset,
            answerable: answerable(message),
        }),
    }
}

/// Is there all that a response copies (RFC 3261 §8.2.6)?
fn answerable(message: Message) -> Option<Box<Request>> {
    let Message::Request(request) = message else {
        return None;
    };
    let copied = [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
    ];
    let enough = copied.iter().all(|name| request.headers().contains(name));
    (enough && *request.method() != Method::Ack).then(|| Box::new(request))
}

/// What Content-Length says.
pub(crate) enum Length {
    /// There is none, or none that can be used: validation names it.
    Unknown,
    /// All fields say so.
    Exactly(usize),
}

/// Digits that do not fit count as the largest number: longer than anything that can have come.
pub(crate) fn declared_length(bytes: &[u8], fields: &[Field]) -> Length {
    let mut length = None;
    for field in fields
        .iter()
        .filter(|field| field.name == HeaderName::ContentLength)
    {
        let value = bytes.get(field.start..field.end).unwrap_or_default();
        let next = match whole_number(value) {
            Ok(number) => number,
            Err(_) if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => usize::MAX,
            Err(_) => return Length::Unknown,
        };
        if length.is_some_and(|length| length != next) {
            return Length::Unknown;
        }
        length = Some(next);
    }
    length.map_or(Length::Unknown, Length::Exactly)
}
