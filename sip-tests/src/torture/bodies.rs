//! Questions about bodies.

use bytes::Bytes;
use sip_message::{Headers, Limits, MediaType, Message, MultipartError, Part, multipart};

use super::facts;
use super::found::{Absent, Found, cut, nth, number, params, text};

/// `content-type`: type and subtype; `content-type.param.NAME`.
pub(super) fn media_type(media: &MediaType<'_>, question: &str) -> Found {
    match cut(question) {
        ("", _) => text([media.top(), b"/", media.sub()].concat()),
        (what, name) => params(media.params(), what, name),
    }
}

/// `parts`, `leaves`: how many, or why they cannot be had; `part.N…`, `leaf.N…`: `content-type…`, `content-id`,
/// `header.NAME`, `body`, `length`.
pub(super) fn parts(headers: &Headers, body: &Bytes, what: &str, question: &str) -> Found {
    let media = headers.content_type()?.ok_or(Absent::None)?;
    let limits = Limits::default();
    let apart = match what {
        "parts" | "part" => multipart::parts(&media, body, &limits),
        _ => multipart::leaves(&media, body, &limits),
    };
    match (what, apart) {
        ("parts" | "leaves", Ok(parts)) => number(parts.len()),
        ("parts" | "leaves", Err(error)) => number(error),
        (_, Err(MultipartError::NotMultipart)) => Err(Absent::None),
        (_, Err(_)) => Err(Absent::Malformed),
        (_, Ok(parts)) => {
            let (part, question) = nth(parts, question)?;
            about(&part, question)
        }
    }
}

fn about(part: &Part, question: &str) -> Found {
    let (what, rest) = cut(question);
    match what {
        "content-type" => media_type(&part.content_type()?, rest),
        "content-id" => text(part.headers.content_id()?.ok_or(Absent::None)?),
        "header" => facts::header(&part.headers, rest),
        "body" => text(&part.body),
        "length" => number(part.body.len()),
        _ => Err(Absent::Unasked),
    }
}

/// `enclosed…`: any question about the message that is the body (RFC 3261 §27.5).
pub(super) fn enclosed(body: &Bytes, question: &str) -> Found {
    let message = Message::parse_enclosed(body.clone(), &Limits::default());
    facts::ask(&message.map_err(|_| Absent::Malformed)?, question)
}
