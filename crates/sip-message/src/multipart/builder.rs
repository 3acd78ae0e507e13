use bytes::{Bytes, BytesMut};

use super::is_boundary;
use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::name::HeaderName;

/// Builds a `multipart/mixed` body. The caller picks a boundary that occurs in no part; one that does is an error.
#[derive(Clone, Debug)]
pub struct Builder {
    boundary: String,
    bytes: BytesMut,
    error: Option<BuildError>,
}

impl Builder {
    /// Begins a body with this boundary: 1 to 70 letters, digits and `'+_-./:=?,()`.
    pub fn new(boundary: &str) -> Builder {
        let mut builder = Builder {
            boundary: boundary.to_owned(),
            bytes: BytesMut::new(),
            error: None,
        };
        if !is_boundary(boundary.as_bytes()) {
            builder.fail(Subject::Value("boundary"));
        }
        builder
    }

    /// Appends a part: its Content-Type, further header fields, and its content as it is.
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
            self.fail(Subject::Value("boundary"));
        }
        self.bytes.extend_from_slice(delimiter.as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
        for (name, value) in [(&HeaderName::ContentType, content_type)]
            .into_iter()
            .chain(headers.iter().map(|(name, value)| (name, *value)))
        {
            if !name.is_token() || memchr::memchr3(b'\r', b'\n', 0, value.as_bytes()).is_some() {
                self.error.get_or_insert(BuildError {
                    subject: Subject::Header(name.clone()),
                    kind: BuildErrorKind::ControlCharacter,
                });
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

    fn fail(&mut self, subject: Subject) {
        self.error.get_or_insert(BuildError {
            subject,
            kind: BuildErrorKind::Malformed,
        });
    }
}
