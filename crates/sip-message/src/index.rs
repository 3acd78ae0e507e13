//! Where the header fields of a message lie: what parsing a head leaves behind, beside the bytes themselves.

use std::fmt;
use std::ops::Range;

use crate::name::HeaderName;
use crate::name::known::{self, Number};

/// All header fields of one head, in the order they came.
#[derive(Clone)]
pub(crate) struct Index {
    fields: Vec<Field>,
    /// For every known name, and for all others together, the place of its first field + 1; 0 where there is none.
    /// Places that a byte does not hold are [`FAR`].
    first: [u8; Number::ALL],
    repeated: Names,
}

/// A field with this place + 1, or behind that.
const FAR: u8 = u8::MAX;

/// One header field: what it is called, and where its line and its value lie in the message.
#[derive(Clone, Copy)]
pub(crate) struct Field {
    name: Number,
    /// Is the value on several lines?
    folded: bool,
    line: u32,
    name_length: u32,
    start: u32,
    end: u32,
}

/// A place in a message: none is longer than [`Index::MOST_BYTES`].
#[inline]
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[inline]
fn at(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

impl Field {
    /// A field whose line begins at `line` with a name of `name_length` bytes, and whose value, trimmed, is `value`.
    #[inline]
    pub(crate) fn new(name: Number, line: usize, name_length: usize, value: Range<usize>) -> Field {
        Field {
            name,
            folded: false,
            line: place(line),
            name_length: place(name_length),
            start: place(value.start),
            end: place(value.end),
        }
    }

    /// The name, if it is a known one.
    #[inline]
    pub(crate) fn known(&self) -> Number {
        self.name
    }

    /// Are there line ends in the value?
    #[inline]
    pub(crate) fn is_folded(&self) -> bool {
        self.folded
    }

    /// Where the line begins.
    #[inline]
    pub(crate) fn line(&self) -> usize {
        at(self.line)
    }

    /// Where the name lies, as it was spelled.
    #[inline]
    pub(crate) fn name(&self) -> Range<usize> {
        self.line()..self.line().saturating_add(at(self.name_length))
    }

    /// Where the value lies.
    #[inline]
    pub(crate) fn value(&self) -> Range<usize> {
        at(self.start)..at(self.end)
    }

    /// The field, `from` having become `to`.
    #[inline]
    pub(crate) fn moved(&self, from: usize, to: usize) -> Field {
        let by = |place: u32| {
            let offset = place.wrapping_sub(self::place(from));
            offset.wrapping_add(self::place(to))
        };
        Field {
            line: by(self.line),
            start: by(self.start),
            end: by(self.end),
            ..*self
        }
    }

    /// The value goes to here.
    #[inline]
    pub(crate) fn end_at(&mut self, end: usize) {
        self.end = place(end);
    }

    /// There are line ends in the value.
    #[inline]
    pub(crate) fn fold(&mut self) {
        self.folded = true;
    }

    /// A continuation line whose text, trimmed, is `more`.
    #[inline]
    pub(crate) fn continue_with(&mut self, more: Range<usize>) {
        if self.start == self.end {
            self.start = place(more.start);
        } else {
            self.folded = true;
        }
        self.end = place(more.end);
    }
}

/// Sizes, never content.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} fields", self.fields.len())
    }
}

impl Index {
    /// The longest message that can be indexed, in bytes: 4 GiB.
    pub(crate) const MOST_BYTES: usize = 0xffff_ffff;

    #[inline]
    pub(crate) fn with_capacity(fields: usize) -> Index {
        Index {
            fields: Vec::with_capacity(fields),
            first: [0; Number::ALL],
            repeated: Names::default(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, field: Field) {
        if let Some(first) = self.first.get_mut(field.name.place()) {
            if *first == 0 {
                *first = u8::try_from(self.fields.len() + 1).unwrap_or(FAR);
            } else {
                self.repeated = self.repeated.with(Names::only(field.name));
            }
        }
        self.fields.push(field);
    }

    /// The fields from the first one with this name on, and the place of that; none if there is none.
    #[inline]
    pub(crate) fn starting_with(&self, name: Number) -> (usize, &[Field]) {
        let first = self.first.get(name.place()).copied().unwrap_or_default();
        match usize::from(first).checked_sub(1) {
            Some(place) => (place, self.fields.get(place..).unwrap_or_default()),
            None => (0, &[]),
        }
    }

    /// Is the name there?
    #[inline]
    pub(crate) fn has(&self, name: Number) -> bool {
        self.first.get(name.place()).is_some_and(|first| *first > 0)
    }

    /// Are all these names there?
    pub(crate) fn has_all(&self, names: &[HeaderName]) -> bool {
        let mut first = names
            .iter()
            .map(|name| self.first.get(name.number().place()));
        first.all(|first| first.is_some_and(|place| *place > 0))
    }

    #[inline]
    pub(crate) fn fields(&self) -> &[Field] {
        &self.fields
    }

    #[inline]
    pub(crate) fn last_mut(&mut self) -> Option<&mut Field> {
        self.fields.last_mut()
    }

    /// The names that are there more than once.
    #[inline]
    pub(crate) fn repeated(&self) -> Names {
        self.repeated
    }
}

/// A set of known header names; all others are one member together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names(u128);

impl Names {
    #[inline]
    pub(crate) fn only(name: Number) -> Names {
        Names(name.bit())
    }

    /// The set of these names, which must be known ones.
    #[inline]
    pub(crate) fn of(names: &[HeaderName]) -> Names {
        names.iter().fold(Names::default(), |all, name| {
            all.with(Names::only(name.number()))
        })
    }

    #[inline]
    pub(crate) fn with(self, other: Names) -> Names {
        Names(self.0 | other.0)
    }

    #[inline]
    pub(crate) fn and(self, other: Names) -> Names {
        Names(self.0 & other.0)
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) fn contains(self, name: Number) -> bool {
        !self.and(Names::only(name)).is_empty()
    }
}

const _: () = assert!(
    known::COUNT < Number::ALL && Number::ALL <= 128,
    "one bit a name, and one for all others"
);
