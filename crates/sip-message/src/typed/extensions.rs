//! Everything else that is typed.

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{
    AcceptContact, ChargingVector, Date, Event, ParameterizedToken, Reason, SessionId, Warning,
    retry_after, seconds_or_an_hour,
};

impl Headers {
    /// `Expires` (RFC 3261 §20.19), in seconds. A malformed value counts as 3600, as that clause asks; so does one that
    /// does not fit 32 bits.
    ///
    /// # Errors
    /// Duplicate.
    pub fn expires(&self) -> Result<Option<u32>, ValueError> {
        let value = self.at_most_one(&HeaderName::Expires)?;
        Ok(value.map(seconds_or_an_hour))
    }

    /// `Min-Expires` (RFC 3261 §20.23), in seconds.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn min_expires(&self) -> Result<Option<u32>, ValueError> {
        self.number(&HeaderName::MinExpires)
    }

    /// `Event` (RFC 6665 §8.2.1).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn event(&self) -> Result<Option<Event<'_>>, ValueError> {
        self.optional(&HeaderName::Event, Event::parse)
    }

    /// `Date` (RFC 3261 §20.17).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn date(&self) -> Result<Option<Date>, ValueError> {
        let name = HeaderName::Date;
        let date = self.at_most_one(&name)?.map(Date::parse).transpose();
        date.map_err(|error| error.within(&name, 0))
    }

    /// `Retry-After` (RFC 3261 §20.33), in seconds; its comment and parameters are read over.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn retry_after(&self) -> Result<Option<u32>, ValueError> {
        let name = HeaderName::RetryAfter;
        let seconds = self.at_most_one(&name)?.map(retry_after).transpose();
        seconds.map_err(|error| error.within(&name, 0))
    }

    /// `Warning` (RFC 3261 §20.43).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn warnings(&self) -> Result<Vec<Warning<'_>>, ValueError> {
        self.list(&HeaderName::Warning, Warning::parse)
    }

    /// `Reason` (RFC 3326).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn reasons(&self) -> Result<Vec<Reason<'_>>, ValueError> {
        self.list(&HeaderName::Reason, Reason::parse)
    }

    /// `Session-ID` (RFC 7989).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn session_id(&self) -> Result<Option<SessionId<'_>>, ValueError> {
        self.optional(&HeaderName::SessionId, SessionId::parse)
    }

    /// `P-Charging-Vector` (RFC 7315 §4.6).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn charging_vector(&self) -> Result<Option<ChargingVector<'_>>, ValueError> {
        self.optional(&HeaderName::PChargingVector, ChargingVector::parse)
    }

    /// `P-Access-Network-Info` (RFC 7315 §5.4).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn access_network_infos(&self) -> Result<Vec<ParameterizedToken<'_>>, ValueError> {
        self.list(&HeaderName::PAccessNetworkInfo, ParameterizedToken::parse)
    }

    /// `Accept-Contact` (RFC 3841 §9.2).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn accept_contacts(&self) -> Result<Vec<AcceptContact<'_>>, ValueError> {
        self.list(&HeaderName::AcceptContact, AcceptContact::parse)
    }

    /// `Reject-Contact` (RFC 3841 §9.2).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn reject_contacts(&self) -> Result<Vec<AcceptContact<'_>>, ValueError> {
        self.list(&HeaderName::RejectContact, AcceptContact::parse)
    }
}
