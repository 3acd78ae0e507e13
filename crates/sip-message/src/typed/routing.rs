//! Who, where and which transaction.

use crate::class::WORD;
use crate::error::ValueError;
use crate::headers::Headers;
use crate::list::List;
use crate::name::HeaderName;
use crate::value::{CSeq, NameAddr, Via};

impl Headers {
    /// The topmost Via (RFC 3261 §20.42).
    ///
    /// # Errors
    /// Missing; malformed.
    pub fn top_via(&self) -> Result<Via<'_>, ValueError> {
        let name = &HeaderName::Via;
        let mut all = self.all(name).peekable();
        if let Some(value) = all.peek()
            && let Some(via) = Via::first_of(value)
        {
            return self.within_bounds(name, 0, Ok(via));
        }
        match all.find_map(|value| List::new(value).next()) {
            Some((shift, item)) => self.within_bounds(name, shift, Via::parse(item)),
            None => Err(ValueError::missing(name)),
        }
    }

    /// All Vias from the top, over several fields and comma lists. One after [`Limits::values`](crate::Limits::values) of
    /// them is an error.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, ValueError>> {
        self.each(&HeaderName::Via, Via::parse)
    }

    /// `From` (RFC 3261 §20.20).
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn from(&self) -> Result<NameAddr<'_>, ValueError> {
        self.exactly(&HeaderName::From, NameAddr::parse)
    }

    /// `To` (RFC 3261 §20.39).
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn to(&self) -> Result<NameAddr<'_>, ValueError> {
        self.exactly(&HeaderName::To, NameAddr::parse)
    }

    /// `Call-ID` (RFC 3261 §20.8): case-sensitive, compared byte for byte.
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn call_id(&self) -> Result<&[u8], ValueError> {
        let value = self.one(&HeaderName::CallId)?;
        callid(value).map_err(|error| error.within(&HeaderName::CallId, 0))
    }

    /// `CSeq` (RFC 3261 §20.16).
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn cseq(&self) -> Result<CSeq<'_>, ValueError> {
        let value = self.one(&HeaderName::CSeq)?;
        CSeq::parse(value).map_err(|error| error.within(&HeaderName::CSeq, 0))
    }

    /// `Max-Forwards` (RFC 3261 §20.22): 0 to 255.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn max_forwards(&self) -> Result<Option<u8>, ValueError> {
        self.number(&HeaderName::MaxForwards)
    }

    /// The addresses of any header that is a comma list of them: Contact, Route, P-Associated-URI …
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn addresses(&self, name: &HeaderName) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.list(name, NameAddr::parse)
    }

    /// `Contact` (RFC 3261 §20.10). The `*` of a REGISTER gives no address; see [`Headers::contact_is_wildcard`].
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn contacts(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        if self.contact_is_wildcard() {
            Ok(Vec::new())
        } else {
            self.addresses(&HeaderName::Contact)
        }
    }

    /// Is `Contact: *` the only Contact (RFC 3261 §10.2.2)?
    pub fn contact_is_wildcard(&self) -> bool {
        matches!(self.one(&HeaderName::Contact), Ok(b"*"))
    }

    /// `Route` (RFC 3261 §20.34), the next hop first.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::Route)
    }

    /// `Record-Route` (RFC 3261 §20.30).
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn record_routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::RecordRoute)
    }

    /// `Path` (RFC 3327 §4), the last hop before the registrar first.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn paths(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::Path)
    }

    /// `Service-Route` (RFC 3608 §5), the next hop first.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn service_routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::ServiceRoute)
    }

    /// `In-Reply-To` (RFC 3261 §20.21): Call-IDs.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn in_reply_to(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.bounded(&HeaderName::InReplyTo, callid)
    }
}

/// `callid = word [ "@" word ]`
fn callid(value: &[u8]) -> Result<&[u8], ValueError> {
    let word = WORD.long_span(value);
    let end = match value.get(word..) {
        Some([b'@', host @ ..]) if word > 0 && !host.is_empty() => word + 1 + WORD.long_span(host),
        _ => word,
    };
    if end == value.len() && end > 0 {
        Ok(value)
    } else {
        Err(ValueError::malformed("callid", end))
    }
}
