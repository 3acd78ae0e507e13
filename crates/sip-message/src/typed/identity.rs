//! Who is behind a request, and which service it is for.

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{HistoryEntry, NameAddr, Uri, VisitedNetwork};

impl Headers {
    /// `P-Asserted-Identity` (RFC 3325 §9.1): one `sip`/`sips`, one `tel` at most; how many is for the caller to judge.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_asserted_identities(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::PAssertedIdentity)
    }

    /// `P-Preferred-Identity` (RFC 3325 §9.2).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_preferred_identities(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::PPreferredIdentity)
    }

    /// `P-Asserted-Service` (RFC 6050 §4.1): service URNs.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_asserted_services(&self) -> Result<Vec<Uri<'_>>, ValueError> {
        self.list(&HeaderName::PAssertedService, Uri::parse)
    }

    /// `P-Preferred-Service` (RFC 6050 §4.2): service URNs.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn p_preferred_services(&self) -> Result<Vec<Uri<'_>>, ValueError> {
        self.list(&HeaderName::PPreferredService, Uri::parse)
    }

    /// `P-Visited-Network-ID` (RFC 7315 §4.3).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn visited_networks(&self) -> Result<Vec<VisitedNetwork<'_>>, ValueError> {
        self.list(&HeaderName::PVisitedNetworkId, VisitedNetwork::parse)
    }

    /// `History-Info` (RFC 7044 §5), the oldest target first.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn history_info(&self) -> Result<Vec<HistoryEntry<'_>>, ValueError> {
        self.list(&HeaderName::HistoryInfo, HistoryEntry::parse)
    }
}
