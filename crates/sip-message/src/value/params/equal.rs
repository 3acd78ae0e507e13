//! When parameters are the same (RFC 3261 §7.3.1).

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Params;
use crate::grammar::{Bits, unquote};
use crate::value::escapes::{lower, unescape, without_case};

/// The same names with the same values, in any order (RFC 3261 §7.3.1): names and tokens without case, quoted strings
/// with it, escapes undone.
impl PartialEq for Params<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.agree(other, |_| false)
    }
}

impl Eq for Params<'_> {}

impl<'a> Params<'a> {
    /// Do those that both have have the same values? One that only one has is judged by its name, which comes without case
    /// and escapes. Sorts both, so that many cost little more than a few each.
    pub(crate) fn agree(&self, other: &Params<'_>, alone: impl Fn(&[u8]) -> bool) -> bool {
        self.agree_by(other, alone, |_, one, other| self.same_value(one, other))
    }

    /// The same, where `same` says of a name whether two values of it are the same.
    pub(crate) fn agree_by(
        &self,
        other: &Params<'_>,
        alone: impl Fn(&[u8]) -> bool,
        same: impl Fn(&[u8], Option<&[u8]>, Option<&[u8]>) -> bool,
    ) -> bool {
        let (these, those) = (self.sorted(), other.sorted());
        let (mut these, mut those) = (these.iter().peekable(), those.iter().peekable());
        loop {
            let order = match (these.peek(), those.peek()) {
                (Some((one, _)), Some((two, _))) => one.cmp(two),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return true,
            };
            let one = these.next_if(|_| order.is_le());
            let two = those.next_if(|_| order.is_ge());
            let right = match (one, two) {
                (Some((name, one)), Some((_, two))) => same(name, *one, *two),
                (Some((name, _)), None) | (None, Some((name, _))) => alone(name),
                (None, None) => true,
            };
            if !right {
                return false;
            }
        }
    }

    /// By name, without case and escapes; those of one name stay in order.
    pub(super) fn sorted(&self) -> Vec<Named<'a>> {
        let name = |name: Bits<'a>| match self.escaped {
            true => without_case(name),
            false => lower(Cow::Borrowed(name)),
        };
        let mut all: Vec<Named<'_>> = self.iter().map(|(n, value)| (name(n), value)).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Two values of one parameter.
    fn same_value(&self, one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
        match (one, other) {
            (Some(one @ [b'"', ..]), Some(other @ [b'"', ..])) => unquote(one) == unquote(other),
            (Some([b'"', ..]), _) | (_, Some([b'"', ..])) => false,
            (Some(one), Some(other)) if self.escaped => {
                unescape(one).eq_ignore_ascii_case(&unescape(other))
            }
            (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
            (one, other) => one == other,
        }
    }
}

/// What the name of a parameter is compared by, and its value.
type Named<'a> = (Cow<'a, [u8]>, Option<Bits<'a>>);

/// Does no name stand twice?
pub(super) fn sorted_differ(params: &Params<'_>) -> bool {
    let sorted = params.sorted();
    let next = sorted.iter().skip(1);
    !sorted
        .iter()
        .zip(next)
        .any(|((one, _), (next, _))| one == next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_case_do_not_matter_but_in_quotes() {
        let same = |one: &str, other: &str| {
            Params::parse(one.as_bytes()).unwrap() == Params::parse(other.as_bytes()).unwrap()
        };
        assert!(same(";a=B;c;d=\"x\"", "; C ; A = b;d=\"\\x\""));
        for (one, other) in [
            (";a", ";b"),
            (";a", ";a;b"),
            (";a", ";a=1"),
            (";a=1", ";a=2"),
            (";a=\"x\"", ";a=\"X\""),
            (";a=\"x\"", ";a=x"),
        ] {
            assert!(!same(one, other) && !same(other, one), "{one} {other}");
        }
    }
}
