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
#[derive(Clone, Copy)]
pub struct SessionId<'a> {
    local: &'a [u8],
    params: Params<'a>,
}

impl<'a> SessionId<'a> {
    /// The UUID that stands for "not known yet".
    pub const NIL: &'static [u8; 32] = b"00000000000000000000000000000000";

    /// Parses `local-uuid *( SEMI parameter )`.
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
    pub fn local(&self) -> &'a [u8] {
        self.local
    }

    /// The UUID of the other side; absent from peers of before RFC 7989.
    pub fn remote(&self) -> Option<&'a [u8]> {
        self.params.get("remote").flatten()
    }

    /// Do both belong to one session? On the way back the sides are swapped, so the pair is compared without order
    /// (RFC 7989 §6); a side that is not known yet matches any.
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
