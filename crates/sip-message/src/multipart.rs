//! Bodies of several parts (RFC 2046 §5.1). Parts are slices of the body: nothing is copied or decoded.
//!
//! ```
//! use sip_message::{Limits, MediaType, multipart};
//!
//! let (content_type, body) = multipart::Builder::new("b1")
//!     .part("application/vnd.3gpp.mcptt-info+xml", &[], "<mcpttinfo/>")
//!     .part("application/sdp", &[], "v=0\r\n")
//!     .finish()?;
//! let parts = multipart::parts(&MediaType::parse(content_type.as_bytes())?, &body, &Limits::default())?;
//! let sdp = parts.iter().find(|part| part.content_type().is_ok_and(|it| it.is("application", "sdp")));
//! assert_eq!(sdp.map(|part| &part.body[..]), Some(&b"v=0\r\n"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memchr;

pub use self::builder::Builder;
use crate::error::ValueError;
use crate::headers::{Bounds, Headers};
use crate::limits::Limits;
use crate::parse::Head;
use crate::value::MediaType;

/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY: usize = 70;

/// One part: its header fields and its body, both borrowed from the whole.
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, MediaType, multipart};
///
/// let body = Bytes::from_static(b"--b1\r\nContent-ID: <info@home1.example>\r\n\r\nhello\r\n--b1--\r\n");
/// let mixed = MediaType::parse(b"multipart/mixed;boundary=b1")?;
/// let part = &multipart::parts(&mixed, &body, &Limits::default())?[0];
/// assert_eq!(part.headers.content_id()?, Some(&b"info@home1.example"[..]));
/// assert_eq!(part.body, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Part {
    /// The part's header fields; possibly none.
    pub headers: Headers,
    /// The part's content, as it stands.
    pub body: Bytes,
    /// Is it a part of a `multipart/digest`?
    of_digest: bool,
}

impl Part {
    /// What the part is. When it does not say, `text/plain` (RFC 2046 §5.1), or `message/rfc822` in a `multipart/digest`
    /// (§5.1.5).
    ///
    /// ```
    /// use bytes::Bytes;
    /// use sip_message::{Limits, MediaType, multipart};
    ///
    /// let body = Bytes::from_static(b"--b1\r\n\r\nno header fields at all\r\n--b1--");
    /// let parts = multipart::parts(&MediaType::parse(b"multipart/mixed;boundary=b1")?, &body, &Limits::default())?;
    /// assert!(parts[0].content_type()?.is("text", "plain"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Duplicate or malformed Content-Type.
    pub fn content_type(&self) -> Result<MediaType<'_>, ValueError> {
        let default = match self.of_digest {
            true => MediaType::MESSAGE_RFC822,
            false => MediaType::TEXT_PLAIN,
        };
        Ok(self.headers.content_type()?.unwrap_or(default))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part({:?}, body {})", self.headers, self.body.len())
    }
}

/// Why a body is no multipart body that can be taken apart.
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, MediaType, MultipartError, multipart};
///
/// let body = Bytes::from_static(b"--b1\r\n\r\nthe end was lost");
/// let error = |kind| multipart::parts(&MediaType::parse(kind).unwrap(), &body, &Limits::default()).unwrap_err();
/// assert_eq!(error(b"multipart/mixed;boundary=b1"), MultipartError::Unclosed);
/// assert_eq!(error(b"multipart/mixed"), MultipartError::Boundary);
/// assert_eq!(error(b"text/plain"), MultipartError::NotMultipart);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MultipartError {
    /// The media type is not `multipart/…`.
    NotMultipart,
    /// No boundary, or one that RFC 2046 §5.1.1 does not allow.
    Boundary,
    /// The body ends before the closing boundary: parts may be missing.
    Unclosed,
    /// More parts than [`Limits::parts`].
    TooManyParts,
    /// Nested deeper than [`Limits::depth`].
    TooDeep,
    /// The header of the part with this number, from 0, is malformed.
    Part(usize),
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MultipartError::NotMultipart => f.write_str("not a multipart body"),
            MultipartError::Boundary => f.write_str("no usable boundary"),
            MultipartError::Unclosed => f.write_str("closing boundary missing"),
            MultipartError::TooManyParts => f.write_str("too many parts"),
            MultipartError::TooDeep => f.write_str("nested too deep"),
            MultipartError::Part(number) => write!(f, "malformed header of part {number}"),
        }
    }
}

impl std::error::Error for MultipartError {}

/// Takes a body apart (RFC 2046 §5.1.1). Preamble and epilogue are dropped; lines may end in LF. A part that is
/// multipart itself is taken apart by calling again, or all at once by [`leaves`].
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, MediaType, multipart};
///
/// let body = Bytes::from_static(b"--b1\r\n\r\none\r\n--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b1--\r\n");
/// let parts = multipart::parts(&MediaType::parse(b"multipart/mixed;boundary=b1")?, &body, &Limits::default())?;
/// assert_eq!((parts.len(), &parts[0].body[..]), (2, &b"one"[..]));
/// assert!(parts[1].content_type()?.is("application", "sdp"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What the body breaks, and the limits on parts and header fields.
pub fn parts(
    content_type: &MediaType<'_>,
    body: &Bytes,
    limits: &Limits,
) -> Result<Vec<Part>, MultipartError> {
    if !content_type.top().eq_ignore_ascii_case(b"multipart") {
        return Err(MultipartError::NotMultipart);
    }
    let boundary = content_type
        .params()
        .unquoted("boundary")
        .ok_or(MultipartError::Boundary)?;
    if !is_boundary(&boundary) {
        return Err(MultipartError::Boundary);
    }
    let of_digest = content_type.sub().eq_ignore_ascii_case(b"digest");
    let mut parts = Vec::new();
    let mut begun = None;
    let mut at = 0;
    loop {
        let rest = body
            .get(at..)
            .filter(|rest| !rest.is_empty())
            .ok_or(MultipartError::Unclosed)?;
        let next = memchr(b'\n', rest).map_or(body.len(), |end| at + end + 1);
        let Some(closing) = delimiter(body.get(at..next).unwrap_or_default(), &boundary) else {
            at = next;
            continue;
        };
        if let Some(start) = begun {
            if parts.len() >= limits.parts {
                return Err(MultipartError::TooManyParts);
            }
            let end = before_line_end(body, start, at);
            let part = part(body.slice(start..end), limits, of_digest);
            parts.push(part.ok_or(MultipartError::Part(parts.len()))?);
        }
        if closing {
            return Ok(parts);
        }
        begun = Some(next);
        at = next;
    }
}

/// All parts that are not multipart themselves, in order, however deep they lie.
///
/// ```
/// use sip_message::{Limits, MediaType, multipart};
///
/// let (inner_type, inner) = multipart::Builder::new("inner")
///     .part("text/plain", &[], "a")
///     .part("text/html", &[], "b")
///     .finish()?;
/// let (outer_type, outer) = multipart::Builder::new("outer")
///     .part(&inner_type, &[], inner)
///     .part("image/png", &[], "c")
///     .finish()?;
/// let leaves = multipart::leaves(&MediaType::parse(outer_type.as_bytes())?, &outer, &Limits::default())?;
/// let bodies: Vec<_> = leaves.iter().map(|part| &part.body[..]).collect();
/// assert_eq!(bodies, [b"a", b"b", b"c"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`parts`]; nesting deeper than [`Limits::depth`]; more parts in all than [`Limits::parts`].
pub fn leaves(
    content_type: &MediaType<'_>,
    body: &Bytes,
    limits: &Limits,
) -> Result<Vec<Part>, MultipartError> {
    let mut out = Vec::new();
    collect(content_type, body, limits, limits.depth, &mut out)?;
    Ok(out)
}

fn collect(
    content_type: &MediaType<'_>,
    body: &Bytes,
    limits: &Limits,
    depth: usize,
    out: &mut Vec<Part>,
) -> Result<(), MultipartError> {
    let depth = depth.checked_sub(1).ok_or(MultipartError::TooDeep)?;
    for (number, part) in parts(content_type, body, limits)?.into_iter().enumerate() {
        let inner = part
            .content_type()
            .map_err(|_| MultipartError::Part(number))?;
        if inner.top().eq_ignore_ascii_case(b"multipart") {
            collect(&inner, &part.body, limits, depth, out)?;
        } else if out.len() >= limits.parts {
            return Err(MultipartError::TooManyParts);
        } else {
            out.push(part);
        }
    }
    Ok(())
}

/// The part with this Content-ID, given without angle brackets as a `cid:` URL has it (RFC 2392). None if several have it:
/// readers would disagree on which one is meant.
///
/// ```
/// use sip_message::{HeaderName, Limits, MediaType, multipart};
///
/// let (content_type, body) = multipart::Builder::new("b1")
///     .part("application/vnd.3gpp.mcptt-info+xml", &[(HeaderName::ContentId, "<info@home1.example>")], "<mcpttinfo/>")
///     .finish()?;
/// let parts = multipart::parts(&MediaType::parse(content_type.as_bytes())?, &body, &Limits::default())?;
/// let info = multipart::by_content_id(&parts, b"info@home1.example"); // cid:info@home1.example
/// assert_eq!(info.map(|part| &part.body[..]), Some(&b"<mcpttinfo/>"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn by_content_id<'a>(parts: &'a [Part], id: &[u8]) -> Option<&'a Part> {
    let mut named = parts
        .iter()
        .filter(|part| part.headers.content_id() == Ok(Some(id)));
    let first = named.next()?;
    named.next().is_none().then_some(first)
}

/// Is this line a delimiter, and the closing one? White space may follow (RFC 2046 §5.1.1, transport padding).
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let blank = |rest: &[u8]| {
        rest.iter()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    };
    match rest.strip_prefix(b"--") {
        Some(rest) if blank(rest) => Some(true),
        _ if blank(rest) && rest.last() == Some(&b'\n') => Some(false),
        _ => None,
    }
}

/// The line end before a delimiter belongs to the delimiter.
fn before_line_end(body: &[u8], start: usize, at: usize) -> usize {
    let content = body.get(start..at).unwrap_or_default();
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    start + content.strip_suffix(b"\r").unwrap_or(content).len()
}

/// `[ header fields ] blank line content`. A part that begins with a blank line has no header fields.
fn part(bytes: Bytes, limits: &Limits, of_digest: bool) -> Option<Part> {
    let head = Head::read(&bytes, 0, limits, true);
    if head.flaw.is_some() {
        return None;
    }
    let body = bytes.slice(head.end.min(bytes.len())..);
    Some(Part {
        headers: Headers {
            bytes,
            index: Arc::new(head.index),
            bounds: Bounds::of(limits),
        },
        body,
        of_digest,
    })
}

/// `boundary` of RFC 2046 §5.1.1
fn is_boundary(boundary: &[u8]) -> bool {
    let bchar = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'\''
                    | b'('
                    | b')'
                    | b'+'
                    | b'_'
                    | b','
                    | b'-'
                    | b'.'
                    | b'/'
                    | b':'
                    | b'='
                    | b'?'
                    | b' '
            )
    };
    (1..=BOUNDARY).contains(&boundary.len())
        && boundary.iter().all(bchar)
        && boundary.last() != Some(&b' ')
}
