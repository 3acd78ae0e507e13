//! What XML 1.0 and its namespaces ask for, and the reader lets pass.

use quick_xml::name::QName;

/// Where the first character is that no document may have (XML 1.0 §2.2, `Char`).
pub(super) fn forbidden_character(text: &str) -> Option<usize> {
    text.char_indices()
        .find_map(|(at, char)| (!is_character(char)).then_some(at))
}

/// `Char`; a reference to anything else is not well-formed either (XML 1.0 §4.1).
pub(super) fn is_character(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// `S`
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// `QName` (Namespaces in XML 1.0 §4): one name, or two with a colon between.
pub(super) fn is_qualified_name(name: QName<'_>) -> bool {
    match name.as_ref().split_once(':') {
        Some((prefix, local)) => is_name(prefix) && is_name(local),
        None => is_name(name.as_ref()),
    }
}

/// The target of a processing instruction: a name, and not the one that is reserved (XML 1.0 §2.6).
pub(super) fn is_target(name: &str) -> bool {
    is_name(name) && !name.eq_ignore_ascii_case("xml")
}

/// `NCName`: `Name` (XML 1.0 §2.3) without a colon.
fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(begins_name)
        && chars.all(|char| {
            begins_name(char)
                || matches!(char, '-' | '.' | '0'..='9' | '\u{b7}')
                || matches!(char, '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
        })
}

/// `NameStartChar`, without a colon
fn begins_name(char: char) -> bool {
    matches!(char,
        'A'..='Z' | '_' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
        | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}'
        | '\u{2070}'..='\u{218f}' | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}'
        | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}' | '\u{10000}'..='\u{effff}')
}

/// Does white space stand behind each value of these attributes, or nothing (XML 1.0 §3.1)?
pub(super) fn are_separated(attributes: &str) -> bool {
    let mut open = None;
    let mut closed = false;
    attributes.chars().all(|char| {
        let separated = !closed || matches!(char, ' ' | '\t' | '\r' | '\n');
        closed = open == Some(char);
        open = match (open, char) {
            (None, '"' | '\'') => Some(char),
            (Some(quote), _) if quote != char => open,
            _ => None,
        };
        separated
    })
}

/// What stands between the question marks of an XML declaration (XML 1.0 §2.8): a version, and behind it encoding and
/// standalone or not.
pub(super) fn is_declaration(text: &str) -> bool {
    let mut rest = text.strip_prefix("xml");
    for (name, required) in [
        ("version", true),
        ("encoding", false),
        ("standalone", false),
    ] {
        rest = rest.and_then(|rest| match behind_declared(rest, name) {
            None if !required => Some(rest),
            behind => behind,
        });
    }
    rest.is_some_and(is_blank)
}

/// What is left behind `name="value"` with white space before it.
fn behind_declared<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
    let rest = text.strip_prefix(BLANKS)?.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(name)?.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix('=')?.trim_start_matches(BLANKS);
    let quote = rest
        .chars()
        .next()
        .filter(|char| matches!(char, '"' | '\''))?;
    let (value, rest) = rest.strip_prefix(quote)?.split_once(quote)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (!value.is_empty() && value.bytes().all(allowed)).then_some(rest)
}
