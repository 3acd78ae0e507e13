/// How much of everything one message may bring. Every bound has a name; nothing from the network is unbounded.
///
/// ```
/// use bytes::Bytes;
/// use sip_message::{Limits, Message, ParseErrorKind};
///
/// let limits = Limits { header_fields: 1, ..Limits::default() };
/// let bytes = Bytes::from_static(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n\r\n");
/// let error = Message::parse_datagram(bytes, &limits).unwrap_err();
/// assert_eq!(error.kind, ParseErrorKind::TooManyHeaders);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a whole message, start line to end of body.
    pub message: usize,
    /// Header fields of one head.
    pub header_fields: usize,
    /// Bytes of the whole head: start line, header fields and blank line.
    pub header_bytes: usize,
    /// Bytes of the body.
    pub body: usize,
    /// Parameters of one value (one Via, one URI, one Contact …). Never more than [`Limits::MOST_PARAMETERS`].
    pub parameters: usize,
    /// Values of one header, over all its fields and their comma lists.
    pub values: usize,
    /// Parts of one multipart body.
    pub parts: usize,
    /// How deep multipart bodies may nest.
    pub depth: usize,
}

impl Limits {
    /// The bound on parameters that holds whatever [`Limits::parameters`] says, also for values that are parsed
    /// on their own (`Uri::parse` and its like). It keeps comparing two values cheap.
    ///
    /// ```
    /// use sip_message::{Limits, Uri};
    ///
    /// let uri = |count| (0..count).fold("sip:home1.example".to_owned(), |uri, n| format!("{uri};p{n}"));
    /// assert!(Uri::parse(uri(Limits::MOST_PARAMETERS).as_bytes()).is_ok());
    /// assert!(Uri::parse(uri(Limits::MOST_PARAMETERS + 1).as_bytes()).is_err());
    /// ```
    pub const MOST_PARAMETERS: usize = 256;
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message: 65_535,
            header_fields: 256,
            header_bytes: 32 * 1024,
            body: 65_535,
            parameters: 64,
            values: 256,
            parts: 32,
            depth: 4,
        }
    }
}
