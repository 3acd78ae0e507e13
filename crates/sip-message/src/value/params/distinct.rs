//! No parameter stands twice.

use super::Params;
use super::equal::sorted_differ;
use crate::grammar::Bits;
use crate::limits::Limits;
use crate::value::escapes::without_case;

/// Parameter names, of which none may stand twice (RFC 3261 §7.3.1, §19.1.1): two readers would disagree on which one
/// counts.
#[derive(Default)]
pub(crate) struct Distinct<'a> {
    first: [Bits<'a>; FEW],
    /// Is there an escape among them?
    escaped: bool,
    pub(crate) count: u16,
}

/// So many are compared each with each; more are sorted.
const FEW: usize = 6;

impl<'a> Distinct<'a> {
    /// False for a name that was there among the first few, and when there are more than [`Limits::MOST_PARAMETERS`].
    #[inline]
    pub(crate) fn add(&mut self, name: Bits<'a>) -> bool {
        let count = usize::from(self.count);
        self.count += 1;
        let Some(place) = self.first.get_mut(count) else {
            return count < Limits::MOST_PARAMETERS;
        };
        *place = name;
        let mut before = self.first.iter().take(count);
        !before.any(|other| {
            (other.len() == name.len() && other.eq_ignore_ascii_case(name))
                || self.escaped && without_case(other) == without_case(name)
        })
    }

    /// The same for a name in a URI, where `%6Cr` is `lr`.
    #[inline]
    pub(crate) fn add_of_uri(&mut self, name: Bits<'a>) -> bool {
        self.escaped |= name.contains(&b'%');
        self.add(name)
    }

    /// Does none stand twice among all of them?
    #[inline]
    pub(crate) fn hold_for(&self, params: &Params<'_>) -> bool {
        usize::from(self.count) <= FEW || sorted_differ(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parameter_stands_twice_among_few_or_many() {
        for count in [2, FEW, FEW + 1, 100] {
            for (one, other) in [(0, count - 1), (count / 2, count - 1)] {
                let name = |number| match number {
                    _ if number == one => "Lr".to_owned(),
                    _ if number == other => "lR".to_owned(),
                    _ => format!("p{number}"),
                };
                let text: String = (0..count)
                    .map(|number| format!(";{}", name(number)))
                    .collect();
                assert_eq!(
                    Params::parse(text.as_bytes()).is_ok(),
                    one == other,
                    "{text}"
                );
            }
        }
    }
}
