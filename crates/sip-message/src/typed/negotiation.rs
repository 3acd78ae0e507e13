//! What both sides can do, which software they are, and how urgent it is.

use crate::class::TOKEN;
use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{Product, ResourcePriority};

impl Headers {
    /// `Allow` (RFC 3261 §20.5): methods, case-sensitive.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Options, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Allow, "INVITE, ACK")
    ///     .header(HeaderName::Allow, "MESSAGE")
    ///     .finish()?;
    /// assert_eq!(request.headers().allow()?, [&b"INVITE"[..], b"ACK", b"MESSAGE"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn allow(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Allow)
    }

    /// `Supported` (RFC 3261 §20.37): option tags.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Supported, "timer, 100rel")
    ///     .finish()?;
    /// assert!(request.headers().supported()?.contains(&&b"100rel"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn supported(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Supported)
    }

    /// `Require` (RFC 3261 §20.32): option tags.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Require, "sec-agree, tdialog")
    ///     .finish()?;
    /// let unknown: Vec<_> = request.headers().require()?.into_iter().filter(|tag| *tag != b"sec-agree").collect();
    /// assert_eq!(unknown, [b"tdialog"]); // a 420 lists these in Unsupported
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn require(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Require)
    }

    /// `Proxy-Require` (RFC 3261 §20.29): option tags.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::ProxyRequire, "sec-agree")
    ///     .finish()?;
    /// assert_eq!(request.headers().proxy_require()?, [b"sec-agree"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_require(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::ProxyRequire)
    }

    /// `Unsupported` (RFC 3261 §20.40): option tags.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::BAD_EXTENSION, Some("b0b"))
    ///     .header(HeaderName::Unsupported, "tdialog")
    ///     .finish()?;
    /// assert_eq!(response.headers().unsupported()?, [b"tdialog"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn unsupported(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Unsupported)
    }

    /// `Priority` (RFC 3261 §20.26): `emergency`, `urgent`, `normal`, `non-urgent` or another token; compare it
    /// without case.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Priority, "Emergency")
    ///     .finish()?;
    /// let priority = request.headers().priority()?;
    /// assert!(priority.is_some_and(|priority| priority.eq_ignore_ascii_case(b"emergency")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn priority(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::Priority)
    }

    /// `SIP-ETag` (RFC 3903 §11.3.1): the entity tag of a publication.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, Some("b0b"))
    ///     .header(HeaderName::SipEtag, "dx200xyz")
    ///     .header(HeaderName::Expires, "1800")
    ///     .finish()?;
    /// assert_eq!(response.headers().sip_etag()?, Some(&b"dx200xyz"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn sip_etag(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::SipEtag)
    }

    /// `SIP-If-Match` (RFC 3903 §11.3.2): the entity tag of the publication that is meant.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Publish, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::SipIfMatch, "dx200xyz")
    ///     .header(HeaderName::Expires, "1800")
    ///     .finish()?;
    /// assert_eq!(request.headers().sip_if_match()?, Some(&b"dx200xyz"[..])); // a refresh: no body
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn sip_if_match(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::SipIfMatch)
    }

    /// `Resource-Priority` (RFC 4412 §3.1), the most wanted first.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::ResourcePriority, "mcpttp.15, wps.3")
    ///     .finish()?;
    /// let priorities = request.headers().resource_priorities()?;
    /// assert_eq!((priorities[0].namespace(), priorities[0].priority()), (&b"mcpttp"[..], &b"15"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn resource_priorities(&self) -> Result<Vec<ResourcePriority<'_>>, ValueError> {
        self.list(&HeaderName::ResourcePriority, ResourcePriority::parse)
    }

    /// `User-Agent` (RFC 3261 §20.41).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Product, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::UserAgent, "PoC-client/OMA2.0 Acme-Radio")
    ///     .finish()?;
    /// let products = request.headers().user_agent()?.unwrap_or_default();
    /// assert_eq!(products[0], Product::Product { name: b"PoC-client", version: Some(b"OMA2.0") });
    /// assert_eq!(products.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed, also when there are too many products.
    pub fn user_agent(&self) -> Result<Option<Vec<Product<'_>>>, ValueError> {
        self.products(&HeaderName::UserAgent)
    }

    /// `Server` (RFC 3261 §20.35).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Product, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::OK, Some("b0b"))
    ///     .header(HeaderName::Server, "mcx/0.1 (test network)")
    ///     .finish()?;
    /// let products = response.headers().server()?.unwrap_or_default();
    /// assert_eq!(products[1], Product::Comment(b"(test network)"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed, also when there are too many products.
    pub fn server(&self) -> Result<Option<Vec<Product<'_>>>, ValueError> {
        self.products(&HeaderName::Server)
    }

    fn products(&self, name: &HeaderName) -> Result<Option<Vec<Product<'_>>>, ValueError> {
        let products = self
            .at_most_one(name)?
            .map(|value| Product::parse_all(value, self.bounds.values));
        products.transpose().map_err(|error| error.within(name, 0))
    }

    fn only_token(&self, name: &HeaderName) -> Result<Option<&[u8]>, ValueError> {
        let token = self.at_most_one(name)?.map(token).transpose();
        token.map_err(|error| error.within(name, 0))
    }

    /// The tokens of a list of them, over several fields: Allow-Events, Accept-Encoding,
    /// Recv-Info …
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Subscribe, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::AllowEvents, "presence, xcap-diff")
    ///     .header(HeaderName::AllowEvents, "conference")
    ///     .finish()?;
    /// let packages = request.headers().tokens(&HeaderName::AllowEvents)?;
    /// assert_eq!(packages, [&b"presence"[..], b"xcap-diff", b"conference"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn tokens(&self, name: &HeaderName) -> Result<Vec<&[u8]>, ValueError> {
        self.bounded(name, token)
    }
}

fn token(value: &[u8]) -> Result<&[u8], ValueError> {
    if TOKEN.fills(value) {
        Ok(value)
    } else {
        Err(ValueError::malformed("token", TOKEN.span(value)))
    }
}
