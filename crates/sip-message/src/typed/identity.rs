//! Who is behind a request, and which service it is for.

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{HistoryEntry, NameAddr, Uri, VisitedNetwork};

impl Headers {
    /// `P-Asserted-Identity` (RFC 3325 §9.1): one `sip`/`sips`, one `tel` at most; how many is for the caller to judge.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PAssertedIdentity, "\"Ann\" <sip:ann@home1.example>, <tel:+12015550123>")
    ///     .finish()?;
    /// let identities = request.headers().p_asserted_identities()?;
    /// assert_eq!(identities[0].uri_bytes(), b"sip:ann@home1.example");
    /// assert_eq!(identities[1].uri().telephone_number(), Some(&b"+12015550123"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_asserted_identities(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::PAssertedIdentity)
    }

    /// `P-Preferred-Identity` (RFC 3325 §9.2).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::PPreferredIdentity, "<sip:ann@home1.example>")
    ///     .finish()?;
    /// assert_eq!(request.headers().p_preferred_identities()?[0].uri().user(), Some(&b"ann"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_preferred_identities(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::PPreferredIdentity)
    }

    /// `P-Asserted-Service` (RFC 6050 §4.1): service URNs.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Uri};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PAssertedService, "urn:urn-7:3gpp-service.ims.icsi.mcptt")
    ///     .finish()?;
    /// let service = Uri::parse(b"URN:urn-7:3gpp-service.ims.icsi.mcptt")?;
    /// assert!(request.headers().p_asserted_services()?[0].equivalent(&service));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_asserted_services(&self) -> Result<Vec<Uri<'_>>, ValueError> {
        self.list(&HeaderName::PAssertedService, Uri::parse)
    }

    /// `P-Preferred-Service` (RFC 6050 §4.2): service URNs.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PPreferredService, "urn:urn-7:3gpp-service.ims.icsi.mcdata")
    ///     .finish()?;
    /// let services = request.headers().p_preferred_services()?;
    /// assert_eq!(services[0].as_bytes(), b"urn:urn-7:3gpp-service.ims.icsi.mcdata");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_preferred_services(&self) -> Result<Vec<Uri<'_>>, ValueError> {
        self.list(&HeaderName::PPreferredService, Uri::parse)
    }

    /// `P-Visited-Network-ID` (RFC 7315 §4.3).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::PVisitedNetworkId, "\"Visited network number 1\", other.example")
    ///     .finish()?;
    /// let networks = request.headers().visited_networks()?;
    /// assert_eq!(networks[0].id().as_ref(), b"Visited network number 1");
    /// assert_eq!(networks[1].id().as_ref(), b"other.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn visited_networks(&self) -> Result<Vec<VisitedNetwork<'_>>, ValueError> {
        self.list(&HeaderName::PVisitedNetworkId, VisitedNetwork::parse)
    }

    /// `History-Info` (RFC 7044 §5), the oldest target first.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::HistoryInfo, "<sip:bob@home1.example>;index=1, <sip:bob@192.0.2.4>;index=1.1;rc=1")
    ///     .finish()?;
    /// let history = request.headers().history_info()?;
    /// assert_eq!(history[1].index(), b"1.1");
    /// assert_eq!(history[1].came_from(), Some(("rc", &b"1"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn history_info(&self) -> Result<Vec<HistoryEntry<'_>>, ValueError> {
        self.list(&HeaderName::HistoryInfo, HistoryEntry::parse)
    }
}
