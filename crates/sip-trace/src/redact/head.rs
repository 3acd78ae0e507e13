//! A message that could be parsed: its start line, its header fields one after the other, its body.

use sip_message::{HeaderName, Message};

use super::fields::{Class, class};
use super::uri::split;
use super::{MASKED, Walk};

impl Walk<'_> {
    /// The message with the same header fields in the same order, each on one line.
    pub(super) fn parsed(&mut self, message: &Message) -> Vec<u8> {
        let bytes = message.as_bytes();
        let body = message.body();
        let mut lines = lines(bytes);
        let mut out = Vec::with_capacity(bytes.len());
        let start = lines.next().unwrap_or_default();
        out.extend(match message {
            Message::Request(_) => self.request_line(&start),
            Message::Response(_) => self.status_line(&start),
        });
        out.extend_from_slice(b"\r\n");
        let new_body = self.body_of(message.headers(), body);
        for line in lines {
            let Some((name, value)) = split(&line, b':') else {
                continue; // no line of a message that was parsed
            };
            let known = HeaderName::from_bytes(name.trim_ascii());
            let known = known.unwrap_or_else(|| HeaderName::Other(String::new().into()));
            let value = value.trim_ascii();
            let value = match class(&known) {
                Class::ContentLength => content_length(value, body.len(), new_body.len()),
                class => self.value(class, value),
            };
            match known {
                HeaderName::Other(_) => out.extend(self.redactor.known.sweep(name)),
                _ => out.extend_from_slice(name),
            }
            out.extend_from_slice(b": ");
            out.extend(value);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend(new_body);
        out
    }

    /// The value of a header field of this class.
    pub(super) fn value(&mut self, class: Class, value: &[u8]) -> Vec<u8> {
        match class {
            Class::Tokens | Class::ContentLength if is_tokens(value) => value.to_vec(),
            Class::Tokens | Class::ContentLength | Class::Text => self.text(value),
            Class::Addresses => self.addresses(value),
            Class::Id => self.redactor.known.sweep(value),
            Class::Via => self.via(value),
            Class::ValueAlone => self.value_alone(value),
            Class::Credentials => self.credentials(value),
            Class::Secret => MASKED.to_vec(),
            Class::Hidden => self.hidden(value),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Vec<u8> {
        let Some((method, rest)) = split(line.trim_ascii_end(), b' ') else {
            return line.to_vec(); // no line of a request that was parsed
        };
        let end = rest.iter().rposition(|b| *b == b' ').unwrap_or(rest.len());
        let (uri, version) = rest.split_at(end);
        [method, b" ", &self.uri(uri.trim_ascii()), version].concat()
    }

    /// The reason phrase is free text: nodes say there what was wrong.
    fn status_line(&mut self, line: &[u8]) -> Vec<u8> {
        let mut parts = line.splitn(3, |b| *b == b' ');
        let (version, status) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        let reason = self.text(parts.next().unwrap_or_default());
        [version, b" ", status, b" ", &reason].concat()
    }
}

/// The lines of a head, folded ones joined by a blank, up to the blank line.
fn lines(head: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut rest = head.split(|b| *b == b'\n').map(without_cr).peekable();
    std::iter::from_fn(move || {
        let mut line = rest.next().filter(|line| !line.is_empty())?.to_vec();
        while let Some(more) = rest.next_if(|more| more.first().is_some_and(|b| b" \t".contains(b)))
        {
            line.push(b' ');
            line.extend_from_slice(more.trim_ascii());
        }
        Some(line)
    })
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Words, numbers and what stands between them in lists and parameters; no address.
fn is_tokens(value: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-._!%*+`'~;,=/: \t\"()<>?".contains(b);
    value.iter().all(legal)
        && !value
            .windows(4)
            .any(|four| four.eq_ignore_ascii_case(b"tel:"))
}

/// What is said of the new body: as much more than there is as was said of the old one (a datagram that was cut). What
/// says no length says none afterwards.
fn content_length(value: &[u8], old: usize, new: usize) -> Vec<u8> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let said = std::str::from_utf8(value).ok().filter(|_| digits);
    match said.and_then(|said| said.parse::<usize>().ok()) {
        Some(said) => new
            .saturating_add(said.saturating_sub(old))
            .to_string()
            .into(),
        None if is_tokens(value) => value.to_vec(),
        None => MASKED.to_vec(),
    }
}
