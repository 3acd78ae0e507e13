//! The characters of a URI, and the pairs in it (RFC 3261 §25.1).

use memchr::memchr;

use super::params::Params;
use crate::grammar::{Bits, is_token, is_unreserved};
use crate::limits::Limits;

/// `uri-parameters` or a URI's `headers`: no white space, no quotes, escapes checked. `input` is all of them.
pub(super) fn uri_pairs<'a>(
    input: Bits<'a>,
    by: u8,
    empty_value: bool,
    allowed: fn(u8) -> bool,
) -> Result<Params<'a>, Bits<'a>> {
    let mut rest = input;
    let mut count = 0;
    loop {
        let end = memchr(by, rest).unwrap_or(rest.len());
        let (pair, after) = rest.split_at_checked(end).unwrap_or_default();
        count += 1;
        let equal = memchr(b'=', pair);
        let (name, value) = pair
            .split_at_checked(equal.unwrap_or(pair.len()))
            .unwrap_or_default();
        let value = value.strip_prefix(b"=");
        let empty = value.is_some_and(<[u8]>::is_empty) && !empty_value;
        let good = |text: Bits<'_>| escaped_or(text, allowed);
        if name.is_empty()
            || empty
            || count > Limits::MOST_PARAMETERS
            || !good(name)
            || !value.is_none_or(good)
        {
            return Err(rest);
        }
        if empty_value && value.is_none() {
            return Err(rest);
        }
        match after.split_first() {
            Some((_, tail)) => rest = tail,
            None => {
                return Ok(Params::checked(input, by, count));
            }
        }
    }
}

/// Are these bytes of the set, or whole escapes `%HH`?
pub(super) fn escaped_or(text: &[u8], allowed: fn(u8) -> bool) -> bool {
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let good = match byte {
            b'%' => {
                let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
                hex(bytes.next()) && hex(bytes.next())
            }
            _ => allowed(*byte),
        };
        if !good {
            return false;
        }
    }
    true
}

pub(super) fn is_user(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

pub(super) fn is_password(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',')
}

pub(super) fn is_paramchar(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
        || (is_token(byte) && byte != b'%')
}

pub(super) fn is_hnv(byte: u8) -> bool {
    is_unreserved(byte) || matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$')
}

/// `uric`, and the `#` of a fragment
pub(super) fn is_uric(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b';' | b'/'
                | b'?'
                | b':'
                | b'@'
                | b'&'
                | b'='
                | b'+'
                | b'$'
                | b','
                | b'#'
                | b'['
                | b']'
        )
}
