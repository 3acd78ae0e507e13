use std::fmt;

/// The status code of a response, 100 to 699 (RFC 3261 §7.2, §21).
///
/// ```
/// use sip_message::StatusCode;
///
/// let status = StatusCode::new(486).ok_or("100 to 699")?;
/// assert_eq!(status, StatusCode::BUSY_HERE);
/// assert_eq!(format!("{status} {}", status.default_reason()), "486 Busy Here");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusCode(u16);

macro_rules! codes {
    ($($name:ident = $code:literal $reason:literal $rfc:literal,)*) => {
        impl StatusCode {
            $(#[doc = concat!(stringify!($code), " ", $reason, " (", $rfc, ")")]
            #[doc = concat!("\n```\nuse sip_message::StatusCode;\n")]
            #[doc = concat!("assert_eq!(StatusCode::new(", $code, "), Some(StatusCode::", stringify!($name), "));")]
            #[doc = concat!("assert_eq!(StatusCode::", stringify!($name), ".default_reason(), \"", $reason, "\");\n```")]
            pub const $name: StatusCode = StatusCode($code);)*

            /// The reason phrase that the RFC gives this code; for an unknown code that of its class's x00 (§8.1.3.2).
            ///
            /// ```
            /// use sip_message::StatusCode;
            ///
            /// assert_eq!(StatusCode::FORBIDDEN.default_reason(), "Forbidden");
            /// assert_eq!(StatusCode::new(499).map(StatusCode::default_reason), Some("Bad Request"));
            /// ```
            pub const fn default_reason(self) -> &'static str {
                match self.0 {
                    $($code => $reason,)*
                    101..200 => "Progress",
                    201..300 => "OK",
                    303..400 => "Redirection",
                    400..500 => "Bad Request",
                    500..600 => "Server Internal Error",
                    _ => "Busy Everywhere",
                }
            }
        }
    };
}

codes! {
    TRYING = 100 "Trying" "RFC 3261 §21.1.1",
    RINGING = 180 "Ringing" "RFC 3261 §21.1.2",
    CALL_IS_BEING_FORWARDED = 181 "Call Is Being Forwarded" "RFC 3261 §21.1.3",
    QUEUED = 182 "Queued" "RFC 3261 §21.1.4",
    SESSION_PROGRESS = 183 "Session Progress" "RFC 3261 §21.1.5",
    EARLY_DIALOG_TERMINATED = 199 "Early Dialog Terminated" "RFC 6228",
    OK = 200 "OK" "RFC 3261 §21.2.1",
    ACCEPTED = 202 "Accepted" "RFC 6665 §8.3.1",
    NO_NOTIFICATION = 204 "No Notification" "RFC 5839",
    MULTIPLE_CHOICES = 300 "Multiple Choices" "RFC 3261 §21.3.1",
    MOVED_PERMANENTLY = 301 "Moved Permanently" "RFC 3261 §21.3.2",
    MOVED_TEMPORARILY = 302 "Moved Temporarily" "RFC 3261 §21.3.3",
    USE_PROXY = 305 "Use Proxy" "RFC 3261 §21.3.4",
    ALTERNATIVE_SERVICE = 380 "Alternative Service" "RFC 3261 §21.3.5",
    BAD_REQUEST = 400 "Bad Request" "RFC 3261 §21.4.1",
    UNAUTHORIZED = 401 "Unauthorized" "RFC 3261 §21.4.2",
    PAYMENT_REQUIRED = 402 "Payment Required" "RFC 3261 §21.4.3",
    FORBIDDEN = 403 "Forbidden" "RFC 3261 §21.4.4",
    NOT_FOUND = 404 "Not Found" "RFC 3261 §21.4.5",
    METHOD_NOT_ALLOWED = 405 "Method Not Allowed" "RFC 3261 §21.4.6",
    NOT_ACCEPTABLE = 406 "Not Acceptable" "RFC 3261 §21.4.7",
    PROXY_AUTHENTICATION_REQUIRED = 407 "Proxy Authentication Required" "RFC 3261 §21.4.8",
    REQUEST_TIMEOUT = 408 "Request Timeout" "RFC 3261 §21.4.9",
    GONE = 410 "Gone" "RFC 3261 §21.4.10",
    CONDITIONAL_REQUEST_FAILED = 412 "Conditional Request Failed" "RFC 3903 §11.2.1",
    REQUEST_ENTITY_TOO_LARGE = 413 "Request Entity Too Large" "RFC 3261 §21.4.11",
    REQUEST_URI_TOO_LONG = 414 "Request-URI Too Long" "RFC 3261 §21.4.12",
    UNSUPPORTED_MEDIA_TYPE = 415 "Unsupported Media Type" "RFC 3261 §21.4.13",
    UNSUPPORTED_URI_SCHEME = 416 "Unsupported URI Scheme" "RFC 3261 §21.4.14",
    UNKNOWN_RESOURCE_PRIORITY = 417 "Unknown Resource-Priority" "RFC 4412",
    BAD_EXTENSION = 420 "Bad Extension" "RFC 3261 §21.4.15",
    EXTENSION_REQUIRED = 421 "Extension Required" "RFC 3261 §21.4.16",
    SESSION_INTERVAL_TOO_SMALL = 422 "Session Interval Too Small" "RFC 4028",
    INTERVAL_TOO_BRIEF = 423 "Interval Too Brief" "RFC 3261 §21.4.17",
    BAD_LOCATION_INFORMATION = 424 "Bad Location Information" "RFC 6442",
    USE_IDENTITY_HEADER = 428 "Use Identity Header" "RFC 8224",
    PROVIDE_REFERRER_IDENTITY = 429 "Provide Referrer Identity" "RFC 3892",
    FLOW_FAILED = 430 "Flow Failed" "RFC 5626",
    ANONYMITY_DISALLOWED = 433 "Anonymity Disallowed" "RFC 5079",
    BAD_IDENTITY_INFO = 436 "Bad Identity Info" "RFC 8224",
    UNSUPPORTED_CREDENTIAL = 437 "Unsupported Credential" "RFC 8224",
    INVALID_IDENTITY_HEADER = 438 "Invalid Identity Header" "RFC 8224",
    FIRST_HOP_LACKS_OUTBOUND_SUPPORT = 439 "First Hop Lacks Outbound Support" "RFC 5626",
    MAX_BREADTH_EXCEEDED = 440 "Max-Breadth Exceeded" "RFC 5393",
    BAD_INFO_PACKAGE = 469 "Bad Info Package" "RFC 6086",
    CONSENT_NEEDED = 470 "Consent Needed" "RFC 5360",
    TEMPORARILY_UNAVAILABLE = 480 "Temporarily Unavailable" "RFC 3261 §21.4.18",
    CALL_OR_TRANSACTION_DOES_NOT_EXIST = 481 "Call/Transaction Does Not Exist" "RFC 3261 §21.4.19",
    LOOP_DETECTED = 482 "Loop Detected" "RFC 3261 §21.4.20",
    TOO_MANY_HOPS = 483 "Too Many Hops" "RFC 3261 §21.4.21",
    ADDRESS_INCOMPLETE = 484 "Address Incomplete" "RFC 3261 §21.4.22",
    AMBIGUOUS = 485 "Ambiguous" "RFC 3261 §21.4.23",
    BUSY_HERE = 486 "Busy Here" "RFC 3261 §21.4.24",
    REQUEST_TERMINATED = 487 "Request Terminated" "RFC 3261 §21.4.25",
    NOT_ACCEPTABLE_HERE = 488 "Not Acceptable Here" "RFC 3261 §21.4.26",
    BAD_EVENT = 489 "Bad Event" "RFC 6665 §8.3.2",
    REQUEST_PENDING = 491 "Request Pending" "RFC 3261 §21.4.27",
    UNDECIPHERABLE = 493 "Undecipherable" "RFC 3261 §21.4.28",
    SECURITY_AGREEMENT_REQUIRED = 494 "Security Agreement Required" "RFC 3329",
    SERVER_INTERNAL_ERROR = 500 "Server Internal Error" "RFC 3261 §21.5.1",
    NOT_IMPLEMENTED = 501 "Not Implemented" "RFC 3261 §21.5.2",
    BAD_GATEWAY = 502 "Bad Gateway" "RFC 3261 §21.5.3",
    SERVICE_UNAVAILABLE = 503 "Service Unavailable" "RFC 3261 §21.5.4",
    SERVER_TIMEOUT = 504 "Server Time-out" "RFC 3261 §21.5.5",
    VERSION_NOT_SUPPORTED = 505 "Version Not Supported" "RFC 3261 §21.5.6",
    MESSAGE_TOO_LARGE = 513 "Message Too Large" "RFC 3261 §21.5.7",
    PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED = 555 "Push Notification Service Not Supported" "RFC 8599",
    PRECONDITION_FAILURE = 580 "Precondition Failure" "RFC 3312",
    BUSY_EVERYWHERE = 600 "Busy Everywhere" "RFC 3261 §21.6.1",
    DECLINE = 603 "Decline" "RFC 3261 §21.6.2",
    DOES_NOT_EXIST_ANYWHERE = 604 "Does Not Exist Anywhere" "RFC 3261 §21.6.3",
    NOT_ACCEPTABLE_ANYWHERE = 606 "Not Acceptable" "RFC 3261 §21.6.4",
    UNWANTED = 607 "Unwanted" "RFC 8197",
    REJECTED = 608 "Rejected" "RFC 8688",
}

impl StatusCode {
    /// The code, if it is one: 100 to 699.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert_eq!(StatusCode::new(200), Some(StatusCode::OK));
    /// assert_eq!((StatusCode::new(99), StatusCode::new(700)), (None, None));
    /// ```
    pub const fn new(code: u16) -> Option<StatusCode> {
        match code {
            100..=699 => Some(StatusCode(code)),
            _ => None,
        }
    }

    /// The number.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert_eq!(StatusCode::TRYING.as_u16(), 100);
    /// ```
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// The first digit: 1 provisional … 6 global failure.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert_eq!(StatusCode::DECLINE.class(), 6);
    /// ```
    pub const fn class(self) -> u16 {
        self.0 / 100
    }

    /// 1xx: more responses follow.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert!(StatusCode::RINGING.is_provisional());
    /// ```
    pub const fn is_provisional(self) -> bool {
        self.class() == 1
    }

    /// 2xx.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert!(StatusCode::ACCEPTED.is_success() && !StatusCode::MOVED_TEMPORARILY.is_success());
    /// ```
    pub const fn is_success(self) -> bool {
        self.class() == 2
    }

    /// 2xx to 6xx: the last response of its transaction.
    ///
    /// ```
    /// use sip_message::StatusCode;
    ///
    /// assert!(StatusCode::REQUEST_TERMINATED.is_final() && !StatusCode::SESSION_PROGRESS.is_final());
    /// ```
    pub const fn is_final(self) -> bool {
        !self.is_provisional()
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_a_class_and_a_reason() {
        assert_eq!(StatusCode::new(99), None);
        assert_eq!(StatusCode::new(700), None);
        assert_eq!(
            StatusCode::new(412),
            Some(StatusCode::CONDITIONAL_REQUEST_FAILED)
        );
        assert_eq!(
            StatusCode::new(499).unwrap().default_reason(),
            "Bad Request"
        );
        assert!(StatusCode::TRYING.is_provisional() && !StatusCode::TRYING.is_final());
        assert_eq!(StatusCode::DECLINE.class(), 6);
    }
}
