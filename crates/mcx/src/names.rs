//! The names that travel on the wire, per service: one table of data, no copies of code.
//!
//! What the wire profile marks *profile* is this project's choice until 3GPP stage 3 names it;
//! every string here can be overridden in configuration.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An MC service. Each is authorized, migrated and de-authorized on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Mission Critical Push To Talk, TS 24.379.
    Mcptt,
    /// Mission Critical Video, TS 24.281.
    McVideo,
    /// Mission Critical Data, TS 24.282.
    McData,
}

impl Service {
    /// All services, in a fixed order.
    pub const ALL: [Self; 3] = [Self::Mcptt, Self::McVideo, Self::McData];

    /// The name in configuration, store and records: `mcptt`, `mcvideo`, `mcdata`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mcptt => "mcptt",
            Self::McVideo => "mcvideo",
            Self::McData => "mcdata",
        }
    }

    /// The service of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an MC MESSAGE request says (wire profile, "Messages").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MessageKind {
    /// Partner server asks the primary whether the user may migrate (TS 23.280 10.6.3.2.1).
    AuthorizationRequest,
    /// The primary's answer to that, with the number of the stay.
    AuthorizationResponse,
    /// Partner server tells the primary that the user completed service authorization (P2.1).
    UserAuthorizationNotification,
    /// The primary tells the partner left behind (P1.1).
    DeauthorizationNotification,
}

impl MessageKind {
    /// All kinds, in a fixed order.
    pub const ALL: [Self; 4] = [
        Self::AuthorizationRequest,
        Self::AuthorizationResponse,
        Self::UserAuthorizationNotification,
        Self::DeauthorizationNotification,
    ];

    /// Whether this kind travels from the user's primary system to a partner
    /// (otherwise from a partner to the primary).
    #[must_use]
    pub fn from_primary(self) -> bool {
        matches!(
            self,
            Self::AuthorizationResponse | Self::DeauthorizationNotification
        )
    }

    /// Its 3GPP name, for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationRequest => "migration service authorization request",
            Self::AuthorizationResponse => "migration service authorization response",
            Self::UserAuthorizationNotification => "MC service user authorisation notification",
            Self::DeauthorizationNotification => "migration service de-authorization notification",
        }
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a service's documents carry the kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KindElement {
    /// `req-type` / `resp-type` with a value child, in `anyExt` of the Params element.
    ReqTypeInAnyExt,
    /// `request-type`, plain text, directly in the Params element.
    RequestTypeInParams,
}

/// The names of one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ServiceProfile {
    /// Media subtype of the document below `application/`.
    pub media_subtype: String,
    /// XML namespace of the document.
    pub namespace: String,
    /// Root element.
    pub root: String,
    /// Params element.
    pub params: String,
    /// Value child for a URI.
    pub uri: String,
    /// Value child for a string.
    pub string: String,
    /// Value child for a boolean.
    pub boolean: String,
    /// Element with the target user.
    pub request_uri: String,
    /// Element with the access token.
    pub access_token: String,
    /// Element with the id that the primary system gave the user.
    pub primary_id: String,
    /// Element with the id that the partner system gave the user.
    pub partner_id: String,
    /// Element with the outcome of a migration service authorization.
    pub result: String,
    /// Element that holds `user-profile-index`.
    pub profile_index: String,
    /// IMS communication service identifier, as in P-Asserted-Service.
    pub icsi: String,
    /// Feature tag without `+`, as in Accept-Contact.
    pub feature_tag: String,
    /// Claim of the access token that names the user.
    pub claim: String,
    /// How the kind of message is carried.
    pub kind_element: KindElement,
    /// Value for [`MessageKind::AuthorizationRequest`].
    pub authorization_request: String,
    /// Value for [`MessageKind::AuthorizationResponse`].
    pub authorization_response: String,
    /// Value for [`MessageKind::UserAuthorizationNotification`].
    pub user_authorization_notification: String,
    /// Value for [`MessageKind::DeauthorizationNotification`].
    pub deauthorization_notification: String,
}

impl ServiceProfile {
    fn default_for(service: Service) -> Self {
        let s = service.as_str();
        Self {
            media_subtype: format!("vnd.3gpp.{s}-info+xml"),
            namespace: match service {
                Service::Mcptt => "urn:3gpp:ns:mcpttInfo:1.0".into(),
                Service::McVideo => "urn:3gpp:ns:mcvideoInfo:1.0".into(),
                Service::McData => "urn:3gpp:ns:mcdataInfo:1.0".into(),
            },
            root: format!("{s}info"),
            params: format!("{s}-Params"),
            uri: format!("{s}URI"),
            string: format!("{s}String"),
            boolean: format!("{s}Boolean"),
            request_uri: format!("{s}-request-uri"),
            access_token: format!("{s}-access-token"),
            primary_id: format!("primary-{s}-id"),
            partner_id: format!("partner-{s}-id"),
            result: "migration-auth-result".into(),
            profile_index: "selected-user-profile-index".into(),
            icsi: format!("urn:urn-7:3gpp-service.ims.icsi.{s}"),
            feature_tag: format!("g.3gpp.{s}"),
            claim: format!("{s}_id"),
            kind_element: match service {
                Service::Mcptt | Service::McVideo => KindElement::ReqTypeInAnyExt,
                Service::McData => KindElement::RequestTypeInParams,
            },
            authorization_request: "migration-service-authorization-request".into(),
            authorization_response: "migration-service-authorization-response".into(),
            user_authorization_notification: "mc-service-user-authorization-notification".into(),
            deauthorization_notification: "migration-service-deauthorization-notification".into(),
        }
    }

    /// The wire value of `kind`.
    #[must_use]
    pub fn kind_value(&self, kind: MessageKind) -> &str {
        match kind {
            MessageKind::AuthorizationRequest => &self.authorization_request,
            MessageKind::AuthorizationResponse => &self.authorization_response,
            MessageKind::UserAuthorizationNotification => &self.user_authorization_notification,
            MessageKind::DeauthorizationNotification => &self.deauthorization_notification,
        }
    }

    /// The kind that has this wire value.
    #[must_use]
    pub fn kind_of(&self, value: &str) -> Option<MessageKind> {
        MessageKind::ALL
            .into_iter()
            .find(|k| self.kind_value(*k) == value)
    }

    /// The whole media type, as in Content-Type.
    #[must_use]
    pub fn media_type(&self) -> String {
        format!("application/{}", self.media_subtype)
    }
}

/// The names of all services: the one table that stage 3 may change some day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    services: [ServiceProfile; 3],
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            services: Service::ALL.map(ServiceProfile::default_for),
        }
    }
}

impl Profile {
    /// The names of `service`.
    #[must_use]
    pub fn of(&self, service: Service) -> &ServiceProfile {
        let [mcptt, mcvideo, mcdata] = &self.services;
        match service {
            Service::Mcptt => mcptt,
            Service::McVideo => mcvideo,
            Service::McData => mcdata,
        }
    }

    /// The names of `service`, to be changed.
    pub fn of_mut(&mut self, service: Service) -> &mut ServiceProfile {
        let [mcptt, mcvideo, mcdata] = &mut self.services;
        match service {
            Service::Mcptt => mcptt,
            Service::McVideo => mcvideo,
            Service::McData => mcdata,
        }
    }

    /// The service whose documents have the media type `application/<subtype>`
    /// (compared without case, RFC 2045 §5.1).
    #[must_use]
    pub fn service_of_media(&self, subtype: &[u8]) -> Option<Service> {
        Service::ALL.into_iter().find(|s| {
            self.of(*s)
                .media_subtype
                .as_bytes()
                .eq_ignore_ascii_case(subtype)
        })
    }
}
