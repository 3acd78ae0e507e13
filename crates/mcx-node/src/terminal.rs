//! What a terminal, or who reads a log there, would be shown otherwise than it was written.

/// Whether a character is obeyed rather than shown: it moves the cursor, ends a line, or turns the direction of writing.
pub(crate) fn obeys(c: char) -> bool {
    let ends_line = matches!(c, '\u{2028}' | '\u{2029}');
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || ends_line || turns
}

/// The text, with a `?` in the place of what moves the cursor, or the direction of writing, of a terminal.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c| if obeys(c) { '?' } else { c };
    text.chars().map(shown).collect()
}
