//! Values that are nothing but parameters.

use std::borrow::Cow;

use nom::bytes::complete::tag;
use nom::sequence::preceded;

use super::params::{Params, list, params};
use crate::error::ValueError;
use crate::grammar::whole;
use crate::name::HeaderName;

/// One value of `Accept-Contact` or `Reject-Contact` (RFC 3841 §9.2): a feature set.
///
/// ```
/// use sip_message::AcceptContact;
///
/// let value = b"*;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt\";require;explicit";
/// let wanted = AcceptContact::parse(value)?;
/// let service = wanted.params().unquoted("+g.3gpp.icsi-ref");
/// assert_eq!(service.as_deref(), Some(&b"urn%3Aurn-7%3A3gpp-service.ims.icsi.mcptt"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptContact<'a> {
    params: Params<'a>,
}

impl<'a> AcceptContact<'a> {
    /// Parses `* *( SEMI parameter )`.
    ///
    /// ```
    /// use sip_message::AcceptContact;
    ///
    /// assert!(AcceptContact::parse(b"*").is_ok());
    /// assert!(AcceptContact::parse(b"+g.3gpp.mcptt").is_err()); // the star is missing
    /// ```
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
    ///
    /// ```
    /// use sip_message::AcceptContact;
    ///
    /// let wanted = AcceptContact::parse(b"*;+g.3gpp.mcptt;audio;require")?;
    /// assert!(wanted.params().contains("+g.3gpp.mcptt") && wanted.params().contains("audio"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// Must a target have the features to be tried at all?
    ///
    /// ```
    /// use sip_message::AcceptContact;
    ///
    /// assert!(AcceptContact::parse(b"*;+g.3gpp.mcptt;require")?.require());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn require(&self) -> bool {
        self.params.contains("require")
    }

    /// Must a target name each feature itself?
    ///
    /// ```
    /// use sip_message::AcceptContact;
    ///
    /// assert!(!AcceptContact::parse(b"*;+g.3gpp.mcptt;require")?.explicit());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn explicit(&self) -> bool {
        self.params.contains("explicit")
    }
}

/// `P-Charging-Vector` (RFC 7315 §4.6).
///
/// ```
/// use sip_message::ChargingVector;
///
/// let vector = ChargingVector::parse(b"icid-value=\"1234bc9876e\";icid-generated-at=192.0.2.8;orig-ioi=home1.example")?;
/// assert_eq!(vector.icid_value().as_deref(), Some(&b"1234bc9876e"[..]));
/// assert_eq!(vector.term_ioi(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargingVector<'a> {
    params: Params<'a>,
}

impl<'a> ChargingVector<'a> {
    /// Parses `icid-value=… *( SEMI parameter )`.
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// assert!(ChargingVector::parse(b"icid-value=1234bc9876e").is_ok());
    /// assert!(ChargingVector::parse(b";icid-value=1234bc9876e").is_err()); // nothing before the semicolon
    /// ```
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
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// let vector = ChargingVector::parse(b"icid-value=1234bc9876e;related-icid=\"77\"")?;
    /// assert_eq!(vector.params().unquoted("related-icid").as_deref(), Some(&b"77"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }

    /// The identity that charging records of one session or transaction share.
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// let vector = ChargingVector::parse(b"icid-value=\"AyretyU0dm+6O2IrT5tAFrbHLso=023551024\"")?;
    /// assert_eq!(vector.icid_value().as_deref(), Some(&b"AyretyU0dm+6O2IrT5tAFrbHLso=023551024"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn icid_value(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("icid-value")
    }

    /// Where the ICID was made.
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// let vector = ChargingVector::parse(b"icid-value=1234bc9876e;icid-generated-at=192.0.2.8")?;
    /// assert_eq!(vector.icid_generated_at().as_deref(), Some(&b"192.0.2.8"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn icid_generated_at(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("icid-generated-at")
    }

    /// The originating network.
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// let vector = ChargingVector::parse(b"icid-value=1234bc9876e;orig-ioi=home1.example")?;
    /// assert_eq!(vector.orig_ioi().as_deref(), Some(&b"home1.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn orig_ioi(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("orig-ioi")
    }

    /// The terminating network.
    ///
    /// ```
    /// use sip_message::ChargingVector;
    ///
    /// let vector = ChargingVector::parse(b"icid-value=1234bc9876e;orig-ioi=home1.example;term-ioi=home2.example")?;
    /// assert_eq!(vector.term_ioi().as_deref(), Some(&b"home2.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn term_ioi(&self) -> Option<Cow<'a, [u8]>> {
        self.params.unquoted("term-ioi")
    }
}
