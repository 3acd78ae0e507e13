//! Comma lists (RFC 3261 §7.3.1).

use crate::grammar::{Bits, is_lws};

/// The items of a comma list: split at commas outside quoted strings and angle brackets. Items are trimmed and come
/// with their offset. An empty value has no items; `a,,b` has an empty one, which no grammar accepts.
#[derive(Clone)]
pub(crate) struct List<'a> {
    value: Bits<'a>,
    at: Option<usize>,
}

impl<'a> List<'a> {
    pub(crate) fn new(value: Bits<'a>) -> Self {
        let empty = value.iter().copied().all(is_lws);
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
        let (mut quoted, mut escaped, mut angled) = (false, false, false);
        let comma = rest.iter().position(|byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' if !angled => quoted = !quoted,
                _ if quoted => {}
                b'<' => angled = true,
                b'>' => angled = false,
                b',' => return !angled,
                _ => {}
            }
            false
        });
        self.at = comma.map(|comma| start + comma + 1);
        let item = comma.and_then(|comma| rest.get(..comma)).unwrap_or(rest);
        let blank = item.iter().take_while(|byte| is_lws(**byte)).count();
        Some((start + blank, item.trim_ascii()))
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
