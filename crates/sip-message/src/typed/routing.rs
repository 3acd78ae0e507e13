//! Who, where and which transaction.

use crate::class::WORD;
use crate::error::ValueError;
use crate::grammar::behind_lws;
use crate::headers::Headers;
use crate::list::List;
use crate::name::HeaderName;
use crate::value::{CSeq, NameAddr, Via};

/// Header fields whose grammar has `name-addr` alone, so that what belongs to the URI and what to the field is plain (RFC
/// 3261 §20.30, §20.34; RFC 3327 §4, RFC 3608 §4, RFC 7315 §5.1, §5.2; RFC 5502 §6).
const BRACKETED: &[HeaderName] = &[
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Path,
    HeaderName::ServiceRoute,
    HeaderName::PAssociatedUri,
    HeaderName::PCalledPartyId,
    HeaderName::PServedUser,
];

/// What reads an address in a field with this name.
pub(crate) fn address_parser<'a>(
    name: &HeaderName,
) -> fn(&'a [u8]) -> Result<NameAddr<'a>, ValueError> {
    match BRACKETED.contains(name) {
        true => NameAddr::parse_bracketed,
        false => NameAddr::parse,
    }
}

impl Headers {
    /// The topmost Via (RFC 3261 §20.42).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP scscf.home1.example;branch=z9hG4bK2")
    ///     .header(HeaderName::Via, "SIP/2.0/TCP pcscf.home1.example;branch=z9hG4bK1")
    ///     .finish()?;
    /// assert_eq!(request.headers().top_via()?.branch(), Some(&b"z9hG4bK2"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; malformed.
    pub fn top_via(&self) -> Result<Via<'_>, ValueError> {
        let name = &HeaderName::Via;
        let value = self.first(name).ok_or_else(|| ValueError::missing(name))?;
        let mut rest = behind_lws(value);
        let mut via = Via::read(value, &mut rest);
        // what is read in one go ends where its grammar does: at a comma or at the end
        let ended = matches!(rest, [] | [b',', ..]) || matches!(behind_lws(rest), [] | [b',', ..]);
        if !ended || !self.is_within_bounds(&via) {
            via = self.first_via();
        }
        via
    }

    /// The same by the list that it is the first value of.
    #[inline(never)]
    fn first_via(&self) -> Result<Via<'_>, ValueError> {
        let name = &HeaderName::Via;
        let mut all = self.all(name);
        match all.find_map(|value| List::new(value).next()) {
            Some((shift, item)) => self.within_bounds(name, shift, Via::parse(item)),
            None => Err(ValueError::missing(name)),
        }
    }

    /// All Vias from the top, over several fields and comma lists. One after [`Limits::values`](crate::Limits::values) of
    /// them is an error.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP b.example;branch=z9hG4bK2, SIP/2.0/TCP a.example;branch=z9hG4bK1")
    ///     .finish()?;
    /// let vias: Vec<_> = request.headers().vias().collect::<Result<_, _>>()?;
    /// assert_eq!(vias[1].transport(), b"TCP");
    /// assert_eq!(vias.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'_>, ValueError>> {
        self.each(&HeaderName::Via, Via::parse)
    }

    /// `From` (RFC 3261 §20.20).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::From, "\"Ann\" <sip:ann@home1.example>;tag=171828")
    ///     .finish()?;
    /// let from = request.headers().from()?;
    /// assert_eq!(from.display_name().as_deref(), Some(&b"Ann"[..]));
    /// assert_eq!(from.tag(), Some(&b"171828"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn from(&self) -> Result<NameAddr<'_>, ValueError> {
        self.tagged(&HeaderName::From)
    }

    /// `To` (RFC 3261 §20.39).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
    ///     .finish()?;
    /// let to = request.headers().to()?;
    /// assert_eq!(to.uri().as_bytes(), b"sip:mcptt-server@home1.example");
    /// assert_eq!(to.tag(), None); // outside a dialog
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn to(&self) -> Result<NameAddr<'_>, ValueError> {
        self.tagged(&HeaderName::To)
    }

    #[inline(never)]
    fn tagged(&self, name: &HeaderName) -> Result<NameAddr<'_>, ValueError> {
        self.exactly(name, NameAddr::parse_tagged)
    }

    /// `Call-ID` (RFC 3261 §20.8): case-sensitive, compared byte for byte.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::CallId, "cb03a0s09a2sdfglkj490333@home1.example")
    ///     .finish()?;
    /// assert_eq!(request.headers().call_id()?, b"cb03a0s09a2sdfglkj490333@home1.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn call_id(&self) -> Result<&[u8], ValueError> {
        let value = self.one(&HeaderName::CallId)?;
        callid(value).map_err(|error| error.within(&HeaderName::CallId, 0))
    }

    /// `CSeq` (RFC 3261 §20.16).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::CSeq, "666 MESSAGE")
    ///     .finish()?;
    /// let cseq = request.headers().cseq()?;
    /// assert_eq!((cseq.number, cseq.method), (666, &b"MESSAGE"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; duplicate; malformed.
    pub fn cseq(&self) -> Result<CSeq<'_>, ValueError> {
        let value = self.one(&HeaderName::CSeq)?;
        CSeq::parse(value).map_err(|error| error.within(&HeaderName::CSeq, 0))
    }

    /// `Max-Forwards` (RFC 3261 §20.22): 0 to 255.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::MaxForwards, "70")
    ///     .finish()?;
    /// assert_eq!(request.headers().max_forwards()?, Some(70));
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::MaxForwards, "256")
    ///     .finish()?;
    /// assert!(request.headers().max_forwards().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn max_forwards(&self) -> Result<Option<u8>, ValueError> {
        self.number(&HeaderName::MaxForwards)
    }

    /// The addresses of any header that is a comma list of them: Contact, Route, P-Associated-URI …
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::PAssociatedUri, "<sip:ann@home1.example>, <tel:+12015550123>")
    ///     .finish()?;
    /// let identities = request.headers().addresses(&HeaderName::PAssociatedUri)?;
    /// assert_eq!(identities[1].uri_bytes(), b"tel:+12015550123");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn addresses(&self, name: &HeaderName) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.list(name, address_parser(name))
    }

    /// `Contact` (RFC 3261 §20.10). The `*` of a REGISTER gives no address; see [`Headers::contact_is_wildcard`].
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Contact, "<sip:ann@192.0.2.7>;+g.3gpp.mcptt;expires=600")
    ///     .finish()?;
    /// let contact = &request.headers().contacts()?[0];
    /// assert_eq!(contact.expires(), Some(600));
    /// assert!(contact.params().contains("+g.3gpp.mcptt"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Contact, "*")
    ///     .header(HeaderName::Expires, "0")
    ///     .finish()?;
    /// assert!(request.headers().contact_is_wildcard()); // all bindings go
    /// assert!(request.headers().contacts()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contact_is_wildcard(&self) -> bool {
        matches!(self.one(&HeaderName::Contact), Ok(b"*"))
    }

    /// `Route` (RFC 3261 §20.34), the next hop first.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Route, "<sip:as1.home1.example;lr>, <sip:scscf.home1.example;lr>")
    ///     .finish()?;
    /// let next = &request.headers().routes()?[0];
    /// assert!(next.uri().params().contains("lr")); // a loose router (RFC 3261 §16.12)
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::Route)
    }

    /// `Record-Route` (RFC 3261 §20.30).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::RecordRoute, "<sip:scscf.home1.example;lr>")
    ///     .header(HeaderName::RecordRoute, "<sip:pcscf.home1.example;lr>")
    ///     .finish()?;
    /// let routes = request.headers().record_routes()?;
    /// let set: Vec<_> = routes.iter().map(|route| route.uri_bytes()).collect();
    /// assert_eq!(set, [&b"sip:scscf.home1.example;lr"[..], b"sip:pcscf.home1.example;lr"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn record_routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::RecordRoute)
    }

    /// `Path` (RFC 3327 §4), the last hop before the registrar first.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Path, "<sip:term@pcscf.visited1.example;lr>")
    ///     .finish()?;
    /// assert_eq!(request.headers().paths()?[0].uri().user(), Some(&b"term"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn paths(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::Path)
    }

    /// `Service-Route` (RFC 3608 §5), the next hop first.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, Some("b0b"))
    ///     .header(HeaderName::ServiceRoute, "<sip:orig@scscf.home1.example;lr>")
    ///     .finish()?;
    /// assert_eq!(response.headers().service_routes()?[0].uri_bytes(), b"sip:orig@scscf.home1.example;lr");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn service_routes(&self) -> Result<Vec<NameAddr<'_>>, ValueError> {
        self.addresses(&HeaderName::ServiceRoute)
    }

    /// `In-Reply-To` (RFC 3261 §20.21): Call-IDs.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::InReplyTo, "70710@saturn.example, 17320@saturn.example")
    ///     .finish()?;
    /// assert_eq!(request.headers().in_reply_to()?, [b"70710@saturn.example", b"17320@saturn.example"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
