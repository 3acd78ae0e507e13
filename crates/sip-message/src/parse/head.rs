//! Lines and header fields (RFC 3261 §7.3).

use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memchr3};

use crate::error::ParseErrorKind;
use crate::grammar::is_token;
use crate::headers::Field;
use crate::limits::Limits;
use crate::name::HeaderName;

/// A flaw and its place.
pub(crate) type Flaw = (ParseErrorKind, usize);

/// One line: its content without the line end, and where the next one begins.
pub(crate) struct Line {
    pub(crate) content: Range<usize>,
    pub(crate) next: usize,
    pub(crate) flaw: Option<Flaw>,
}

/// The line that begins at `from`, if it ends. CR LF and LF end lines; a CR elsewhere is a flaw, and so is a NUL, but
/// for the one place the grammar has for it: after a backslash (`quoted-pair`).
pub(crate) fn next_line(bytes: &[u8], from: usize) -> Option<Line> {
    let mut flaw = None;
    let mut at = from;
    loop {
        let found = at + memchr3(b'\n', b'\r', 0, bytes.get(at..)?)?;
        at = found + 1;
        match bytes.get(found) {
            Some(b'\n') => {
                return Some(Line {
                    content: from..found,
                    next: at,
                    flaw,
                });
            }
            Some(b'\r') if bytes.get(at) == Some(&b'\n') => {
                return Some(Line {
                    content: from..found,
                    next: at + 1,
                    flaw,
                });
            }
            Some(b'\r') => flaw = flaw.or(Some((ParseErrorKind::BareCr, found))),
            _ if found > from && bytes.get(found - 1) == Some(&b'\\') => {}
            _ => flaw = flaw.or(Some((ParseErrorKind::Nul, found))),
        }
    }
}

/// The head as far as it was read.
pub(crate) struct Head {
    pub(crate) fields: Vec<Field>,
    /// Where the body begins; before that, where the next line does.
    pub(crate) end: usize,
    /// The first flaw. The lines concerned are left out of the fields.
    pub(crate) flaw: Option<Flaw>,
}

impl Head {
    /// Reads header fields up to the blank line. `own` makes a name of a range of `bytes`.
    pub(crate) fn read(
        &mut self,
        bytes: &[u8],
        own: impl Fn(Range<usize>) -> Bytes,
        limits: &Limits,
        enclosed: bool,
    ) {
        let window = bytes.get(..limits.header_bytes).unwrap_or(bytes);
        let mut continues = false;
        loop {
            let from = self.end;
            let line = match next_line(window, from) {
                Some(line) => line,
                None if window.len() < bytes.len() => {
                    return self.flawed(ParseErrorKind::HeadTooLarge, window.len());
                }
                None if !enclosed => return self.flawed(ParseErrorKind::NoBlankLine, window.len()),
                None => match last_line(window, from) {
                    Some(line) => line,
                    None => return,
                },
            };
            self.end = line.next;
            if let Some((kind, offset)) = line.flaw {
                self.flawed(kind, offset);
                continues = false;
                continue;
            }
            let content = window.get(line.content.clone()).unwrap_or_default();
            match content.first() {
                None => return,
                Some(b' ' | b'\t') => match self.fields.last_mut() {
                    Some(field) if continues => {
                        let blank = content.len() - content.trim_ascii_start().len();
                        let end = line.content.start + content.trim_ascii_end().len();
                        if blank < content.len() {
                            field.start = if field.start == field.end {
                                line.content.start + blank
                            } else {
                                field.start
                            };
                            field.end = end;
                        }
                    }
                    _ => self.flawed(ParseErrorKind::HeaderLine, from),
                },
                Some(_) => {
                    if self.fields.len() >= limits.header_fields {
                        return self.flawed(ParseErrorKind::TooManyHeaders, from);
                    }
                    let field = field(&own, content, from);
                    continues = field.is_some();
                    match field {
                        Some(field) => self.fields.push(field),
                        None => self.flawed(ParseErrorKind::HeaderLine, from),
                    }
                }
            }
        }
    }

    fn flawed(&mut self, kind: ParseErrorKind, offset: usize) {
        self.flaw.get_or_insert((kind, offset));
    }
}

/// What is left at the end of an enclosed head that does not end in a line end.
fn last_line(window: &[u8], from: usize) -> Option<Line> {
    let content = window.get(from..).filter(|content| !content.is_empty())?;
    let flaw = match (memchr(b'\r', content), memchr(0, content)) {
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

/// `name HCOLON value`, the value trimmed. Blanks before the colon are allowed (RFC 3261 §25.1, HCOLON).
fn field(own: impl Fn(Range<usize>) -> Bytes, content: &[u8], line: usize) -> Option<Field> {
    let colon = memchr(b':', content)?;
    let (name, value) = content.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let name = match HeaderName::known(name) {
        Some(name) => name,
        None if !name.is_empty() && name.iter().copied().all(is_token) => {
            HeaderName::Other(own(line..line + name.len()))
        }
        None => return None,
    };
    let value = value.get(1..)?;
    let trimmed = value.trim_ascii();
    let start = line + colon + 1 + (value.len() - value.trim_ascii_start().len());
    Some(Field {
        name,
        line,
        start,
        end: start + trimmed.len(),
    })
}
