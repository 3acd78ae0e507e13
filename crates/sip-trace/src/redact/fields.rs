//! Which header field is redacted how. A name that is not in this table loses its value.

use sip_message::HeaderName;

use super::xml::is_secret;

/// How a value is redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Tokens and numbers that the grammar gives: as it is, when it is nothing else.
    Tokens,
    /// Addresses with display names and parameters.
    Addresses,
    /// Ids that programs made up: less identities that are known.
    Id,
    /// Free text: less URIs and identities.
    Text,
    /// Hosts and parameters.
    Via,
    /// One value; its parameters tell where somebody is.
    ValueAlone,
    /// Credentials and challenges.
    Credentials,
    /// Never shown.
    Secret,
    /// Shown where identities are.
    Hidden,
    /// Written anew.
    ContentLength,
}

pub(super) fn class(name: &HeaderName) -> Class {
    use HeaderName as H;
    match name {
        H::ContentLength => Class::ContentLength,
        H::Authorization
        | H::ProxyAuthorization
        | H::WwwAuthenticate
        | H::ProxyAuthenticate
        | H::AuthenticationInfo => Class::Credentials,
        // A signed token that names both ends (RFC 8224).
        H::Identity => Class::Secret,
        H::From
        | H::To
        | H::Contact
        | H::Route
        | H::RecordRoute
        | H::Path
        | H::ServiceRoute
        | H::PAssertedIdentity
        | H::PPreferredIdentity
        | H::PAssociatedUri
        | H::PCalledPartyId
        | H::PProfileKey
        | H::PServedUser
        | H::PUserDatabase
        | H::ReferTo
        | H::ReferredBy
        | H::ReplyTo
        | H::HistoryInfo
        | H::AlertInfo
        | H::CallInfo
        | H::ErrorInfo
        | H::IdentityInfo => Class::Addresses,
        H::Via => Class::Via,
        H::CallId
        | H::InReplyTo
        | H::Join
        | H::Replaces
        | H::TargetDialog
        | H::SessionId
        | H::SipEtag
        | H::SipIfMatch
        | H::PChargingVector
        | H::ContentId => Class::Id,
        H::Accept
        | H::AcceptEncoding
        | H::AcceptLanguage
        | H::AcceptResourcePriority
        | H::Allow
        | H::AllowEvents
        | H::AnswerMode
        | H::ContentEncoding
        | H::ContentLanguage
        | H::ContentTransferEncoding
        | H::ContentType
        | H::CSeq
        | H::Date
        | H::Event
        | H::Expires
        | H::FlowTimer
        | H::InfoPackage
        | H::MaxBreadth
        | H::MaxForwards
        | H::MimeVersion
        | H::MinExpires
        | H::MinSe
        | H::PAnswerState
        | H::PAssertedService
        | H::PEarlyMedia
        | H::PPreferredService
        | H::Priority
        | H::Privacy
        | H::PrivAnswerMode
        | H::ProxyRequire
        | H::RAck
        | H::RecvInfo
        | H::ReferSub
        | H::RequestDisposition
        | H::Require
        | H::ResourcePriority
        | H::RSeq
        | H::SessionExpires
        | H::SubscriptionState
        | H::Supported
        | H::SuppressIfMatch
        | H::Timestamp
        | H::Unsupported => Class::Tokens,
        H::AcceptContact
        | H::RejectContact
        | H::FeatureCaps
        | H::ContentDisposition
        | H::Organization
        | H::PChargingFunctionAddresses
        | H::PVisitedNetworkId
        | H::Reason
        | H::RetryAfter
        | H::SecurityClient
        | H::SecurityServer
        | H::SecurityVerify
        | H::Server
        | H::UserAgent
        | H::Warning => Class::Text,
        H::PAccessNetworkInfo => Class::ValueAlone,
        H::Other(_) if name.as_str().to_ascii_lowercase().contains("auth") => Class::Secret,
        H::Other(_) if is_secret(name.as_str()) => Class::Secret,
        // Where somebody is, what a call is about, what users tell each other; and all that is not known.
        H::Geolocation | H::Subject | H::UserToUser | H::Other(_) => Class::Hidden,
    }
}
