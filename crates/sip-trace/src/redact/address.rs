//! Lists of `"Display name" <URI>;parameters` (RFC 3261 §20.10 and its like), Via, and parameters.

use super::pseudonym::Kind;
use super::uri::split;
use super::{MASKED, Walk};

/// Parameters that tell one device from others (RFC 5626 §4.1, RFC 5627).
const DEVICES: [&[u8]; 2] = [b"+sip.instance", b"gr"];

impl Walk<'_> {
    /// Any number of addresses with commas between them.
    pub(super) fn addresses(&mut self, value: &[u8]) -> Vec<u8> {
        let Some(items) = pieces(value, b',') else {
            return self.hidden(value);
        };
        let items: Vec<Vec<u8>> = items.into_iter().map(|item| self.address(item)).collect();
        items.join(&b", "[..])
    }

    /// One address, or `*`.
    fn address(&mut self, item: &[u8]) -> Vec<u8> {
        let item = item.trim_ascii();
        if item.is_empty() || item == b"*" {
            return item.to_vec();
        }
        let Some(open) = outside_quotes(item, b'<') else {
            let (uri, rest) = item.split_at(outside_quotes(item, b';').unwrap_or(item.len()));
            let uri = uri.trim_ascii_end();
            if uri.iter().any(|b| b"\"> \t".contains(b)) {
                return self.hidden(item);
            }
            let mut out = self.identity(uri);
            out.extend(self.parameters(rest));
            return out;
        };
        let (name, rest) = item.split_at(open);
        let inside = rest.strip_prefix(b"<").and_then(|rest| split(rest, b'>'));
        let Some((uri, rest)) = inside else {
            return self.hidden(item);
        };
        let mut out = self.display_name(name.trim_ascii());
        out.push(b'<');
        out.extend(self.identity(uri));
        out.push(b'>');
        out.extend(self.parameters(rest));
        out
    }

    fn display_name(&mut self, name: &[u8]) -> Vec<u8> {
        let quoted = name
            .strip_prefix(b"\"")
            .and_then(|name| name.strip_suffix(b"\""));
        let plain = quoted.unwrap_or(name);
        if plain.is_empty() || self.redactor.secrets_only {
            let mut out = self.redactor.known.sweep(name);
            out.extend(name.first().map(|_| b' '));
            return out;
        }
        if quoted.is_some() && plain.contains(&b'\\') {
            let unescaped = unescaped(plain);
            self.named(Kind::Name, &unescaped);
        }
        [b"\"", &self.named(Kind::Name, plain)[..], b"\" "].concat()
    }

    /// `;name=value` and so on. Values are free text, less those that name a device.
    pub(super) fn parameters(&mut self, text: &[u8]) -> Vec<u8> {
        let Some(all) = pieces(text, b';') else {
            return if text.is_empty() {
                Vec::new()
            } else {
                [b";", MASKED].concat()
            };
        };
        let all: Vec<Vec<u8>> = all.into_iter().map(|one| self.parameter(one)).collect();
        all.join(&b";"[..])
    }

    fn parameter(&mut self, parameter: &[u8]) -> Vec<u8> {
        let Some((name, value)) = split(parameter, b'=') else {
            return self.text(parameter);
        };
        let device = DEVICES.contains(&&name.trim_ascii().to_ascii_lowercase()[..]);
        let value = value.trim_ascii();
        let quoted = value
            .strip_prefix(b"\"")
            .and_then(|v| v.strip_suffix(b"\""));
        let value = match (device, quoted) {
            (true, Some(value)) => [b"\"", &self.device(value)[..], b"\""].concat(),
            (true, None) => self.device(value),
            (false, _) => self.text(value),
        };
        [name, b"=", &value].concat()
    }

    /// An instance id: `<urn:…>`, or anything.
    fn device(&mut self, value: &[u8]) -> Vec<u8> {
        let inside = value.strip_prefix(b"<").and_then(|v| v.strip_suffix(b">"));
        match inside {
            Some(uri) => [b"<", &self.uri(uri)[..], b">"].concat(),
            None => self.named(Kind::Device, value),
        }
    }

    /// Via: the way stays, since it is hosts; branches and other parameters are free text.
    pub(super) fn via(&mut self, value: &[u8]) -> Vec<u8> {
        let Some(items) = pieces(value, b',') else {
            return self.hidden(value);
        };
        let one = |item: &[u8]| {
            let (way, rest) =
                item.split_at(item.iter().position(|b| *b == b';').unwrap_or(item.len()));
            let mut pieces = rest.split(|b| *b == b';').skip(1);
            let mut out = way.to_vec();
            for piece in pieces.by_ref() {
                out.push(b';');
                match split(piece, b'=') {
                    Some((name, value)) if is_host(name) => {
                        out.extend([name, b"=", value].concat())
                    }
                    _ => out.extend(self.redactor.known.sweep(piece)),
                }
            }
            out
        };
        let items: Vec<Vec<u8>> = items.into_iter().map(one).collect();
        items.join(&b","[..])
    }

    /// A value and its parameters, of which only the names stay.
    pub(super) fn value_alone(&mut self, value: &[u8]) -> Vec<u8> {
        let Some(all) = pieces(value, b';').filter(|_| !self.redactor.secrets_only) else {
            return self.hidden(value);
        };
        let word = |text: &[u8]| match is_word(text) {
            true => self.redactor.known.sweep(text),
            false => MASKED.to_vec(),
        };
        let one = |(number, piece): (usize, &[u8])| match split(piece, b'=') {
            Some((name, _)) if number > 0 => [&word(name)[..], b"=", MASKED].concat(),
            _ => word(piece),
        };
        let all: Vec<Vec<u8>> = all.into_iter().enumerate().map(one).collect();
        all.join(&b";"[..])
    }
}

/// Parameters of Via that hold addresses of hosts (RFC 3261 §20.42, RFC 3581).
fn is_host(name: &[u8]) -> bool {
    let hosts: [&[u8]; 4] = [b"received", b"maddr", b"rport", b"ttl"];
    hosts.contains(&&name.trim_ascii().to_ascii_lowercase()[..])
}

/// A token with white space around it.
fn is_word(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    text.trim_ascii().iter().all(legal)
}

/// The pieces between marks that stand outside quotes and brackets; `None` when a quote or a bracket is not closed.
pub(super) fn pieces(text: &[u8], mark: u8) -> Option<Vec<&[u8]>> {
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    let mut pieces = Vec::new();
    let mut begin = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracket => quoted = !quoted,
            _ if quoted => {}
            b'<' => bracket = true,
            b'>' => bracket = false,
            byte if *byte == mark && !bracket => {
                pieces.push(text.get(begin..at)?);
                begin = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(text.get(begin..)?);
    (!quoted && !bracket).then_some(pieces)
}

fn outside_quotes(text: &[u8], mark: u8) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte => return !quoted && *byte == mark,
        }
        false
    })
}

/// Without the backslashes of a quoted string.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut escaped = false;
    let keep = |byte: &&u8| {
        escaped = **byte == b'\\' && !escaped;
        !escaped
    };
    text.iter().filter(keep).copied().collect()
}
