//! Builds the MESSAGE requests of the procedures (wire profile, "Header fields").

use bytes::Bytes;
use sip_message::{BuildError, HeaderName, Method, Request};

use crate::{Peer, Random, ServiceProfile};

/// Max-Forwards of a request that is not forwarded (RFC 3261 §8.1.1.6).
pub(crate) const MAX_FORWARDS: u8 = 70;

/// A Session-ID whose other half is not known yet (RFC 7989 §5).
pub(crate) const NIL_SESSION: &str = "00000000000000000000000000000000";

/// A MESSAGE request of ours, but for its document.
pub(crate) struct Outgoing<'a> {
    /// Our public service identity.
    pub from_psi: &'a str,
    /// The function it is for.
    pub to: &'a Peer,
    /// Names of the service.
    pub profile: &'a ServiceProfile,
    /// Max-Forwards.
    pub max_forwards: u8,
    /// P-Charging-Vector (RFC 7315 §5.6).
    pub charging_vector: String,
    /// Our half of the Session-ID, or both halves.
    pub session_id: String,
    /// Call-ID of the request that this one answers, if any.
    pub in_reply_to: Option<&'a str>,
}

impl Outgoing<'_> {
    /// The request, without Via: that is added when it is sent.
    pub(crate) fn request(
        self,
        random: &mut Random,
        content_type: &str,
        body: Bytes,
    ) -> Result<Request, BuildError> {
        let host = host_of(self.from_psi);
        let mut builder = Request::build(Method::Message, &self.to.psi)
            .header(HeaderName::MaxForwards, self.max_forwards.to_string());
        for route in &self.to.route {
            builder = builder.header(HeaderName::Route, route);
        }
        builder = builder
            .header(
                HeaderName::From,
                format!("<{}>;tag={}", self.from_psi, random.hex(8)),
            )
            .header(HeaderName::To, format!("<{}>", self.to.psi))
            .header(HeaderName::CallId, format!("{}@{host}", random.hex(16)))
            .header(HeaderName::CSeq, "1 MESSAGE")
            .header(
                HeaderName::PAssertedIdentity,
                format!("<{}>", self.from_psi),
            )
            .header(HeaderName::PAssertedService, &self.profile.icsi)
            .header(
                HeaderName::AcceptContact,
                format!("*;+{};require;explicit", self.profile.feature_tag),
            )
            .header(
                HeaderName::AcceptContact,
                format!(
                    "*;+g.3gpp.icsi-ref=\"{}\";require;explicit",
                    percent_colons(&self.profile.icsi)
                ),
            )
            .header(HeaderName::SessionId, &self.session_id)
            .header(HeaderName::PChargingVector, &self.charging_vector);
        if let Some(call_id) = self.in_reply_to {
            builder = builder.header(HeaderName::InReplyTo, call_id);
        }
        builder.body(content_type, body).finish()
    }
}

/// An own Session-ID, alone.
pub(crate) fn new_session_id(random: &mut Random) -> String {
    format!("{};remote={NIL_SESSION}", random.hex(16))
}

/// Host of a PSI: agent of Warnings, right side of Call-IDs.
pub(crate) fn host_of(psi: &str) -> &str {
    let rest = psi.split_once(':').map_or(psi, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    host.split([';', '?']).next().unwrap_or(host)
}

/// The ICSI as a feature tag value (RFC 3840 §9, TS 24.229 clause 7.2A.8.2).
fn percent_colons(icsi: &str) -> String {
    icsi.replace(':', "%3A")
}
