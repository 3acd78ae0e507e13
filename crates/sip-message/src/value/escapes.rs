//! `%HH` in URIs (RFC 3261 §19.1.2, §19.1.4).

use std::borrow::Cow;

/// The text with its escapes undone. That of a reserved character stays, in lower case: it is not the character itself.
pub(super) fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, behind @ ..]) => {
                match hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low) {
                    Some(byte) if !is_reserved(byte) => out.push(byte),
                    _ => out.extend([b'%', high.to_ascii_lowercase(), low.to_ascii_lowercase()]),
                }
                rest = behind;
            }
            _ => out.push(*first),
        }
    }
    Cow::Owned(out)
}

/// The same in lower case: what is compared of names.
pub(super) fn without_case(text: &[u8]) -> Cow<'_, [u8]> {
    lower(unescape(text))
}

/// In lower case.
pub(super) fn lower(mut text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if text.iter().any(u8::is_ascii_uppercase) {
        text.to_mut().make_ascii_lowercase();
    }
    text
}

/// `reserved`, and the character of escapes itself.
fn is_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'%'
    )
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_but_of_reserved_characters() {
        assert_eq!(unescape(b"%6C%72-%4a%00%zz%").as_ref(), b"lr-J\0%zz%");
        assert_eq!(unescape(b"a%3B%2525").as_ref(), b"a%3b%2525");
        assert!(matches!(unescape(b"Lr"), Cow::Borrowed(b"Lr")));
        assert_eq!(without_case(b"%4CR%2F").as_ref(), b"lr%2f");
    }
}
