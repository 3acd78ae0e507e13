//! Comma lists (RFC 3261 §7.3.1).

use memchr::{memchr, memchr3};

use crate::class::{LWS, QUOTED};
use crate::grammar::{Bits, trim};

/// The items of a comma list: split at commas outside quoted strings and angle brackets. Items are trimmed and come
/// with their offset. An empty value has no items; `a,,b` has an empty one, which no grammar accepts.
#[derive(Clone)]
pub(crate) struct List<'a> {
    value: Bits<'a>,
    at: Option<usize>,
}

impl<'a> List<'a> {
    pub(crate) fn new(value: Bits<'a>) -> Self {
        let empty = LWS.span(value) == value.len();
        List {
            value,
            at: (!empty).then_some(0),
        }
    }
}

impl<'a> Iterator for List<'a> {
    type Item = (usize, Bits<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at?;
        let rest = self.value.get(start..)?;
        let comma = comma(rest);
        self.at = comma.map(|comma| start + comma + 1);
        let item = comma.and_then(|comma| rest.get(..comma)).unwrap_or(rest);
        Some((start + LWS.span(item), trim(item)))
    }
}

/// The first comma outside quoted strings and angle brackets. What is opened and not closed goes to the end.
fn comma(value: &[u8]) -> Option<usize> {
    // as a rule there is none at all
    memchr(b',', value)?;
    let mut at = 0;
    loop {
        let found = at + memchr3(b',', b'"', b'<', value.get(at..)?)?;
        let inside = found + 1;
        at = match value.get(found) {
            Some(b'"') => inside + quoted_end(value.get(inside..)?)?,
            Some(b'<') => inside + memchr(b'>', value.get(inside..)?)? + 1,
            _ => return Some(found),
        };
    }
}

/// Where a quoted string that has begun is over: behind its second quote.
fn quoted_end(value: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += QUOTED.span(value.get(at..)?);
        if *value.get(at)? == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(value: &[u8]) -> Vec<&[u8]> {
        List::new(value).map(|(_, item)| item).collect()
    }

    #[test]
    fn lists_split_outside_quotes_and_brackets_only() {
        assert_eq!(
            items(br#""a, \", b" <sip:x,y@h> , <sip:z>"#),
            [&br#""a, \", b" <sip:x,y@h>"#[..], b"<sip:z>"]
        );
        assert_eq!(items(b"a,,b"), [&b"a"[..], b"", b"b"]);
        assert_eq!(items(b"a,"), [&b"a"[..], b""]);
        assert_eq!(items(b" \r\n "), Vec::<&[u8]>::new());
        assert_eq!(
            items(b"\"open, never closed"),
            [&b"\"open, never closed"[..]]
        );
    }

    #[test]
    fn offsets_point_at_the_item() {
        let offsets: Vec<usize> = List::new(b"a ,  bc,d").map(|(offset, _)| offset).collect();
        assert_eq!(offsets, [0, 5, 8]);
    }
}
