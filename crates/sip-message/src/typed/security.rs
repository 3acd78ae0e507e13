//! Credentials and challenges (RFC 3261 §22).

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::Credentials;

impl Headers {
    /// `Authorization` (RFC 3261 §20.7), one a field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Authorization, "Digest username=\"ann@home1.example\", realm=\"home1.example\", response=\"\"")
    ///     .finish()?;
    /// let credentials = &request.headers().authorizations()?[0];
    /// assert_eq!(credentials.scheme(), b"Digest");
    /// assert_eq!(credentials.params().unquoted("username").as_deref(), Some(&b"ann@home1.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn authorizations(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::Authorization)
    }

    /// `Proxy-Authorization` (RFC 3261 §20.28), one a field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::ProxyAuthorization, "Bearer eyJhbGciOiJFUzI1NiJ9.e30.c2ln")
    ///     .finish()?;
    /// let credentials = &request.headers().proxy_authorizations()?[0];
    /// assert_eq!(credentials.token68(), Some(&b"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_authorizations(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::ProxyAuthorization)
    }

    /// `WWW-Authenticate` (RFC 3261 §20.44), one a field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::UNAUTHORIZED, Some("b0b"))
    ///     .header(HeaderName::WwwAuthenticate, "Digest realm=\"a\", nonce=\"1\", algorithm=SHA-256")
    ///     .header(HeaderName::WwwAuthenticate, "Digest realm=\"a\", nonce=\"2\"")
    ///     .finish()?;
    /// let challenges = response.headers().www_authenticates()?;
    /// assert_eq!(challenges.len(), 2);
    /// assert_eq!(challenges[0].params().unquoted("algorithm").as_deref(), Some(&b"SHA-256"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn www_authenticates(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::WwwAuthenticate)
    }

    /// `Proxy-Authenticate` (RFC 3261 §20.27), one a field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").finish()?;
    /// let response = Response::to(&request, StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some("b0b"))
    ///     .header(HeaderName::ProxyAuthenticate, "Digest realm=\"home1.example\", nonce=\"84a4cc6f\", qop=\"auth\"")
    ///     .finish()?;
    /// let challenge = &response.headers().proxy_authenticates()?[0];
    /// assert_eq!(challenge.params().unquoted("realm").as_deref(), Some(&b"home1.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn proxy_authenticates(&self) -> Result<Vec<Credentials<'_>>, ValueError> {
        self.credentials(&HeaderName::ProxyAuthenticate)
    }

    /// Credentials or challenges in any header field that holds them, one a field.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let name = HeaderName::from_bytes(b"X-Authorization").unwrap();
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(name.clone(), "Bearer dG9rZW4=")
    ///     .finish()?;
    /// assert_eq!(request.headers().credentials(&name)?[0].scheme(), b"Bearer");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
