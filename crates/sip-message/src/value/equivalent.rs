//! When two URIs are the same.

use super::escapes::{unescape, without_case};
use super::host::Host;
use super::uri::Uri;
use crate::name::HeaderName;

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
                digits(one) == digits(two)
                    && (self.params()).agree_by(&other.params(), |_| false, same_tel_value)
            }
            _ if self.is_scheme("urn") => urn(
                assigned(self.after_scheme()),
                assigned(other.after_scheme()),
            ),
            _ => self.after_scheme() == other.after_scheme(),
        }
    }
}

fn sip(one: &Uri<'_>, two: &Uri<'_>) -> bool {
    let same = |one: Option<&[u8]>, two: Option<&[u8]>| one.map(unescape) == two.map(unescape);
    let may_be_alone = |name: &[u8]| !ALWAYS_COMPARED.contains(&name);
    same(one.user(), two.user())
        && same(one.password(), two.password())
        && one.host() == two.host()
        && one.port() == two.port()
        && (one.params()).agree_by(&two.params(), may_be_alone, same_param)
        && one.headers().len() == two.headers().len()
        && (one.headers()).agree_by(&two.headers(), |_| false, same_header_value)
}

/// Values of one parameter: those of `maddr` are hosts, and an address is itself however it is written (§19.1.4); all else
/// without case.
fn same_param(name: &[u8], one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    let same_host = |one: &[u8], two: &[u8]| match (Host::parse(one), Host::parse(two)) {
        (Ok(one), Ok(two)) => one == two,
        _ => false,
    };
    one.map(without_case) == two.map(without_case)
        || name == b"maddr" && one.zip(two).is_some_and(|(one, two)| same_host(one, two))
}

/// Header fields match as they do outside a URI: those of a Call-ID byte by byte (RFC 3261 §20.8), most others without case
/// (§7.3.1). A body is no header field, and has no such rule.
fn same_header_value(name: &[u8], one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    match name == b"body" || HeaderName::from_bytes(name) == Some(HeaderName::CallId) {
        true => one.map(unescape) == two.map(unescape),
        false => one.map(without_case) == two.map(without_case),
    }
}

/// A telephone number without visual separators. Hexadecimal digits have no case.
fn digits(number: &[u8]) -> Vec<u8> {
    let separator = |byte: &u8| matches!(byte, b'-' | b'.' | b'(' | b')');
    let digits = number.iter().filter(|byte| !separator(byte));
    digits.map(u8::to_ascii_lowercase).collect()
}

/// Values of one parameter of a `tel` URI: numbers without visual separators, all else without case (RFC 3966 §4).
fn same_tel_value(name: &[u8], one: Option<&[u8]>, two: Option<&[u8]>) -> bool {
    match (name, one, two) {
        (b"ext", Some(one), Some(two))
        | (b"phone-context", Some(one @ [b'+', ..]), Some(two @ [b'+', ..])) => {
            digits(one) == digits(two)
        }
        (_, one, two) => one.map(without_case) == two.map(without_case),
    }
}

/// The `assigned-name` of a URN, without the components that are not compared (RFC 8141 §2, §3.1).
fn assigned(urn: &[u8]) -> &[u8] {
    urn.split(|byte| matches!(byte, b'?' | b'#'))
        .next()
        .unwrap_or_default()
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
