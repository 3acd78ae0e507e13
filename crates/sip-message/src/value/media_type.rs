use std::fmt;

use nom::{IResult, Parser};

use super::params::{Params, params};
use crate::error::ValueError;
use crate::grammar::{Bits, separator, token, unquote, whole};

/// `media-type` of Content-Type, or `media-range` of Accept (RFC 3261 §20.15, §20.1).
///
/// ```
/// use sip_message::MediaType;
///
/// let info = MediaType::parse(b"application/vnd.3gpp.mcptt-info+xml")?;
/// assert!(info.is("Application", "vnd.3gpp.MCPTT-info+xml"));
///
/// let mixed = MediaType::parse(b"multipart/mixed;boundary=\"b1\"")?;
/// assert_eq!(mixed.params().unquoted("boundary").as_deref(), Some(&b"b1"[..]));
/// assert_eq!(mixed, MediaType::parse(b"Multipart/Mixed ; Boundary=b1")?);
/// assert_ne!(mixed, MediaType::parse(b"multipart/mixed;boundary=B1")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct MediaType<'a> {
    top: &'a [u8],
    sub: &'a [u8],
    params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// What a part without Content-Type is (RFC 2046 §5.1).
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// assert_eq!(MediaType::TEXT_PLAIN, MediaType::parse(b"text/plain")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const TEXT_PLAIN: MediaType<'static> = MediaType {
        top: b"text",
        sub: b"plain",
        params: Params::none(),
    };

    /// What a part of a `multipart/digest` without a Content-Type is (RFC 2046 §5.1.5).
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// assert_eq!(MediaType::MESSAGE_RFC822, MediaType::parse(b"message/rfc822")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const MESSAGE_RFC822: MediaType<'static> = MediaType {
        top: b"message",
        sub: b"rfc822",
        params: Params::none(),
    };

    /// Parses `type/subtype;parameters`.
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// assert!(MediaType::parse(b"application/*;q=0.2").is_ok());
    /// let error = MediaType::parse(b"text").unwrap_err();
    /// assert_eq!(error.to_string(), "media-type: malformed at byte 4");
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: also a parameter given twice.
    pub fn parse(value: &'a [u8]) -> Result<MediaType<'a>, ValueError> {
        whole("media-type", value, media_type)
    }

    /// The type, as it came.
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// assert_eq!(MediaType::parse(b"Multipart/mixed;boundary=b1")?.top(), b"Multipart");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn top(&self) -> &'a [u8] {
        self.top
    }

    /// The subtype, as it came.
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// assert_eq!(MediaType::parse(b"application/resource-lists+xml")?.sub(), b"resource-lists+xml");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sub(&self) -> &'a [u8] {
        self.sub
    }

    /// Is it this type and subtype (without case)?
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// let sdp = MediaType::parse(b"application/SDP")?;
    /// assert!(sdp.is("application", "sdp") && !sdp.is("text", "plain"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is(&self, top: &str, sub: &str) -> bool {
        self.top.eq_ignore_ascii_case(top.as_bytes())
            && self.sub.eq_ignore_ascii_case(sub.as_bytes())
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::MediaType;
    ///
    /// let text = MediaType::parse(b"text/plain;charset=\"utf-8\";format=flowed")?;
    /// assert_eq!(text.params().get("charset"), Some(Some(&b"\"utf-8\""[..]))); // with its quotes
    /// assert_eq!(text.params().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.params
    }
}

/// Type, subtype and names of parameters without case; values with it, but those of `charset` and `access-type` (RFC 2045
/// §5.1, RFC 2046 §4.1.2, §5.2.3). Quotes are no part of a value.
impl PartialEq for MediaType<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &[u8], other| one.eq_ignore_ascii_case(other);
        same(self.top, other.top)
            && same(self.sub, other.sub)
            && self.params.agree_by(&other.params, |_| false, same_value)
    }
}

impl Eq for MediaType<'_> {}

/// Two values of the parameter with this name, which is in lower case.
fn same_value(name: &[u8], one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    match (one.map(unquote), other.map(unquote)) {
        (Some(one), Some(other)) if matches!(name, b"charset" | b"access-type") => {
            one.eq_ignore_ascii_case(&other)
        }
        (one, other) => one == other,
    }
}

impl fmt::Debug for MediaType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or_default();
        write!(f, "{}/{}", text(self.top), text(self.sub))
    }
}

/// `m-type SLASH m-subtype *( SEMI m-parameter )`
fn media_type(input: Bits<'_>) -> IResult<Bits<'_>, MediaType<'_>> {
    (token, separator(b'/'), token, params)
        .map(|(top, (), sub, params)| MediaType { top, sub, params })
        .parse(input)
}
