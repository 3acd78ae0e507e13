//! Hosts of the inside that a body names (wire profile, "What a gateway rewrites"): outside, each has another name that
//! configuration gives it, and comes back under that name. Everything else of a body goes on byte for byte. A signature
//! over what names such a host does not survive, which is why nothing is renamed unless asked for. Escapes are undone in the
//! document alone: what another part says in base64 or escaped nobody reads here.

use std::net::IpAddr;

use bytes::Bytes;

use crate::Refusal;
use crate::document::{Bounds, says};

/// A host of the inside, and the name that it has outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostAlias {
    /// Host name or address (an IPv6 one in brackets), lower case; unique among the aliases.
    pub inside: String,
    /// What partners see instead, lower case; unique, so that what comes back can be told.
    pub outside: String,
}

/// The body that leaves, and its Content-Type: `document`, a slice of it, names no host of the inside, nor does anything else
/// of a body that is text.
///
/// # Errors
/// 400 when one is named in a way that cannot be replaced.
pub(super) fn hidden(
    (content_type, body): (&mut String, &Bytes),
    document: &Bytes,
    aliases: &[HostAlias],
    bounds: Bounds,
) -> Result<Bytes, Refusal> {
    if aliases.is_empty() {
        return Ok(body.clone());
    }
    let out = aliases
        .iter()
        .map(|a| (a.inside.as_str(), a.outside.as_str()));
    let of_document = renamed(document, out.clone());
    if names_one(of_document.as_deref().unwrap_or(document), aliases, bounds) {
        return Err(refused(
            "Document names a host of the inside in escaped characters",
        ));
    }
    if body.len() == document.len() {
        return Ok(of_document.map_or_else(|| body.clone(), Bytes::from));
    }
    // Header fields of parts, what is around the parts, and the boundary between them too.
    if std::str::from_utf8(body).is_ok() {
        rename_text(content_type, out.clone());
        return Ok(renamed(body, out).map_or_else(|| body.clone(), Bytes::from));
    }
    let changed = match of_document {
        Some(by) => replaced(body, document, &by)
            .ok_or_else(|| refused("Document that is no part of the body"))?,
        None => body.clone(),
    };
    // A part in binary would be another one with other names in it.
    if next_host(&changed, out.clone()).is_some()
        || next_host(content_type.as_bytes(), out).is_some()
    {
        return Err(refused(
            "Body names a host of the inside beside the document",
        ));
    }
    Ok(changed)
}

/// The body that enters, its Content-Type and the document in it: hosts have the names of the inside again. `None` where
/// nothing changes.
pub(super) fn shown(
    content_type: &mut String,
    body: &Bytes,
    document: &Bytes,
    aliases: &[HostAlias],
) -> Option<(Bytes, Option<Vec<u8>>)> {
    if aliases.is_empty() {
        return None;
    }
    let back = aliases
        .iter()
        .map(|a| (a.outside.as_str(), a.inside.as_str()));
    let of_document = renamed(document, back.clone());
    if body.len() != document.len() && std::str::from_utf8(body).is_ok() {
        rename_text(content_type, back.clone());
        return Some((renamed(body, back)?.into(), of_document));
    }
    let of_document = of_document?;
    Some((replaced(body, document, &of_document)?, Some(of_document)))
}

fn refused(phrase: &'static str) -> Refusal {
    Refusal::bad_request(phrase)
}

/// Whether a value of the document, its escapes resolved, names a host of the inside: as a host, or, if it is a name, as a
/// part of another word.
fn names_one(document: &[u8], aliases: &[HostAlias], bounds: Bounds) -> bool {
    says(document, bounds, |value| {
        let value = unescaped(value.as_bytes()).to_ascii_lowercase();
        let pairs = aliases.iter().map(|a| (a.inside.as_str(), ""));
        next_host(&value, pairs).is_some()
            || aliases.iter().any(|alias| match address(&alias.inside) {
                Some(address) => addresses(&value).any(|other| other == address),
                None => {
                    alias.inside.contains('.')
                        && value
                            .windows(alias.inside.len())
                            .any(|part| part == alias.inside.as_bytes())
                }
            })
    })
}

/// `%HH` undone.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *byte == b'%');
        let digits = digits.filter(|d| d.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(escaped) => {
                result.push(escaped);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                result.push(*byte);
                rest = after;
            }
        }
    }
    result
}

/// The address that a host is, in whatever spelling; an IPv4 address mapped into IPv6 is that IPv4 address.
fn address(host: &str) -> Option<IpAddr> {
    let host = host
        .strip_prefix('[')
        .map_or(host, |h| h.trim_end_matches(']'));
    let host = host
        .split_once('%')
        .map_or(host, |(address, _zone)| address);
    host.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// The addresses in a text: words of the characters that hosts are written in.
fn addresses(text: &[u8]) -> impl Iterator<Item = IpAddr> {
    let words = text.split(|byte| !is_host_byte(*byte) && *byte != b':');
    words.filter_map(|word| address(std::str::from_utf8(word).ok()?))
}

/// The document with every host of `pairs` under its other name; `None` where it names none.
fn renamed<'a>(
    document: &[u8],
    pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<Vec<u8>> {
    let mut result = Vec::new();
    let mut rest = document;
    // What is put in is never read again.
    while let Some((before, to, after)) = next_host(rest, pairs.clone()) {
        result.extend_from_slice(before);
        result.extend_from_slice(to.as_bytes());
        rest = after;
    }
    if rest.len() == document.len() {
        return None;
    }
    result.extend_from_slice(rest);
    Some(result)
}

fn rename_text<'a>(text: &mut String, pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) {
    if let Some(renamed) = renamed(text.as_bytes(), pairs)
        && let Ok(renamed) = String::from_utf8(renamed)
    {
        *text = renamed;
    }
}

/// The first host of `pairs` that `text` names: what is before it, its other name, what is after it.
fn next_host<'t, 'a>(
    text: &'t [u8],
    pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<(&'t [u8], &'a str, &'t [u8])> {
    let mut within_a_host = false;
    let mut at = 0;
    while let (Some(byte), Some((before, rest))) = (text.get(at), text.split_at_checked(at)) {
        if !within_a_host {
            let stands = |(from, to): (&str, &'a str)| {
                let (name, after) = rest.split_at_checked(from.len())?;
                let stands = name.eq_ignore_ascii_case(from.as_bytes()) && ends_here(after);
                stands.then_some((before, to, after))
            };
            if let Some(found) = pairs.clone().find_map(stands) {
                return Some(found);
            }
        }
        if let Some(length) = ipv6_reference(rest) {
            // What is in it is no host of its own.
            at += length;
            continue;
        }
        within_a_host = is_host_byte(*byte) && (*byte != b'-' || within_a_host);
        at += 1;
    }
    None
}

/// Length of the `IPv6reference` (RFC 3261 §25.1) that a text begins with, its zone included.
fn ipv6_reference(text: &[u8]) -> Option<usize> {
    const LONGEST: usize = 80;
    let inner = text.strip_prefix(b"[")?;
    let end = inner.iter().take(LONGEST).position(|byte| *byte == b']')?;
    let host = std::str::from_utf8(inner.get(..end)?).ok()?;
    address(host).filter(|_| host.contains(':'))?;
    Some(end + 2)
}

/// RFC 3261 §25.1, `hostname`: it may end in a dot, after which no label follows, and no label ends in a hyphen.
fn ends_here(after: &[u8]) -> bool {
    let hyphens = after.iter().take_while(|byte| **byte == b'-').count();
    match after.get(hyphens..).unwrap_or_default() {
        [b'.', next, ..] if hyphens == 0 => !is_host_byte(*next),
        [b'.'] if hyphens == 0 => true,
        [next, ..] => !is_host_byte(*next),
        [] => true,
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// `body` with `by` in the place of `part`, which is a slice of it.
fn replaced(body: &Bytes, part: &Bytes, by: &[u8]) -> Option<Bytes> {
    let at = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let (before, rest) = body.split_at_checked(at)?;
    let after = rest.get(part.len()..)?;
    let mut result = Vec::with_capacity(before.len() + by.len() + after.len());
    result.extend_from_slice(before);
    result.extend_from_slice(by);
    result.extend_from_slice(after);
    Some(result.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Option<String> {
        let pairs = [
            ("as1.inside.example", "one.a.example"),
            ("10.9.8.7", "two.a.example"),
            ("[2001:db8::7]", "three.a.example"),
        ];
        let renamed = renamed(text.as_bytes(), pairs.into_iter())?;
        Some(String::from_utf8(renamed).unwrap())
    }

    #[test]
    fn a_host_is_renamed_wherever_it_stands_as_one() {
        for (before, after) in [
            ("sip:x@as1.inside.example", "sip:x@one.a.example"),
            (
                "sip:AS1.Inside.Example:5060;lr",
                "sip:one.a.example:5060;lr",
            ),
            ("<a>as1.inside.example.</a>", "<a>one.a.example.</a>"),
            ("--as1.inside.example--", "--one.a.example--"),
            (
                "<![CDATA[as1.inside.example]]>",
                "<![CDATA[one.a.example]]>",
            ),
            (
                "10.9.8.7,sip:x@[2001:DB8::7]:1",
                "two.a.example,sip:x@three.a.example:1",
            ),
        ] {
            assert_eq!(leaves(before).as_deref(), Some(after));
        }
    }

    #[test]
    fn a_part_of_another_host_is_none() {
        for text in [
            "as1.inside.example.org",
            "x.as1.inside.example",
            "xas1.inside.example",
            "as1.inside.example-2",
            "as1.inside.example--x",
            "[::ffff:10.9.8.7]",
            "110.9.8.7",
            "10.9.8.71",
            "as1",
        ] {
            assert_eq!(leaves(text), None, "{text}");
        }
    }
}
