use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ValueError;
use crate::list::List;
use crate::name::HeaderName;

/// The header fields of a message or of a body part: an index over its bytes. Cheap to clone.
///
/// Values are trimmed, and otherwise as they came, with line folding still inside. Typed values are parsed on demand
/// by the accessors; their errors name the header field, and the place in its value.
#[derive(Clone)]
pub struct Headers {
    pub(crate) bytes: Bytes,
    pub(crate) fields: Arc<Vec<Field>>,
    pub(crate) bounds: Bounds,
}

/// One header field: its name, where its line begins, and where its value lies, in bytes of the message.
#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) name: HeaderName,
    pub(crate) line: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The limits that hold when values are parsed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) parameters: usize,
    pub(crate) values: usize,
}

impl Headers {
    /// All fields in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &[u8])> {
        self.fields
            .iter()
            .map(|field| (&field.name, self.value(field)))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The value of the first field with this name.
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|field| field.name == *name)
            .map(|field| self.value(field))
    }

    /// The values of all fields with this name, in order; comma lists are not split.
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |field| field.name == *name)
            .map(|field| self.value(field))
    }

    /// The items of all fields with this name: comma lists are split, outside quoted strings and angle brackets
    /// (RFC 3261 §7.3.1).
    pub fn items(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(List::new).map(|(_, item)| item)
    }

    /// How many fields have this name.
    pub fn count(&self, name: &HeaderName) -> usize {
        self.all(name).count()
    }

    /// Is there a field with this name?
    pub fn contains(&self, name: &HeaderName) -> bool {
        self.first(name).is_some()
    }

    /// The value of the only field with this name.
    ///
    /// # Errors
    /// Missing; duplicate, because two readers would disagree on which one counts.
    pub fn one(&self, name: &HeaderName) -> Result<&[u8], ValueError> {
        self.at_most_one(name)?
            .ok_or_else(|| ValueError::missing(name))
    }

    /// The value of the only field with this name, if there is one.
    ///
    /// # Errors
    /// Duplicate.
    pub fn at_most_one(&self, name: &HeaderName) -> Result<Option<&[u8]>, ValueError> {
        let mut all = self.all(name);
        let first = all.next();
        match all.next() {
            Some(_) => Err(ValueError::duplicate(name)),
            None => Ok(first),
        }
    }

    pub(crate) fn value(&self, field: &Field) -> &[u8] {
        self.bytes.get(field.start..field.end).unwrap_or_default()
    }
}

/// Names and sizes, never content.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.fields
                    .iter()
                    .map(|field| (&field.name, field.end - field.start)),
            )
            .finish()
    }
}
