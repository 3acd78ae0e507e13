//! No parameter stands twice.

use super::Params;
use super::equal::sorted_differ;
use crate::grammar::Bits;
use crate::limits::Limits;

/// Parameter names, of which none may stand twice (RFC 3261 §7.3.1, §19.1.1): two readers would disagree on which one
/// counts. Names that differ in length or in their first letter, as nearly all do, are told apart by one bit each; the
/// others are compared.
#[derive(Default)]
pub(crate) struct Distinct {
    /// A bit for each name that was there; some names share one.
    seen: u64,
    pub(crate) count: u16,
    /// Is there an escape among them?
    escaped: bool,
    /// Do some behind the first few share a bit?
    doubtful: bool,
}

/// So many are compared with those before them, so that the error lies at the one that stands twice; more are sorted.
const FEW: u16 = 6;

impl Distinct {
    /// The name of one more; `earlier` are those before it. False for a name that was there among the first few, and when
    /// there are more than [`Limits::MOST_PARAMETERS`].
    #[inline]
    pub(crate) fn add<'a>(&mut self, name: Bits<'a>, earlier: impl FnOnce() -> Params<'a>) -> bool {
        let bit = bit_of(name);
        let shared = self.seen & bit != 0 || self.escaped;
        self.seen |= bit;
        self.count += 1;
        if self.count > FEW {
            self.doubtful |= shared;
            return usize::from(self.count) <= Limits::MOST_PARAMETERS;
        }
        !shared || !earlier().contains(name)
    }

    /// The same for a name in a URI, where `%6Cr` is `lr`.
    #[inline]
    pub(crate) fn add_of_uri<'a>(
        &mut self,
        name: Bits<'a>,
        earlier: impl FnOnce() -> Params<'a>,
    ) -> bool {
        self.escaped |= name.contains(&b'%');
        self.add(name, earlier)
    }

    /// Does none stand twice among all of them?
    #[inline]
    pub(crate) fn hold_for(&self, params: &Params<'_>) -> bool {
        !self.doubtful || sorted_differ(params)
    }
}

/// The same for names that are the same without case.
#[inline]
fn bit_of(name: Bits<'_>) -> u64 {
    let first = name.first().map_or(0, |first| first & 0x1f);
    let length = u32::try_from(name.len()).unwrap_or_default();
    1u64.rotate_left(u32::from(first).wrapping_add(length << 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parameter_stands_twice_among_few_or_many() {
        let few = usize::from(FEW);
        for count in [2, few, few + 1, 100] {
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
