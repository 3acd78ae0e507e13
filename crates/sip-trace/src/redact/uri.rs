//! URIs: who is named goes, where he is stays (RFC 3261 §19.1, RFC 3966, RFC 5627).

use sip_message::HeaderName;

use super::fields::{self, Class};
use super::known::Identity;
use super::pseudonym::Kind;
use super::{MASKED, Walk};

/// Schemes of `user@host`.
const ADDRESSES: [&[u8]; 6] = [b"sip", b"sips", b"im", b"pres", b"mailto", b"xmpp"];

/// Parameters of a SIP URI that tell one device from others.
const DEVICES: [&[u8]; 3] = [b"gr", b"opaque", b"sid"];

/// Namespaces of URNs that name services and features, never somebody (RFC 5031, TS 24.229).
const SERVICES: [&[u8]; 4] = [b"service", b"urn-7", b"ietf", b"3gpp"];

/// User parts that stand for nobody (RFC 3323 §4.1.1.3).
const NOBODY: [&[u8]; 1] = [b"anonymous"];

/// What an address is compared by: user without escapes and host, without port and parameters.
pub(super) fn kept(uri: &[u8]) -> Vec<u8> {
    let rest = split(uri, b':').map_or(uri, |(_, rest)| rest);
    let (user, host) = rsplit(rest, b'@').unwrap_or((b"", rest));
    kept_of(user, host)
}

fn kept_of(user: &[u8], host: &[u8]) -> Vec<u8> {
    let end = host.iter().position(|b| b";?>".contains(b));
    let host = host.get(..end.unwrap_or(host.len())).unwrap_or_default();
    // An IPv6 address has colons inside its brackets.
    let from = host.iter().position(|b| *b == b']').unwrap_or(0);
    let port = host.iter().skip(from).position(|b| *b == b':');
    let host = port
        .and_then(|port| host.get(..from + port))
        .unwrap_or(host);
    [&decoded(user)[..], b"@", &host.to_ascii_lowercase()].concat()
}

impl Walk<'_> {
    /// Something that names a user: a URI, `user@host`, or a bare name.
    pub(super) fn identity(&mut self, text: &[u8]) -> Vec<u8> {
        if is_uri(text) {
            self.uri(text)
        } else if let Some((user, host)) = rsplit(text, b'@') {
            match user.contains(&b':') {
                true => self.hidden(text), // neither a URI nor an address
                false => self.user_at(user, host),
            }
        } else {
            self.named(Kind::User, text)
        }
    }

    /// Any URI. What has a scheme that is not known here loses all but the scheme.
    pub(super) fn uri(&mut self, uri: &[u8]) -> Vec<u8> {
        let Some((scheme, rest)) = split(uri, b':') else {
            return self.hidden(uri);
        };
        let lower = scheme.to_ascii_lowercase();
        let rest = match &lower[..] {
            b"tel" => self.tel(rest),
            b"urn" => self.urn(rest),
            b"http" | b"https" => self.web(rest),
            b"cid" => self.redactor.known.sweep(rest),
            known if ADDRESSES.contains(&known) => self.address_of(rest),
            _ => self.hidden(rest),
        };
        [scheme, b":", &rest].concat()
    }

    /// What follows `sip:`.
    fn address_of(&mut self, rest: &[u8]) -> Vec<u8> {
        match rsplit(rest, b'@') {
            Some((user, host)) => self.user_at(user, host),
            None => self.host_and_more(rest),
        }
    }

    /// `user:password@host` and what follows.
    fn user_at(&mut self, user: &[u8], host: &[u8]) -> Vec<u8> {
        let (user, password) = match split(user, b':') {
            Some((user, _)) => (user, true),
            None => (user, false),
        };
        let stays = self.redactor.keep.contains(&kept_of(user, host));
        let mut out = match stays || NOBODY.contains(&&user.to_ascii_lowercase()[..]) {
            true => user.to_vec(),
            false => self.user(user),
        };
        if password {
            out.push(b':');
            out.extend_from_slice(MASKED);
        }
        out.push(b'@');
        out.extend(self.host_and_more(host));
        out
    }

    /// A user part: a telephone number where it looks like one (RFC 3261 §19.1.6).
    fn user(&mut self, user: &[u8]) -> Vec<u8> {
        if self.redactor.secrets_only {
            return user.to_vec();
        }
        let plain = decoded(user);
        let (number, _) = split(&plain, b';').unwrap_or((&plain, b""));
        match number.strip_prefix(b"+") {
            Some(digits) if is_number(digits) => [b"+", &self.number(digits)[..]].concat(),
            None if is_number(number) && digits(number).len() >= 5 => self.number(number),
            _ => {
                self.learn(user, Kind::User, &plain);
                self.named(Kind::User, &plain)
            }
        }
    }

    /// The pseudonym of a name, which is learned.
    pub(super) fn named(&mut self, kind: Kind, name: &[u8]) -> Vec<u8> {
        if self.redactor.secrets_only {
            return self.redactor.known.sweep(name);
        }
        // What was masked before is nobody's name.
        if name.is_empty() || name == MASKED {
            return name.to_vec();
        }
        self.learn(name, kind, name);
        self.redactor.pseudonyms.of(kind, name)
    }

    fn number(&mut self, number: &[u8]) -> Vec<u8> {
        let plain = digits(number);
        self.learn(number, Kind::Number, &plain);
        self.learn(&plain, Kind::Number, &plain);
        self.redactor.pseudonyms.of(Kind::Number, &plain)
    }

    fn learn(&mut self, spelling: &[u8], kind: Kind, name: &[u8]) {
        self.found.push(Identity {
            spelling: spelling.trim_ascii().to_vec(),
            kind,
            name: name.to_vec(),
        });
    }

    /// `host:port;parameters?headers`.
    fn host_and_more(&mut self, rest: &[u8]) -> Vec<u8> {
        let (rest, headers) = match split(rest, b'?') {
            Some((rest, headers)) => (rest, Some(headers)),
            None => (rest, None),
        };
        let mut pieces = rest.split(|b| *b == b';');
        let host = pieces.next().unwrap_or_default();
        let mut out = match is_host(host) {
            true => host.to_vec(),
            false => self.hidden(host),
        };
        for parameter in pieces {
            out.push(b';');
            let (name, value) = split(parameter, b'=').unwrap_or((parameter, b""));
            out.extend_from_slice(name);
            if name.len() < parameter.len() {
                out.push(b'=');
                let device = DEVICES.contains(&&name.to_ascii_lowercase()[..]);
                out.extend(match device {
                    true => self.named(Kind::Device, value),
                    false => self.redactor.known.sweep(value),
                });
            }
        }
        for (number, header) in headers
            .into_iter()
            .flat_map(|h| h.split(|b| *b == b'&'))
            .enumerate()
        {
            out.push(if number == 0 { b'?' } else { b'&' });
            let (name, value) = split(header, b'=').unwrap_or((header, b""));
            out.extend_from_slice(name);
            out.push(b'=');
            let secret = HeaderName::from_bytes(name).is_some_and(|name| {
                matches!(fields::class(&name), Class::Credentials | Class::Secret)
            });
            out.extend(if secret {
                MASKED.to_vec()
            } else {
                self.hidden(value)
            });
        }
        out
    }

    /// What follows `tel:`. A context is a host name, or digits that would tell where somebody is.
    fn tel(&mut self, rest: &[u8]) -> Vec<u8> {
        if self.redactor.secrets_only {
            return rest.to_vec();
        }
        let mut pieces = rest.split(|b| *b == b';');
        let number = pieces.next().unwrap_or_default();
        let plain = decoded(number);
        let mut out = match plain.strip_prefix(b"+") {
            Some(digits) => [b"+", &self.number(digits)[..]].concat(),
            None => self.number(&plain),
        };
        for parameter in pieces {
            let (name, value) = split(parameter, b'=').unwrap_or((parameter, b""));
            out.push(b';');
            out.extend_from_slice(name);
            if name.len() < parameter.len() {
                out.push(b'=');
                let host = name.eq_ignore_ascii_case(b"phone-context") && !value.starts_with(b"+");
                out.extend(if host {
                    self.redactor.known.sweep(value)
                } else {
                    b"+999".to_vec()
                });
            }
        }
        out
    }

    /// What follows `urn:`.
    fn urn(&mut self, rest: &[u8]) -> Vec<u8> {
        let (namespace, name) = split(rest, b':').unwrap_or((rest, b""));
        let lower = namespace.to_ascii_lowercase();
        if SERVICES.contains(&&lower[..]) {
            return rest.to_vec();
        }
        // An IMEI stands elsewhere without what it is one of (RFC 7254).
        if let (b"gsma", Some((_, number))) = (&lower[..], rsplit(name, b':')) {
            self.learn(number, Kind::Device, name);
        }
        [namespace, b":", &self.named(Kind::Device, name)].concat()
    }

    /// What follows `http:`: paths name users (XCAP, RFC 4825 §6), queries hold tokens.
    fn web(&mut self, rest: &[u8]) -> Vec<u8> {
        let authority = rest.strip_prefix(b"//").unwrap_or(rest);
        let end = authority.iter().position(|b| b"/?#".contains(b));
        let (host, path) = authority.split_at(end.unwrap_or(authority.len()));
        let host = rsplit(host, b'@').map_or(host, |(_, host)| host);
        let (path, query) =
            path.split_at(path.iter().position(|b| *b == b'?').unwrap_or(path.len()));
        if !is_host(host) {
            return self.hidden(rest);
        }
        let mut out = [b"//", host].concat();
        if let Some(path) = path.strip_prefix(b"/") {
            out.push(b'/');
            out.extend(self.hidden(path));
        }
        if !query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(MASKED);
        }
        out
    }
}

/// Whether it begins with a scheme and a colon.
pub(super) fn is_uri(text: &[u8]) -> bool {
    let Some((scheme, rest)) = split(text, b':') else {
        return false;
    };
    let first = scheme.first().is_some_and(u8::is_ascii_alphabetic);
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    let blank = |b: &u8| b.is_ascii_whitespace() || b.is_ascii_control();
    first && scheme.iter().all(legal) && !rest.is_empty() && !rest.iter().any(blank)
}

/// What a host and a port are made of (RFC 3261 §25.1).
fn is_host(text: &[u8]) -> bool {
    let legal = |b: &u8| b.is_ascii_alphanumeric() || b".-_:[]%".contains(b);
    text.iter().all(legal)
}

/// Digits with visual separators (RFC 3966 §5.1.1).
fn is_number(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
        && text
            .iter()
            .all(|b| b.is_ascii_digit() || b"-.()".contains(b))
}

/// Without visual separators. What has no digit at all is its own name.
fn digits(number: &[u8]) -> Vec<u8> {
    let plain: Vec<u8> = number
        .iter()
        .copied()
        .filter(|b| !b"-.()".contains(b))
        .collect();
    plain.to_ascii_lowercase()
}

/// Without percent escapes.
fn decoded(text: &[u8]) -> Vec<u8> {
    octets(text).map(|(_, byte)| byte).collect()
}

/// What is written, without percent escapes (RFC 3986 §2.1): each octet, and where it begins.
pub(super) fn octets(text: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let place = at;
        let first = *text.get(at)?;
        let escaped = text.get(at + 1..at + 3).filter(|_| first == b'%');
        let escaped = escaped.filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let escaped = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        at += if byte.is_some() { 3 } else { 1 };
        Some((place, byte.unwrap_or(first)))
    })
}

/// Before and after the first `mark`.
pub(super) fn split(text: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|b| *b == mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Before and after the last `mark`.
pub(super) fn rsplit(text: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().rposition(|b| *b == mark)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}
