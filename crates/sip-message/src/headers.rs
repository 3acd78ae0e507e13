use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::ValueError;
use crate::index::{Field, Index};
use crate::limits::Limits;
use crate::list::List;
use crate::name::HeaderName;
use crate::name::known::Number;

/// The header fields of a message or of a body part: an index over its bytes. Cheap to clone.
///
/// Values are trimmed, and otherwise as they came, with line folding still inside. Typed values are parsed on demand
/// by the accessors; their errors name the header field, and the place in its value.
///
/// ```
/// use sip_message::{HeaderName, Method, Request};
///
/// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
///     .header(HeaderName::Supported, "timer, 100rel")
///     .header(HeaderName::Supported, "path")
///     .header(HeaderName::Subject, "lunch")
///     .finish()?;
/// let headers = request.headers();
/// assert_eq!(headers.first(&HeaderName::Subject), Some(&b"lunch"[..]));
/// assert_eq!(headers.supported()?, [&b"timer"[..], b"100rel", b"path"]);
/// assert_eq!(headers.expires()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Headers {
    pub(crate) bytes: Bytes,
    pub(crate) index: Arc<Index>,
    pub(crate) bounds: Bounds,
}

/// The limits that hold when values are parsed.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) parameters: usize,
    pub(crate) values: usize,
}

impl Bounds {
    pub(crate) fn of(limits: &Limits) -> Bounds {
        Bounds {
            parameters: limits.parameters.min(Limits::MOST_PARAMETERS),
            values: limits.values,
        }
    }
}

impl Headers {
    /// All fields in the order they came.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{HeaderName, Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a.example\r\nX-Own:  as it is\r\n\r\n");
    /// let message = Message::parse_datagram(bytes, &Limits::default())?;
    /// let all: Vec<_> = message.headers().iter().collect();
    /// assert_eq!(all[0], (HeaderName::Via, &b"SIP/2.0/UDP a.example"[..]));
    /// assert_eq!((all[1].0.as_str(), all[1].1), ("X-Own", &b"as it is"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (HeaderName, &[u8])> {
        self.index
            .fields()
            .iter()
            .map(|field| (self.name(field), self.value(field)))
    }

    /// How many fields there are.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Contact, "<sip:ann@192.0.2.7>")
    ///     .finish()?;
    /// assert_eq!(request.headers().len(), 2); // Contact, and the Content-Length that the builder writes
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        self.index.fields().len()
    }

    /// Are there none?
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, Message};
    ///
    /// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n");
    /// assert!(Message::parse_datagram(bytes, &Limits::default())?.headers().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.index.fields().is_empty()
    }

    /// The value of the first field with this name.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Subject, " group call  ")
    ///     .header(HeaderName::Subject, "another")
    ///     .finish()?;
    /// assert_eq!(request.headers().first(&HeaderName::Subject), Some(&b"group call"[..]));
    /// assert_eq!(request.headers().first(&HeaderName::Priority), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn first(&self, name: &HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// As [`first`](Self::first), sharing the memory of the message, which lives as long as the value does.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Subject, "lunch")
    ///     .finish()?;
    /// let subject = request.headers().first_shared(&HeaderName::Subject);
    /// drop(request);
    /// assert_eq!(subject.as_deref(), Some(&b"lunch"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn first_shared(&self, name: &HeaderName) -> Option<Bytes> {
        self.first(name).map(|value| self.bytes.slice_ref(value))
    }

    /// The values of all fields with this name, in order; comma lists are not split.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Route, "<sip:p1.example;lr>, <sip:p2.example;lr>")
    ///     .header(HeaderName::Route, "<sip:p3.example;lr>")
    ///     .finish()?;
    /// let routes: Vec<_> = request.headers().all(&HeaderName::Route).collect();
    /// assert_eq!(routes, [&b"<sip:p1.example;lr>, <sip:p2.example;lr>"[..], b"<sip:p3.example;lr>"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn all(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.named(name).map(|(_, field)| self.value(field))
    }

    /// The items of all fields with this name: comma lists are split, outside quoted strings and angle brackets
    /// (RFC 3261 §7.3.1).
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::SecurityClient, "ipsec-3gpp;spi-c=1, tls")
    ///     .header(HeaderName::SecurityClient, "digest")
    ///     .finish()?;
    /// let mechanisms: Vec<_> = request.headers().items(&HeaderName::SecurityClient).collect();
    /// assert_eq!(mechanisms, [&b"ipsec-3gpp;spi-c=1"[..], b"tls", b"digest"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn items(&self, name: &HeaderName) -> impl Iterator<Item = &[u8]> {
        self.all(name)
            .flat_map(|value| List::of(name, value))
            .map(|(_, item)| item)
    }

    /// How many fields have this name.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Invite, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::RecordRoute, "<sip:p2.example;lr>, <sip:p1.example;lr>")
    ///     .header(HeaderName::RecordRoute, "<sip:p0.example;lr>")
    ///     .finish()?;
    /// assert_eq!(request.headers().count(&HeaderName::RecordRoute), 2); // fields, not values
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn count(&self, name: &HeaderName) -> usize {
        self.named(name).count()
    }

    /// Is there a field with this name?
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Register, "sip:home1.example")
    ///     .header(HeaderName::Path, "<sip:pcscf.visited1.example;lr>")
    ///     .finish()?;
    /// assert!(request.headers().contains(&HeaderName::Path));
    /// assert!(!request.headers().contains(&HeaderName::Supported));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn contains(&self, name: &HeaderName) -> bool {
        match name.number() {
            Number::UNKNOWN => self.named(name).next().is_some(),
            known => self.index.has(known),
        }
    }

    /// The value of the only field with this name.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, ValueErrorKind};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::PServedUser, "<sip:ann@home1.example>")
    ///     .header(HeaderName::Priority, "urgent")
    ///     .header(HeaderName::Priority, "normal")
    ///     .finish()?;
    /// assert_eq!(request.headers().one(&HeaderName::PServedUser)?, b"<sip:ann@home1.example>");
    /// let duplicate = request.headers().one(&HeaderName::Priority).unwrap_err();
    /// assert_eq!(duplicate.kind, ValueErrorKind::Duplicate);
    /// let missing = request.headers().one(&HeaderName::Organization).unwrap_err();
    /// assert_eq!(missing.kind, ValueErrorKind::Missing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Missing; duplicate, because two readers would disagree on which one counts.
    #[inline(always)]
    pub fn one(&self, name: &HeaderName) -> Result<&[u8], ValueError> {
        self.at_most_one(name)?
            .ok_or_else(|| ValueError::missing(name))
    }

    /// The value of the only field with this name, if there is one.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Privacy, "id")
    ///     .header(HeaderName::Subject, "one")
    ///     .header(HeaderName::Subject, "two")
    ///     .finish()?;
    /// assert_eq!(request.headers().at_most_one(&HeaderName::Privacy)?, Some(&b"id"[..]));
    /// assert_eq!(request.headers().at_most_one(&HeaderName::Organization)?, None);
    /// assert!(request.headers().at_most_one(&HeaderName::Subject).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate.
    #[inline(always)]
    pub fn at_most_one(&self, name: &HeaderName) -> Result<Option<&[u8]>, ValueError> {
        let number = name.number();
        if number == Number::UNKNOWN {
            let mut all = self.all(name);
            let first = all.next();
            return match all.next() {
                Some(_) => Err(ValueError::duplicate(name)),
                None => Ok(first),
            };
        }
        if self.index.repeated().contains(number) {
            return Err(ValueError::duplicate(name));
        }
        // far away, the first one found is a neighbour of the one that is sought
        let (_, fields) = self.index.starting_with(number);
        let field = fields.iter().find(|field| field.known() == number);
        Ok(field.map(|field| self.value(field)))
    }

    /// The fields with this name and their places.
    #[inline]
    pub(crate) fn named(&self, name: &HeaderName) -> impl Iterator<Item = (usize, &Field)> {
        let number = name.number();
        let (place, fields) = self.index.starting_with(number);
        (place..).zip(fields).filter(move |(_, field)| {
            field.known() == number && (number != Number::UNKNOWN || self.spelled_as(field, name))
        })
    }

    fn spelled_as(&self, field: &Field, name: &HeaderName) -> bool {
        let spelled = self.bytes.get(field.name()).unwrap_or_default();
        spelled.eq_ignore_ascii_case(name.as_bytes())
    }

    pub(crate) fn name(&self, field: &Field) -> HeaderName {
        match field.known().name() {
            Some(name) => name.clone(),
            None => HeaderName::Other(self.bytes.slice(field.name())),
        }
    }

    #[inline]
    pub(crate) fn value(&self, field: &Field) -> &[u8] {
        self.bytes.get(field.value()).unwrap_or_default()
    }
}

/// Names and sizes, never content.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, value.len())))
            .finish()
    }
}
