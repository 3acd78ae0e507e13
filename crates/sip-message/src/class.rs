//! Which bytes each rule of the grammar allows: one table for all of them, one bit a rule.

/// A set of bytes: one rule of RFC 3261 §25.1, or several.
#[derive(Clone, Copy)]
pub(crate) struct Class(u16);

/// `token`
pub(crate) const TOKEN: Class = Class(1);
/// `word`, of which a Call-ID is made
pub(crate) const WORD: Class = Class(1 << 1);
/// White space between the elements of a value. Folding was kept in the value, so CR and LF are part of it: in a value
/// they cannot be anything else.
pub(crate) const LWS: Class = Class(1 << 2);
/// What a display name without quotes may be made of: `token`s with white space between, and bytes above ASCII, which
/// are let through.
pub(crate) const DISPLAY: Class = Class(1 << 3);
/// `user`, escapes aside
pub(crate) const USER: Class = Class(1 << 4);
/// `password`, escapes aside
pub(crate) const PASSWORD: Class = Class(1 << 5);
/// `paramchar`, escapes aside
pub(crate) const PARAMCHAR: Class = Class(1 << 6);
/// `hname` and `hvalue`, escapes aside
pub(crate) const HNV: Class = Class(1 << 7);
/// `uric`, escapes aside, and the `#` of a fragment
pub(crate) const URIC: Class = Class(1 << 8);
/// A label of `hostname`; underscores are let through, as name servers do
pub(crate) const LABEL: Class = Class(1 << 9);
/// `gen-value` without quotes: anything printable that is no separator of the value around it. Wider than
/// `token / host`, since unquoted base64 and bare IPv6 addresses are common and harmless.
pub(crate) const GEN_VALUE: Class = Class(1 << 10);
/// `addr-spec` without brackets: up to what ends or breaks it (§20.10)
pub(crate) const BARE_URI: Class = Class(1 << 11);
/// `scheme`, its first character aside
pub(crate) const SCHEME: Class = Class(1 << 12);
/// What stands for itself in a `quoted-string`: all but its quotes and backslashes
pub(crate) const QUOTED: Class = Class(1 << 13);
/// What a `hostname` or an `IPv4address` is made of: labels and dots
pub(crate) const HOSTNAME: Class = Class(1 << 14);

static TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u16] = &mut table;
    let mut byte = 0u8;
    while let Some((entry, tail)) = rest.split_first_mut() {
        *entry = classes(byte);
        rest = tail;
        byte = byte.wrapping_add(1);
    }
    table
}

const fn classes(byte: u8) -> u16 {
    let alphanumeric = byte.is_ascii_alphanumeric();
    let mark = matches!(
        byte,
        b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
    );
    let unreserved = alphanumeric || mark;
    let token = alphanumeric
        || matches!(
            byte,
            b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
        );
    let lws = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let mut bits = 0;
    if token {
        bits |= TOKEN.0;
    }
    if token
        || matches!(
            byte,
            b'(' | b')'
                | b'<'
                | b'>'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'{'
                | b'}'
        )
    {
        bits |= WORD.0;
    }
    if lws {
        bits |= LWS.0;
    }
    if token || lws || byte >= 0x80 {
        bits |= DISPLAY.0;
    }
    if unreserved || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/') {
        bits |= USER.0;
    }
    if unreserved || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',') {
        bits |= PASSWORD.0;
    }
    if unreserved
        || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$')
        || (token && byte != b'%')
    {
        bits |= PARAMCHAR.0;
    }
    if unreserved || matches!(byte, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$') {
        bits |= HNV.0;
    }
    if unreserved
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
    {
        bits |= URIC.0;
    }
    if alphanumeric || matches!(byte, b'-' | b'_') {
        bits |= LABEL.0;
    }
    if alphanumeric || matches!(byte, b'-' | b'_' | b'.') {
        bits |= HOSTNAME.0;
    }
    if byte > 0x20
        && byte != 0x7f
        && !matches!(
            byte,
            b'"' | b',' | b';' | b'<' | b'>' | b'\\' | b'(' | b')' | b'{' | b'}'
        )
    {
        bits |= GEN_VALUE.0;
    }
    if !lws && !matches!(byte, b';' | b',' | b'?' | b'<' | b'>' | b'"') {
        bits |= BARE_URI.0;
    }
    if alphanumeric || matches!(byte, b'+' | b'-' | b'.') {
        bits |= SCHEME.0;
    }
    if !matches!(byte, b'"' | b'\\') {
        bits |= QUOTED.0;
    }
    bits
}

impl Class {
    /// Is the byte one of the set?
    #[inline]
    pub(crate) fn has(self, byte: u8) -> bool {
        TABLE
            .get(usize::from(byte))
            .is_some_and(|bits| bits & self.0 != 0)
    }

    /// Are all bytes of the set, and is there one?
    pub(crate) fn fills(self, text: &[u8]) -> bool {
        !text.is_empty() && self.span(text) == text.len()
    }

    /// How many bytes at the beginning are of the set.
    #[inline]
    pub(crate) fn span(self, text: &[u8]) -> usize {
        let mut rest = text;
        // four a round: counting costs as much as looking
        while let [a, b, c, d, tail @ ..] = rest {
            let before = text.len() - rest.len();
            if !self.has(*a) {
                return before;
            }
            if !self.has(*b) {
                return before + 1;
            }
            if !self.has(*c) {
                return before + 2;
            }
            if !self.has(*d) {
                return before + 3;
            }
            rest = tail;
        }
        let more = rest.iter().take_while(|byte| self.has(**byte)).count();
        text.len() - rest.len() + more
    }

    /// The same, for what is long as a rule: eight bytes are looked at in one go.
    #[inline]
    pub(crate) fn long_span(self, text: &[u8]) -> usize {
        let bits = |byte: &u8| TABLE.get(usize::from(*byte)).copied().unwrap_or_default();
        let mut at = 0;
        let mut rest = text;
        while let Some(([a, b, c, d, e, f, g, h], tail)) = rest.split_first_chunk::<8>() {
            let first = bits(a) & bits(b) & bits(c) & bits(d);
            let second = bits(e) & bits(f) & bits(g) & bits(h);
            if first & second & self.0 == 0 {
                break;
            }
            rest = tail;
            at += 8;
        }
        at + self.span(rest)
    }

    /// The bytes at the beginning that are of the set, and the rest.
    #[inline]
    pub(crate) fn split(self, text: &[u8]) -> (&[u8], &[u8]) {
        text.split_at_checked(self.span(text)).unwrap_or_default()
    }

    /// How many bytes at the beginning are of the set or whole escapes, `%HH`.
    #[inline]
    pub(crate) fn escaped_span(self, text: &[u8]) -> usize {
        let plain = self.span(text);
        match text.get(plain..) {
            Some(rest @ [b'%', ..]) => plain + self.span_from_escape(rest),
            _ => plain,
        }
    }

    /// The same where it begins with an escape, which is rare.
    #[inline(never)]
    fn span_from_escape(self, text: &[u8]) -> usize {
        let mut at = 0;
        loop {
            match text.get(at..) {
                Some([b'%', high, low, rest @ ..])
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    at += 3 + self.span(rest);
                }
                _ => return at,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_what_the_rules_say() {
        let members = |class: Class| -> Vec<u8> { (0..=255).filter(|b| class.has(*b)).collect() };
        assert_eq!(members(LWS), b"\t\n\r ");
        assert_eq!(
            members(TOKEN),
            b"!%'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnopqrstuvwxyz~"
        );
        assert_eq!(members(WORD).len(), members(TOKEN).len() + 13);
        assert_eq!(members(USER).len(), 62 + 9 + 8);
        assert_eq!(members(PASSWORD).len(), 62 + 9 + 5);
        assert_eq!(members(PARAMCHAR).len(), 62 + 9 + 7 + 1);
        assert_eq!(members(HNV).len(), 62 + 9 + 7);
        assert_eq!(members(URIC).len(), 62 + 9 + 13);
        assert_eq!(members(LABEL).len(), 62 + 2);
        assert_eq!(members(HOSTNAME).len(), 62 + 3);
    }

    #[test]
    fn spans_end_where_the_set_does() {
        for length in 0..20 {
            for end in 0..length {
                let mut text = vec![b'a'; length];
                text[end] = b' ';
                assert_eq!(TOKEN.span(&text), end, "{length}");
                assert_eq!(TOKEN.long_span(&text), end, "{length}");
            }
            assert_eq!(TOKEN.long_span(&vec![b'a'; length]), length);
            assert_eq!(TOKEN.span(&vec![b'a'; length]), length);
        }
    }

    #[test]
    fn escapes_are_whole_or_end_the_span() {
        assert_eq!(USER.escaped_span(b"a%41%zz"), 4);
        assert_eq!(USER.escaped_span(b"%4"), 0);
        assert_eq!(USER.escaped_span(b"%41%42@h"), 6);
        assert_eq!(USER.escaped_span(b""), 0);
        assert!(!TOKEN.fills(b""));
        assert!(!TOKEN.fills(b"a b"));
    }
}
