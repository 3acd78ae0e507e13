//! Telephone numbers that were met, to be found in free text as people write them: in groups with blanks, dots, dashes or
//! parentheses between them (RFC 3966 §5.1.1), without the country code, with `00` or a `0` before them.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::ops::Range;

/// Least digits of what is looked for, without zeros at its beginning: of fewer there are too many that mean something else.
const LEAST: u32 = 7;

/// Most digits of what is looked for (ITU-T E.164: 15).
const MOST: u32 = 15;

/// The same with zeros at its beginning.
const MOST_WRITTEN: usize = 20;

/// Most digits of a country code (ITU-T E.164).
const COUNTRY_CODE: u32 = 3;

/// Most characters between two groups of digits.
const MOST_BETWEEN: usize = 8;

/// What may stand between groups: what RFC 3966 names, and what else is written there. No end of a line: it may be that of a field, with
/// a number in the next one.
const SEPARATORS: [&str; 27] = [
    "-", ".", "(", ")", " ", "/", "\t", "_", "~", "\u{b7}",
    // Spaces: no-break, figure, punctuation, thin, hair, narrow, and wide ones.
    "\u{a0}", "\u{2002}", "\u{2003}", "\u{2007}", "\u{2008}", "\u{2009}", "\u{200a}", "\u{202f}",
    // Hyphens, dashes, the sign minus.
    "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}", "\u{2014}", "\u{2212}",
    // What is not seen.
    "\u{ad}", "\u{200b}", "\u{2060}",
];

/// Bytes of what stands for a number.
const PSEUDONYM: usize = 15;

/// By their digits as a number, which leaves out zeros at the beginning.
#[derive(Debug, Default)]
pub(super) struct Numbers(HashMap<u64, Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    pseudonym: [u8; PSEUDONYM],
    /// It is all that was met, not what remains without a country code.
    is_whole: bool,
}

impl Numbers {
    /// Adds a number that was met, by its digits alone.
    pub(super) fn add(&mut self, digits: &[u8], pseudonym: impl FnOnce() -> Vec<u8>) {
        let digits = std::str::from_utf8(digits).ok();
        let Some(number) = digits.and_then(|digits| digits.parse().ok()) else {
            return;
        };
        let is_known = self.0.get(&number).is_some_and(|entry| entry.is_whole);
        if is_known || !(LEAST..=MOST).contains(&length(number)) {
            return;
        }
        let Ok(pseudonym) = pseudonym().try_into() else {
            return;
        };
        for rest in without_country_code(number) {
            self.0.entry(rest).or_insert(Entry {
                pseudonym,
                is_whole: false,
            });
        }
        let is_whole = true;
        self.0.insert(
            number,
            Entry {
                pseudonym,
                is_whole,
            },
        );
    }

    /// The first one from there on, of those that begin there the longest: where it stands, and what stands for it.
    pub(super) fn find(&self, text: &[u8], from: usize) -> Option<(Range<usize>, &[u8])> {
        if self.0.is_empty() {
            return None;
        }
        let mut at = from;
        loop {
            at += text.get(at..)?.iter().position(u8::is_ascii_digit)?;
            let before = text.get(..at)?;
            let found = match is_port(before) {
                true => None,
                false => self.longest(text, at),
            };
            if let Some((end, pseudonym)) = found {
                // A parenthesis that ends within begins there too.
                let within = text.get(at..end)?;
                let count = |one| within.iter().filter(|b| **b == one).count();
                let opening = [&b"(+"[..], b"("].into_iter().find(|o| before.ends_with(o));
                let open = opening.and_then(|opening| at.checked_sub(opening.len()));
                let open = open.filter(|open| *open >= from && count(b')') > count(b'('));
                return Some((open.unwrap_or(at)..end, pseudonym));
            }
            at += group(text.get(at..)?);
        }
    }

    /// The longest one that begins here: where it ends.
    fn longest(&self, text: &[u8], begin: usize) -> Option<(usize, &[u8])> {
        let is_international =
            text.get(..begin)?.ends_with(b"+") || text.get(begin..)?.starts_with(b"00");
        let (mut number, mut written, mut at) = (0_u64, 0, begin);
        let mut found = None;
        loop {
            let end = at + group(text.get(at..)?);
            let digits = text.get(at..end)?;
            written += digits.len();
            if digits.is_empty() || written > MOST_WRITTEN {
                return found;
            }
            // As in "+44 (0)20": it is either that or the country code.
            let is_left_out = number > 0
                && digits == b"0"
                && text.get(..at)?.ends_with(b"(")
                && text.get(end..)?.starts_with(b")");
            if !is_left_out {
                number = digits.iter().fold(number, |number, digit| {
                    let tens = number.saturating_mul(10);
                    tens.saturating_add(u64::from(digit - b'0'))
                });
            }
            if length(number) > MOST {
                return found;
            }
            if let Some(entry) = self.entry(number, is_international)
                && !is_address(text.get(begin..end)?)
            {
                found = Some((end, &entry.pseudonym[..]));
            }
            at = end + between(text.get(end..)?);
        }
    }

    fn entry(&self, number: u64, is_international: bool) -> Option<&Entry> {
        let is_sought = length(number) >= LEAST;
        let entry = self.0.get(&number).filter(|_| is_sought);
        // It may have been met without its country code alone.
        entry.or_else(|| {
            let mut rests = without_country_code(number).filter(|_| is_international);
            rests.find_map(|rest| self.0.get(&rest).filter(|entry| entry.is_whole))
        })
    }
}

/// How many digits a text begins with.
fn group(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// Whether what follows is the port of an address.
fn is_port(before: &[u8]) -> bool {
    let host = before.strip_suffix(b":").and_then(|host| host.last());
    host.is_some_and(|b| b.is_ascii_digit() || *b == b']')
}

/// Whether these digits are written as an IPv4 address is.
fn is_address(text: &[u8]) -> bool {
    let text = std::str::from_utf8(text).ok();
    text.is_some_and(|text| text.parse::<Ipv4Addr>().is_ok())
}

/// Digits of a number.
fn length(number: u64) -> u32 {
    number.checked_ilog10().map_or(0, |tens| tens + 1)
}

/// What remains of it without one digit, two and three, where that is long enough; without a zero at its beginning, which is dialled
/// in Italy and in few countries else.
fn without_country_code(number: u64) -> impl Iterator<Item = u64> {
    let all = length(number);
    let rests = (1..=COUNTRY_CODE).filter_map(move |code| all.checked_sub(code));
    let rests = rests.map(move |rest| number % 10_u64.pow(rest));
    rests.filter(|rest| length(*rest) >= LEAST)
}

/// Bytes of what stands between two groups of digits; 0 where that is too much.
fn between(text: &[u8]) -> usize {
    let mut length = 0;
    for _ in 0..MOST_BETWEEN {
        let rest = text.get(length..).unwrap_or_default();
        match SEPARATORS
            .iter()
            .find(|one| rest.starts_with(one.as_bytes()))
        {
            Some(one) => length += one.len(),
            None => break,
        }
    }
    length
}
