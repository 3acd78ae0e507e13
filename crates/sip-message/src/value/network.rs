//! Where a user is, by the words of RFC 7315.

use std::borrow::Cow;
use std::fmt;

use nom::{IResult, Parser};

use super::params::{Params, params};
use crate::error::ValueError;
use crate::grammar::{Bits, quoted, token, unquote, whole};
use crate::name::HeaderName;

/// One `vnetwork-spec` of P-Visited-Network-ID (RFC 7315 §4.3): a network that serves the user away from home.
#[derive(Clone, Copy)]
pub struct VisitedNetwork<'a> {
    id: &'a [u8],
    params: Params<'a>,
}

impl<'a> VisitedNetwork<'a> {
    /// Parses `( token / quoted-string ) *( SEMI parameter )`.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<VisitedNetwork<'a>, ValueError> {
        whole(HeaderName::PVisitedNetworkId, value, visited_network)
    }

    /// The network's identifier, quotes and escapes undone.
    pub fn id(&self) -> Cow<'a, [u8]> {
        unquote(self.id)
    }

    /// All parameters.
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

impl fmt::Debug for VisitedNetwork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VisitedNetwork({:?})", self.params)
    }
}

fn visited_network(input: Bits<'_>) -> IResult<Bits<'_>, VisitedNetwork<'_>> {
    let id = |input| match quoted(input) {
        Ok(found) => Ok(found),
        Err(_) => token(input),
    };
    (id, params)
        .map(|(id, params)| VisitedNetwork { id, params })
        .parse(input)
}
