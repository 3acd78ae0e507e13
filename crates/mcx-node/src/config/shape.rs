//! From the text to its shape: keys and types. The reader stops at the first thing that it refuses; here it goes on behind
//! it, so that one run names as much as it can.

use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue, Deserializer};

use super::file::File;
use super::problem::Report;
use super::remedy::with_remedy;
use super::syntax;

/// Most times that it goes on, and so most problems of keys and types that are named.
const MOST: usize = 100;

/// Reads a text; reports what is wrong with its keys and types. Gives the file where it has the right shape, but for unknown
/// keys, which are left out.
pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<File> {
    let (errors, _) = syntax::set_aside(text);
    if !errors.is_empty() {
        for error in errors {
            let at = error.span().unwrap_or_default();
            let is_heading = report.line_text(&at).trim_start().starts_with('[');
            report.wrong(at, with_remedy(error.message()));
            if is_heading {
                // What follows would be taken for the section before.
                break;
            }
        }
        return None;
    }
    let mut document = DeTable::parse(text).ok()?;
    // Where something stands in for what was refused.
    let mut mended = Vec::new();
    let mut is_whole = true;
    for turn in 1..=MOST {
        let error = match File::deserialize(Deserializer::from(document.clone())) {
            // What stands in for a value says nothing that could be checked.
            Ok(_) if !is_whole => return None,
            Ok(file) => return Some(file),
            Err(error) => error,
        };
        let (message, at) = (error.message(), error.span().unwrap_or_default());
        if at.start <= text.len() && !mended.contains(&at) {
            report.wrong(at.clone(), with_remedy(message));
        }
        let place = Place {
            nowhere: text.len() + turn,
            at,
            message,
        };
        let done = match missing_field(message) {
            Some(field) if place.at == document.span() => place.add(field, document.get_mut()),
            Some(field) => place.add_inside(field, document.get_mut()),
            None if message.starts_with("unknown field") => {
                if place.remove(document.get_mut()) {
                    continue;
                }
                false
            }
            None => place.mend(document.get_mut()),
        };
        if !done {
            break;
        }
        is_whole = false;
        mended.extend(missing_field(message).is_none().then_some(place.at));
    }
    None
}

fn missing_field(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("missing field `")?;
    rest.split('`').next()
}

/// Where the reader stopped.
struct Place<'m> {
    at: Range<usize>,
    message: &'m str,
    /// A place behind the text, for what stands in for something that is missing.
    nowhere: usize,
}

impl Place<'_> {
    /// Removes the key that is there; whether it was found.
    fn remove(&self, table: &mut DeTable<'_>) -> bool {
        let unknown = table.keys().find(|key| key.span() == self.at).cloned();
        if let Some(key) = unknown {
            return table.remove(&key).is_some();
        }
        let mut values = table.iter_mut().map(|(_, value)| value);
        values.any(|value| inside(value, &mut |table| self.remove(table)))
    }

    /// Puts something of the right type in the place of the value that is there; whether it was found.
    fn mend(&self, table: &mut DeTable<'_>) -> bool {
        let mut values = table.iter_mut().map(|(_, value)| value);
        values.any(|value| self.mend_value(value))
    }

    fn mend_value(&self, value: &mut Spanned<DeValue<'_>>) -> bool {
        if value.span() == self.at {
            *value.get_mut() = self.stands_in();
            return true;
        }
        match value.get_mut() {
            DeValue::Table(table) => self.mend(table),
            DeValue::Array(list) => list.iter_mut().any(|value| self.mend_value(value)),
            _ => false,
        }
    }

    /// Something of the type that the reader expected.
    fn stands_in(&self) -> DeValue<'static> {
        let expected = self.message.rsplit_once("expected ");
        match expected.map_or("", |(_, expected)| expected) {
            "a boolean" => DeValue::Boolean(false),
            "usize" | "u32" | "u64" => DeValue::Integer(DeInteger::default()),
            "a sequence" => DeValue::Array(DeArray::new()),
            expected if expected.starts_with("struct ") => DeValue::Table(DeTable::new()),
            expected if self.message.starts_with("unknown variant") => {
                let name = expected.split('`').nth(1).unwrap_or_default();
                DeValue::String(name.to_owned().into())
            }
            _ => DeValue::String("".into()),
        }
    }

    /// Puts something in the place of what is missing in this table; its type is found out when it is read.
    fn add(&self, field: &str, table: &mut DeTable<'_>) -> bool {
        let nowhere = self.nowhere..self.nowhere;
        let key = Spanned::new(nowhere.clone(), field.to_owned().into());
        let value = Spanned::new(nowhere, DeValue::String("".into()));
        table.insert(key, value).is_none()
    }

    /// The same in the table that is there, which is somewhere in this one.
    fn add_inside(&self, field: &str, table: &mut DeTable<'_>) -> bool {
        let mut values = table.iter_mut().map(|(_, value)| value);
        values.any(|value| self.add_within(field, value))
    }

    fn add_within(&self, field: &str, value: &mut Spanned<DeValue<'_>>) -> bool {
        let is_meant = value.span() == self.at;
        match value.get_mut() {
            DeValue::Table(table) if is_meant => self.add(field, table),
            DeValue::Table(table) => self.add_inside(field, table),
            DeValue::Array(list) => list.iter_mut().any(|value| self.add_within(field, value)),
            _ => false,
        }
    }
}

/// Whether something is done in a table that is in the value, or is it.
fn inside(
    value: &mut Spanned<DeValue<'_>>,
    doing: &mut impl FnMut(&mut DeTable<'_>) -> bool,
) -> bool {
    match value.get_mut() {
        DeValue::Table(table) => doing(table),
        DeValue::Array(list) => list.iter_mut().any(|value| inside(value, doing)),
        _ => false,
    }
}
