use super::name_addr::NameAddr;
use super::params::Params;
use crate::error::{ValueError, ValueErrorKind};
use crate::name::HeaderName;

/// One `hi-entry` of History-Info (RFC 7044 §5): a target that the request was sent to.
///
/// ```
/// use sip_message::HistoryEntry;
///
/// let entry = HistoryEntry::parse(b"<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.2;mp=1")?;
/// assert_eq!((entry.index(), entry.came_from()), (&b"1.2"[..], Some(("mp", &b"1"[..]))));
/// assert_eq!(entry.target().uri().headers().get("Reason"), Some(Some(&b"SIP%3Bcause%3D302"[..])));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HistoryEntry<'a> {
    target: NameAddr<'a>,
    index: &'a [u8],
}

impl<'a> HistoryEntry<'a> {
    /// Parses `name-addr *( SEMI hi-param )`.
    ///
    /// ```
    /// use sip_message::HistoryEntry;
    ///
    /// assert!(HistoryEntry::parse(b"<sip:bob@home1.example>;index=1").is_ok());
    /// assert!(HistoryEntry::parse(b"<sip:bob@home1.example>").is_err()); // where in the tree?
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: an `index` that is missing or is no numbers between dots is.
    pub fn parse(value: &'a [u8]) -> Result<HistoryEntry<'a>, ValueError> {
        let target = NameAddr::parse_bracketed(value)
            .map_err(|error| error.within(&HeaderName::HistoryInfo, 0))?;
        let index = target.params().get("index").flatten().unwrap_or_default();
        let number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        if !index.split(|byte| *byte == b'.').all(number) {
            return Err(ValueError {
                kind: ValueErrorKind::Malformed,
                ..ValueError::malformed(HeaderName::HistoryInfo, value.len())
            });
        }
        Ok(HistoryEntry { target, index })
    }

    /// Where the request was sent; a `Reason` and a `Privacy` may be headers of its URI.
    ///
    /// ```
    /// use sip_message::HistoryEntry;
    ///
    /// let entry = HistoryEntry::parse(b"<sip:bob@home1.example>;index=1")?;
    /// assert_eq!(entry.target().uri_bytes(), b"sip:bob@home1.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn target(&self) -> &NameAddr<'a> {
        &self.target
    }

    /// Its place in the tree of targets: `1.1.2`.
    ///
    /// ```
    /// use sip_message::HistoryEntry;
    ///
    /// let entry = HistoryEntry::parse(b"<sip:bob@192.0.2.4>;index=1.1.2;rc=1.1")?;
    /// assert_eq!(entry.index().split(|byte| *byte == b'.').count(), 3); // how deep
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn index(&self) -> &'a [u8] {
        self.index
    }

    /// The index that this target came from when a mapping (`mp`), a contact (`rc`) or nothing (`np`) led to it: the
    /// parameter's name and its value.
    ///
    /// ```
    /// use sip_message::HistoryEntry;
    ///
    /// assert_eq!(HistoryEntry::parse(b"<sip:bob@192.0.2.4>;index=1.1;rc=1")?.came_from(), Some(("rc", &b"1"[..])));
    /// assert_eq!(HistoryEntry::parse(b"<sip:bob@home1.example>;index=1")?.came_from(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn came_from(&self) -> Option<(&'static str, &'a [u8])> {
        ["rc", "mp", "np"].into_iter().find_map(|name| {
            let index = self.params().get(name).flatten()?;
            Some((name, index))
        })
    }

    /// All parameters.
    ///
    /// ```
    /// use sip_message::HistoryEntry;
    ///
    /// let entry = HistoryEntry::parse(b"<sip:bob@192.0.2.4>;index=1.1;rc=1")?;
    /// let names: Vec<_> = entry.params().iter().map(|(name, _)| name).collect();
    /// assert_eq!(names, [&b"index"[..], b"rc"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn params(&self) -> Params<'a> {
        self.target.params()
    }
}
