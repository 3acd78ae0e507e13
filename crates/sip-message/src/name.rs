pub(crate) mod known;

use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use self::known::Number;
use crate::class::TOKEN;

macro_rules! names {
    ($($variant:ident $text:literal $($compact:literal)?,)*) => {
        /// The name of a header field. Known names are resolved once, whatever their case or compact form; all others
        /// are kept as they came. Equality ignores case (RFC 3261 §7.3.1).
        ///
        /// ```
        /// use sip_message::HeaderName;
        ///
        /// assert_eq!(HeaderName::from_bytes(b"k"), Some(HeaderName::Supported)); // compact
        /// assert_eq!(HeaderName::from_bytes(b"call-id"), Some(HeaderName::CallId));
        /// assert_eq!(HeaderName::CallId.to_string(), "Call-ID");
        /// ```
        #[derive(Clone)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// Any other token. [`HeaderName::from_bytes`] never puts a known name here.
            Other(Bytes),
        }

        impl HeaderName {
            /// The canonical spelling.
            ///
            /// ```
            /// use sip_message::HeaderName;
            ///
            /// assert_eq!(HeaderName::PAssertedIdentity.as_str(), "P-Asserted-Identity");
            /// ```
            pub fn as_str(&self) -> &str {
                match self {
                    $(HeaderName::$variant => $text,)*
                    HeaderName::Other(name) => std::str::from_utf8(name).unwrap_or_default(),
                }
            }

            /// Its place in the table of known names.
            #[inline(always)]
            pub(crate) fn number(&self) -> Number {
                match self {
                    $(HeaderName::$variant => const { Number::of($text) },)*
                    HeaderName::Other(name) => known::find(name),
                }
            }
        }

        /// Every known name with its long and compact spelling.
        const KNOWN: &[(HeaderName, &str, Option<&str>)] =
            &[$((HeaderName::$variant, $text, names!(@compact $($compact)?)),)*];
    };
    (@compact) => { None };
    (@compact $compact:literal) => { Some($compact) };
}

names! {
    Accept "Accept",
    AcceptContact "Accept-Contact" "a",
    AcceptEncoding "Accept-Encoding",
    AcceptLanguage "Accept-Language",
    AcceptResourcePriority "Accept-Resource-Priority",
    AlertInfo "Alert-Info",
    Allow "Allow",
    AllowEvents "Allow-Events" "u",
    AnswerMode "Answer-Mode",
    AuthenticationInfo "Authentication-Info",
    Authorization "Authorization",
    CallId "Call-ID" "i",
    CallInfo "Call-Info",
    Contact "Contact" "m",
    ContentDisposition "Content-Disposition",
    ContentEncoding "Content-Encoding" "e",
    ContentId "Content-ID",
    ContentLanguage "Content-Language",
    ContentLength "Content-Length" "l",
    ContentTransferEncoding "Content-Transfer-Encoding",
    ContentType "Content-Type" "c",
    CSeq "CSeq",
    Date "Date",
    ErrorInfo "Error-Info",
    Event "Event" "o",
    Expires "Expires",
    FeatureCaps "Feature-Caps",
    FlowTimer "Flow-Timer",
    From "From" "f",
    Geolocation "Geolocation",
    HistoryInfo "History-Info",
    Identity "Identity" "y",
    IdentityInfo "Identity-Info" "n",
    InfoPackage "Info-Package",
    InReplyTo "In-Reply-To",
    Join "Join",
    MaxBreadth "Max-Breadth",
    MaxForwards "Max-Forwards",
    MimeVersion "MIME-Version",
    MinExpires "Min-Expires",
    MinSe "Min-SE",
    Organization "Organization",
    PAccessNetworkInfo "P-Access-Network-Info",
    PAnswerState "P-Answer-State",
    PAssertedIdentity "P-Asserted-Identity",
    PAssertedService "P-Asserted-Service",
    PAssociatedUri "P-Associated-URI",
    PCalledPartyId "P-Called-Party-ID",
    PChargingFunctionAddresses "P-Charging-Function-Addresses",
    PChargingVector "P-Charging-Vector",
    PEarlyMedia "P-Early-Media",
    PPreferredIdentity "P-Preferred-Identity",
    PPreferredService "P-Preferred-Service",
    PProfileKey "P-Profile-Key",
    PServedUser "P-Served-User",
    PUserDatabase "P-User-Database",
    PVisitedNetworkId "P-Visited-Network-ID",
    Path "Path",
    Priority "Priority",
    Privacy "Privacy",
    PrivAnswerMode "Priv-Answer-Mode",
    ProxyAuthenticate "Proxy-Authenticate",
    ProxyAuthorization "Proxy-Authorization",
    ProxyRequire "Proxy-Require",
    RAck "RAck",
    Reason "Reason",
    RecordRoute "Record-Route",
    RecvInfo "Recv-Info",
    ReferSub "Refer-Sub",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    RejectContact "Reject-Contact" "j",
    Replaces "Replaces",
    ReplyTo "Reply-To",
    RequestDisposition "Request-Disposition" "d",
    Require "Require",
    ResourcePriority "Resource-Priority",
    RetryAfter "Retry-After",
    Route "Route",
    RSeq "RSeq",
    SecurityClient "Security-Client",
    SecurityServer "Security-Server",
    SecurityVerify "Security-Verify",
    Server "Server",
    ServiceRoute "Service-Route",
    SessionExpires "Session-Expires" "x",
    SessionId "Session-ID",
    SipEtag "SIP-ETag",
    SipIfMatch "SIP-If-Match",
    Subject "Subject" "s",
    SubscriptionState "Subscription-State",
    Supported "Supported" "k",
    SuppressIfMatch "Suppress-If-Match",
    TargetDialog "Target-Dialog",
    Timestamp "Timestamp",
    To "To" "t",
    Unsupported "Unsupported",
    UserAgent "User-Agent",
    UserToUser "User-to-User",
    Via "Via" "v",
    Warning "Warning",
    WwwAuthenticate "WWW-Authenticate",
}

impl HeaderName {
    /// The name with this spelling, long or compact, in any case; `None` if it is not a token.
    ///
    /// ```
    /// use sip_message::HeaderName;
    ///
    /// assert_eq!(HeaderName::from_bytes(b"VIA"), Some(HeaderName::Via));
    /// let own = HeaderName::from_bytes(b"X-Own").ok_or("no token")?;
    /// assert_eq!((own.as_str(), own == HeaderName::Other("x-own".into())), ("X-Own", true));
    /// assert_eq!(HeaderName::from_bytes(b"two words"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_bytes(name: &[u8]) -> Option<HeaderName> {
        HeaderName::known(name).or_else(|| {
            TOKEN
                .fills(name)
                .then(|| HeaderName::Other(Bytes::copy_from_slice(name)))
        })
    }

    pub(crate) fn known(name: &[u8]) -> Option<HeaderName> {
        known::find(name).name().cloned()
    }

    /// The canonical spelling.
    ///
    /// ```
    /// use sip_message::HeaderName;
    ///
    /// assert_eq!(HeaderName::WwwAuthenticate.as_bytes(), b"WWW-Authenticate");
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            HeaderName::Other(name) => name,
            known => known.as_str().as_bytes(),
        }
    }

    /// Is the name a token? Always, unless [`HeaderName::Other`] was filled by hand.
    pub(crate) fn is_token(&self) -> bool {
        !matches!(self, HeaderName::Other(name) if !TOKEN.fills(name))
    }
}

/// Without case (RFC 3261 §7.3.1); a known name is itself in whatever spelling, also when [`HeaderName::Other`] holds it.
impl PartialEq for HeaderName {
    fn eq(&self, other: &Self) -> bool {
        match (self.number(), other.number()) {
            (Number::UNKNOWN, Number::UNKNOWN) => {
                self.as_bytes().eq_ignore_ascii_case(other.as_bytes())
            }
            (one, other) => one == other,
        }
    }
}

impl Eq for HeaderName {}

impl Hash for HeaderName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let name = self.number().name().unwrap_or(self);
        for byte in name.as_bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_name_is_found_in_any_case_and_in_its_compact_form() {
        for (name, long, compact) in KNOWN {
            for spelling in [Some(*long), *compact].into_iter().flatten() {
                for cased in [
                    spelling.to_owned(),
                    spelling.to_lowercase(),
                    spelling.to_uppercase(),
                ] {
                    let found = HeaderName::from_bytes(cased.as_bytes()).unwrap();
                    assert!(!matches!(found, HeaderName::Other(_)), "{cased}");
                    assert_eq!(&found, name);
                }
            }
        }
    }

    #[test]
    fn unknown_names_are_kept_and_compared_without_case() {
        let name = HeaderName::from_bytes(b"X-Own").unwrap();
        assert_eq!(name.as_str(), "X-Own");
        assert_eq!(name, HeaderName::from_bytes(b"x-OWN").unwrap());
        assert_eq!(HeaderName::from_bytes(b"X Own"), None);
        assert_eq!(HeaderName::from_bytes(b""), None);
    }
}
