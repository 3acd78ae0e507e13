//! A file that is no TOML: what is wrong with it, and what it says otherwise.

use toml::de::{DeTable, Error};

/// Most lines that are set aside. A file in which more are wrong is another kind of file.
const MOST_LINES: usize = 100;

/// Sets each line aside at which the reader stops, and goes on: gives what it said of each, and the text with spaces in the
/// place of those lines. The reader's own recovery loses the rest of a section, or sees one slip of the pen in many places.
pub(super) fn set_aside(text: &str) -> (Vec<Error>, String) {
    let mut left = text.to_owned();
    let mut errors = Vec::new();
    while errors.len() < MOST_LINES
        && let Err(error) = DeTable::parse(&left)
    {
        let at = error.span().unwrap_or_default().start.min(left.len());
        errors.push(error);
        let start = left[..at].rfind('\n').map_or(0, |before| before + 1);
        let end = left[at..].find('\n').map_or(left.len(), |after| at + after);
        let blank = " ".repeat(end - start);
        if left[start..end] == blank {
            break;
        }
        left.replace_range(start..end, &blank);
    }
    (errors, left)
}
