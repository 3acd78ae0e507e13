use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::class::TOKEN;

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The method of a request (RFC 3261 §7.1). Case-sensitive, and open: unknown methods are kept as they came.
        ///
        /// ```
        /// use sip_message::Method;
        ///
        /// let method = Method::from_bytes(b"REFER").ok_or("no token")?;
        /// assert_eq!(method, Method::Refer);
        /// assert_ne!(Method::from_bytes(b"refer"), Some(Method::Refer));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Clone)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// Any other token. [`Method::from_bytes`] never puts a known method here.
            Other(Bytes),
        }

        impl Method {
            /// The method with this name; `None` if it is not a token.
            ///
            /// ```
            /// use sip_message::Method;
            ///
            /// assert_eq!(Method::from_bytes(b"PUBLISH"), Some(Method::Publish));
            /// assert_eq!(Method::from_bytes(b"DO"), Some(Method::Other("DO".into())));
            /// assert_eq!(Method::from_bytes(b"DO THIS"), None);
            /// ```
            pub fn from_bytes(name: &[u8]) -> Option<Method> {
                Method::known(name).or_else(|| {
                    TOKEN.fills(name).then(|| Method::Other(Bytes::copy_from_slice(name)))
                })
            }

            pub(crate) fn known(name: &[u8]) -> Option<Method> {
                match name {
                    $($text => Some(Method::$variant),)*
                    _ => None,
                }
            }

            /// The name as it stands in the request line and in CSeq.
            ///
            /// ```
            /// use sip_message::Method;
            ///
            /// assert_eq!(Method::Subscribe.as_bytes(), b"SUBSCRIBE");
            /// ```
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other(name) => name,
                }
            }
        }
    };
}

methods! {
    /// RFC 3261 §13
    Invite = b"INVITE",
    /// RFC 3261 §17.1.1.3
    Ack = b"ACK",
    /// RFC 3261 §15
    Bye = b"BYE",
    /// RFC 3261 §9
    Cancel = b"CANCEL",
    /// RFC 3261 §10
    Register = b"REGISTER",
    /// RFC 3261 §11
    Options = b"OPTIONS",
    /// RFC 3428
    Message = b"MESSAGE",
    /// RFC 3903
    Publish = b"PUBLISH",
    /// RFC 6665
    Subscribe = b"SUBSCRIBE",
    /// RFC 6665
    Notify = b"NOTIFY",
    /// RFC 6086
    Info = b"INFO",
    /// RFC 3262
    Prack = b"PRACK",
    /// RFC 3311
    Update = b"UPDATE",
    /// RFC 3515
    Refer = b"REFER",
}

impl Method {
    /// The name as text. A method that was not made by this crate and is no token gives the empty string.
    ///
    /// ```
    /// use sip_message::Method;
    ///
    /// assert_eq!(format!("1 {}", Method::Notify.as_str()), "1 NOTIFY"); // a CSeq
    /// ```
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Is the name a token? Always, unless [`Method::Other`] was filled by hand.
    ///
    /// ```
    /// use sip_message::Method;
    ///
    /// assert!(Method::Invite.is_token());
    /// assert!(!Method::Other("IN VITE".into()).is_token());
    /// ```
    pub fn is_token(&self) -> bool {
        TOKEN.fills(self.as_bytes())
    }
}

impl Method {
    /// The known method, if [`Method::Other`] was filled with the name of one by hand.
    pub(crate) fn canonical(self) -> Method {
        Method::known(self.as_bytes()).unwrap_or(self)
    }
}

/// With case (RFC 3261 §7.1); a known method is itself also when [`Method::Other`] holds it.
impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Method {}

impl Hash for Method {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive_and_open() {
        assert_eq!(Method::from_bytes(b"MESSAGE"), Some(Method::Message));
        assert_eq!(
            Method::from_bytes(b"message"),
            Some(Method::Other(Bytes::from_static(b"message")))
        );
        assert_eq!(Method::from_bytes(b""), None);
        assert_eq!(Method::from_bytes(b"A B"), None);
        assert_eq!(Method::Publish.to_string(), "PUBLISH");
    }
}
