//! Hosts of the inside that a document names (wire profile, "What a gateway rewrites"): outside, each has another name
//! that configuration gives it, and comes back under that name. Everything else of a body goes on byte for byte; a
//! signature over a document that names such a host does not survive, which is why nothing is renamed unless asked for.

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

/// The body that leaves: in `document`, a slice of it, no host of the inside is named.
///
/// # Errors
/// 400 when the document names one in a way that cannot be replaced.
pub(super) fn hidden(
    body: &Bytes,
    document: &Bytes,
    aliases: &[HostAlias],
    bounds: Bounds,
) -> Result<Bytes, Refusal> {
    let pairs = aliases
        .iter()
        .map(|a| (a.inside.as_str(), a.outside.as_str()));
    if aliases.is_empty() {
        return Ok(body.clone());
    }
    let renamed = renamed(document, pairs);
    if names_one(renamed.as_deref().unwrap_or(document), aliases, bounds) {
        return Err(unreadable());
    }
    match renamed {
        Some(renamed) => replaced(body, document, &renamed).ok_or_else(unreadable),
        None => Ok(body.clone()),
    }
}

/// The body that enters: hosts have the names of the inside again. `None` where nothing changes.
pub(super) fn shown(body: &Bytes, document: &Bytes, aliases: &[HostAlias]) -> Option<Bytes> {
    if aliases.is_empty() {
        return None;
    }
    let pairs = aliases
        .iter()
        .map(|a| (a.outside.as_str(), a.inside.as_str()));
    replaced(body, document, &renamed(document, pairs)?)
}

fn unreadable() -> Refusal {
    Refusal::bad_request("Document names a host of the inside in escaped characters")
}

/// Whether a value of the document, its escapes resolved, names a host of the inside.
fn names_one(document: &[u8], aliases: &[HostAlias], bounds: Bounds) -> bool {
    says(document, bounds, |value| {
        let pairs = aliases.iter().map(|a| (a.inside.as_str(), ""));
        next_host(value.as_bytes(), pairs).is_some()
    })
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

/// The first host of `pairs` that `text` names: what is before it, its other name, what is after it.
fn next_host<'t, 'a>(
    text: &'t [u8],
    pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> Option<(&'t [u8], &'a str, &'t [u8])> {
    let mut within_a_host = false;
    for (at, byte) in text.iter().enumerate() {
        if !within_a_host {
            let (before, rest) = text.split_at_checked(at)?;
            let stands = |(from, to): (&str, &'a str)| {
                let (name, after) = rest.split_at_checked(from.len())?;
                let stands = name.eq_ignore_ascii_case(from.as_bytes()) && ends_here(after);
                stands.then_some((before, to, after))
            };
            if let Some(found) = pairs.clone().find_map(stands) {
                return Some(found);
            }
        }
        within_a_host = is_host_byte(*byte);
    }
    None
}

/// RFC 3261 §25.1, `hostname`: it may end in a dot, after which no label follows.
fn ends_here(after: &[u8]) -> bool {
    match after {
        [b'.', next, ..] => !is_host_byte(*next),
        [next, ..] => *next == b'.' || !is_host_byte(*next),
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
            "110.9.8.7",
            "10.9.8.71",
            "as1",
        ] {
            assert_eq!(leaves(text), None, "{text}");
        }
    }
}
