//! Changing a few header fields of a message that is passed on. All other lines are copied byte for byte.

use std::fmt;
use std::ops::Range;

use crate::build::{has_control, is_request_uri};
use crate::error::{BuildError, BuildErrorKind, Subject};
use crate::grammar::trim;
use crate::index::Index;
use crate::list::List;
use crate::message::{Raw, Request, Response};
use crate::name::HeaderName;
use crate::writer::Writer;

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
/// let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
/// let passed_on = request
///     .edit()
///     .push(HeaderName::Via, "SIP/2.0/UDP p1.example;branch=z9hG4bK1")
///     .pop(&HeaderName::Route)
///     .set(HeaderName::MaxForwards, "69")
///     .finish()?;
/// assert_eq!(
///     passed_on.as_bytes().as_ref(),
///     b"MESSAGE sip:b@example.org SIP/2.0\r\n\
///       Via: SIP/2.0/UDP p1.example;branch=z9hG4bK1\r\n\
///       Route: <sip:p2.example;lr>\r\n\
///       Max-Forwards: 69\r\n\
///       X-Other:kept as it is\r\n\r\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Edit<'a, M> {
    message: &'a M,
    raw: &'a Raw,
    uri: Option<String>,
    /// What happens to which field, in the order of the fields.
    changes: Vec<(usize, Change)>,
    /// The last one comes first.
    top: Vec<(HeaderName, Range<usize>)>,
    end: Vec<(HeaderName, Range<usize>)>,
    /// New values, one behind the other.
    values: Vec<u8>,
    error: Option<BuildError>,
}

/// What happens to one field of the message.
#[derive(Clone, Debug)]
enum Change {
    Drop,
    /// The value from here on.
    From(usize),
    /// This of the new values.
    To(Range<usize>),
}

/// Sizes, never content.
impl<M> fmt::Debug for Edit<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = self.top.len() + self.end.len();
        write!(f, "Edit({} changed, {added} added)", self.changes.len())
    }
}

/// Room for the new values of a usual edit.
const USUAL_VALUES: usize = 128;

impl Request {
    /// Begins changes to a copy of this request.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::MaxForwards, "70")
    ///     .finish()?;
    /// let passed_on = request.edit().set(HeaderName::MaxForwards, "69").finish()?;
    /// assert_eq!(passed_on.headers().max_forwards()?, Some(69));
    /// assert_eq!(request.headers().max_forwards()?, Some(70)); // the original is as it was
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn edit(&self) -> Edit<'_, Request> {
        Edit::new(self, &self.raw)
    }
}

impl Response {
    /// Begins changes to a copy of this response.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:ann@home1.example")
    /// #     .header(HeaderName::Via, "SIP/2.0/UDP proxy.example;branch=z9hG4bK2")
    /// #     .header(HeaderName::Via, "SIP/2.0/UDP phone.example;branch=z9hG4bK1")
    /// #     .finish()?;
    /// let response = Response::to(&request, StatusCode::OK, None).finish()?;
    /// let passed_back = response.edit().pop(&HeaderName::Via).finish()?;
    /// assert_eq!(passed_back.headers().top_via()?.sent_by(), b"phone.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn edit(&self) -> Edit<'_, Response> {
        Edit::new(self, &self.raw)
    }
}

impl<'a, M> Edit<'a, M> {
    fn new(message: &'a M, raw: &'a Raw) -> Self {
        Edit {
            message,
            raw,
            uri: None,
            changes: Vec::new(),
            top: Vec::new(),
            end: Vec::new(),
            values: Vec::with_capacity(USUAL_VALUES),
            error: None,
        }
    }

    /// Puts a field above all others.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP phone.example;branch=z9hG4bK1")
    ///     .finish()?;
    /// let passed_on = request.edit().push(HeaderName::Via, "SIP/2.0/UDP proxy.example;branch=z9hG4bK2").finish()?;
    /// assert_eq!(passed_on.headers().top_via()?.sent_by(), b"proxy.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn push(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        if let Some(value) = self.checked(&name, value.as_ref()) {
            self.top.push((name, value));
        }
        self
    }

    /// Puts a field below all others.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PAssertedIdentity, "<sip:ann@home1.example>")
    ///     .finish()?;
    /// let more = request.edit().append(HeaderName::PAssertedIdentity, "<tel:+12015550123>").finish()?;
    /// assert_eq!(more.headers().p_asserted_identities()?[1].uri_bytes(), b"tel:+12015550123");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn append(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        if let Some(value) = self.checked(&name, value.as_ref()) {
            self.end.push((name, value));
        }
        self
    }

    /// Gives the only field with this name a value: the first one keeps its place, others go, also those that were
    /// pushed, appended or set before. Appends it if there is none.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Subject, "one")
    ///     .header(HeaderName::Priority, "normal")
    ///     .header(HeaderName::Subject, "two")
    ///     .finish()?;
    /// let changed = request.edit().set(HeaderName::Subject, "only").finish()?;
    /// let names: Vec<_> = changed.headers().iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, [HeaderName::Subject, HeaderName::Priority, HeaderName::ContentLength]);
    /// assert_eq!(changed.headers().one(&HeaderName::Subject)?, b"only");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn set(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        let Some(value) = self.checked(&name, value.as_ref()) else {
            return self;
        };
        self.drop_added(&name);
        let mut value = Some(value);
        self.change_all(&name, |_| value.take().map_or(Change::Drop, Change::To));
        if let Some(value) = value {
            self.end.push((name, value));
        }
        self
    }

    fn drop_added(&mut self, name: &HeaderName) {
        for added in [&mut self.top, &mut self.end] {
            added.retain(|(other, _)| other != name);
        }
    }

    /// Takes out all fields with this name, those that were pushed or appended before included.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PAssertedIdentity, "<sip:ann@home1.example>")
    ///     .header(HeaderName::PAssertedIdentity, "<tel:+12015550123>")
    ///     .finish()?;
    /// let outside = request.edit().remove(&HeaderName::PAssertedIdentity).finish()?; // it leaves the trust domain
    /// assert!(!outside.headers().contains(&HeaderName::PAssertedIdentity));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn remove(mut self, name: &HeaderName) -> Self {
        if *name != HeaderName::ContentLength {
            self.drop_added(name);
            self.change_all(name, |_| Change::Drop);
        }
        self
    }

    /// Takes out the first value of a comma list: the topmost Route or Via. Does nothing if there is none, and nothing
    /// to fields that were changed before. A field that is no list by its grammar, or whose grammar nobody here knows, is
    /// an error.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Route, "<sip:as1.home1.example;lr>, <sip:scscf.home1.example;lr>")
    ///     .header(HeaderName::Route, "<sip:p.example;lr>")
    ///     .finish()?;
    /// let passed_on = request.edit().pop(&HeaderName::Route).finish()?;
    /// assert_eq!(passed_on.headers().routes()?[0].uri_bytes(), b"sip:scscf.home1.example;lr");
    /// assert_eq!(passed_on.headers().routes()?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pop(mut self, name: &HeaderName) -> Self {
        if !List::is_one(name) {
            self.fail(Subject::Header(name.clone()), BuildErrorKind::NotAList);
            return self;
        }
        let headers = &self.raw.headers;
        for (place, field) in headers.named(name) {
            let start = match self.change(place) {
                None => 0,
                Some(Change::From(start)) => *start,
                Some(Change::Drop | Change::To(_)) => continue,
            };
            // A field without a value holds no first one.
            if List::of(name, headers.value(field)).next().is_none() {
                continue;
            }
            let value = headers.value(field).get(start..).unwrap_or_default();
            let change = match List::of(name, value).nth(1) {
                Some((offset, _)) => Change::From(start + offset),
                None => Change::Drop,
            };
            self.set_change(place, change);
            break;
        }
        self
    }

    fn change(&self, place: usize) -> Option<&Change> {
        let found = self.changes.binary_search_by_key(&place, |(at, _)| *at);
        self.changes.get(found.ok()?).map(|(_, change)| change)
    }

    fn set_change(&mut self, place: usize, change: Change) {
        match self.changes.binary_search_by_key(&place, |(at, _)| *at) {
            Ok(at) => {
                if let Some((_, old)) = self.changes.get_mut(at) {
                    *old = change;
                }
            }
            Err(at) => self.changes.insert(at, (place, change)),
        }
    }

    fn change_all(&mut self, name: &HeaderName, mut change: impl FnMut(usize) -> Change) {
        let raw = self.raw;
        for (place, _) in raw.headers.named(name) {
            self.set_change(place, change(place));
        }
    }

    /// A value that may be written. Content-Length may not: the body stays.
    fn checked(&mut self, name: &HeaderName, value: &[u8]) -> Option<Range<usize>> {
        let kind = if has_control(value) {
            BuildErrorKind::ControlCharacter
        } else if !name.is_token() || *name == HeaderName::ContentLength {
            BuildErrorKind::Malformed
        } else {
            let start = self.values.len();
            self.values.extend_from_slice(trim(value));
            return Some(start..self.values.len());
        };
        self.fail(Subject::Header(name.clone()), kind);
        None
    }

    fn fail(&mut self, subject: Subject, kind: BuildErrorKind) {
        self.error.get_or_insert(BuildError { subject, kind });
    }

    fn value(&self, range: &Range<usize>) -> &[u8] {
        self.values.get(range.clone()).unwrap_or_default()
    }

    fn write(&self, start_line: &[&[u8]]) -> Result<Raw, BuildError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let headers = &self.raw.headers;
        let old: &[u8] = &headers.bytes;
        if self.changes.is_empty()
            && self.top.is_empty()
            && self.end.is_empty()
            && self.uri.is_none()
            && self.raw.torn.is_none()
        {
            return Ok(self.raw.clone());
        }
        let added: usize = self
            .top
            .iter()
            .chain(&self.end)
            .map(|(name, _)| name.as_bytes().len() + 4)
            .sum();
        let capacity = old.len() + added + self.values.len() + MORE;
        if self.raw.torn.is_some() || capacity > Index::MOST_BYTES {
            return Err(BuildError {
                subject: Subject::Value("message"),
                kind: if self.raw.torn.is_some() {
                    BuildErrorKind::Malformed
                } else {
                    BuildErrorKind::TooLarge
                },
            });
        }
        let count = headers.len() + self.top.len() + self.end.len();
        let mut out = Writer::with_capacity(capacity, count);
        start_line.iter().for_each(|piece| out.put(piece));
        for (name, value) in self.top.iter().rev() {
            out.field(name, self.value(value));
        }
        let fields = headers.index.fields();
        let line = |place: usize| match fields.get(place) {
            Some(field) => field.line(),
            None => self.raw.fields_end(),
        };
        let mut next = 0;
        for (place, change) in &self.changes {
            let kept = fields.get(next..*place).unwrap_or_default();
            out.keep(old, line(next), line(*place), kept);
            next = place + 1;
            let Some(field) = fields.get(*place) else {
                continue;
            };
            match change {
                Change::Drop => {}
                Change::From(start) => {
                    let value = headers.value(field).get(*start..).unwrap_or_default();
                    out.field(&headers.name(field), value);
                }
                Change::To(value) => out.field(&headers.name(field), self.value(value)),
            }
        }
        let kept = fields.get(next..).unwrap_or_default();
        out.keep(old, line(next), self.raw.fields_end(), kept);
        for (name, value) in &self.end {
            out.field(name, self.value(value));
        }
        Ok(out.finish_as(self.raw))
    }
}

/// Room for a longer start line and canonical names where there were compact ones.
const MORE: usize = 128;

/// The first line, its line end included.
fn first_line(raw: &Raw) -> &[u8] {
    let end = raw.first_line_end();
    raw.headers.bytes.get(..end).unwrap_or_default()
}

impl Edit<'_, Request> {
    /// Replaces the Request-URI.
    ///
    /// ```
    /// use sip_message::{Method, Request};
    ///
    /// # let request = Request::build(Method::Message, "sip:ann@home1.example").finish()?;
    /// let routed = request.edit().uri("sip:ann@192.0.2.7:5060;ob").finish()?;
    /// assert_eq!(routed.uri_bytes(), b"sip:ann@192.0.2.7:5060;ob");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn uri(mut self, uri: &str) -> Self {
        if !is_request_uri(uri.as_bytes()) {
            self.fail(Subject::RequestUri, BuildErrorKind::Malformed);
        }
        self.uri = Some(uri.to_owned());
        self
    }

    /// The changed request. It knows no source: it is one to be sent.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Subject};
    ///
    /// # let request = Request::build(Method::Message, "sip:ann@home1.example").body("text/plain", "hello").finish()?;
    /// let error = request.edit().set(HeaderName::ContentLength, "4").finish().unwrap_err();
    /// assert_eq!(error.subject, Subject::Header(HeaderName::ContentLength)); // the body stays as it is
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What cannot be written without becoming something else; a request that is there to be answered only.
    pub fn finish(self) -> Result<Request, BuildError> {
        let old = self.message;
        let Some(uri) = &self.uri else {
            return Ok(Request {
                source: None,
                ..old.with(self.write(&[first_line(self.raw)])?)
            });
        };
        let method = old.method().as_bytes();
        let raw = self.write(&[method, b" ", uri.as_bytes(), b" SIP/2.0\r\n"])?;
        let start = method.len() + 1;
        Ok(Request {
            raw,
            method: old.method().clone(),
            uri: start..start + uri.len(),
            sip2: true,
            clean_line: true,
            source: None,
        })
    }
}

impl Edit<'_, Response> {
    /// The changed response.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// # let request = Request::build(Method::Message, "sip:ann@home1.example").finish()?;
    /// # let response = Response::to(&request, StatusCode::OK, None).finish()?;
    /// let signed = response.edit().append(HeaderName::Server, "mcx/0.1").finish()?;
    /// assert!(signed.as_bytes().ends_with(b"Server: mcx/0.1\r\n\r\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What cannot be written without becoming something else.
    pub fn finish(self) -> Result<Response, BuildError> {
        let old = self.message;
        Ok(Response {
            raw: self.write(&[first_line(self.raw)])?,
            status: old.status,
            reason: old.reason.clone(),
            sip2: old.sip2,
        })
    }
}
