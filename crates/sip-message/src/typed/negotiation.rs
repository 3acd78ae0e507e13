//! What both sides can do, which software they are, and how urgent it is.

use crate::class::TOKEN;
use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{Product, ResourcePriority};

impl Headers {
    /// `Allow` (RFC 3261 §20.5): methods, case-sensitive.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn allow(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Allow)
    }

    /// `Supported` (RFC 3261 §20.37): option tags.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn supported(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Supported)
    }

    /// `Require` (RFC 3261 §20.32): option tags.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn require(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Require)
    }

    /// `Proxy-Require` (RFC 3261 §20.29): option tags.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_require(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::ProxyRequire)
    }

    /// `Unsupported` (RFC 3261 §20.40): option tags.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn unsupported(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::Unsupported)
    }

    /// `Priority` (RFC 3261 §20.26): `emergency`, `urgent`, `normal`, `non-urgent` or another token; compare it
    /// without case.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn priority(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::Priority)
    }

    /// `SIP-ETag` (RFC 3903 §11.3.1): the entity tag of a publication.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn sip_etag(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::SipEtag)
    }

    /// `SIP-If-Match` (RFC 3903 §11.3.2): the entity tag of the publication that is meant.
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn sip_if_match(&self) -> Result<Option<&[u8]>, ValueError> {
        self.only_token(&HeaderName::SipIfMatch)
    }

    /// `Resource-Priority` (RFC 4412 §3.1), the most wanted first.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn resource_priorities(&self) -> Result<Vec<ResourcePriority<'_>>, ValueError> {
        self.list(&HeaderName::ResourcePriority, ResourcePriority::parse)
    }

    /// `User-Agent` (RFC 3261 §20.41).
    ///
    /// # Errors
    /// Duplicate; malformed, also when there are too many products.
    pub fn user_agent(&self) -> Result<Option<Vec<Product<'_>>>, ValueError> {
        self.products(&HeaderName::UserAgent)
    }

    /// `Server` (RFC 3261 §20.35).
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
