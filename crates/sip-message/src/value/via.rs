use std::fmt;

use nom::combinator::opt;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::host::{Host, host};
use super::params::{Params, params};
use crate::error::ValueError;
use crate::grammar::{Bits, before, failed, is_lws, lws, number, separator, token, whole};

/// One `via-parm` (RFC 3261 §20.42): what a hop said of itself.
#[derive(Clone, Copy)]
pub struct Via<'a> {
    protocol: (&'a [u8], &'a [u8]),
    transport: &'a [u8],
    sent_by: &'a [u8],
    host: Host<'a>,
    port: Option<u16>,
    params: Params<'a>,
    rport: Option<Option<u16>>,
    ttl: Option<u8>,
}

impl<'a> Via<'a> {
    /// Parses one value, without a comma list around it.
    ///
    /// # Errors
    /// Malformed, with the place: also a `branch` given twice, and an `rport` or `ttl` that is no number.
    pub fn parse(value: &'a [u8]) -> Result<Via<'a>, ValueError> {
        whole("Via", value, via)
    }

    /// Protocol name and version: `SIP` and `2.0`.
    pub fn protocol(&self) -> (&'a [u8], &'a [u8]) {
        self.protocol
    }

    /// `UDP`, `TCP`, `TLS` …; compare it without case.
    pub fn transport(&self) -> &'a [u8] {
        self.transport
    }

    /// `sent-by` as it came: host and port.
    pub fn sent_by(&self) -> &'a [u8] {
        self.sent_by
    }

    /// The host of `sent-by`.
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port of `sent-by`.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// All parameters.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The transaction's identifier (§8.1.1.7).
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.get("branch").flatten()
    }

    /// The address that the next hop saw (§18.2.1), as it came.
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.get("received").flatten()
    }

    /// RFC 3581: `Some(None)` asks for the source port, `Some(Some(port))` tells it.
    pub fn rport(&self) -> Option<Option<u16>> {
        self.rport
    }

    /// Where responses go instead of `sent-by`, as it came (§18.2.2).
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.get("maddr").flatten()
    }

    /// The reach of a multicast request.
    pub fn ttl(&self) -> Option<u8> {
        self.ttl
    }
}

impl fmt::Debug for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let transport = std::str::from_utf8(self.transport).unwrap_or_default();
        write!(f, "Via({transport}, {:?})", self.params)
    }
}

/// `sent-protocol LWS sent-by *( SEMI via-params )`
fn via(input: Bits<'_>) -> IResult<Bits<'_>, Via<'_>> {
    let (rest, (name, _, version, _, transport)) =
        (token, separator(b"/"), token, separator(b"/"), token).parse(input)?;
    let (from_host, blank) = lws(rest)?;
    if blank.is_empty() {
        return failed(rest);
    }
    let (rest, (host, port)) =
        (host, opt(preceded(separator(b":"), number::<u16>))).parse(from_host)?;
    let sent_by = before(from_host, rest);
    if !matches!(rest.first(), None | Some(b';' | b','))
        && !rest.first().copied().is_some_and(is_lws)
    {
        return failed(rest);
    }
    let (after, params) = params(rest)?;
    if params.repeated(b"branch") {
        return failed(rest);
    }
    let rport = match params.get("rport") {
        Some(Some(value)) => Some(Some(all_of(value, rest)?)),
        other => other.map(|_| None),
    };
    let ttl = match params.get("ttl") {
        Some(Some(value)) => Some(all_of(value, rest)?),
        _ => None,
    };
    let via = Via {
        protocol: (name, version),
        transport,
        sent_by,
        host,
        port,
        params,
        rport,
        ttl,
    };
    Ok((after, via))
}

/// A number and nothing else.
fn all_of<'a, N: std::str::FromStr>(
    value: Bits<'_>,
    place: Bits<'a>,
) -> Result<N, nom::Err<nom::error::Error<Bits<'a>>>> {
    match number(value) {
        Ok(([], number)) => Ok(number),
        _ => Err(nom::Err::Error(nom::error::Error::new(
            place,
            nom::error::ErrorKind::Digit,
        ))),
    }
}
