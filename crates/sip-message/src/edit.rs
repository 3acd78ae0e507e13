//! Changing a few header fields of a message that is passed on. All other lines are copied byte for byte.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::build::{has_control, unlimited};
use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::headers::{Field, Headers};
use crate::list::List;
use crate::message::{Message, Request, Response};
use crate::name::HeaderName;
use crate::parse::parse_message;

/// Changes to a message, collected and written at once by `finish`. The body stays, and so does its Content-Length.
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{HeaderName, Limits, Message};
///
/// let bytes = Bytes::from_static(
///     b"MESSAGE sip:b@example.org SIP/2.0\r\n\
///       Route: <sip:p1.example;lr>, <sip:p2.example;lr>\r\n\
///       max-forwards:  70\r\n\
///       X-Other:kept as it is\r\n\r\n",
/// );
/// let Ok(Message::Request(request)) = Message::parse_datagram(bytes, &Limits::default()) else {
///     unreachable!("the message above is a request");
/// };
/// let passed_on = request
///     .edit()
///     .push(HeaderName::Via, "SIP/2.0/UDP p1.example;branch=z9hG4bK1")
///     .pop(&HeaderName::Route)
///     .set(HeaderName::MaxForwards, "69")
///     .finish()
///     .unwrap();
/// assert_eq!(
///     passed_on.as_bytes().as_ref(),
///     b"MESSAGE sip:b@example.org SIP/2.0\r\n\
///       Via: SIP/2.0/UDP p1.example;branch=z9hG4bK1\r\n\
///       Route: <sip:p2.example;lr>\r\n\
///       Max-Forwards: 69\r\n\
///       X-Other:kept as it is\r\n\r\n"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Edit<'a, M> {
    message: &'a M,
    headers: &'a Headers,
    body: &'a Bytes,
    uri: Option<String>,
    changes: Vec<Change>,
    top: Vec<(HeaderName, Vec<u8>)>,
    end: Vec<(HeaderName, Vec<u8>)>,
    error: Option<BuildError>,
}

/// What happens to one field of the message.
#[derive(Clone, Debug)]
enum Change {
    Keep,
    Drop,
    /// The value from here on.
    From(usize),
    To(Vec<u8>),
}

impl Request {
    /// Begins changes to a copy of this request.
    pub fn edit(&self) -> Edit<'_, Request> {
        Edit::new(self, self.headers(), self.body())
    }
}

impl Response {
    /// Begins changes to a copy of this response.
    pub fn edit(&self) -> Edit<'_, Response> {
        Edit::new(self, self.headers(), self.body())
    }
}

impl<'a, M> Edit<'a, M> {
    fn new(message: &'a M, headers: &'a Headers, body: &'a Bytes) -> Self {
        Edit {
            message,
            headers,
            body,
            uri: None,
            changes: vec![Change::Keep; headers.len()],
            top: Vec::new(),
            end: Vec::new(),
            error: None,
        }
    }

    /// Puts a field above all others.
    #[must_use]
    pub fn push(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        if let Some(value) = self.checked(&name, value.as_ref()) {
            self.top.push((name, value));
        }
        self
    }

    /// Puts a field below all others.
    #[must_use]
    pub fn append(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        if let Some(value) = self.checked(&name, value.as_ref()) {
            self.end.push((name, value));
        }
        self
    }

    /// Gives the only field with this name a value: the first one keeps its place, others go. Appends it if there is
    /// none.
    #[must_use]
    pub fn set(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        let Some(value) = self.checked(&name, value.as_ref()) else {
            return self;
        };
        let mut value = Some(value);
        for change in self.changes_of(&name) {
            *change = value.take().map_or(Change::Drop, Change::To);
        }
        if let Some(value) = value {
            self.end.push((name, value));
        }
        self
    }

    /// Takes out all fields with this name.
    #[must_use]
    pub fn remove(mut self, name: &HeaderName) -> Self {
        if *name != HeaderName::ContentLength {
            self.changes_of(name)
                .for_each(|change| *change = Change::Drop);
        }
        self
    }

    /// Takes out the first value of a comma list: the topmost Route or Via. Does nothing if there is none, and nothing
    /// to fields that were changed before.
    #[must_use]
    pub fn pop(mut self, name: &HeaderName) -> Self {
        let headers = self.headers;
        let mut both = headers.fields.iter().zip(&mut self.changes);
        let found = both.find(|(field, change)| {
            field.name == *name && matches!(change, Change::Keep | Change::From(_))
        });
        if let Some((field, change)) = found {
            let start = match change {
                Change::From(start) => *start,
                _ => 0,
            };
            let value = headers.value(field).get(start..).unwrap_or_default();
            *change = match List::new(value).nth(1) {
                Some((offset, _)) => Change::From(start + offset),
                None => Change::Drop,
            };
        }
        self
    }

    fn changes_of(&mut self, name: &HeaderName) -> impl Iterator<Item = &mut Change> {
        let both = self.headers.fields.iter().zip(&mut self.changes);
        both.filter(move |(field, _)| field.name == *name)
            .map(|(_, change)| change)
    }

    /// A value that may be written. Content-Length may not: the body stays.
    fn checked(&mut self, name: &HeaderName, value: &[u8]) -> Option<Vec<u8>> {
        let kind = if has_control(value) {
            BuildErrorKind::ControlCharacter
        } else if !name.is_token() || *name == HeaderName::ContentLength {
            BuildErrorKind::Malformed
        } else {
            return Some(value.trim_ascii().to_vec());
        };
        self.fail(Subject::Header(name.clone()), kind);
        None
    }

    fn fail(&mut self, subject: Subject, kind: BuildErrorKind) {
        self.error.get_or_insert(BuildError { subject, kind });
    }

    fn write(self, start_line: &[&[u8]]) -> Result<Message, BuildError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let old = &self.headers.bytes;
        let mut out = BytesMut::with_capacity(old.len() + 256);
        start_line
            .iter()
            .for_each(|piece| out.extend_from_slice(piece));
        for (name, value) in self.top.iter().rev() {
            write_line(&mut out, name, value);
        }
        for (field, change) in self.headers.fields.iter().zip(&self.changes) {
            match change {
                Change::Keep => {
                    let line = whole_line(old, field);
                    out.extend_from_slice(line);
                    if !line.ends_with(b"\n") {
                        out.extend_from_slice(b"\r\n");
                    }
                }
                Change::Drop => {}
                Change::From(start) => {
                    let value = self.headers.value(field).get(*start..).unwrap_or_default();
                    write_line(&mut out, &field.name, value);
                }
                Change::To(value) => write_line(&mut out, &field.name, value),
            }
        }
        for (name, value) in &self.end {
            write_line(&mut out, name, value);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body);
        let mut limits = unlimited();
        limits.parameters = self.headers.bounds.parameters;
        limits.values = self.headers.bounds.values;
        let malformed = BuildError {
            subject: Subject::Value("message"),
            kind: BuildErrorKind::Malformed,
        };
        parse_message(out.freeze(), &limits, false, None).map_err(|_| malformed)
    }
}

fn write_line(out: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    for piece in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}

/// The field as it stands, to the end of its line.
fn whole_line<'a>(bytes: &'a [u8], field: &Field) -> &'a [u8] {
    let rest = bytes.get(field.end..).unwrap_or_default();
    let end = memchr(b'\n', rest).map_or(bytes.len(), |end| field.end + end + 1);
    bytes.get(field.line..end).unwrap_or_default()
}

/// The first line, its line end included.
fn first_line(bytes: &[u8]) -> &[u8] {
    let end = memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    bytes.get(..end).unwrap_or_default()
}

impl Edit<'_, Request> {
    /// Replaces the Request-URI.
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        if uri.is_empty() || uri.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            self.fail(Subject::RequestUri, BuildErrorKind::Malformed);
        }
        self.uri = Some(uri.to_owned());
        self
    }

    /// The changed request. It knows no source: it is one to be sent.
    ///
    /// # Errors
    /// What cannot be written without becoming something else.
    pub fn finish(mut self) -> Result<Request, BuildError> {
        let request = self.message;
        let written = match self.uri.take() {
            Some(uri) => {
                let line = [
                    request.method().as_bytes(),
                    b" ",
                    uri.as_bytes(),
                    b" SIP/2.0\r\n",
                ];
                self.write(&line)?
            }
            None => self.write(&[first_line(request.as_bytes())])?,
        };
        match written {
            Message::Request(request) => Ok(request),
            Message::Response(_) => Err(BuildError {
                subject: Subject::Method,
                kind: BuildErrorKind::Malformed,
            }),
        }
    }
}

impl Edit<'_, Response> {
    /// The changed response.
    ///
    /// # Errors
    /// What cannot be written without becoming something else.
    pub fn finish(self) -> Result<Response, BuildError> {
        let line = first_line(self.message.as_bytes());
        match self.write(&[line])? {
            Message::Response(response) => Ok(response),
            Message::Request(_) => Err(BuildError {
                subject: Subject::ReasonPhrase,
                kind: BuildErrorKind::Malformed,
            }),
        }
    }
}
