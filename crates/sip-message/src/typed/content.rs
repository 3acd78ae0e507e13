//! What the body is (RFC 3261 §20, RFC 2045, RFC 8262).

use crate::error::ValueError;
use crate::headers::Headers;
use crate::name::HeaderName;
use crate::value::{MediaType, ParameterizedToken, whole_number};

impl Headers {
    /// `Content-Length` (RFC 3261 §20.14). Fields that say the same number count as one.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:ann@home1.example").body("text/plain", "hello").finish()?;
    /// assert_eq!(request.headers().content_length()?, Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .body("application/vnd.3gpp.mcptt-info+xml", "<mcpttinfo/>")
    ///     .finish()?;
    /// let content_type = request.headers().content_type()?;
    /// assert!(content_type.is_some_and(|it| it.is("application", "vnd.3gpp.mcptt-info+xml")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn content_type(&self) -> Result<Option<MediaType<'_>>, ValueError> {
        self.optional(&HeaderName::ContentType, MediaType::parse)
    }

    /// `Content-Disposition` (RFC 3261 §20.11).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::ContentDisposition, "render;handling=optional")
    ///     .finish()?;
    /// let disposition = request.headers().content_disposition()?.unwrap();
    /// assert!(disposition.is("render"));
    /// assert_eq!(disposition.params().get("handling"), Some(Some(&b"optional"[..])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate; malformed.
    pub fn content_disposition(&self) -> Result<Option<ParameterizedToken<'_>>, ValueError> {
        self.optional(&HeaderName::ContentDisposition, ParameterizedToken::parse)
    }

    /// `Content-Encoding` (RFC 3261 §20.12): codings in the order they were applied; compare them without case.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::ContentEncoding, "gzip")
    ///     .finish()?;
    /// assert_eq!(request.headers().content_encodings()?, [b"gzip"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn content_encodings(&self) -> Result<Vec<&[u8]>, ValueError> {
        self.tokens(&HeaderName::ContentEncoding)
    }

    /// `Content-ID` (RFC 8262, RFC 2392) without its angle brackets.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::ContentId, "<1234567890@home1.example>")
    ///     .finish()?;
    /// assert_eq!(request.headers().content_id()?, Some(&b"1234567890@home1.example"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Subscribe, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Accept, "application/pidf+xml, application/*;q=0.5")
    ///     .finish()?;
    /// let accept = request.headers().accept()?;
    /// assert!(accept[0].is("application", "pidf+xml"));
    /// assert_eq!(accept[1].params().unquoted("q").as_deref(), Some(&b"0.5"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed; too many.
    pub fn accept(&self) -> Result<Vec<MediaType<'_>>, ValueError> {
        self.list(&HeaderName::Accept, MediaType::parse)
    }
}
