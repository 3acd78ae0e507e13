use std::fmt;

use nom::Parser;

use super::host::{Host, host};
use super::params::{Params, params_noting};
use crate::class::{LWS, TOKEN};
use crate::error::ValueError;
use crate::grammar::{
    Bits, Read, before, behind, behind_lws, malformed, number, read, read_to_end, separator, token,
};
use crate::name::HeaderName;

/// One `via-parm` (RFC 3261 §20.42): what a hop said of itself.
///
/// ```
/// use sip_message::Via;
///
/// let via = Via::parse(b"SIP/2.0/UDP pcscf.home1.example:7531;branch=z9hG4bK240f34.1;rport=7531;received=192.0.2.9")?;
/// assert_eq!((via.transport(), via.sent_by()), (&b"UDP"[..], &b"pcscf.home1.example:7531"[..]));
/// assert_eq!(via.received(), Some(&b"192.0.2.9"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Via<'a> {
    protocol: (&'a [u8], &'a [u8]),
    transport: &'a [u8],
    sent_by: &'a [u8],
    host: Host<'a>,
    port: Option<u16>,
    params: Params<'a>,
    branch: Option<&'a [u8]>,
    rport: Option<Option<u16>>,
    ttl: Option<u8>,
}

impl<'a> Via<'a> {
    /// Parses one value, without a comma list around it.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// assert!(Via::parse(b"SIP / 2.0 / TCP [2001:db8::1] : 5061").is_ok()); // blanks may stand there
    /// let error = Via::parse(b"SIP/2.0/UDP a.example;branch=1;branch=2").unwrap_err();
    /// assert_eq!(error.to_string(), "Via: malformed at byte 31");
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: also a parameter given twice, a `branch` without a value, and an `rport` or `ttl` that is no
    /// number.
    #[inline]
    pub fn parse(value: &'a [u8]) -> Result<Via<'a>, ValueError> {
        read_to_end(HeaderName::Via, value, |rest| Via::read(value, rest))
    }

    /// `sent-protocol LWS sent-by *( SEMI via-params )` at the beginning of `rest`, which is the end of `value`; `rest`
    /// becomes what is left behind it.
    #[inline(always)]
    pub(crate) fn read(value: &'a [u8], rest: &mut &'a [u8]) -> Result<Via<'a>, ValueError> {
        let failed = |left| malformed(HeaderName::Via, value, left);
        let ((protocol, transport), from_host) = sent_protocol(rest).map_err(failed)?;
        let (host, port, after) = sent_by(from_host).map_err(failed)?;
        let mut noted = Noted::default();
        let (params, behind) =
            params_noting(after, |name, value| noted.note(name, value)).map_err(failed)?;
        if noted.malformed {
            return Err(failed(after));
        }
        *rest = behind;
        Ok(Via {
            protocol,
            transport,
            sent_by: before(from_host, after),
            host,
            port,
            params,
            branch: noted.branch,
            rport: noted.rport,
            ttl: noted.ttl,
        })
    }

    /// Protocol name and version: `SIP` and `2.0`.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example")?.protocol(), (&b"SIP"[..], &b"2.0"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn protocol(&self) -> (&'a [u8], &'a [u8]) {
        self.protocol
    }

    /// `UDP`, `TCP`, `TLS` …; compare it without case.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/tls a.example")?;
    /// assert!(via.transport().eq_ignore_ascii_case(b"TLS"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transport(&self) -> &'a [u8] {
        self.transport
    }

    /// `sent-by` as it came: host and port.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP [2001:db8::1]:5062;branch=z9hG4bK1")?;
    /// assert_eq!(via.sent_by(), b"[2001:db8::1]:5062");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sent_by(&self) -> &'a [u8] {
        self.sent_by
    }

    /// The host of `sent-by`.
    ///
    /// ```
    /// use sip_message::{Host, Via};
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1")?;
    /// assert_eq!(via.host(), Host::IPv4([192, 0, 2, 1].into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host(&self) -> Host<'a> {
        self.host
    }

    /// The port of `sent-by`.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example:5062")?.port(), Some(5062));
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example")?.port(), None); // 5060, or 5061 for TLS (§18.2.2)
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP a.example;comp=sigcomp;branch=z9hG4bK1")?;
    /// assert_eq!(via.params().get("comp"), Some(Some(&b"sigcomp"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The transaction's identifier (§8.1.1.7).
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP a.example;branch=z9hG4bKnashds7")?;
    /// assert!(via.branch().is_some_and(|branch| branch.starts_with(b"z9hG4bK"))); // unique, says its sender
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.branch
    }

    /// The address that the next hop saw (§18.2.1), as it came.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP a.example;received=2001:db8::9")?;
    /// assert_eq!(via.received(), Some(&b"2001:db8::9"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.get("received").flatten()
    }

    /// RFC 3581: `Some(None)` asks for the source port, `Some(Some(port))` tells it.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example")?.rport(), None);
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example;rport")?.rport(), Some(None));
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example;rport=9988")?.rport(), Some(Some(9988)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rport(&self) -> Option<Option<u16>> {
        self.rport
    }

    /// Where responses go instead of `sent-by`, as it came (§18.2.2).
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// let via = Via::parse(b"SIP/2.0/UDP a.example;maddr=239.255.255.1;ttl=16")?;
    /// assert_eq!(via.maddr(), Some(&b"239.255.255.1"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.get("maddr").flatten()
    }

    /// The reach of a multicast request.
    ///
    /// ```
    /// use sip_message::Via;
    ///
    /// assert_eq!(Via::parse(b"SIP/2.0/UDP a.example;maddr=239.255.255.1;ttl=16")?.ttl(), Some(16));
    /// assert!(Via::parse(b"SIP/2.0/UDP a.example;ttl=256").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

/// `host [ COLON port ]`
#[inline(always)]
fn sent_by(input: Bits<'_>) -> Result<(Host<'_>, Option<u16>, Bits<'_>), Bits<'_>> {
    let (host, mut rest) = host(input)?;
    let mut port = None;
    if !matches!(rest.first(), None | Some(b';'))
        && let Some(digits) = behind(b':', rest)
    {
        let (number, after) = read(number(digits))?;
        (rest, port) = (after, Some(number));
    }
    match rest.first() {
        None | Some(b';' | b',') => Ok((host, port, rest)),
        Some(byte) if LWS.has(*byte) => Ok((host, port, rest)),
        _ => Err(rest),
    }
}

/// Protocol name and version, and the transport.
type SentProtocol<'a> = ((Bits<'a>, Bits<'a>), Bits<'a>);

/// `protocol-name SLASH protocol-version SLASH transport`, and the white space behind it
#[inline(always)]
fn sent_protocol(input: Bits<'_>) -> Read<'_, SentProtocol<'_>> {
    // as nearly everybody writes it
    if let Some(rest) = input.strip_prefix(b"SIP/2.0/")
        && let (transport @ [_, ..], [b' ', from_host @ ..]) = TOKEN.split(rest)
        && let (Some(name), Some(version)) = (input.get(..3), input.get(4..7))
    {
        return Ok((((name, version), transport), behind_lws(from_host)));
    }
    let (((name, (), version, ()), transport), rest) =
        read(((token, separator(b'/'), token, separator(b'/')), token).parse(input))?;
    match behind_lws(rest) {
        from_host if from_host.len() < rest.len() => Ok((((name, version), transport), from_host)),
        _ => Err(rest),
    }
}

/// Parameters that this file knows.
#[derive(Default)]
struct Noted<'a> {
    branch: Option<Bits<'a>>,
    rport: Option<Option<u16>>,
    ttl: Option<u8>,
    /// No number, or no value at all, where one has to be.
    malformed: bool,
}

impl<'a> Noted<'a> {
    #[inline]
    fn note(&mut self, name: Bits<'a>, value: Option<Bits<'a>>) {
        match name {
            // as nearly everybody spells them
            b"branch" => self.branch = self.some(value),
            b"rport" => self.rport = self.whole(value),
            _ => self.note_unusual(name, value),
        }
    }

    fn note_unusual(&mut self, name: Bits<'a>, value: Option<Bits<'a>>) {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"branch") => self.branch = self.some(value),
            5 if name.eq_ignore_ascii_case(b"rport") => self.rport = self.whole(value),
            3 if name.eq_ignore_ascii_case(b"ttl") => self.ttl = self.whole(value).flatten(),
            _ => {}
        }
    }

    /// A value has to be there.
    #[inline]
    fn some(&mut self, value: Option<Bits<'a>>) -> Option<Bits<'a>> {
        self.malformed |= value.is_none();
        value
    }

    /// A number and nothing else, if there is a value at all.
    fn whole<N: TryFrom<u64>>(&mut self, value: Option<Bits<'a>>) -> Option<Option<N>> {
        match value.map(number) {
            None => Some(None),
            Some(Ok(([], number))) => Some(Some(number)),
            Some(_) => {
                self.malformed = true;
                None
            }
        }
    }
}
