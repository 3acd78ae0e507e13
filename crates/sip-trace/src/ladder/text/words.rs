//! Text that came from outside, made fit for a terminal: nothing that moves the cursor, a known width, whole words.

/// Without anything a terminal would obey or draw at no width: control characters become "?", combining marks and
/// direction overrides go. In ASCII, known signs are spelled and others become "?".
pub(super) fn clean(text: &str, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => out.push(' '),
            c if c.is_control() => out.push('?'),
            c if is_zero_width(c) => {}
            c if c.is_ascii() || !ascii => out.push(c),
            '–' | '—' | '·' => out.push('-'),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '‘' | '’' => out.push('\''),
            '“' | '”' => out.push('"'),
            _ => out.push('?'),
        }
    }
    out
}

/// Cells that a cleaned text takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// 2 for East Asian wide characters and pictures, else 1 (Unicode Standard Annex 11, in ranges).
pub(super) fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

fn is_zero_width(c: char) -> bool {
    matches!(u32::from(c),
        0x0300..=0x036F | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        | 0xFE00..=0xFE0F | 0xFEFF | 0xE0000..=0xE0FFF)
}

/// Lines of at most `room` cells, broken between words; a word that is longer is broken inside.
pub(in crate::ladder) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        loop {
            let gap = usize::from(!line.is_empty());
            if width(&line) + gap + width(&word) <= room {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(&word);
                break;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            let rest = split(&mut word, room);
            lines.push(std::mem::replace(&mut word, rest));
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// Cuts `text` to `room` cells and returns what is left; `room` is at least 2, so that something is always kept.
fn split(text: &mut String, room: usize) -> String {
    let mut used = 0;
    let cut = text.char_indices().find_map(|(at, c)| {
        used += char_width(c);
        (used > room).then_some(at)
    });
    cut.map_or_else(String::new, |at| text.split_off(at))
}

#[cfg(test)]
mod tests {
    use super::{clean, width, wrap};

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        assert_eq!(
            clean("a\u{1b}[31mb\u{9b}c\r\nd\u{202e}\u{2028}e", false),
            "a?[31mb?c  d e"
        );
        assert_eq!(clean("stay 7 – ended…", true), "stay 7 - ended...");
    }

    #[test]
    fn long_words_are_broken_and_short_ones_kept_whole() {
        assert_eq!(wrap("aa bbb cccccccc d", 6), ["aa bbb", "cccccc", "cc d"]);
        assert_eq!(wrap("", 6), [""]);
        assert_eq!(wrap("日本語日本語", 5), ["日本", "語日", "本語"]);
        assert_eq!(width("日本 a"), 6);
    }
}
