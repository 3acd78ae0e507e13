//! Resolves the spelling of a header field's name to a known name, in a few machine words.

use std::sync::LazyLock;

use super::{HeaderName, KNOWN};

/// A known name by its place in the table, or [`Number::UNKNOWN`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Number(u8);

/// How many names are known.
pub(crate) const COUNT: usize = KNOWN.len();

impl Number {
    /// Any name that is not in the table.
    pub(crate) const UNKNOWN: Number = Number(127);

    /// How many numbers there are, [`Number::UNKNOWN`] being the last.
    pub(crate) const ALL: usize = 128;

    /// Below [`Number::ALL`].
    #[inline]
    pub(crate) fn place(self) -> usize {
        usize::from(self.0 % 128)
    }

    /// The place of a known name, found when the program is compiled.
    pub(super) const fn of(text: &str) -> Number {
        let mut number = 0u8;
        let mut rest: &[(HeaderName, &str, Option<&str>)] = KNOWN;
        while let Some(((_, long, _), tail)) = rest.split_first() {
            if same(long.as_bytes(), text.as_bytes()) {
                return Number(number);
            }
            rest = tail;
            number += 1;
        }
        Number::UNKNOWN
    }

    /// The known name, if it is one.
    pub(crate) fn name(self) -> Option<&'static HeaderName> {
        KNOWN.get(usize::from(self.0)).map(|(name, _, _)| name)
    }

    /// The bit that stands for the name in a set of names.
    #[inline]
    pub(crate) fn bit(self) -> u128 {
        1u128.wrapping_shl(u32::from(self.0))
    }
}

const fn same(mut one: &[u8], mut two: &[u8]) -> bool {
    loop {
        match (one.split_first(), two.split_first()) {
            (None, None) => return true,
            (Some((a, one_rest)), Some((b, two_rest))) if *a == *b => {
                one = one_rest;
                two = two_rest;
            }
            _ => return false,
        }
    }
}

/// The longest name that can be a known one.
const LONGEST: usize = 32;

/// A name in little-endian words, zeros behind it.
type Words = [u64; LONGEST / 8];

/// `0x20` in every byte: what case makes of a letter.
const CASE: u64 = 0x2020_2020_2020_2020;
/// `0x40` in every byte: what letters have, and the other characters of known names have not.
const LETTER: u64 = CASE << 1;
const ONES: u64 = 0x0101_0101_0101_0101;
const COLONS: u64 = ONES * 0x3a;
const HIGH_BITS: u64 = ONES << 7;

/// One spelling of a known name: its words in lower case, and for each the bits in which case does not matter.
#[derive(Clone, Copy, Default)]
struct Spelling {
    words: Words,
    caseless: Words,
    length: usize,
    name: Number,
}

/// Every spelling of every known name.
pub(crate) struct Table {
    spellings: [Spelling; SPELLINGS],
    /// Open addressing: place in `spellings` + 1, 0 where there is none.
    slots: [u8; SLOTS],
}

/// Room for long and compact spellings.
const SPELLINGS: usize = 128;

/// A power of two, and at least four times the spellings.
const SLOTS: usize = 512;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table {
        spellings: [Spelling::default(); SPELLINGS],
        slots: [0; SLOTS],
    };
    let spellings = KNOWN.iter().flat_map(|(_, long, compact)| {
        let both = [Some(*long), *compact].into_iter().flatten();
        both.map(move |spelling| (Number::of(long), spelling))
    });
    for (entry, (place, (name, spelling))) in (1u8..).zip(table.spellings.iter_mut().zip(spellings))
    {
        let lower = spelling.to_ascii_lowercase();
        let words = words(lower.as_bytes()).unwrap_or_default();
        *place = Spelling {
            words,
            caseless: words.map(|word| (word & LETTER) >> 1),
            length: lower.len(),
            name,
        };
        let mut slot = slot(words);
        while table.slots.get(slot).is_some_and(|taken| *taken != 0) {
            slot = (slot + 1) % SLOTS;
        }
        if let Some(free) = table.slots.get_mut(slot) {
            *free = entry;
        }
    }
    table
});

/// The table, made when it is asked for first.
#[inline]
pub(crate) fn table() -> &'static Table {
    &TABLE
}

/// Where to look first. Letters in both cases lead to the same place.
#[inline]
fn slot(words: Words) -> usize {
    let [a, b, c, d] = words.map(|word| word | CASE);
    let mixed = a.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ b.wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
        ^ c.wrapping_mul(0x1656_67b1_9e37_79f9)
        ^ d.wrapping_mul(0x27d4_eb2f_1656_67c5);
    usize::try_from(mixed >> (u64::BITS - SLOTS.trailing_zeros())).unwrap_or_default()
}

/// The first bytes of a text, zeros behind it where it is shorter.
#[inline]
fn first_words(text: &[u8]) -> Words {
    let whole = |bytes: &[u8; LONGEST]| {
        let (words, _) = bytes.as_chunks::<8>();
        match words {
            [a, b, c, d] => [*a, *b, *c, *d].map(u64::from_le_bytes),
            _ => Words::default(),
        }
    };
    match text.first_chunk::<LONGEST>() {
        Some(bytes) => whole(bytes),
        None => {
            let mut padded = [0; LONGEST];
            padded
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = *from);
            whole(&padded)
        }
    }
}

fn words(name: &[u8]) -> Option<Words> {
    (name.len() <= LONGEST).then(|| first_words(name))
}

/// The known name with this spelling, long or compact, in any case.
pub(crate) fn find(name: &[u8]) -> Number {
    words(name).map_or(Number::UNKNOWN, |words| table().find(words, name.len()))
}

impl Table {
    /// The known name that a line begins with, right up to its colon, and how long it is as it is spelled there.
    #[inline]
    pub(crate) fn at_start_of(&self, line: &[u8]) -> Option<(Number, usize)> {
        let [a, b, c, d] = first_words(line);
        let (words, length) = if let Some(end) = colon(a) {
            ([a & below(end), 0, 0, 0], end)
        } else if let Some(end) = colon(b) {
            ([a, b & below(end), 0, 0], 8 + end)
        } else if let Some(end) = colon(c) {
            ([a, b, c & below(end), 0], 16 + end)
        } else if let Some(end) = colon(d) {
            ([a, b, c, d & below(end)], 24 + end)
        } else {
            return None;
        };
        let name = self.find(words, length);
        (name != Number::UNKNOWN).then_some((name, length))
    }

    #[inline]
    fn find(&self, words: Words, length: usize) -> Number {
        let mut slot = slot(words);
        loop {
            let entry = self.slots.get(slot).copied().unwrap_or_default();
            let place = usize::from(entry).wrapping_sub(1);
            let Some(known) = self.spellings.get(place) else {
                return Number::UNKNOWN;
            };
            let differs = |word, caseless, known| (word | caseless) ^ known;
            let ([a, b, c, d], [ka, kb, kc, kd], [fa, fb, fc, fd]) =
                (words, known.words, known.caseless);
            let differ =
                differs(a, fa, ka) | differs(b, fb, kb) | differs(c, fc, kc) | differs(d, fd, kd);
            if differ == 0 && known.length == length {
                return known.name;
            }
            slot = (slot + 1) % SLOTS;
        }
    }
}

/// How many bytes of the word stand before its first colon.
#[inline]
fn colon(word: u64) -> Option<usize> {
    let other = word ^ COLONS;
    let found = other.wrapping_sub(ONES) & !other & HIGH_BITS;
    let before = usize::try_from(found.trailing_zeros() / 8).unwrap_or_default();
    (found != 0).then_some(before)
}

/// The lowest bytes of a word, fewer than eight.
#[inline]
fn below(bytes: usize) -> u64 {
    let bits = u32::try_from(bytes * 8).unwrap_or_default();
    !u64::MAX.wrapping_shl(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probing_stays_short() {
        let mut longest = 0;
        let mut run = 0;
        for entry in table().slots {
            run = if entry == 0 { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        assert!(longest < 8, "{longest} slots in a row");
    }

    #[test]
    fn every_spelling_has_room() {
        let compact = KNOWN.iter().filter(|(_, _, compact)| compact.is_some());
        assert!(COUNT + compact.count() <= SPELLINGS);
    }

    #[test]
    fn no_known_name_is_longer_than_its_words() {
        assert!(KNOWN.iter().all(|(_, long, _)| long.len() <= LONGEST));
    }

    #[test]
    fn only_letters_are_caseless() {
        assert_ne!(find(b"Call-ID"), Number::UNKNOWN);
        assert_eq!(find(b"Call\rID"), Number::UNKNOWN);
        assert_eq!(find(b"Call-ID\0"), Number::UNKNOWN);
        assert_eq!(find(b""), Number::UNKNOWN);
        assert_eq!(find(&[b'v'; 33]), Number::UNKNOWN);
    }

    #[test]
    fn a_line_tells_its_name() {
        for (name, long, _) in KNOWN {
            let line = format!("{}: value\r\n", long.to_uppercase());
            let (number, length) = table().at_start_of(line.as_bytes()).unwrap();
            assert_eq!((number.name(), length), (Some(name), long.len()));
        }
        assert_eq!(
            table().at_start_of(b"v:"),
            Some((HeaderName::Via.number(), 1))
        );
        assert_eq!(table().at_start_of(b"v :"), None);
        assert_eq!(table().at_start_of(b":"), None);
        assert_eq!(table().at_start_of(b"Via"), None);
    }
}
