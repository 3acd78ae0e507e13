//! When two URIs are the same.

use super::params::Params;
use super::uri::Uri;

/// Parameters that count even when only one of two SIP URIs has them (RFC 3261 §19.1.4).
const ALWAYS_COMPARED: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];

impl Uri<'_> {
    /// Do both name the same resource? RFC 3261 §19.1.4 for `sip` and `sips`, RFC 3966 §4 for `tel`, RFC 8141 §3 for
    /// `urn`; any other scheme byte for byte.
    ///
    /// ```
    /// use sip_message::Uri;
    ///
    /// let one = Uri::parse(b"sip:%61nn@HOME1.example;transport=tcp;newparam=5")?;
    /// assert!(one.equivalent(&Uri::parse(b"SIP:ann@home1.example;Transport=TCP")?));
    /// assert!(!one.equivalent(&Uri::parse(b"sip:ann@home1.example")?)); // transport counts on one side too
    /// assert!(!one.equivalent(&Uri::parse(b"sip:Ann@home1.example;transport=tcp")?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if !self.scheme().eq_ignore_ascii_case(other.scheme()) {
            return false;
        }
        if self.host().is_some() {
            return sip(self, other);
        }
        match (self.telephone_number(), other.telephone_number()) {
            (Some(one), Some(two)) => {
                let digits = |number: &[u8]| -> Vec<u8> {
                    let separators = |byte: &u8| !matches!(byte, b'-' | b'.' | b'(' | b')');
                    number
                        .iter()
                        .filter(|byte| separators(byte))
                        .map(u8::to_ascii_lowercase)
                        .collect()
                };
                digits(one) == digits(two) && same_pairs(&self.params(), &other.params())
            }
            _ if self.is_scheme("urn") => urn(self.after_scheme(), other.after_scheme()),
            _ => self.after_scheme() == other.after_scheme(),
        }
    }
}

fn sip(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let same = |one: Option<&[u8]>, two: Option<&[u8]>| match (one, two) {
        (Some(one), Some(two)) => units(one).eq(units(two)),
        (one, two) => one.is_none() && two.is_none(),
    };
    same(one.user(), two.user())
        && same(one.password(), two.password())
        && one.host() == two.host()
        && one.port() == two.port()
        && parameters(&one.params(), &two.params())
        && parameters(&two.params(), &one.params())
        && same_pairs(&one.headers(), &two.headers())
}

/// Every parameter of the first agrees with the second; those that must be in both are.
fn parameters(these: &Params<'_>, those: &Params<'_>) -> bool {
    these.iter().all(|(name, value)| match those.get(name) {
        Some(other) => same_value(value, other),
        None => !ALWAYS_COMPARED
            .iter()
            .any(|always| name.eq_ignore_ascii_case(always)),
    })
}

/// The same names with the same values, in any order; those of a name that stands more than once in the same one.
fn same_pairs(these: &Params<'_>, those: &Params<'_>) -> bool {
    these.len() == those.len()
        && these.iter().all(|(name, _)| {
            let (mut one, mut two) = (values(these, name), values(those, name));
            loop {
                match (one.next(), two.next()) {
                    (Some(one), Some(two)) if same_value(one, two) => {}
                    (one, two) => return one.is_none() && two.is_none(),
                }
            }
        })
}

/// The values of all pairs with this name.
fn values<'a>(pairs: &Params<'a>, name: &[u8]) -> impl Iterator<Item = Option<&'a [u8]>> {
    let named = pairs
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value)
}

fn same_value(one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    let lower = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    match (one, two) {
        (Some(one), Some(two)) => units(one).map(lower).eq(units(two).map(lower)),
        (one, two) => one.is_none() && two.is_none(),
    }
}

/// Characters with escapes undone. An escaped reserved character is not the character itself, and says so.
fn units(text: &[u8]) -> impl Iterator<Item = (u8, bool)> {
    let mut bytes = text.iter().copied();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        if byte != b'%' {
            return Some((byte, false));
        }
        let mut digit = || {
            char::from(bytes.next()?)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        let (high, low) = (digit()?, digit()?);
        let byte = high * 16 + low;
        let reserved = matches!(
            byte,
            b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'%'
        );
        Some((byte, reserved))
    })
}

/// `NID:NSS`: the namespace without case, the rest with it; hex digits of escapes without case.
fn urn(one: &[u8], two: &[u8]) -> bool {
    let mut colons = (0, 0);
    let fold = |colon: &mut usize, byte: u8, hex: bool| {
        *colon += usize::from(byte == b':');
        if *colon == 0 || hex {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    one.len() == two.len() && {
        let mut hex = 0u8;
        one.iter().zip(two).all(|(one, two)| {
            let in_escape = hex > 0;
            hex = if *one == b'%' {
                2
            } else {
                hex.saturating_sub(1)
            };
            fold(&mut colons.0, *one, in_escape) == fold(&mut colons.1, *two, in_escape)
        })
    }
}
