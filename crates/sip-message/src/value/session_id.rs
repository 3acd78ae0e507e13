use std::fmt;

use nom::bytes::complete::take_while_m_n;
use nom::{IResult, Parser};

use super::params::{Params, params};
use crate::class::TOKEN;
use crate::error::ValueError;
use crate::grammar::{Bits, failed, whole};
use crate::name::HeaderName;

/// `Session-ID` (RFC 7989 §5): the UUID of the sender's side and of the other one. On the way back they are swapped:
/// compare the unordered pair.
///
/// ```
/// use sip_message::SessionId;
///
/// let ours = SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2")?;
/// let theirs = SessionId::parse(b"47755a9de7794ba387653f2099600ef2;remote=ab30317f1a784dc48ff824d0d3715d86")?;
/// assert_eq!(Some(ours.local()), theirs.remote());
/// assert!(ours.same_session(&theirs));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct SessionId<'a> {
    local: &'a [u8],
    params: Params<'a>,
}

impl<'a> SessionId<'a> {
    /// The UUID that stands for "not known yet".
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// let first = SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000")?;
    /// assert_eq!(first.remote(), Some(&SessionId::NIL[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const NIL: &'static [u8; 32] = b"00000000000000000000000000000000";

    /// Parses `local-uuid *( SEMI parameter )`.
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// assert!(SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86").is_ok());
    /// assert!(SessionId::parse(b"AB30317F1A784DC48FF824D0D3715D86").is_err()); // lower case only
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: UUIDs are 32 lower-case hexadecimal digits.
    pub fn parse(value: &'a [u8]) -> Result<SessionId<'a>, ValueError> {
        whole(HeaderName::SessionId, value, |input| {
            let (rest, (local, params)) = (uuid, params).parse(input)?;
            if let Some(remote) = params.get("remote") {
                let remote = remote.unwrap_or_default();
                if !matches!(uuid(remote), Ok((&[], _))) {
                    return failed(rest);
                }
            }
            Ok((rest, SessionId { local, params }))
        })
    }

    /// The UUID of the side that sent this message.
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// let id = SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86")?;
    /// assert_eq!(id.local(), b"ab30317f1a784dc48ff824d0d3715d86");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn local(&self) -> &'a [u8] {
        self.local
    }

    /// The UUID of the other side; absent from peers of before RFC 7989.
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// assert_eq!(SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86")?.remote(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remote(&self) -> Option<&'a [u8]> {
        self.params.get("remote").flatten()
    }

    /// Do both belong to one session? On the way back the sides are swapped, so the pair is compared without order
    /// (RFC 7989 §6); a side that is not known yet matches any.
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// let request = SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000")?;
    /// let response = SessionId::parse(b"47755a9de7794ba387653f2099600ef2;remote=ab30317f1a784dc48ff824d0d3715d86")?;
    /// let stranger = SessionId::parse(b"11111111111111111111111111111111;remote=47755a9de7794ba387653f2099600ef2")?;
    /// assert!(request.same_session(&response));
    /// assert!(!request.same_session(&stranger));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn same_session(&self, other: &SessionId<'_>) -> bool {
        let unknown = |side: Option<&[u8]>| side.is_none_or(|side| side == SessionId::NIL);
        let same = |one: Option<&[u8]>, other: Option<&[u8]>| {
            unknown(one) || unknown(other) || one == other
        };
        let (here, there) = (
            (Some(self.local), self.remote()),
            (Some(other.local), other.remote()),
        );
        let known = [here.0, here.1]
            .into_iter()
            .filter(|side| !unknown(*side))
            .any(|side| side == there.0 || side == there.1);
        known
            && ((same(here.0, there.0) && same(here.1, there.1))
                || (same(here.0, there.1) && same(here.1, there.0)))
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::SessionId;
    ///
    /// let id = SessionId::parse(b"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2")?;
    /// assert_eq!(id.params().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Debug for SessionId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId(remote: {})", self.remote().is_some())
    }
}

/// `sess-uuid`
fn uuid(input: Bits<'_>) -> IResult<Bits<'_>, Bits<'_>> {
    let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let (rest, uuid) = take_while_m_n(32, 32, hex).parse(input)?;
    if rest.first().is_some_and(|byte| TOKEN.has(*byte)) {
        failed(input)
    } else {
        Ok((rest, uuid))
    }
}
