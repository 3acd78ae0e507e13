use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::bytes::complete::{tag, take_until, take_while1};
use nom::sequence::delimited;
use nom::{IResult, Parser};

use crate::error::ValueError;
use crate::grammar::{Bits, failed, whole};

/// `host` of a URI or a Via (RFC 3261 §25.1, RFC 5954). Names are compared without case.
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
    /// # Errors
    /// Malformed.
    pub fn parse(value: &'a [u8]) -> Result<Host<'a>, ValueError> {
        whole("host", value, host)
    }

    /// The address, if it is one.
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
pub(crate) fn host(input: Bits<'_>) -> IResult<Bits<'_>, Host<'_>> {
    if input.first() == Some(&b'[') {
        let (rest, text) =
            delimited(tag(&b"["[..]), take_until(&b"]"[..]), tag(&b"]"[..])).parse(input)?;
        return match std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
        {
            Some(address) => Ok((rest, Host::IPv6(address))),
            None => failed(input),
        };
    }
    let (rest, name) =
        take_while1(|byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
            .parse(input)?;
    if let Some(address) = std::str::from_utf8(name)
        .ok()
        .and_then(|text| text.parse().ok())
    {
        return Ok((rest, Host::IPv4(address)));
    }
    if is_hostname(name) {
        Ok((rest, Host::Name(name)))
    } else {
        failed(input)
    }
}

/// `hostname`: labels between dots, the last one not starting with a digit; a dot may end it.
fn is_hostname(name: &[u8]) -> bool {
    let name = name.strip_suffix(b".").unwrap_or(name);
    let mut last_starts_well = false;
    for label in name.split(|byte| *byte == b'.') {
        let (Some(first), Some(last)) = (label.first(), label.last()) else {
            return false;
        };
        if *first == b'-' || *last == b'-' {
            return false;
        }
        last_starts_well = !first.is_ascii_digit();
    }
    last_starts_well
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
            Host::parse(b"[::ffff:192.0.2.1]")
                .unwrap()
                .ip()
                .unwrap()
                .to_string(),
            "::ffff:192.0.2.1"
        );
        assert!(Host::parse(b"a.b.").is_ok());
        for bad in [
            &b""[..],
            b"2001:db8::1",
            b"[2001:db8::1",
            b"[]",
            b"[::1::]",
            b"a..b",
            b"-a",
            b"1.2.3.4.5",
            b"a b",
            b".",
        ] {
            assert!(
                Host::parse(bad).is_err(),
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }
}
