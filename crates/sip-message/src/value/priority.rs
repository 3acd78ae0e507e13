use crate::class::TOKEN;
use crate::error::ValueError;
use crate::grammar::trim;
use crate::name::HeaderName;

/// One `r-value` of Resource-Priority (RFC 4412 §3.1). Two are equal without case (§3.1).
///
/// ```
/// use sip_message::ResourcePriority;
///
/// let floor = ResourcePriority::parse(b"mcpttp.15")?;
/// assert_eq!((floor.namespace(), floor.priority()), (&b"mcpttp"[..], &b"15"[..]));
/// assert_eq!(floor, ResourcePriority::parse(b"MCPTTP.15")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ResourcePriority<'a> {
    namespace: &'a [u8],
    priority: &'a [u8],
}

impl<'a> ResourcePriority<'a> {
    /// Parses `namespace "." r-priority`.
    ///
    /// ```
    /// use sip_message::ResourcePriority;
    ///
    /// assert!(ResourcePriority::parse(b"dsn.flash-override").is_ok());
    /// assert!(ResourcePriority::parse(b"flash").is_err());
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: both are tokens without dots.
    pub fn parse(value: &'a [u8]) -> Result<ResourcePriority<'a>, ValueError> {
        let trimmed = trim(value);
        let mut parts = trimmed.split(|byte| *byte == b'.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(namespace), Some(priority), None)
                if TOKEN.fills(namespace) && TOKEN.fills(priority) =>
            {
                Ok(ResourcePriority {
                    namespace,
                    priority,
                })
            }
            _ => {
                let good = TOKEN.span(trimmed);
                Err(ValueError::malformed(HeaderName::ResourcePriority, good))
            }
        }
    }

    /// The namespace: `mcpttp`, `esnet`, `wps` …
    ///
    /// ```
    /// use sip_message::ResourcePriority;
    ///
    /// assert_eq!(ResourcePriority::parse(b"mcpttq.3")?.namespace(), b"mcpttq"); // RFC 8101
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn namespace(&self) -> &'a [u8] {
        self.namespace
    }

    /// The priority within the namespace.
    ///
    /// ```
    /// use sip_message::ResourcePriority;
    ///
    /// assert_eq!(ResourcePriority::parse(b"esnet.0")?.priority(), b"0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn priority(&self) -> &'a [u8] {
        self.priority
    }
}

impl PartialEq for ResourcePriority<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.namespace.eq_ignore_ascii_case(other.namespace)
            && self.priority.eq_ignore_ascii_case(other.priority)
    }
}

impl Eq for ResourcePriority<'_> {}
