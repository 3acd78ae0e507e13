//! Values of one or two tokens.

use std::borrow::Cow;
use std::fmt;

use nom::bytes::complete::take_while1;
use nom::combinator::opt;
use nom::sequence::delimited;
use nom::{IResult, Parser};

use super::params::{Params, params};
use crate::class::{LWS, TOKEN};
use crate::error::ValueError;
use crate::grammar::{
    Bits, all_read, comment, failed, lws, number, quoted, read, token, token_lws, unquote, whole,
};
use crate::name::HeaderName;

/// `CSeq` (RFC 3261 §20.16). Numbers are below 2³¹ (§8.1.1.5).
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{CSeq, Limits, Message};
///
/// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nCSeq: 666 MESSAGE\r\n\r\n");
/// let message = Message::parse_datagram(bytes, &Limits::default())?;
/// let cseq = message.headers().cseq()?;
/// assert_eq!(cseq, CSeq { number: 666, method: b"MESSAGE" });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number.
    pub number: u32,
    /// The method, case-sensitive.
    pub method: &'a [u8],
}

/// The largest sequence number.
const MOST: u32 = i32::MAX.unsigned_abs();

impl<'a> CSeq<'a> {
    /// Parses `number method`.
    ///
    /// ```
    /// use sip_message::CSeq;
    ///
    /// assert_eq!(CSeq::parse(b"0009 INVITE")?.number, 9);
    /// assert!(CSeq::parse(b"2147483648 INVITE").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; a number of 2³¹ or more is.
    pub fn parse(value: &'a [u8]) -> Result<CSeq<'a>, ValueError> {
        // one blank between, as nearly everybody writes it
        if let Ok((rest, number)) = number::<u32>(value)
            && let Some(method) = rest.strip_prefix(b" ")
            && TOKEN.fills(method)
            && number <= MOST
        {
            return Ok(CSeq { number, method });
        }
        whole(HeaderName::CSeq, value, |input| {
            let (rest, number) = number::<u32>(input)?;
            let (rest, blank) = lws(rest)?;
            let (rest, method) = token(rest)?;
            if blank.is_empty() || number > MOST {
                return failed(input);
            }
            Ok((rest, CSeq { number, method }))
        })
    }
}

impl fmt::Debug for CSeq<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CSeq({} {})", self.number, self.method.escape_ascii())
    }
}

/// A token with parameters: Content-Disposition (RFC 3261 §20.11), Session-Expires (RFC 4028), P-Access-Network-Info
/// (RFC 7315 §5.4), Subscription-State (RFC 6665 §8.2.3) and their like.
///
/// ```
/// use sip_message::ParameterizedToken;
///
/// let session = ParameterizedToken::parse(b"1800;refresher=uas")?;
/// assert_eq!(session.token(), b"1800");
/// assert_eq!(session, ParameterizedToken::parse(b"1800 ; Refresher=UAS")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ParameterizedToken<'a> {
    token: &'a [u8],
    params: Params<'a>,
}

impl<'a> ParameterizedToken<'a> {
    /// Parses `token *( SEMI parameter )`.
    ///
    /// ```
    /// use sip_message::ParameterizedToken;
    ///
    /// assert!(ParameterizedToken::parse(b"active;expires=3600").is_ok());
    /// let error = ParameterizedToken::parse(b"active, pending").unwrap_err();
    /// assert_eq!(error.offset, 6);
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<ParameterizedToken<'a>, ValueError> {
        whole("token with parameters", value, token_params)
    }

    /// The token, as it came.
    ///
    /// ```
    /// use sip_message::ParameterizedToken;
    ///
    /// assert_eq!(ParameterizedToken::parse(b"Render;handling=optional")?.token(), b"Render");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token(&self) -> &'a [u8] {
        self.token
    }

    /// Is it this token (without case)?
    ///
    /// ```
    /// use sip_message::ParameterizedToken;
    ///
    /// let state = ParameterizedToken::parse(b"Terminated;reason=noresource")?;
    /// assert!(state.is("terminated"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is(&self, token: &str) -> bool {
        self.token.eq_ignore_ascii_case(token.as_bytes())
    }

    /// Its parameters.
    ///
    /// ```
    /// use sip_message::ParameterizedToken;
    ///
    /// let state = ParameterizedToken::parse(b"terminated;reason=deactivated;retry-after=60")?;
    /// assert_eq!(state.params().get("reason"), Some(Some(&b"deactivated"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

/// Without case (RFC 3261 §7.3.1).
impl PartialEq for ParameterizedToken<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.token.eq_ignore_ascii_case(other.token) && self.params == other.params
    }
}

impl Eq for ParameterizedToken<'_> {}

fn token_params(input: Bits<'_>) -> IResult<Bits<'_>, ParameterizedToken<'_>> {
    (token, params)
        .map(|(token, params)| ParameterizedToken { token, params })
        .parse(input)
}

/// `Event` (RFC 6665 §8.2.1). Two are equal when package and `id` are, both with case; other parameters do not count.
///
/// ```
/// use sip_message::Event;
///
/// let event = Event::parse(b"presence.winfo;id=7;note=x")?;
/// assert_eq!(event, Event::parse(b"presence.winfo;id=7")?);
/// assert_ne!(event, Event::parse(b"presence.winfo")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Event<'a>(ParameterizedToken<'a>);

impl<'a> Event<'a> {
    /// Parses `event-type *( SEMI event-param )`.
    ///
    /// ```
    /// use sip_message::Event;
    ///
    /// assert!(Event::parse(b"poc-settings").is_ok());
    /// assert!(Event::parse(b"presence, conference").is_err()); // one package, not a list
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<Event<'a>, ValueError> {
        whole(HeaderName::Event, value, token_params).map(Event)
    }

    /// The event package with its templates (`presence.winfo`); case-sensitive.
    ///
    /// ```
    /// use sip_message::Event;
    ///
    /// assert_eq!(Event::parse(b"xcap-diff;diff-processing=aggregate")?.package(), b"xcap-diff");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn package(&self) -> &'a [u8] {
        self.0.token
    }

    /// The `id` parameter.
    ///
    /// ```
    /// use sip_message::Event;
    ///
    /// assert_eq!(Event::parse(b"refer;id=93809824")?.id(), Some(&b"93809824"[..]));
    /// assert_eq!(Event::parse(b"refer")?.id(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> Option<&'a [u8]> {
        self.0.params.get("id").flatten()
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::Event;
    ///
    /// let event = Event::parse(b"xcap-diff;diff-processing=aggregate")?;
    /// assert_eq!(event.params().get("diff-processing"), Some(Some(&b"aggregate"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.0.params
    }
}

impl PartialEq for Event<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.package() == other.package() && self.id() == other.id()
    }
}

impl Eq for Event<'_> {}

/// One value of `Reason` (RFC 3326 §2).
///
/// ```
/// use sip_message::Reason;
///
/// let reason = Reason::parse(b"SIP;cause=580;text=\"Precondition Failure\"")?;
/// assert_eq!((reason.protocol(), reason.cause()), (&b"SIP"[..], Some(580)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason<'a>(ParameterizedToken<'a>);

impl<'a> Reason<'a> {
    /// Parses `protocol *( SEMI reason-param )`.
    ///
    /// ```
    /// use sip_message::Reason;
    ///
    /// assert!(Reason::parse(b"Q.850;cause=16").is_ok());
    /// assert!(Reason::parse(b"cause=16").is_err()); // whose cause?
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<Reason<'a>, ValueError> {
        whole(HeaderName::Reason, value, token_params).map(Reason)
    }

    /// `SIP`, `Q.850` …; compare it without case.
    ///
    /// ```
    /// use sip_message::Reason;
    ///
    /// let reason = Reason::parse(b"sip;cause=200")?;
    /// assert!(reason.protocol().eq_ignore_ascii_case(b"SIP"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn protocol(&self) -> &'a [u8] {
        self.0.token
    }

    /// The `cause`, if it is a number.
    ///
    /// ```
    /// use sip_message::Reason;
    ///
    /// assert_eq!(Reason::parse(b"Q.850;cause=16")?.cause(), Some(16));
    /// assert_eq!(Reason::parse(b"Q.850;cause=sixteen")?.cause(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cause(&self) -> Option<u32> {
        let (rest, cause) = number(self.0.params.get("cause").flatten()?).ok()?;
        rest.is_empty().then_some(cause)
    }

    /// The `text`, quotes undone.
    ///
    /// ```
    /// use sip_message::Reason;
    ///
    /// let reason = Reason::parse(b"SIP;cause=200;text=\"Call completed elsewhere\"")?;
    /// assert_eq!(reason.text().as_deref(), Some(&b"Call completed elsewhere"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn text(&self) -> Option<Cow<'a, [u8]>> {
        self.0.params.unquoted("text")
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::Reason;
    ///
    /// let reason = Reason::parse(b"Q.850;cause=3;location=LN")?;
    /// assert_eq!(reason.params().get("location"), Some(Some(&b"LN"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.0.params
    }
}

/// One value of `Warning` (RFC 3261 §20.43).
///
/// ```
/// use sip_message::Warning;
///
/// let warning = Warning::parse(b"399 mcptt.home1.example \"105 isfocus not assigned\"")?;
/// assert_eq!((warning.code, warning.agent), (399, &b"mcptt.home1.example"[..]));
/// assert_eq!(warning.text.as_ref(), b"105 isfocus not assigned");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// Who warns: a host with port, or a pseudonym.
    pub agent: &'a [u8],
    /// What to tell, quotes and escapes undone.
    pub text: Cow<'a, [u8]>,
}

impl<'a> Warning<'a> {
    /// Parses `code agent "text"`.
    ///
    /// ```
    /// use sip_message::Warning;
    ///
    /// assert!(Warning::parse(b"370 [2001:db8::1]:5060 \"Insufficient \\\"bandwidth\\\"\"").is_ok());
    /// assert!(Warning::parse(b"37 a.example \"two digits\"").is_err());
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: a code that has not three digits is.
    pub fn parse(value: &'a [u8]) -> Result<Warning<'a>, ValueError> {
        whole(HeaderName::Warning, value, |input| {
            let (rest, digits) = token_lws(input)?;
            let (after, code) = number::<u16>(digits)?;
            if digits.len() != 3 || !after.is_empty() {
                return failed(input);
            }
            let (rest, agent) =
                take_while1(|byte| !LWS.has(byte) && !matches!(byte, b'"' | b',' | b'<' | b'>'))
                    .parse(rest)?;
            let (rest, text) = delimited(lws, quoted, lws).parse(rest)?;
            Ok((
                rest,
                Warning {
                    code,
                    agent,
                    text: unquote(text),
                },
            ))
        })
    }
}

impl fmt::Debug for Warning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Warning({})", self.code)
    }
}

/// `Retry-After` (RFC 3261 §20.33): the seconds; a comment and parameters may follow.
pub(crate) fn retry_after(value: &[u8]) -> Result<u32, ValueError> {
    whole(HeaderName::RetryAfter, value, |input| {
        let (rest, (seconds, _, _, _)) = (number, lws, opt(comment), params).parse(input)?;
        Ok((rest, seconds))
    })
}

/// A number and nothing else: Max-Forwards, Expires, Content-Length.
pub(crate) fn whole_number<N: TryFrom<u64>>(value: &[u8]) -> Result<N, ValueError> {
    all_read("number", value, |value| read(number(value)))
}

/// The value of `Expires` or of the `expires` of a Contact: what is malformed counts as 3600 (RFC 3261 §20.19, §20.10).
pub(crate) fn seconds_or_an_hour(value: &[u8]) -> u32 {
    whole_number(value).unwrap_or(3600)
}
