//! Request lines and status lines (RFC 3261 §7.1, §7.2).

use std::ops::Range;

use memchr::{memchr, memrchr};

use crate::class::TOKEN;
use crate::error::ParseErrorKind;
use crate::grammar::{trim, trim_end, trim_start};
use crate::message::{Message, Raw, Request, Response};
use crate::method::Method;
use crate::status::StatusCode;
use crate::value::whole_number;

/// A start line, understood.
#[derive(Debug)]
pub(crate) enum Start {
    Request {
        /// `None`: one that is not known.
        method: Option<Method>,
        method_length: usize,
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
    /// Parses the first line of a message.
    ///
    /// # Errors
    /// Not SIP at all, or SIP that cannot be represented.
    pub(super) fn parse(line: &[u8]) -> Result<Start, ParseErrorKind> {
        if is_sip(line) {
            return status_line(line).ok_or(ParseErrorKind::StartLine);
        }
        request_line(line)
    }

    /// The message that begins with this line.
    pub(super) fn message(self, raw: Raw) -> Message {
        match self {
            Start::Request {
                method,
                method_length,
                uri,
                sip2,
                clean_line,
            } => Message::Request(Request {
                method: method
                    .unwrap_or_else(|| Method::Other(raw.headers.bytes.slice(..method_length))),
                raw,
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
fn request_line(line: &[u8]) -> Result<Start, ParseErrorKind> {
    let trimmed = trim_end(line);
    let (before, sip2) = match trimmed.strip_suffix(b" SIP/2.0") {
        Some(before) => (before, true),
        None => {
            let last = memrchr(b' ', trimmed).ok_or(ParseErrorKind::NotSip)?;
            let (before, version) = trimmed.split_at_checked(last).unwrap_or_default();
            let version = version.get(1..).unwrap_or_default();
            if !is_sip(version) {
                return Err(ParseErrorKind::NotSip);
            }
            if !is_version(version) {
                return Err(ParseErrorKind::StartLine);
            }
            (before, is_sip2(version))
        }
    };
    let first = memchr(b' ', before).ok_or(ParseErrorKind::StartLine)?;
    let (name, between) = before.split_at_checked(first).unwrap_or_default();
    let between = between.get(1..).unwrap_or_default();
    let uri = trim(between);
    let known = Method::known(name);
    if uri.is_empty() || (known.is_none() && !TOKEN.fills(name)) {
        return Err(ParseErrorKind::StartLine);
    }
    let start = first + 1 + (between.len() - trim_start(between).len());
    Ok(Start::Request {
        method: known,
        method_length: first,
        uri: start..start + uri.len(),
        sip2,
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

/// Does a version of SIP stand here?
fn is_sip(text: &[u8]) -> bool {
    text.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/"))
}

/// Could this be the beginning of a start line whose end is missing?
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    is_sip(bytes)
        || bytes
            .windows(5)
            .any(|five| five.eq_ignore_ascii_case(b" SIP/"))
}
