//! Lines and header fields (RFC 3261 §7.3).

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::class::TOKEN;
use crate::error::ParseErrorKind;
use crate::grammar::{trim_end, trim_start};
use crate::index::{Field, Index};
use crate::limits::Limits;
use crate::name::known;

/// A flaw and its place.
pub(crate) type Flaw = (ParseErrorKind, usize);

/// One line: its content without the line end, and where the next one begins.
pub(crate) struct Line {
    pub(crate) content: Range<usize>,
    pub(crate) next: usize,
    pub(crate) flaw: Option<Flaw>,
}

/// The start line, if it ends. CR LF and LF end lines; a CR elsewhere is a flaw, and so is a NUL.
pub(crate) fn first_line(bytes: &[u8]) -> Option<Line> {
    rest_of_line(bytes, 0, 0, false)
}

/// The line that begins at `from`, if it ends; nothing before `seen` is a control character. A NUL is no flaw in the one
/// place the grammar has for it, if the line may have that: after a backslash in a quoted string (`quoted-pair`).
#[inline(always)]
fn rest_of_line(bytes: &[u8], from: usize, seen: usize, quotes: bool) -> Option<Line> {
    let mut flaw = None;
    let mut at = seen;
    loop {
        let found = control_character(bytes, at)?;
        at = found + 1;
        match bytes.get(found..) {
            Some([b'\r', b'\n', ..]) => {
                return Some(Line {
                    content: from..found,
                    next: at + 1,
                    flaw,
                });
            }
            Some([b'\n', ..]) => {
                return Some(Line {
                    content: from..found,
                    next: at,
                    flaw,
                });
            }
            Some([b'\r', ..]) => flaw = flaw.or(Some((ParseErrorKind::BareCr, found))),
            Some([0, ..]) if !quotes || !is_escaped(bytes.get(from..found)) => {
                flaw = flaw.or(Some((ParseErrorKind::Nul, found)));
            }
            _ => {}
        }
    }
}

/// Does what stands before begin a `quoted-pair`? An even number of backslashes are pairs of their own.
fn is_escaped(before: Option<&[u8]>) -> bool {
    let bytes = before.unwrap_or_default().iter().rev();
    bytes.take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// A blank in every byte.
const BLANKS: u64 = 0x2020_2020_2020_2020;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Where the next control character below the blank is. Eight bytes are looked at in one go: the lowest byte that the
/// subtraction borrows for is one.
#[inline]
fn control_character(bytes: &[u8], from: usize) -> Option<usize> {
    let mut rest = bytes.get(from..)?;
    while let Some((eight, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*eight);
        let found = word.wrapping_sub(BLANKS) & !word & HIGH_BITS;
        if found != 0 {
            let before = usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
            return Some(bytes.len() - rest.len() + before);
        }
        rest = tail;
    }
    let before = rest.iter().position(|byte| *byte < b' ')?;
    Some(bytes.len() - rest.len() + before)
}

/// The head as far as it was read.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) index: Index,
    /// Where the body begins; before that, where the next line does.
    pub(crate) end: usize,
    /// The first flaw. The lines concerned are left out of the index.
    pub(crate) flaw: Option<Flaw>,
}

/// How many fields there is room for without asking for more, and how long at least a field usually is.
const USUAL_FIELDS: usize = 24;
const USUAL_FIELD: usize = 16;

impl Head {
    /// Reads header fields from `start` up to the blank line.
    pub(crate) fn read(bytes: &[u8], start: usize, limits: &Limits, enclosed: bool) -> Head {
        let window = bytes.get(..limits.header_bytes).unwrap_or(bytes);
        let names = known::table();
        let room = window.len().saturating_sub(start) / USUAL_FIELD;
        let mut index = Index::with_capacity(room.min(USUAL_FIELDS));
        let (mut end, mut flaw) = (start, None);
        let mut continues = false;
        loop {
            let from = end;
            let rest = window.get(from..).unwrap_or_default();
            let known = names.at_start_of(rest);
            let seen = from + known.map_or(0, |(_, length)| length);
            let line = match rest_of_line(window, from, seen, true) {
                Some(line) => line,
                None if window.len() < bytes.len() => {
                    flaw = flaw.or(Some((ParseErrorKind::HeadTooLarge, window.len())));
                    break;
                }
                None if !enclosed => {
                    flaw = flaw.or(Some((ParseErrorKind::NoBlankLine, window.len())));
                    break;
                }
                None => match last_line(window, from) {
                    Some(line) => line,
                    None => break,
                },
            };
            end = line.next;
            if line.flaw.is_some() {
                flaw = flaw.or(line.flaw);
                continues = false;
                continue;
            }
            let field = match (known, rest.first()) {
                _ if line.content.is_empty() => break,
                (Some((name, length)), _) => {
                    let value = trimmed(window, seen + 1..line.content.end);
                    Some(Field::new(name, from, length, value))
                }
                (None, Some(b' ' | b'\t')) => {
                    match index.last_mut() {
                        Some(field) if continues => {
                            let more = trimmed(window, line.content);
                            if !more.is_empty() {
                                field.continue_with(more);
                            }
                        }
                        _ => flaw = flaw.or(Some((ParseErrorKind::HeaderLine, from))),
                    }
                    continue;
                }
                _ => unusual_field(window, line.content),
            };
            if index.fields().len() >= limits.header_fields {
                flaw = flaw.or(Some((ParseErrorKind::TooManyHeaders, from)));
                break;
            }
            continues = field.is_some();
            match field {
                Some(field) => index.push(field),
                None => flaw = flaw.or(Some((ParseErrorKind::HeaderLine, from))),
            }
        }
        Head { index, end, flaw }
    }
}

/// What is left at the end of an enclosed head that does not end in a line end.
fn last_line(window: &[u8], from: usize) -> Option<Line> {
    let content = window.get(from..).filter(|content| !content.is_empty())?;
    let nul = memchr_iter(0, content).find(|at| !is_escaped(content.get(..*at)));
    let flaw = match (memchr(b'\r', content), nul) {
        (Some(at), _) => Some((ParseErrorKind::BareCr, from + at)),
        (None, Some(at)) => Some((ParseErrorKind::Nul, from + at)),
        (None, None) => None,
    };
    Some(Line {
        content: from..window.len(),
        next: window.len(),
        flaw,
    })
}

/// `name HCOLON value`, the value trimmed: a name that is not known, or one with blanks before the colon (RFC 3261
/// §25.1, HCOLON).
fn unusual_field(window: &[u8], line: Range<usize>) -> Option<Field> {
    let content = window.get(line.clone())?;
    let colon = memchr(b':', content)?;
    let name = trim_end(content.get(..colon)?);
    if !TOKEN.fills(name) {
        return None;
    }
    let value = trimmed(window, line.start + colon + 1..line.end);
    Some(Field::new(known::find(name), line.start, name.len(), value))
}

/// The range without white space at either end; empty, at its end, if there is nothing else.
#[inline(always)]
fn trimmed(window: &[u8], range: Range<usize>) -> Range<usize> {
    // one blank after the colon, as nearly everybody writes it
    if let Some([b' ', first, .., last]) = window.get(range.clone())
        && *first > b' '
        && *last > b' '
    {
        return range.start + 1..range.end;
    }
    trimmed_anyhow(window, range)
}

#[cold]
fn trimmed_anyhow(window: &[u8], range: Range<usize>) -> Range<usize> {
    let behind = trim_start(window.get(range.clone()).unwrap_or_default());
    let start = range.end - behind.len();
    start..start + trim_end(behind).len()
}
