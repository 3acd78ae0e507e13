use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ValueError;
use crate::index::{Field, Index};
use crate::limits::Limits;
use crate::list::List;
use crate::name::HeaderName;
use crate::name::known::Number;

/// The header fields of a message or of a body part: an index over its bytes. Cheap to clone.
///
/// Values are trimmed, and otherwise as they came, with line folding still inside. Typed values are parsed on demand
/// by the accessors; their errors name the header field, and the place in its value.
#[derive(Clone)]
pub struct Headers {
    pub(crate) bytes: Bytes,
    pub(crate) index: Arc<Index>,
    pub(crate) bounds: Bounds,
}

/// The limits that hold when values are parsed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) parameters: usize,
    pub(crate) values: usize,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Bounds {
        Bounds {
            parameters: limits.parameters.min(Limits::MOST_PARAMETERS),
            values: limits.values,
        }
    }
}

impl Headers {
    /// All fields in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, &[u8])> {
        self.index
            .fields()
            .iter()
            .map(|field| (self.name(field), self.value(field)))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.index.fields().len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.index.fields().is_empty()
    }

    /// The value of the first field with this name.
    #[inline]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The values of all fields with this name, in order; comma lists are not split.
    #[inline]
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.named(name).map(|(_, field)| self.value(field))
    }

    /// The items of all fields with this name: comma lists are split, outside quoted strings and angle brackets
    /// (RFC 3261 §7.3.1).
    pub fn items(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(List::new).map(|(_, item)| item)
    }

    /// How many fields have this name.
    #[inline]
    pub fn count(&self, name: &HeaderName) -> usize {
        self.named(name).count()
    }

    /// Is there a field with this name?
    #[inline]
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.named(name).next().is_some()
    }

    /// The value of the only field with this name.
    ///
    /// # Errors
    /// Missing; duplicate, because two readers would disagree on which one counts.
    #[inline(always)]
    pub fn one(&self, name: &HeaderName) -> Result<&[u8], ValueError> {
        self.at_most_one(name)?
            .ok_or_else(|| ValueError::missing(name))
    }

    /// The value of the only field with this name, if there is one.
    ///
    /// # Errors
    /// Duplicate.
    #[inline(always)]
    pub fn at_most_one(&self, name: &HeaderName) -> Result<Option<&[u8]>, ValueError> {
        let number = name.number();
        if number == Number::UNKNOWN {
            let mut all = self.all(name);
            let first = all.next();
            return match all.next() {
                Some(_) => Err(ValueError::duplicate(name)),
                None => Ok(first),
            };
        }
        if self.index.repeated().contains(number) {
            return Err(ValueError::duplicate(name));
        }
        // far away, the first one found is a neighbour of the one that is sought
        let (_, fields) = self.index.starting_with(number);
        let field = fields.iter().find(|field| field.known() == number);
        Ok(field.map(|field| self.value(field)))
    }

    /// The fields with this name and their places.
    #[inline]
    pub(crate) fn named(&self, name: &HeaderName) -> impl Iterator<Item = (usize, &Field)> {
        let number = name.number();
        let (place, fields) = self.index.starting_with(number);
        (place..).zip(fields).filter(move |(_, field)| {
            field.known() == number && (number != Number::UNKNOWN || self.spelled_as(field, name))
        })
    }

    fn spelled_as(&self, field: &Field, name: &HeaderName) -> bool {
        let spelled = self.bytes.get(field.name()).unwrap_or_default();
        spelled.eq_ignore_ascii_case(name.as_bytes())
    }

    pub(crate) fn name(&self, field: &Field) -> HeaderName {
        match field.known().name() {
            Some(name) => name.clone(),
            None => HeaderName::Other(self.bytes.slice(field.name())),
        }
    }

    #[inline]
    pub(crate) fn value(&self, field: &Field) -> &[u8] {
        self.bytes.get(field.value()).unwrap_or_default()
    }
}

/// Names and sizes, never content.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.len())))
            .finish()
    }
}
