//! Bytes that are no message: letters and digits become `x`, one for one, and what remains is the shape.
//!
//! Nobody can say where the names are in a message that cannot be read, so nothing but the protocol's own words is kept:
//! known names of header fields at the beginning of a line, `SIP/2.0` at either end of the first line, and there a method
//! of RFC 3261 and its extensions or the status code.

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message};

/// What stays: separators, line ends and other control characters, which spell nothing.
const SEPARATORS: &[u8] = b" :;<>=,/\"@";

const METHODS: [&[u8]; 14] = [
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"INFO",
    b"INVITE",
    b"MESSAGE",
    b"NOTIFY",
    b"OPTIONS",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"REGISTER",
    b"SUBSCRIBE",
    b"UPDATE",
];

const VERSION: &[u8] = b"SIP/2.0";

/// Masks bytes, of the same length, so that whatever was no message is none afterwards.
pub fn mask(bytes: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    let begin = bytes.iter().take_while(|b| b"\r\n".contains(b)).count();
    let (ends, message) = bytes.split_at(begin);
    out.extend_from_slice(ends);
    for (number, line) in message.split_inclusive(|b| *b == b'\n').enumerate() {
        let (before, after) = match number {
            0 => start_line(line),
            _ => (field_name(line), 0),
        };
        let end = line.len().saturating_sub(after).max(before);
        let masked = line.get(before..end).unwrap_or_default();
        out.extend_from_slice(line.get(..before).unwrap_or_default());
        out.extend(masked.iter().map(|byte| masked_byte(*byte)));
        out.extend_from_slice(line.get(end..).unwrap_or_default());
    }
    let masked = Bytes::from(out);
    if Message::parse_datagram(bytes_of(bytes), &Limits::default()).is_err()
        && Message::parse_datagram(masked.clone(), &Limits::default()).is_ok()
    {
        // What was wrong is under the mask: a NUL in the first word says that it is none.
        let mut broken = masked.to_vec();
        if let Some(first) = broken.iter_mut().find(|b| b.is_ascii_alphanumeric()) {
            *first = 0;
        }
        return broken.into();
    }
    masked
}

fn bytes_of(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

fn masked_byte(byte: u8) -> u8 {
    match byte {
        byte if byte.is_ascii_control() || SEPARATORS.contains(&byte) => byte,
        _ => b'x',
    }
}

/// How many bytes stay at the beginning and at the end of a first line.
fn start_line(line: &[u8]) -> (usize, usize) {
    if let Some(rest) = line.strip_prefix(VERSION) {
        let digits = rest
            .iter()
            .skip(1)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let status = rest.starts_with(b" ")
            && digits == 3
            && rest.get(4).is_none_or(|b| b" \r\n".contains(b));
        return (VERSION.len() + if status { 4 } else { 0 }, 0);
    }
    let text = line.trim_ascii_end();
    if !text.ends_with(b" SIP/2.0") {
        return (0, 0);
    }
    let word = text.iter().position(|b| *b == b' ').unwrap_or(0);
    let method = text.get(..word).is_some_and(|word| METHODS.contains(&word));
    (
        if method { word } else { 0 },
        line.len() - text.len() + VERSION.len(),
    )
}

/// How long the known name of a header field is that the line begins with.
fn field_name(line: &[u8]) -> usize {
    let colon = line.iter().take(64).position(|b| *b == b':').unwrap_or(0);
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    match HeaderName::from_bytes(name) {
        Some(HeaderName::Other(_)) | None => 0,
        Some(_) => name.len(),
    }
}
