//! Values that are nothing but parameters.

use std::borrow::Cow;

use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::params::{Params, list, params};
use crate::error::ValueError;
use crate::grammar::whole;
use crate::name::HeaderName;

/// One value of `Accept-Contact` or `Reject-Contact` (RFC 3841 §9.2): a feature set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptContact<'a> {
    params: Params<'a>,
}

impl<'a> AcceptContact<'a> {
    /// Parses `* *( SEMI parameter )`.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<AcceptContact<'a>, ValueError> {
        let params = whole(
            HeaderName::AcceptContact,
            value,
            preceded(tag(&b"*"[..]), params),
        )?;
        Ok(AcceptContact { params })
    }

    /// Features, `require` and `explicit` in order.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// A feature's value, quotes undone; `None` also for a feature without value.
    pub fn feature(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted(name)
    }

    /// Must a target have the features to be tried at all?
    pub fn require(&self) -> bool {
        self.params.contains("require")
    }

    /// Must a target name each feature itself?
    pub fn explicit(&self) -> bool {
        self.params.contains("explicit")
    }
}

/// `P-Charging-Vector` (RFC 7315 §4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargingVector<'a> {
    params: Params<'a>,
}

impl<'a> ChargingVector<'a> {
    /// Parses `icid-value=… *( SEMI parameter )`.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub fn parse(value: &'a [u8]) -> Result<ChargingVector<'a>, ValueError> {
        let params = whole(HeaderName::PChargingVector, value, |input| {
            list(b';', input)
        })?;
        Ok(ChargingVector { params })
    }

    /// All parameters.
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The identity that charging records of one session or transaction share.
    pub fn icid_value(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("icid-value")
    }

    /// Where the ICID was made.
    pub fn icid_generated_at(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("icid-generated-at")
    }

    /// The originating network.
    pub fn orig_ioi(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("orig-ioi")
    }

    /// The terminating network.
    pub fn term_ioi(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("term-ioi")
    }
}
