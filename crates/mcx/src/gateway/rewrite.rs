//! What a gateway lets through, and in which words (L6): of a request the body and what the
//! profile names; of an answer the status, Warning texts and Retry-After. Every other header
//! field is made anew or left out, never copied.

use sip_message::{HeaderName, Headers, Request, Response, StatusCode};

use super::loops::{self, Leg};
use super::{GatewayServer, Pending, Route};
use crate::charging;
use crate::marking;
use crate::outgoing::{Outgoing, host_of, new_session_id};
use crate::{Decision, Effect, MessageKind, Now, Refusal, RequestId, SendId};

impl GatewayServer {
    pub(super) fn forward(
        &mut self,
        now: Now,
        id: RequestId,
        request: &Request,
        route: Route,
        max_forwards: u8,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let headers = request.headers();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let call_id = headers
            .call_id()
            .map(text)
            .map_err(|_| Refusal::bad_request("Malformed Call-ID"))?;
        // A response message answers one request; a Call-ID of the other side is not passed on.
        let in_reply_to = headers
            .in_reply_to()
            .ok()
            .and_then(|ids| ids.first().map(|id| text(id)))
            .and_then(|id| self.replies.theirs(&id).map(str::to_owned));
        let charging_vector = self.charging_vector(request);
        let mut session_id = new_session_id(&mut self.random);
        if route.logme {
            session_id = marking::marked(session_id);
        }
        let outgoing = Outgoing {
            from_psi: &self.config.psi,
            to: &route.peer,
            profile: self.config.profile.of(route.service),
            max_forwards,
            charging_vector,
            session_id,
            in_reply_to: in_reply_to.as_deref(),
        };
        let forwarded = outgoing
            .request(&mut self.random, &route.content.media, route.content.body)
            .map_err(|_| Refusal::bad_request("Malformed Content-Type"))?;
        if route.kind == MessageKind::AuthorizationRequest
            && let Ok(ours) = forwarded.headers().call_id()
        {
            self.replies.remember(now.mono, text(ours), call_id);
        }
        self.next_id += 1;
        let send = SendId(self.next_id);
        let bodies = [request.body(), forwarded.body()].map(|body| loops::digest(body));
        for body in bodies {
            let leg = Leg {
                from: route.from.clone(),
                to: route.peer.psi.clone(),
            };
            self.under_way.insert(body, send, leg);
        }
        self.pending.insert(
            send,
            Pending {
                id,
                request: request.clone(),
                procedure: route.procedure,
                user: route.user,
                partner: route.partner,
                to: route.to,
                requirement: route.requirement,
                bodies,
            },
        );
        out.push(Effect::Send {
            id: send,
            next_hop: route.peer.next_hop,
            request: forwarded,
        });
        Ok(())
    }

    /// `icid-value` is kept along the path; where it was generated is not told (RFC 7315 §5.6).
    fn charging_vector(&mut self, request: &Request) -> String {
        let received = request.headers().charging_vector().ok().flatten();
        let icid = received
            .as_ref()
            .and_then(|vector| vector.icid_value())
            .map(|icid| String::from_utf8_lossy(&icid).into_owned())
            .filter(|icid| !icid.is_empty() && icid.bytes().all(|b| b.is_ascii_alphanumeric()));
        let icid = icid.unwrap_or_else(|| self.random.hex(16));
        format!("icid-value={icid};orig-ioi={}", self.config.systems.own.id)
    }

    /// The far end's final answer, in this gateway's words.
    pub(super) fn answered(
        &mut self,
        pending: &Pending,
        response: &Response,
        out: &mut Vec<Effect>,
    ) {
        let status = response.status();
        // RFC 4320 §4.2: a 408 is not passed on.
        let passed_on = status != StatusCode::REQUEST_TIMEOUT;
        let verdict = if passed_on {
            "answer passed on"
        } else {
            "no answer"
        };
        let why = format!("{} answered {}", pending.to, status.as_u16());
        out.push(Effect::Decide(
            Decision::new(pending.requirement, verdict, why)
                .of(pending.procedure)
                .about(&pending.user),
        ));
        if !passed_on {
            out.push(Effect::Abandon { id: pending.id });
            return;
        }
        let tag = self.random.hex(8);
        let mut builder = Response::to(&pending.request, status, Some(&tag));
        let host = host_of(&self.config.psi);
        for warning in response.headers().warnings().unwrap_or_default() {
            let text = String::from_utf8_lossy(&warning.text);
            if warning.code == 399 && names_no_host(&text) {
                builder = builder.header(HeaderName::Warning, format!("399 {host} \"{text}\""));
            }
        }
        let own = &self.config.systems.own.id;
        if let Some(vector) = charging::of_answer(&pending.request, own) {
            builder = builder.header(HeaderName::PChargingVector, vector);
        }
        if let Ok(Some(seconds)) = response.headers().retry_after() {
            builder = builder.header(HeaderName::RetryAfter, seconds.to_string());
        }
        if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            builder = builder.header(HeaderName::Accept, self.accept());
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            builder = builder.header(HeaderName::Allow, super::ALLOW);
        }
        if let Ok(response) = builder.finish() {
            out.push(Effect::Respond {
                id: pending.id,
                response,
            });
        }
    }
}

/// The media type, and of its parameters the boundary alone: without it a multipart body cannot
/// be read.
pub(super) fn content_type(headers: &Headers) -> Result<String, Refusal> {
    let malformed = || Refusal::bad_request("Malformed Content-Type");
    let media = headers.content_type().map_err(|_| malformed())?;
    let media = media.ok_or_else(malformed)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut value = format!("{}/{}", text(media.top()), text(media.sub()));
    if let Some(Some(boundary)) = media.params().get("boundary") {
        value.push_str(";boundary=");
        value.push_str(&text(boundary));
    }
    Ok(value)
}

/// Whether a Warning text is a 3GPP one, code and words, with nothing in it that could be a host
/// or an address.
fn names_no_host(text: &str) -> bool {
    let coded = text
        .get(..3)
        .is_some_and(|c| c.bytes().all(|b| b.is_ascii_digit()));
    coded
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b',' | b'\''))
}

#[cfg(test)]
mod tests {
    use super::names_no_host;

    #[test]
    fn only_3gpp_texts_pass() {
        assert!(names_no_host(
            "141 user unknown to the participating function"
        ));
        assert!(!names_no_host("crashed"));
        assert!(!names_no_host("141 at 10.0.0.7"));
        assert!(!names_no_host("141 \"quoted\" host.example"));
    }
}
