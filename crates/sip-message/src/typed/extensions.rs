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
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Publish, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Expires, "4294967295")
    ///     .finish()?;
    /// assert_eq!(request.headers().expires()?, Some(u32::MAX));
    ///
    /// let request = Request::build(Method::Publish, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Expires, "soon")
    ///     .finish()?;
    /// assert_eq!(request.headers().expires()?, Some(3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate.
    pub fn expires(&self) -> Result<Option<u32>, ValueError> {
        let value = self.at_most_one(&HeaderName::Expires)?;
        Ok(value.map(seconds_or_an_hour))
    }

    /// `Min-Expires` (RFC 3261 §20.23), in seconds.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::INTERVAL_TOO_BRIEF, Some("b0b"))
    ///     .header(HeaderName::MinExpires, "60")
    ///     .finish()?;
    /// assert_eq!(response.headers().min_expires()?, Some(60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn min_expires(&self) -> Result<Option<u32>, ValueError> {
        self.number(&HeaderName::MinExpires)
    }

    /// `Event` (RFC 6665 §8.2.1).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Publish, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Event, "poc-settings")
    ///     .finish()?;
    /// assert_eq!(request.headers().event()?.unwrap().package(), b"poc-settings");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn event(&self) -> Result<Option<Event<'_>>, ValueError> {
        self.optional(&HeaderName::Event, Event::parse)
    }

    /// `Date` (RFC 3261 §20.17).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Date, "Sat, 13 Nov 2010 23:29:00 GMT")
    ///     .finish()?;
    /// assert_eq!(request.headers().date()?.map(|date| date.unix_seconds()), Some(1_289_690_940));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::SERVICE_UNAVAILABLE, Some("b0b"))
    ///     .header(HeaderName::RetryAfter, "120 (maintenance);duration=3600")
    ///     .finish()?;
    /// assert_eq!(response.headers().retry_after()?, Some(120));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::FORBIDDEN, Some("b0b"))
    ///     .header(HeaderName::Warning, "399 home1.example \"100 function not allowed due to service authorization\"")
    ///     .finish()?;
    /// let warning = &response.headers().warnings()?[0];
    /// assert_eq!(warning.code, 399);
    /// assert!(warning.text.starts_with(b"100 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn warnings(&self) -> Result<Vec<Warning<'_>>, ValueError> {
        self.list(&HeaderName::Warning, Warning::parse)
    }

    /// `Reason` (RFC 3326).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Bye, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Reason, "SIP;cause=200;text=\"done\", Q.850;cause=16")
    ///     .finish()?;
    /// let causes: Vec<_> = request.headers().reasons()?.iter().map(|reason| reason.cause()).collect();
    /// assert_eq!(causes, [Some(200), Some(16)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn reasons(&self) -> Result<Vec<Reason<'_>>, ValueError> {
        self.list(&HeaderName::Reason, Reason::parse)
    }

    /// `Session-ID` (RFC 7989).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::SessionId, "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000")
    ///     .finish()?;
    /// let id = request.headers().session_id()?.unwrap();
    /// assert_eq!(id.local(), b"ab30317f1a784dc48ff824d0d3715d86");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn session_id(&self) -> Result<Option<SessionId<'_>>, ValueError> {
        self.optional(&HeaderName::SessionId, SessionId::parse)
    }

    /// `P-Charging-Vector` (RFC 7315 §4.6).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PChargingVector, "icid-value=1234bc9876e;orig-ioi=home1.example")
    ///     .finish()?;
    /// let vector = request.headers().charging_vector()?.unwrap();
    /// assert_eq!(vector.orig_ioi().as_deref(), Some(&b"home1.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn charging_vector(&self) -> Result<Option<ChargingVector<'_>>, ValueError> {
        self.optional(&HeaderName::PChargingVector, ChargingVector::parse)
    }

    /// `P-Access-Network-Info` (RFC 7315 §5.4).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::PAccessNetworkInfo, "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11")
    ///     .finish()?;
    /// let access = &request.headers().access_network_infos()?[0];
    /// assert!(access.is("3gpp-e-utran-fdd"));
    /// assert_eq!(access.params().get("utran-cell-id-3gpp"), Some(Some(&b"234151D0FCE11"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn access_network_infos(&self) -> Result<Vec<ParameterizedToken<'_>>, ValueError> {
        self.list(&HeaderName::PAccessNetworkInfo, ParameterizedToken::parse)
    }

    /// `Accept-Contact` (RFC 3841 §9.2).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::AcceptContact, "*;+g.3gpp.mcptt;require;explicit")
    ///     .header(HeaderName::AcceptContact, "*;audio")
    ///     .finish()?;
    /// let wanted = request.headers().accept_contacts()?;
    /// assert!(wanted[0].require() && wanted[0].params().contains("+g.3gpp.mcptt"));
    /// assert_eq!(wanted.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn accept_contacts(&self) -> Result<Vec<AcceptContact<'_>>, ValueError> {
        self.list(&HeaderName::AcceptContact, AcceptContact::parse)
    }

    /// `Reject-Contact` (RFC 3841 §9.2).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::RejectContact, "*;actor=\"msg-taker\"")
    ///     .finish()?;
    /// let unwanted = &request.headers().reject_contacts()?[0];
    /// assert_eq!(unwanted.params().unquoted("actor").as_deref(), Some(&b"msg-taker"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn reject_contacts(&self) -> Result<Vec<AcceptContact<'_>>, ValueError> {
        self.list(&HeaderName::RejectContact, AcceptContact::parse)
    }
}
