//! Typed values of header fields, each with the clause that defines it.

mod content;
mod extensions;
mod identity;
mod negotiation;
mod routing;
mod security;

pub(crate) use self::routing::address_parser;
use crate::error::{Subject, ValueError, ValueErrorKind};
use crate::grammar::behind_lws;
use crate::headers::Headers;
use crate::list::List;
use crate::name::HeaderName;
use crate::value::{
    AcceptContact, ChargingVector, Credentials, Event, HistoryEntry, MediaType, NameAddr,
    ParameterizedToken, Params, Reason, ResourcePriority, SessionId, Uri, Via, VisitedNetwork,
    Warning, whole_number,
};

/// A value with parameters whose number [`crate::Limits::parameters`] bounds.
pub(crate) trait Parameters {
    fn parameters(&self) -> usize;
}

macro_rules! parameters {
    ($($value:ident)*) => {
        $(impl Parameters for $value<'_> {
            fn parameters(&self) -> usize {
                self.params().len()
            }
        })*
    };
}

parameters!(AcceptContact ChargingVector Credentials Event MediaType ParameterizedToken Reason SessionId Via VisitedNetwork);

impl Parameters for NameAddr<'_> {
    fn parameters(&self) -> usize {
        self.params().len().max(self.uri().pair_count())
    }
}

impl Parameters for HistoryEntry<'_> {
    fn parameters(&self) -> usize {
        self.target().parameters()
    }
}

impl Parameters for Uri<'_> {
    fn parameters(&self) -> usize {
        self.pair_count()
    }
}

impl Parameters for ResourcePriority<'_> {
    fn parameters(&self) -> usize {
        0
    }
}

impl Parameters for Params<'_> {
    fn parameters(&self) -> usize {
        self.len()
    }
}

impl Parameters for Warning<'_> {
    fn parameters(&self) -> usize {
        0
    }
}

impl Headers {
    #[inline(always)]
    pub(crate) fn exactly<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        let mut parsed = parse(self.one(name)?);
        if !self.is_within_bounds(&parsed) {
            parsed = Err(explained(name, 0, parsed.err()));
        }
        parsed
    }

    pub(crate) fn optional<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> Result<Option<T>, ValueError> {
        self.at_most_one(name)?
            .map(|value| self.within_bounds(name, 0, parse(value)))
            .transpose()
    }

    pub(crate) fn number<N: TryFrom<u64>>(
        &self,
        name: &HeaderName,
    ) -> Result<Option<N>, ValueError> {
        let number = self.at_most_one(name)?.map(whole_number).transpose();
        number.map_err(|error| error.within(name, 0))
    }

    pub(crate) fn each<'a, T: Parameters>(
        &'a self,
        name: &'static HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> impl Iterator<Item = Result<T, ValueError>> {
        let items = self.by_grammar(name).enumerate();
        items.map(move |(count, (shift, item))| {
            self.room(name, count)?;
            self.within_bounds(name, shift, parse(item))
        })
    }

    pub(crate) fn list<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> Result<Vec<T>, ValueError> {
        let mut values = Vec::new();
        for (shift, item) in self.by_grammar(name) {
            self.room(name, values.len())?;
            values.push(self.within_bounds(name, shift, parse(item))?);
        }
        Ok(values)
    }

    pub(crate) fn bounded<'a, T>(
        &'a self,
        name: &HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> Result<Vec<T>, ValueError> {
        let mut values = Vec::new();
        for (shift, item) in self.by_grammar(name) {
            self.room(name, values.len())?;
            values.push(parse(item).map_err(|error| error.within(name, shift))?);
        }
        Ok(values)
    }

    /// The items of all fields with this name, each with its place in the field: as many as the grammar wants at least.
    fn by_grammar<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = (usize, &'a [u8])> {
        let fields = self.all(name);
        fields.flat_map(move |value| List::by_grammar(name, value))
    }

    pub(crate) fn room(&self, name: &HeaderName, count: usize) -> Result<(), ValueError> {
        if count < self.bounds.values {
            return Ok(());
        }
        Err(ValueError::new(
            Subject::Header(name.clone()),
            ValueErrorKind::TooMany,
        ))
    }

    #[inline(always)]
    pub(crate) fn within_bounds<T: Parameters>(
        &self,
        name: &HeaderName,
        shift: usize,
        parsed: Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        // changed in place: values are large to be moved
        let mut parsed = parsed;
        if !self.is_within_bounds(&parsed) {
            parsed = Err(explained(name, shift, parsed.err()));
        }
        parsed
    }

    /// Are all values of the fields with this name right, within bounds, and not too many? Each is read once, in one go,
    /// and given to `each`; false says that there is something to be explained.
    #[inline(always)]
    pub(crate) fn all_are_right<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        read: impl Fn(&'a [u8], &mut &'a [u8]) -> Result<T, ValueError>,
        mut each: impl FnMut(&T),
    ) -> bool {
        let mut left = self.bounds.values;
        self.all(name).all(|value| {
            let mut rest = behind_lws(value);
            loop {
                let parsed = read(value, &mut rest);
                if left == 0 || !self.is_within_bounds(&parsed) {
                    return false;
                }
                left -= 1;
                if let Ok(parsed) = &parsed {
                    each(parsed);
                }
                rest = match behind_lws(rest) {
                    [] => return true,
                    [b',', next @ ..] => behind_lws(next),
                    _ => return false,
                };
            }
        })
    }

    #[inline(always)]
    pub(crate) fn is_within_bounds<T: Parameters>(&self, parsed: &Result<T, ValueError>) -> bool {
        match parsed {
            Ok(value) => value.parameters() <= self.bounds.parameters,
            Err(_) => false,
        }
    }
}

/// What is wrong with a value of this field: without an error, it has too many parameters.
#[cold]
fn explained(name: &HeaderName, shift: usize, error: Option<ValueError>) -> ValueError {
    let error = error.unwrap_or_else(|| ValueError::too_many("parameters"));
    error.within(name, shift)
}
