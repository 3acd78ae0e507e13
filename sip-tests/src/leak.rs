//! What is not to leave a system that hides its topology (L6): collected from what is said inside, and searched
//! for in every byte that its gateway sends outside.

use std::collections::HashSet;
use std::net::SocketAddr;

use bytes::Bytes;
use memchr::memmem;
use sip_message::{HeaderName, Headers, Limits, Message};

/// Shorter ones may be chosen twice.
const UNMISTAKABLE: usize = 6;

/// What one system is not to tell.
#[derive(Debug, Default)]
pub struct Inside {
    /// Names and addresses.
    words: Vec<String>,
    /// Call-IDs, tags, branches, session ids of its inner legs.
    tokens: HashSet<Vec<u8>>,
    /// Values of header fields that a gateway has no reason to know.
    values: HashSet<Vec<u8>>,
}

impl Inside {
    /// A system with functions of these names and addresses inside.
    #[must_use]
    pub fn new(names: &[&str], addresses: &[SocketAddr]) -> Self {
        let addresses = addresses.iter().map(SocketAddr::to_string);
        Self {
            words: names
                .iter()
                .map(|&name| name.to_ascii_lowercase())
                .chain(addresses)
                .collect(),
            ..Self::default()
        }
    }

    /// Takes a message between the gateway and somebody inside.
    pub fn hears(&mut self, bytes: &Bytes) {
        let Some(message) = parsed(bytes) else { return };
        let headers = headers(&message);
        self.tokens.extend(tokens(headers));
        for (name, value) in headers.iter() {
            if !may_be_alike(&name) && value.len() >= UNMISTAKABLE {
                self.values.insert(value.to_ascii_lowercase());
            }
        }
    }

    /// What of the inside a message outside says, if anything.
    #[must_use]
    pub fn told_by(&self, bytes: &Bytes) -> Option<String> {
        let Some(message) = parsed(bytes) else {
            return Some("it is no SIP message".into());
        };
        let headers = headers(&message);
        let response = matches!(message, Message::Response(_));
        // What a response copies was said outside; but for the tag that was added.
        let mut text: Vec<u8> = if response {
            let own = headers.iter().filter(|(name, _)| !is_copied(name));
            let start = bytes
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default();
            let mut text = [start, b"\n"].concat();
            for (name, value) in own {
                text.extend_from_slice(name.as_bytes());
                text.extend_from_slice(b": ");
                text.extend_from_slice(value);
                text.push(b'\n');
            }
            text.extend_from_slice(message.body());
            text
        } else {
            bytes.to_vec()
        };
        text.make_ascii_lowercase();
        if let Some(word) = self.words.iter().find(|word| says(&text, word.as_bytes())) {
            return Some(format!("`{word}`"));
        }
        if let Some(value) = self.values.iter().find(|value| says(&text, value)) {
            return Some(format!("the value `{}`", value.escape_ascii()));
        }
        let told = tokens(headers)
            .into_iter()
            .find(|token| self.tokens.contains(token));
        told.map(|token| format!("the token `{}`", token.escape_ascii()))
    }
}

fn parsed(bytes: &Bytes) -> Option<Message> {
    Message::parse_datagram(bytes.clone(), &Limits::default()).ok()
}

fn headers(message: &Message) -> &Headers {
    match message {
        Message::Request(request) => request.headers(),
        Message::Response(response) => response.headers(),
    }
}

/// Call-ID, tags, branches, session ids and the Call-IDs that are referred to.
fn tokens(headers: &Headers) -> Vec<Vec<u8>> {
    let mut tokens: Vec<Vec<u8>> = Vec::new();
    let mut add = |token: Option<&[u8]>| {
        if let Some(token) = token.filter(|token| token.len() >= UNMISTAKABLE) {
            tokens.push(token.to_vec());
        }
    };
    add(headers.call_id().ok());
    add(headers.from().ok().and_then(|from| from.tag()));
    add(headers.to().ok().and_then(|to| to.tag()));
    for via in headers.vias().flatten() {
        add(via.branch());
    }
    for name in [HeaderName::SessionId, HeaderName::InReplyTo] {
        for value in headers.all(&name) {
            value
                .split(|byte| matches!(byte, b';' | b',' | b' ' | b'='))
                .for_each(|part| add(Some(part)));
        }
    }
    // Words of the grammar are no secrets.
    tokens.retain(|token| token != b"remote" && token.iter().any(|byte| *byte != b'0'));
    tokens
}

/// Header fields whose values may be alike on both sides: numbers, types, names of services, and those whose
/// secrets are tokens or words.
fn may_be_alike(name: &HeaderName) -> bool {
    is_copied(name)
        || [
            HeaderName::MaxForwards,
            HeaderName::ContentLength,
            HeaderName::ContentType,
            HeaderName::Accept,
            HeaderName::AcceptContact,
            HeaderName::Allow,
            HeaderName::AllowEvents,
            HeaderName::Warning,
            HeaderName::RetryAfter,
            HeaderName::PAssertedService,
            HeaderName::PAssertedIdentity,
            HeaderName::PChargingVector,
            HeaderName::SessionId,
            HeaderName::InReplyTo,
            HeaderName::Unsupported,
            HeaderName::Route,
        ]
        .contains(name)
}

fn is_copied(name: &HeaderName) -> bool {
    [
        HeaderName::Via,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
        HeaderName::CSeq,
        HeaderName::Timestamp,
    ]
    .contains(name)
}

/// Whether `word` is in `text`, both in lower case, and not as part of a longer number.
fn says(text: &[u8], word: &[u8]) -> bool {
    if word.is_empty() {
        return false;
    }
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    memmem::find_iter(text, word).any(|at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let after = text.get(at + word.len());
        let number_goes_on = digit(word.last()) && digit(after);
        let number_began = digit(word.first()) && digit(before);
        !number_goes_on && !number_began
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: &str) -> Bytes {
        Bytes::from(format!(
            "MESSAGE sip:x@y SIP/2.0\r\n{headers}Content-Length: 0\r\n\r\n"
        ))
    }

    #[test]
    fn what_was_said_inside_is_found_outside() {
        let mut inside = Inside::new(&["server@inside"], &["10.0.1.1:5060".parse().unwrap()]);
        inside.hears(&message(
            "Call-ID: secret-call\r\nFrom: <sip:a@b>;tag=secrettag\r\nUser-Agent: Leaky 1.0\r\n",
        ));
        for (headers, told) in [
            ("Subject: from SERVER@inside\r\n", "server@inside"),
            ("Subject: at 10.0.1.1:5060\r\n", "10.0.1.1:5060"),
            ("Call-ID: secret-call\r\n", "secret-call"),
            ("To: <sip:a@b>;tag=secrettag\r\n", "secrettag"),
            ("In-Reply-To: x, secret-call\r\n", "secret-call"),
            ("X-Any: by Leaky 1.0 of course\r\n", "Leaky 1.0"),
        ] {
            let found = inside.told_by(&message(headers)).unwrap_or_default();
            assert!(
                found.contains(&told.to_ascii_lowercase()),
                "{headers}: {found}"
            );
        }
        let unrelated = "Subject: at 110.0.1.1:50601\r\nCall-ID: other\r\n";
        assert_eq!(inside.told_by(&message(unrelated)), None);
    }
}
