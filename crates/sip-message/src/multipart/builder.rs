use bytes::{Bytes, BytesMut};

use super::is_boundary;
use crate::build::has_control;
use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::name::HeaderName;

/// Builds a `multipart/mixed` body. The caller picks a boundary that occurs in no part; one that does is an error.
///
/// ```
/// use sip_message::{HeaderName, Limits, Method, Request, multipart};
///
/// let recipients = [(HeaderName::ContentDisposition, "recipient-list")];
/// let (content_type, body) = multipart::Builder::new("b1")
///     .part("application/vnd.3gpp.mcptt-info+xml", &[], "<mcpttinfo/>")
///     .part("application/resource-lists+xml", &recipients, "<resource-lists/>")
///     .finish()?;
/// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example").body(&content_type, body).finish()?;
/// let content_type = request.headers().content_type()?.ok_or("no body")?;
/// assert_eq!(multipart::parts(&content_type, request.body(), &Limits::default())?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    boundary: String,
    bytes: BytesMut,
    error: Option<BuildError>,
}

impl Builder {
    /// Begins a body with this boundary: 1 to 70 letters, digits and `'+_-./:=?,()`.
    ///
    /// ```
    /// use sip_message::multipart;
    ///
    /// assert!(multipart::Builder::new("mcx-0f3a").finish().is_ok());
    /// assert!(multipart::Builder::new("ends in a blank ").finish().is_err());
    /// ```
    pub fn new(boundary: &str) -> Builder {
        let mut builder = Builder {
            boundary: boundary.to_owned(),
            bytes: BytesMut::new(),
            error: None,
        };
        if !is_boundary(boundary.as_bytes()) {
            builder.fail(Subject::Value("boundary"), BuildErrorKind::Malformed);
        }
        builder
    }

    /// Appends a part: its Content-Type, further header fields, and its content as it is.
    ///
    /// ```
    /// use sip_message::{HeaderName, multipart};
    ///
    /// let (_, body) = multipart::Builder::new("b1")
    ///     .part("text/plain", &[(HeaderName::ContentId, "<1@a>")], "hello")
    ///     .finish()?;
    /// assert_eq!(body, "--b1\r\nContent-Type: text/plain\r\nContent-ID: <1@a>\r\n\r\nhello\r\n--b1--\r\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn part(
        mut self,
        content_type: &str,
        headers: &[(HeaderName, &str)],
        content: impl AsRef<[u8]>,
    ) -> Builder {
        let content = content.as_ref();
        let delimiter = format!("--{}", self.boundary);
        if content.starts_with(delimiter.as_bytes())
            || memchr::memmem::find(content, format!("\n{delimiter}").as_bytes()).is_some()
        {
            self.fail(Subject::Value("boundary"), BuildErrorKind::Malformed);
        }
        self.bytes.extend_from_slice(delimiter.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        for (name, value) in [(&HeaderName::ContentType, content_type)]
            .into_iter()
            .chain(headers.iter().map(|(name, value)| (name, *value)))
        {
            let kind = match (name.is_token(), has_control(value.as_bytes())) {
                (true, false) => None,
                (false, _) => Some(BuildErrorKind::Malformed),
                (true, true) => Some(BuildErrorKind::ControlCharacter),
            };
            if let Some(kind) = kind {
                self.fail(Subject::Header(name.clone()), kind);
            }
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b": ");
            self.bytes.extend_from_slice(value.as_bytes());
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(b"\r\n");
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// The Content-Type to send, and the body.
    ///
    /// ```
    /// use sip_message::{Subject, multipart};
    ///
    /// let (content_type, _) = multipart::Builder::new("b1").part("text/plain", &[], "hello").finish()?;
    /// assert_eq!(content_type, "multipart/mixed;boundary=\"b1\"");
    ///
    /// let error = multipart::Builder::new("b1").part("text/plain", &[], "\r\n--b1--\r\nforged").finish().unwrap_err();
    /// assert_eq!(error.subject, Subject::Value("boundary"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A boundary that is not allowed or occurs in a part; line ends in a header value.
    pub fn finish(mut self) -> Result<(String, Bytes), BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        self.bytes
            .extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        let content_type = format!("multipart/mixed;boundary=\"{}\"", self.boundary);
        Ok((content_type, self.bytes.freeze()))
    }

    fn fail(&mut self, subject: Subject, kind: BuildErrorKind) {
        self.error.get_or_insert(BuildError { subject, kind });
    }
}
