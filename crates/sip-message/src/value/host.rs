use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memchr;

use crate::class::LABEL;
use crate::error::ValueError;
use crate::grammar::{Bits, Read, all_read, before};

/// `host` of a URI or a Via (RFC 3261 §25.1, RFC 5954). Names are compared without case.
///
/// ```
/// use sip_message::Host;
///
/// assert_eq!(Host::parse(b"HOME1.example")?, Host::Name(b"home1.example"));
/// assert_eq!(Host::parse(b"192.0.2.1")?, Host::IPv4([192, 0, 2, 1].into()));
/// assert_eq!(Host::parse(b"[2001:DB8:0::1]")?.to_string(), "[2001:db8::1]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub enum Host<'a> {
    /// A domain name, as it came. Underscores are let through, as name servers do.
    Name(&'a [u8]),
    /// An IPv4 address.
    IPv4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    IPv6(Ipv6Addr),
}

impl<'a> Host<'a> {
    /// Parses a host, IPv6 in brackets.
    ///
    /// ```
    /// use sip_message::Host;
    ///
    /// assert!(Host::parse(b"2001:db8::1").is_err()); // brackets missing
    /// assert!(Host::parse(b"192.0.02.1").is_err()); // 2 or an octal number? Some read one, some the other
    /// ```
    ///
    /// # Errors
    /// Malformed.
    pub fn parse(value: &'a [u8]) -> Result<Host<'a>, ValueError> {
        all_read("host", value, host)
    }

    /// The address, if it is one.
    ///
    /// ```
    /// use sip_message::Host;
    ///
    /// assert_eq!(Host::parse(b"[::1]")?.ip(), Some(std::net::Ipv6Addr::LOCALHOST.into()));
    /// assert_eq!(Host::parse(b"home1.example")?.ip(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ip(&self) -> Option<IpAddr> {
        match *self {
            Host::Name(_) => None,
            Host::IPv4(address) => Some(address.into()),
            Host::IPv6(address) => Some(address.into()),
        }
    }
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
            _ => self.ip().is_some() && self.ip() == other.ip(),
        }
    }
}

impl Eq for Host<'_> {}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(std::str::from_utf8(name).unwrap_or_default()),
            Host::IPv4(address) => address.fmt(f),
            Host::IPv6(address) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Debug for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `host = hostname / IPv4address / IPv6reference`
#[inline(always)]
pub(crate) fn host(input: Bits<'_>) -> Read<'_, Host<'_>> {
    match input.first() {
        Some(b'[') => {
            let inner = input.get(1..).unwrap_or_default();
            let (rest, address) = ipv6_reference(inner).ok_or(input)?;
            return Ok((Host::IPv6(address), rest));
        }
        Some(b'0'..=b'9') => {
            if let Some((rest, address)) = ipv4_address(input) {
                return Ok((Host::IPv4(address), rest));
            }
        }
        _ => {}
    }
    match hostname(input) {
        Some((name, rest)) => Ok((Host::Name(name), rest)),
        None => Err(input),
    }
}

/// `IPv4address`, followed by nothing that could make it a name. Zeros in front are refused: some read them as octal.
#[inline]
fn ipv4_address(input: Bits<'_>) -> Option<(Bits<'_>, Ipv4Addr)> {
    let mut octets = [0u8; 4];
    let mut rest = input;
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        (rest, *octet) = decimal_octet(rest)?;
    }
    match rest.first() {
        Some(byte) if *byte == b'.' || LABEL.has(*byte) => None,
        _ => Some((rest, octets.into())),
    }
}

#[inline(always)]
fn decimal_octet(input: Bits<'_>) -> Option<(Bits<'_>, u8)> {
    let [first @ b'0'..=b'9', rest @ ..] = input else {
        return None;
    };
    let mut value = u16::from(first & 0x0f);
    let mut rest = rest;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest
        && value > 0
    {
        value = value * 10 + u16::from(digit & 0x0f);
        if value > 0xff {
            return None;
        }
        rest = tail;
    }
    Some((rest, u8::try_from(value).ok()?))
}

/// What stands between the brackets; none is longer than the longest address.
fn ipv6_reference(inner: Bits<'_>) -> Option<(Bits<'_>, Ipv6Addr)> {
    const LONGEST: usize = "0000:0000:0000:0000:0000:ffff:255.255.255.255".len() + 1;
    let window = inner.get(..=LONGEST).unwrap_or(inner);
    let (address, _) = inner.split_at_checked(memchr(b']', window)?)?;
    let rest = inner.get(address.len() + 1..)?;
    let text = text(address)?;
    let parsed = text.parse().or_else(|error| {
        // three colons before an IPv4 suffix: the grammar of RFC 3261 has them by mistake (RFC 5118 §4.10)
        let suffix = text.rfind(':').and_then(|colon| text.get(colon + 1..));
        match suffix.is_some_and(|suffix| suffix.contains('.')) {
            true => text.replacen(":::", "::", 1).parse(),
            false => Err(error),
        }
    });
    Some((rest, parsed.ok()?))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// `hostname` and what is left behind it: labels between dots, the last one not starting with a digit; a dot may end it.
#[inline(always)]
fn hostname(input: Bits<'_>) -> Option<(Bits<'_>, Bits<'_>)> {
    let mut rest = input;
    let mut top_label = None;
    loop {
        let (label, behind) = LABEL.split(rest);
        match (label.first(), label.last()) {
            (Some(b'-'), _) | (_, Some(b'-')) => return None,
            (Some(first), _) => top_label = Some(*first),
            // a dot that ends it: one, and behind a label
            (None, _) => break,
        }
        rest = behind;
        match rest {
            [b'.', behind @ ..] => rest = behind,
            _ => break,
        }
    }
    let ends_in_two_dots = rest.first() == Some(&b'.');
    match top_label {
        Some(first) if !first.is_ascii_digit() && !ends_in_two_dots => {
            Some((before(input, rest), rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(
            Host::parse(b"Example.COM").unwrap(),
            Host::Name(b"example.com")
        );
        assert_eq!(
            Host::parse(b"192.0.2.1").unwrap(),
            Host::IPv4(Ipv4Addr::new(192, 0, 2, 1))
        );
        assert_eq!(
            Host::parse(b"[2001:db8::1]").unwrap().to_string(),
            "[2001:db8::1]"
        );
        assert_eq!(
            Host::parse(b"[2001:db8:::192.0.2.1]").unwrap(),
            Host::parse(b"[2001:db8::192.0.2.1]").unwrap()
        );
        assert_eq!(
            Host::parse(b"[::ffff:192.0.2.1]")
                .unwrap()
                .ip()
                .unwrap()
                .to_string(),
            "::ffff:192.0.2.1"
        );
        for name in [
            &b"a.b."[..],
            b"a",
            b"1.2.3.4.com",
            b"4ever.example",
            b"a_b-c.d1",
        ] {
            assert!(matches!(Host::parse(name), Ok(Host::Name(all)) if all == name));
        }
        for bad in [
            &b""[..],
            b"2001:db8::1",
            b"[2001:db8::1",
            b"[]",
            b"[::1::]",
            b"[2001:db8:::1]",
            b"[::::192.0.2.1]",
            b"a..b",
            b"-a",
            b"1.2.3.4.5",
            b"a b",
            b".",
            b"a..",
            b".a",
            b"a-.b",
            b"a.-b",
            b"192.0.02.1",
            b"192.0.2.256",
            b"192.0.2.",
            b"192.0.2",
            b"192.0.2.1.",
        ] {
            assert!(
                Host::parse(bad).is_err(),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }
}
