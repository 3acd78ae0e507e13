//! What one message is called on an arrow.
//!
//! A request is called by its method and, when its body is an MC info document, by the kind that the document names; a
//! response by its status and, when there is one, the MC warning code (TS 24.379 §4.4.2).

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message};

/// Longest label without a short name, in characters; longer ones end in "…".
pub const MAX_LABEL_CHARS: usize = 48;

/// How much of a body is searched for the kind of an MC message, in bytes.
pub const MAX_SCAN_BYTES: usize = 16 * 1024;

/// Elements that name the kind of an MC message, in any namespace.
const KIND_ELEMENTS: [&str; 4] = ["req-type", "resp-type", "request-type", "response-type"];

/// Short names of kinds of MC messages.
#[derive(Clone, Debug)]
pub struct Labels(pub HashMap<String, String>);

impl Default for Labels {
    /// The kinds of the migration procedures.
    fn default() -> Self {
        let short = [
            (
                "migration-service-authorization-request",
                "migration request",
            ),
            (
                "migration-service-authorization-response",
                "migration response",
            ),
            (
                "mc-service-user-authorization-notification",
                "user authorized",
            ),
            (
                "migration-service-deauthorization-notification",
                "de-authorization",
            ),
        ];
        Self(
            short
                .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
                .into(),
        )
    }
}

/// What kind of message an arrow stands for; colours and filters go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A request.
    Request,
    /// 1xx.
    Provisional,
    /// 2xx.
    Success,
    /// 3xx to 6xx.
    Failure,
    /// Not SIP, or broken.
    Broken,
}

/// The name of a message and what kind of message it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// "MESSAGE de-authorization", "404 Not Found · 141", "not SIP, 37 bytes".
    pub label: String,
    /// For colours and filters.
    pub class: Class,
}

/// Names a message. Takes anything: what is broken is called by its first line, what is no SIP is said to be none.
pub fn summarize(bytes: &Bytes, labels: &Labels) -> Summary {
    match Message::parse_datagram(bytes.clone(), &Limits::default()) {
        Ok(Message::Request(request)) => {
            let mut label = lossy(request.method().as_bytes());
            if let Some(kind) = kind(request.body()) {
                label.push(' ');
                label.push_str(&labels.short(kind));
            }
            let class = Class::Request;
            whole(label, class, request.truncated())
        }
        Ok(Message::Response(response)) => {
            let status = response.status().as_u16();
            let mut label = status_line(status, response.reason());
            let warning = response.headers().first(&HeaderName::Warning);
            if let Some(code) = warning.and_then(mc_code) {
                label.push_str(" · ");
                label.push_str(code);
            }
            whole(label, class(status), response.truncated())
        }
        Err(_) => Summary {
            label: broken(bytes),
            class: Class::Broken,
        },
    }
}

/// The label alone.
pub fn label(bytes: &Bytes, labels: &Labels) -> String {
    summarize(bytes, labels).label
}

impl Labels {
    fn short(&self, kind: &str) -> String {
        let name = self.0.get(kind).map_or(kind, String::as_str);
        shortened(name)
    }
}

fn whole(mut label: String, class: Class, truncated: bool) -> Summary {
    if truncated {
        label.push_str(", truncated");
    }
    Summary { label, class }
}

/// Names what the parser refused.
fn broken(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.trim_ascii_end());
    if let Some(status) = line.strip_prefix("SIP/2.0 ") {
        return format!("{}, broken", shortened(status));
    }
    match line.split_once(' ') {
        Some((method, rest)) if rest.ends_with(" SIP/2.0") => {
            format!("{}, broken", shortened(method))
        }
        _ if !bytes.is_empty() && bytes.iter().all(|b| b"\r\n".contains(b)) => "keep-alive".into(),
        _ if bytes.len() == 1 => "not SIP, 1 byte".into(),
        _ => format!("not SIP, {} bytes", bytes.len()),
    }
}

fn status_line(status: u16, reason: &[u8]) -> String {
    match lossy(reason) {
        reason if reason.is_empty() => status.to_string(),
        reason => format!("{status} {reason}"),
    }
}

fn lossy(text: &[u8]) -> String {
    let text: Cow<'_, str> = String::from_utf8_lossy(text);
    shortened(text.trim())
}

fn class(status: u16) -> Class {
    match status {
        100..200 => Class::Provisional,
        200..300 => Class::Success,
        300..700 => Class::Failure,
        _ => Class::Broken,
    }
}

/// The digits that the quoted text of a Warning begins with.
fn mc_code(warning: &[u8]) -> Option<&str> {
    let text = after(warning, b'"')?;
    let end = text.iter().position(|b| !b.is_ascii_digit())?;
    let digits = std::str::from_utf8(text.get(..end)?).ok()?;
    (1..=4).contains(&digits.len()).then_some(digits)
}

/// The text of the first element in `body` that names a kind, without parsing the document.
fn kind(body: &[u8]) -> Option<&str> {
    let body = body.get(..MAX_SCAN_BYTES).unwrap_or(body);
    let mut rest = body;
    while let Some(at) = rest.iter().position(|b| *b == b'<') {
        rest = rest.get(at + 1..)?;
        if !KIND_ELEMENTS.iter().any(|element| is_tag(rest, element)) {
            continue;
        }
        rest = after(rest, b'>')?;
        // The value stands in the element itself or in one value child.
        if let Some(child) = rest.trim_ascii_start().strip_prefix(b"<") {
            rest = after(child, b'>')?;
        }
        let end = rest.iter().position(|b| *b == b'<')?;
        let text = std::str::from_utf8(rest.get(..end)?).ok()?.trim();
        let token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !text.is_empty() && text.chars().all(token) {
            return Some(text);
        }
    }
    None
}

/// Whether a start tag of this local name begins here (after "<").
fn is_tag(tag: &[u8], name: &str) -> bool {
    let end = tag.iter().position(|b| b" \t\r\n/>".contains(b));
    let full = tag.get(..end.unwrap_or(0)).unwrap_or_default();
    full.rsplit(|b| *b == b':').next() == Some(name.as_bytes())
}

fn after(bytes: &[u8], mark: u8) -> Option<&[u8]> {
    let at = bytes.iter().position(|b| *b == mark)?;
    bytes.get(at + 1..)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_LABEL_CHARS) {
        None => text.to_owned(),
        Some(_) => text
            .chars()
            .take(MAX_LABEL_CHARS - 1)
            .chain(['…'])
            .collect(),
    }
}
