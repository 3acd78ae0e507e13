//! From bytes to a message: lines, names and ranges. Refuses only what cannot be represented.

mod head;
mod start_line;

use std::sync::Arc;

use bytes::{Buf, Bytes};

use self::head::first_line;
pub(crate) use self::head::{Flaw, Head};
use self::start_line::{Start, may_begin};
use crate::error::{ParseError, ParseErrorKind};
use crate::headers::{Bounds, Headers};
use crate::index::Index;
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
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message, ParseErrorKind};
    ///
    /// let bytes = Bytes::from_static(b"\r\nSIP/2.0 200 OK\nContent-Length: 2\n\nhi");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// assert_eq!(message.body(), "hi");
    ///
    /// let keep_alive = Message::parse_datagram(Bytes::from_static(b"\r\n\r\n"), &Limits::default());
    /// assert_eq!(keep_alive.unwrap_err().kind, ParseErrorKind::KeepAlive);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let body = Bytes::from_static(b"SIP/2.0 486 Busy Here\r\nCSeq: 1 INVITE\r\n");
    /// assert!(Message::parse_datagram(body.clone(), &Limits::default()).is_err()); // no blank line
    /// let message = Message::parse_enclosed(body, &Limits::default())?;
    /// assert_eq!(message.headers().cseq()?.method, b"INVITE");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Message::parse_datagram`].
    pub fn parse_enclosed(bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        parse(bytes, limits, true)
    }
}

fn parse(mut bytes: Bytes, limits: &Limits, enclosed: bool) -> Result<Message, ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::new(ParseErrorKind::Empty, 0));
    }
    let skipped = leading_line_ends(&bytes);
    if skipped == bytes.len() {
        return Err(ParseError::new(ParseErrorKind::KeepAlive, 0));
    }
    bytes.advance(skipped);
    parse_message(bytes, limits, enclosed).map_err(|mut error| {
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

/// Parses what begins with a start line.
fn parse_message(bytes: Bytes, limits: &Limits, enclosed: bool) -> Result<Message, ParseError> {
    if bytes.len() > Index::MOST_BYTES {
        return Err(ParseError::new(ParseErrorKind::TooLarge, Index::MOST_BYTES));
    }
    match Beginning::read(&bytes, limits, enclosed) {
        Ok(beginning) => beginning.message(bytes, limits),
        Err((kind, offset)) => Err(ParseError::new(kind, offset)),
    }
}

/// Start line and head: all of a message but its body.
#[derive(Debug)]
pub(crate) struct Beginning {
    start: Start,
    head: Head,
}

impl Beginning {
    /// Reads start line and header fields.
    ///
    /// # Errors
    /// No start line of SIP. Flaws of the head are kept: a request may have to be answered.
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8], limits: &Limits, enclosed: bool) -> Result<Beginning, Flaw> {
        let window = bytes.get(..limits.header_bytes).unwrap_or(bytes);
        let Some(line) = first_line(window) else {
            let kind = match (may_begin(window), window.len() < bytes.len()) {
                (false, _) => ParseErrorKind::NotSip,
                (true, true) => ParseErrorKind::HeadTooLarge,
                (true, false) => ParseErrorKind::NoBlankLine,
            };
            return Err((kind, window.len()));
        };
        let content = bytes.get(line.content).unwrap_or_default();
        let start = Start::parse(content).map_err(|kind| (kind, 0))?;
        let mut head = Head::read(bytes, line.next, limits, enclosed);
        head.flaw = line.flaw.or(head.flaw);
        Ok(Beginning { start, head })
    }

    /// The first flaw.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        self.head.flaw
    }

    /// The same with a flaw that counts more than its own.
    pub(crate) fn flawed(mut self, flaw: Flaw) -> Beginning {
        self.head.flaw = Some(flaw);
        self
    }

    /// What Content-Length says of the body; `bytes` are those that were read.
    pub(crate) fn declared_length(&self, bytes: &[u8]) -> Length {
        declared_length(bytes, &self.head.index)
    }

    /// The message that begins like this, with its body. `bytes` begin with those that were read.
    ///
    /// # Errors
    /// The flaw there is, with the request if it can be answered.
    #[inline(always)]
    pub(crate) fn message(self, bytes: Bytes, limits: &Limits) -> Result<Message, ParseError> {
        let Beginning { start, head } = self;
        let Head {
            index,
            end: head_end,
            flaw,
        } = head;
        let too_large =
            (bytes.len() > limits.message).then_some((ParseErrorKind::TooLarge, limits.message));
        let mut flaw = too_large.or(flaw);

        let (mut end, mut truncated) = (bytes.len(), false);
        if flaw.is_some() {
            end = head_end.min(bytes.len());
        } else if let Length::Exactly(length) = declared_length(&bytes, &index) {
            match head_end.checked_add(length).filter(|cut| *cut <= end) {
                Some(cut) => end = cut,
                None => truncated = true,
            }
        }
        if flaw.is_none() && end - head_end > limits.body {
            let place = head_end.saturating_add(limits.body);
            flaw = Some((ParseErrorKind::BodyTooLarge, place));
            end = head_end;
        }
        let marks = (truncated, flaw.map(|(kind, _)| kind));
        let message = start.message(Raw::new(bytes, index, head_end, end, marks, limits));
        match flaw {
            None => Ok(message),
            Some((kind, offset)) => Err(ParseError {
                kind,
                offset,
                answerable: answerable(message),
            }),
        }
    }
}

impl Raw {
    fn new(
        mut bytes: Bytes,
        index: Index,
        head_end: usize,
        end: usize,
        (truncated, torn): (bool, Option<ParseErrorKind>),
        limits: &Limits,
    ) -> Raw {
        bytes.truncate(end);
        let body = bytes.slice(head_end.min(end)..);
        let headers = Headers {
            bytes,
            index: Arc::new(index),
            bounds: Bounds::of(limits),
        };
        Raw {
            headers,
            body,
            truncated,
            torn,
        }
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
    let enough = request.raw.headers.index.has_all(&copied);
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
fn declared_length(bytes: &[u8], index: &Index) -> Length {
    let mut length = None;
    let name = HeaderName::ContentLength.number();
    let (_, fields) = index.starting_with(name);
    for field in fields {
        if field.known() != name {
            continue;
        }
        let value = bytes.get(field.value()).unwrap_or_default();
        let next = match whole_number(value) {
            Ok(number) => number,
            Err(_) if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => usize::MAX,
            Err(_) => return Length::Unknown,
        };
        if length.is_some_and(|length| length != next) {
            return Length::Unknown;
        }
        length = Some(next);
        if !index.repeated().contains(name) {
            break;
        }
    }
    length.map_or(Length::Unknown, Length::Exactly)
}
