//! From bytes to a message: lines, names and ranges. Refuses only what cannot be represented.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::{memchr, memchr3, memrchr};

use crate::error::{ParseError, ParseErrorKind};
use crate::grammar::is_token;
use crate::headers::{Bounds, Field, Headers};
use crate::limits::Limits;
use crate::message::{Message, Raw, Request, Response};
use crate::method::Method;
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::value::whole_number;

/// A flaw and its place.
type Flaw = (ParseErrorKind, usize);

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
    parse_message(bytes.slice(skipped..), limits, enclosed).map_err(|mut error| {
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

fn parse_message(bytes: Bytes, limits: &Limits, enclosed: bool) -> Result<Message, ParseError> {
    let window = bytes.get(..limits.header_bytes).unwrap_or(&bytes);
    let Some(line) = next_line(window, 0) else {
        let sip = is_sip_start(window);
        let kind = match (sip, window.len() < bytes.len()) {
            (false, _) => ParseErrorKind::NotSip,
            (true, true) => ParseErrorKind::HeadTooLarge,
            (true, false) => ParseErrorKind::NoBlankLine,
        };
        return Err(ParseError::new(kind, window.len()));
    };
    let start = start_line(&bytes, line.content).map_err(|kind| ParseError::new(kind, 0))?;
    let mut head = Head {
        fields: Vec::with_capacity(24),
        end: line.next,
        flaw: line.flaw,
    };
    if bytes.len() > limits.message {
        head.flaw = Some((ParseErrorKind::TooLarge, limits.message));
    }
    head.read(&bytes, window, limits, enclosed);

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

/// One line: its content without the line end, and where the next one begins.
pub(crate) struct Line {
    pub(crate) content: Range<usize>,
    pub(crate) next: usize,
    pub(crate) flaw: Option<Flaw>,
}

/// The line that begins at `from`, if it ends. CR LF and LF end lines; a CR elsewhere and a NUL are flaws.
pub(crate) fn next_line(bytes: &[u8], from: usize) -> Option<Line> {
    let mut flaw = None;
    let mut at = from;
    loop {
        let found = at + memchr3(b'\n', b'\r', 0, bytes.get(at..)?)?;
        at = found + 1;
        match bytes.get(found) {
            Some(b'\n') => {
                return Some(Line {
                    content: from..found,
                    next: at,
                    flaw,
                });
            }
            Some(b'\r') if bytes.get(at) == Some(&b'\n') => {
                return Some(Line {
                    content: from..found,
                    next: at + 1,
                    flaw,
                });
            }
            Some(b'\r') => flaw = flaw.or(Some((ParseErrorKind::BareCr, found))),
            _ => flaw = flaw.or(Some((ParseErrorKind::Nul, found))),
        }
    }
}

/// The head as far as it was read.
pub(crate) struct Head {
    pub(crate) fields: Vec<Field>,
    /// Where the body begins; before that, where the next line does.
    pub(crate) end: usize,
    /// The first flaw. The lines concerned are left out of the fields.
    pub(crate) flaw: Option<Flaw>,
}

impl Head {
    /// Reads header fields up to the blank line.
    pub(crate) fn read(&mut self, bytes: &Bytes, window: &[u8], limits: &Limits, enclosed: bool) {
        let mut continues = false;
        loop {
            let from = self.end;
            let line = match next_line(window, from) {
                Some(line) => line,
                None if window.len() < bytes.len() => {
                    return self.flawed(ParseErrorKind::HeadTooLarge, window.len());
                }
                None if !enclosed => return self.flawed(ParseErrorKind::NoBlankLine, window.len()),
                None => match last_line(window, from) {
                    Some(line) => line,
                    None => return,
                },
            };
            self.end = line.next;
            if let Some((kind, offset)) = line.flaw {
                self.flawed(kind, offset);
                continues = false;
                continue;
            }
            let content = window.get(line.content.clone()).unwrap_or_default();
            match content.first() {
                None => return,
                Some(b' ' | b'\t') => match self.fields.last_mut() {
                    Some(field) if continues => {
                        let blank = content.len() - content.trim_ascii_start().len();
                        let end = line.content.start + content.trim_ascii_end().len();
                        if blank < content.len() {
                            field.start = if field.start == field.end {
                                line.content.start + blank
                            } else {
                                field.start
                            };
                            field.end = end;
                        }
                    }
                    _ => self.flawed(ParseErrorKind::HeaderLine, from),
                },
                Some(_) => {
                    if self.fields.len() >= limits.header_fields {
                        return self.flawed(ParseErrorKind::TooManyHeaders, from);
                    }
                    let field = field(bytes, content, from);
                    continues = field.is_some();
                    match field {
                        Some(field) => self.fields.push(field),
                        None => self.flawed(ParseErrorKind::HeaderLine, from),
                    }
                }
            }
        }
    }

    fn flawed(&mut self, kind: ParseErrorKind, offset: usize) {
        self.flaw.get_or_insert((kind, offset));
    }
}

/// What is left at the end of an enclosed head that does not end in a line end.
fn last_line(window: &[u8], from: usize) -> Option<Line> {
    let content = window.get(from..).filter(|content| !content.is_empty())?;
    let flaw = match (memchr(b'\r', content), memchr(0, content)) {
        (Some(at), _) => Some((ParseErrorKind::BareCr, from + at)),
        (None, Some(at)) => Some((ParseErrorKind::Nul, from + at)),
        (None, None) => None,
    };
    Some(Line {
        content: from..window.len(),
        next: window.len(),
        flaw,
    })
}

/// `name HCOLON value`, the value trimmed. Blanks before the colon are allowed (RFC 3261 §25.1, HCOLON).
fn field(bytes: &Bytes, content: &[u8], line: usize) -> Option<Field> {
    let colon = memchr(b':', content)?;
    let (name, value) = content.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let name = match HeaderName::known(name) {
        Some(name) => name,
        None if !name.is_empty() && name.iter().copied().all(is_token) => {
            HeaderName::Other(bytes.slice(line..line + name.len()))
        }
        None => return None,
    };
    let value = value.get(1..)?;
    let trimmed = value.trim_ascii();
    let start = line + colon + 1 + (value.len() - value.trim_ascii_start().len());
    Some(Field {
        name,
        line,
        start,
        end: start + trimmed.len(),
    })
}

/// A start line, understood.
enum Start {
    Request {
        method: Method,
        uri: Range<usize>,
        sip2: bool,
        clean_line: bool,
    },
    Response {
        status: StatusCode,
        reason: Range<usize>,
        sip2: bool,
    },
}

impl Start {
    fn message(self, raw: Raw) -> Message {
        match self {
            Start::Request {
                method,
                uri,
                sip2,
                clean_line,
            } => Message::Request(Request {
                raw,
                method,
                uri,
                sip2,
                clean_line,
                source: None,
            }),
            Start::Response {
                status,
                reason,
                sip2,
            } => Message::Response(Response {
                raw,
                status,
                reason,
                sip2,
            }),
        }
    }
}

fn is_sip_start(bytes: &[u8]) -> bool {
    bytes
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
        || bytes
            .windows(5)
            .any(|five| five.eq_ignore_ascii_case(b" SIP/"))
}

fn start_line(bytes: &Bytes, line: Range<usize>) -> Result<Start, ParseErrorKind> {
    let content = bytes.get(line).unwrap_or_default();
    if content
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    {
        return status_line(content).ok_or(ParseErrorKind::StartLine);
    }
    request_line(bytes, content)
}

/// `SIP-Version SP Status-Code SP Reason-Phrase`; the blank before an empty reason may be missing.
fn status_line(line: &[u8]) -> Option<Start> {
    let (version, rest) = line.split_at_checked(memchr(b' ', line)?)?;
    let rest = rest.get(1..)?;
    let (code, after) = rest.split_at_checked(memchr(b' ', rest).unwrap_or(rest.len()))?;
    if code.len() != 3 || !is_version(version) {
        return None;
    }
    let status = StatusCode::new(whole_number(code).ok()?)?;
    let start = line.len() - after.strip_prefix(b" ").unwrap_or(after).len();
    Some(Start::Response {
        status,
        reason: start..line.len(),
        sip2: is_sip2(version),
    })
}

/// `Method SP Request-URI SP SIP-Version`. All between the first and the last blank is taken for the URI, so that a
/// broken one is still a request that can be answered.
fn request_line(bytes: &Bytes, line: &[u8]) -> Result<Start, ParseErrorKind> {
    let trimmed = line.trim_ascii_end();
    let last = memrchr(b' ', trimmed).ok_or(ParseErrorKind::NotSip)?;
    let version = trimmed.get(last + 1..).unwrap_or_default();
    if !version
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
    {
        return Err(ParseErrorKind::NotSip);
    }
    let first = memchr(b' ', trimmed).ok_or(ParseErrorKind::StartLine)?;
    let name = trimmed.get(..first).unwrap_or_default();
    let between = trimmed.get(first + 1..last).unwrap_or_default();
    let uri = between.trim_ascii();
    let token = !name.is_empty() && name.iter().copied().all(is_token);
    if !token || uri.is_empty() || !is_version(version) {
        return Err(ParseErrorKind::StartLine);
    }
    let start = first + 1 + (between.len() - between.trim_ascii_start().len());
    Ok(Start::Request {
        method: Method::known(name).unwrap_or_else(|| Method::Other(bytes.slice(..first))),
        uri: start..start + uri.len(),
        sip2: is_sip2(version),
        clean_line: trimmed.len() == line.len() && uri.len() == between.len(),
    })
}

fn is_sip2(version: &[u8]) -> bool {
    version.eq_ignore_ascii_case(b"SIP/2.0")
}

/// `"SIP" "/" 1*DIGIT "." 1*DIGIT`
fn is_version(version: &[u8]) -> bool {
    let mut halves = version
        .get(4..)
        .unwrap_or_default()
        .splitn(2, |byte| *byte == b'.');
    let number = |half: Option<&[u8]>| {
        half.is_some_and(|half| !half.is_empty() && half.iter().all(u8::is_ascii_digit))
    };
    number(halves.next()) && number(halves.next())
}
