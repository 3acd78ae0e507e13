//! Credentials and challenges (RFC 3261 §22).

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::Credentials;

impl Headers {
    /// `Authorization` (RFC 3261 §20.7), one a field.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn authorizations(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::Authorization)
    }

    /// `Proxy-Authorization` (RFC 3261 §20.28), one a field.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_authorizations(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::ProxyAuthorization)
    }

    /// `WWW-Authenticate` (RFC 3261 §20.44), one a field.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn www_authenticates(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::WwwAuthenticate)
    }

    /// `Proxy-Authenticate` (RFC 3261 §20.27), one a field.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_authenticates(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::ProxyAuthenticate)
    }

    /// Credentials or challenges in any header field that holds them, one a field.
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn credentials(&self, name: &HeaderName) -> Result<Vec<Credentials<'_>>, ValueError> {
        let mut all = Vec::new();
        for value in self.all(name) {
            self.room(name, all.len())?;
            all.push(self.within_bounds(name, 0, Credentials::parse(value))?);
        }
        Ok(all)
    }
}
