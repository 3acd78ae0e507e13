//! Where a user is, by the words of RFC 7315.

use std::borrow::Cow;
use std::fmt;

use nom::{IResult, Parser};

use super::params::{Params, params};
use crate::error::ValueError;
use crate::grammar::{Bits, quoted, token, unquote, whole};
use crate::name::HeaderName;

/// One `vnetwork-spec` of P-Visited-Network-ID (RFC 7315 §4.3): a network that serves the user away from home.
///
/// ```
/// use sip_message::VisitedNetwork;
///
/// let network = VisitedNetwork::parse(b"\"Visited network number 1\"")?;
/// assert_eq!(network.id().as_ref(), b"Visited network number 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct VisitedNetwork<'a> {
    id: &'a [u8],
    params: Params<'a>,
}

impl<'a> VisitedNetwork<'a> {
    /// Parses `( token / quoted-string ) *( SEMI parameter )`.
    ///
    /// ```
    /// use sip_message::VisitedNetwork;
    ///
    /// assert!(VisitedNetwork::parse(b"other.example").is_ok());
    /// assert!(VisitedNetwork::parse(b"two words").is_err()); // only in quotes
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<VisitedNetwork<'a>, ValueError> {
        whole(HeaderName::PVisitedNetworkId, value, visited_network)
    }

    /// The network's identifier, quotes and escapes undone.
    ///
    /// ```
    /// use sip_message::VisitedNetwork;
    ///
    /// assert_eq!(VisitedNetwork::parse(b"other.example")?.id().as_ref(), b"other.example");
    /// assert_eq!(VisitedNetwork::parse(b"\"other.example\"")?.id().as_ref(), b"other.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> Cow<'a, [u8]> {
        unquote(self.id)
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::VisitedNetwork;
    ///
    /// let network = VisitedNetwork::parse(b"other.example;plmn=234-15")?;
    /// assert_eq!(network.params().get("plmn"), Some(Some(&b"234-15"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
