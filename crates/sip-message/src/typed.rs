//! Typed values of header fields, each with the clause that defines it.

use crate::error::{Subject, ValueError, ValueErrorKind};
use crate::grammar::{List, is_token, is_word};
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{
    AcceptContact, CSeq, ChargingVector, Credentials, Date, Event, MediaType, NameAddr,
    ParameterizedToken, Params, Reason, SessionId, Via, Warning, retry_after, whole_number,
};

/// A value with parameters whose number [`crate::Limits::parameters`] bounds.
pub(crate) trait Parameters {
    fn parameters(&self) -> usize;
}

macro_rules! parameters {
    ($($value:ident)*) => {
        $(impl Parameters for $value<'_> {
            fn parameters(&self) -> usize {
                self.params().len()
            }
        })*
    };
}

parameters!(AcceptContact ChargingVector Credentials Event MediaType ParameterizedToken Reason SessionId Via);

impl Parameters for NameAddr<'_> {
    fn parameters(&self) -> usize {
        self.params()
            .len()
            .max(self.uri().params().len())
            .max(self.uri().headers().len())
    }
}

impl Parameters for Params<'_> {
    fn parameters(&self) -> usize {
        self.len()
    }
}

impl Parameters for Warning<'_> {
    fn parameters(&self) -> usize {
        0
    }
}

/// Parses one item of a header field and tells errors of it.
type Parse<'a, T> = fn(&'a [u8]) -> Result<T, ValueError>;

impl Headers {
    /// The topmost Via (RFC 3261 §20.42).
    ///
    /// # Errors
    /// Missing; malformed.
    pub fn top_via(&self) -> Result<Via<'_>, ValueError> {
        self.vias()
            .next()
            .unwrap_or_else(|| Err(ValueError::missing(&HeaderName::Via)))
    }

    /// All Vias from the top, over several fields and comma lists.
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

    /// `Expires` (RFC 3261 §20.19), in seconds.
    ///
    /// # Errors
    /// Duplicate; malformed, also when it does not fit 32 bits.
    pub fn expires(&self) -> Result<Option<u32>, ValueError> {
        self.number(&HeaderName::Expires)
    }

    /// `Min-Expires` (RFC 3261 §20.23), in seconds.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn min_expires(&self) -> Result<Option<u32>, ValueError> {
        self.number(&HeaderName::MinExpires)
    }

    /// `Content-Length` (RFC 3261 §20.14). Fields that say the same number count as one.
    ///
    /// # Errors
    /// Duplicate when they differ; malformed.
    pub fn content_length(&self) -> Result<Option<usize>, ValueError> {
        let name = HeaderName::ContentLength;
        let mut length = None;
        for value in self.all(&name) {
            let next = whole_number(value).map_err(|error| error.within(&name, 0))?;
            if length.is_some_and(|length| length != next) {
                return Err(ValueError::duplicate(&name));
            }
            length = Some(next);
        }
        Ok(length)
    }

    /// `Content-Type` (RFC 3261 §20.15).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, ValueError> {
        self.optional(&HeaderName::ContentType, MediaType::parse)
    }

    /// `Content-Disposition` (RFC 3261 §20.11).
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn content_disposition(&self) -> Result<Option<ParameterizedToken<'_>>, ValueError> {
        self.optional(&HeaderName::ContentDisposition, ParameterizedToken::parse)
    }

    /// `Content-ID` (RFC 8262, RFC 2392) without its angle brackets.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn content_id(&self) -> Result<Option<&[u8]>, ValueError> {
        let name = HeaderName::ContentId;
        let Some(value) = self.at_most_one(&name)? else {
            return Ok(None);
        };
        match value
            .strip_prefix(b"<")
            .and_then(|value| value.strip_suffix(b">"))
        {
            Some(id) if !id.is_empty() && id.iter().all(u8::is_ascii_graphic) => Ok(Some(id)),
            _ => Err(ValueError::malformed("msg-id", 0).within(&name, 0)),
        }
    }

    /// `Accept` (RFC 3261 §20.1): media ranges in order.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn accept(&self) -> Result<Vec<MediaType<'_>>, ValueError> {
        self.list(&HeaderName::Accept, MediaType::parse)
    }

    /// The addresses of any header that is a comma list of them: Contact, Route, Path, History-Info …
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

    /// `In-Reply-To` (RFC 3261 §20.21): Call-IDs.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn in_reply_to(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.bounded(&HeaderName::InReplyTo, callid)
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

    /// Credentials or challenges: Authorization, Proxy-Authorization, WWW-Authenticate, Proxy-Authenticate, one a field.
    ///
    /// # Errors
    /// Malformed.
    pub fn credentials(&self, name: &HeaderName) -> Result<Vec<Credentials<'_>>, ValueError> {
        let parsed = self.all(name).map(Credentials::parse);
        parsed.map(|one| self.within_bounds(name, 0, one)).collect()
    }

    /// The tokens of a list of them, over several fields: Require, Proxy-Require, Supported, Unsupported, Allow,
    /// Allow-Events, Content-Encoding, Resource-Priority …
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn tokens(&self, name: &HeaderName) -> Result<Vec<&[u8]>, ValueError> {
        self.bounded(name, |item| {
            let good = !item.is_empty() && item.iter().copied().all(is_token);
            if good {
                Ok(item)
            } else {
                Err(ValueError::malformed("token", 0))
            }
        })
    }

    fn exactly<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: Parse<'a, T>,
    ) -> Result<T, ValueError> {
        self.within_bounds(name, 0, parse(self.one(name)?))
    }

    fn optional<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: Parse<'a, T>,
    ) -> Result<Option<T>, ValueError> {
        self.at_most_one(name)?
            .map(|value| self.within_bounds(name, 0, parse(value)))
            .transpose()
    }

    fn number<N: std::str::FromStr>(&self, name: &HeaderName) -> Result<Option<N>, ValueError> {
        let number = self.at_most_one(name)?.map(whole_number).transpose();
        number.map_err(|error| error.within(name, 0))
    }

    fn each<'a, T: Parameters>(
        &'a self,
        name: &'static HeaderName,
        parse: Parse<'a, T>,
    ) -> impl Iterator<Item = Result<T, ValueError>> {
        self.all(name)
            .flat_map(List::new)
            .map(move |(shift, item)| self.within_bounds(name, shift, parse(item)))
    }

    fn list<'a, T: Parameters>(
        &'a self,
        name: &HeaderName,
        parse: Parse<'a, T>,
    ) -> Result<Vec<T>, ValueError> {
        let mut values = Vec::new();
        for (shift, item) in self.all(name).flat_map(List::new) {
            self.room(name, values.len())?;
            values.push(self.within_bounds(name, shift, parse(item))?);
        }
        Ok(values)
    }

    fn bounded<'a, T>(
        &'a self,
        name: &HeaderName,
        parse: impl Fn(&'a [u8]) -> Result<T, ValueError>,
    ) -> Result<Vec<T>, ValueError> {
        let mut values = Vec::new();
        for (shift, item) in self.all(name).flat_map(List::new) {
            self.room(name, values.len())?;
            values.push(parse(item).map_err(|error| error.within(name, shift))?);
        }
        Ok(values)
    }

    fn room(&self, name: &HeaderName, count: usize) -> Result<(), ValueError> {
        if count < self.bounds.values {
            return Ok(());
        }
        Err(ValueError::new(
            Subject::Header(name.clone()),
            ValueErrorKind::TooMany,
        ))
    }

    fn within_bounds<T: Parameters>(
        &self,
        name: &HeaderName,
        shift: usize,
        parsed: Result<T, ValueError>,
    ) -> Result<T, ValueError> {
        let value = parsed.map_err(|error| error.within(name, shift))?;
        if value.parameters() > self.bounds.parameters {
            return Err(ValueError::too_many("parameters").within(name, shift));
        }
        Ok(value)
    }
}

/// `callid = word [ "@" word ]`
fn callid(value: &[u8]) -> Result<&[u8], ValueError> {
    let mut halves = value.splitn(2, |byte| *byte == b'@');
    let word = |half: &[u8]| !half.is_empty() && half.iter().copied().all(is_word);
    if halves.all(word) {
        return Ok(value);
    }
    let bad = value
        .iter()
        .position(|byte| !is_word(*byte) && *byte != b'@')
        .unwrap_or(0);
    Err(ValueError::malformed("callid", bad))
}
