//! Service authorization: the client's event that starts everything (P1.0, L1). It arrives from
//! the SIP core as a third-party REGISTER (TS 24.229 clause 5.7.1.1) or as a PUBLISH of
//! `poc-settings` (TS 24.379 clause 7.3.3).

use std::time::Duration;

use sip_message::{HeaderName, Method, Request, StatusCode};

use super::{Continuation, ServiceServer};
use crate::document::{ServiceDocument, client_register};
use crate::incoming::identity;
use crate::state::{Authorization, Command, Heard, Outcome, UserKey, Verdict};
use crate::token::TokenError;
use crate::{
    Decision, Effect, McId, Now, ProcedureId, Refusal, RequestId, SystemId, Warning, Weight,
};

/// The event package of service settings (RFC 4354).
const POC_SETTINGS: &[u8] = b"poc-settings";

/// A client's service authorization, its token being verified.
#[derive(Debug)]
pub(super) struct Event {
    pub id: RequestId,
    pub request: Request,
    /// Joins all that follows from it.
    pub procedure: ProcedureId,
    pub expires: u32,
    pub authorization: Authorization,
    pub users: Vec<User>,
}

/// One user of one service in an event.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub key: UserKey,
    /// The id that this system gave him: the token's.
    pub id_here: McId,
    /// His primary system, when it is another one.
    pub visiting: Option<SystemId>,
    pub profile_index: Option<u32>,
}

impl ServiceServer {
    /// A REGISTER or PUBLISH from the SIP core.
    pub(super) fn event(
        &mut self,
        now: Now,
        id: RequestId,
        request: &Request,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let expires = request
            .headers()
            .expires()
            .map_err(|_| Refusal::bad_request("Malformed Expires"))?
            .unwrap_or(self.config.default_expires);
        let publication = *request.method() == Method::Publish;
        if publication {
            check_event_package(request)?;
        }
        let documents = self.documents(request);
        let has_none = documents.as_ref().is_err_and(|refusal| {
            request.body().is_empty() || refusal.status == StatusCode::UNSUPPORTED_MEDIA_TYPE
        });
        if !publication && has_none && self.is_registration_alone(request) {
            let (verdict, why) = match expires {
                0 => (
                    "nothing to end",
                    "the de-registration names no MC service ID",
                ),
                _ => ("nothing to do", "the registration asks for no MC service"),
            };
            out.push(Effect::Decide(Decision::new("P1.0", verdict, why)));
            self.respond(id, request, StatusCode::OK, out, |b| {
                b.header(HeaderName::Expires, expires.to_string())
            });
            return Ok(());
        }
        let mut users = Vec::new();
        for found in documents? {
            users.push(self.user(now, &found)?);
        }
        if users.len() > 1 && users.iter().any(|u| u.visiting.is_some()) {
            return Err(Refusal::bad_request(
                "More than one MC info document of a visiting user",
            ));
        }
        let why = format!(
            "{} documents with tokens that are valid, Expires {expires}",
            users.len()
        );
        out.push(Effect::Decide(
            Decision::new("wire:documents", "reads", why)
                .by("document")
                .weighing(Weight::Detail),
        ));
        let event = Event {
            id,
            request: request.clone(),
            procedure: self.random.procedure(now.wall),
            expires,
            authorization: Authorization {
                until: now.wall.after(Duration::from_secs(expires.into())),
                etag: publication.then(|| self.random.hex(8)),
                registration: if publication {
                    None
                } else {
                    self.registration(request)
                },
            },
            users,
        };
        self.event_accepted(now, event, out);
        Ok(())
    }

    /// Whether a REGISTER tells of the registration, and of no MC service: it has no body, or the client's REGISTER inside has none
    /// (TS 24.229 clause 5.4.1.7: what is in it is up to the filter criteria). Then service authorization comes by PUBLISH.
    fn is_registration_alone(&self, request: &Request) -> bool {
        let own = client_register(request.headers(), request.body(), &self.config.limits);
        request.body().is_empty() || own.is_some_and(|own| own.body().is_empty())
    }

    /// Call-ID of the client's registration: of his own REGISTER where the SIP core handed it
    /// on, else of the core's.
    fn registration(&self, request: &Request) -> Option<String> {
        let own = client_register(request.headers(), request.body(), &self.config.limits);
        let headers = own.as_ref().map_or(request.headers(), |m| m.headers());
        let call_id = headers.call_id().ok()?;
        Some(String::from_utf8_lossy(call_id).into_owned())
    }

    /// Whom a document is about, as proven by its token.
    fn user(&self, now: Now, found: &ServiceDocument) -> Result<User, Refusal> {
        let service = found.service;
        let document = &found.document;
        let profile = self.config.profile.of(service);
        let systems = &self.config.systems;
        let id_here = self
            .config
            .tokens
            .user(document.access_token.as_deref(), service, profile, now.wall)
            .map_err(|error| not_authorized(&error))?;
        let another = || not_authorized(&TokenError::AnotherIdentity);
        if !systems.own.gave(&id_here) {
            return Err(another());
        }
        let primary_id = identity(&profile.primary_id, document.primary_id.as_deref())?;
        let partner_id = identity(&profile.partner_id, document.partner_id.as_deref())?;
        let target = identity(&profile.request_uri, document.request_uri.as_deref())?;
        let primary_id = primary_id.unwrap_or_else(|| id_here.clone());
        if partner_id.is_some_and(|id| id != id_here)
            || target.is_some_and(|id| id != id_here && id != primary_id)
        {
            return Err(another());
        }
        let visiting = if systems.own.gave(&primary_id) {
            if primary_id != id_here {
                return Err(another());
            }
            None
        } else {
            let partner = systems
                .partner_of(&primary_id, service)
                .ok_or_else(Refusal::not_entitled)?;
            Some(partner.system.id.clone())
        };
        Ok(User {
            key: UserKey {
                service,
                primary_id,
            },
            id_here,
            visiting,
            profile_index: document.profile_index,
        })
    }

    fn event_accepted(&mut self, now: Now, event: Event, out: &mut Vec<Effect>) {
        let if_match = event
            .request
            .headers()
            .first(&HeaderName::SipIfMatch)
            .map(|v| String::from_utf8_lossy(v).into_owned());
        let mut batch = Vec::with_capacity(event.users.len());
        let mut visiting = false;
        for user in &event.users {
            out.push(Effect::Decide(
                Decision::new(
                    if user.visiting.is_some() {
                        "L1"
                    } else {
                        "P1.0"
                    },
                    "authorized",
                    format!(
                        "{} token verified for {} user",
                        user.key.service,
                        if user.visiting.is_some() {
                            "a visiting"
                        } else {
                            "an own"
                        }
                    ),
                )
                .of(Some(event.procedure))
                .about(&user.key.primary_id),
            ));
            let key = user.key.clone();
            batch.push(match (&user.visiting, event.expires) {
                (None, 0) => Command::EndHomeAuthorization {
                    key,
                    if_match: if_match.clone(),
                    at: now.wall,
                },
                (Some(_), 0) => Command::EndVisitorAuthorization {
                    key,
                    partner_id: user.id_here.clone(),
                    if_match: if_match.clone(),
                    at: now.wall,
                },
                (None, _) => Command::AuthorizeHome {
                    key,
                    authorization: event.authorization.clone(),
                    if_match: if_match.clone(),
                    heard: heard(&event.request),
                    procedure: event.procedure,
                    at: now.wall,
                },
                (Some(_), _) => {
                    visiting = true;
                    Command::RefreshVisitor {
                        key,
                        partner_id: user.id_here.clone(),
                        authorization: event.authorization.clone(),
                        heard: heard(&event.request),
                        if_match: if_match.clone(),
                        at: now.wall,
                    }
                }
            });
        }
        let then = if visiting {
            Continuation::Visited(Box::new(event))
        } else {
            Continuation::Authorized(Box::new(event))
        };
        self.store(batch, then, out);
    }

    /// An own user's event is durable, and with it what it starts (L4).
    pub(super) fn home_authorized(
        &mut self,
        mut event: Event,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        for outcome in outcomes {
            if let Verdict::HeardBefore { etag } = &outcome.verdict {
                event.authorization.etag.clone_from(etag);
            }
        }
        if outcomes
            .iter()
            .any(|o| o.verdict == Verdict::NoSuchEntityTag)
        {
            self.no_such_entity_tag(&event, out);
            return;
        }
        if outcomes.iter().any(|o| o.verdict == Verdict::AnotherUser) {
            let refusal = not_authorized(&TokenError::AnotherIdentity);
            self.refuse(event.id, &event.request, &refusal, out);
            return;
        }
        for (user, outcome) in event.users.iter().zip(outcomes) {
            let decision = match &outcome.verdict {
                Verdict::HeardBefore { .. } => Decision::new(
                    "L2",
                    "repeated",
                    "a late copy of an event that was heard before; nothing changed",
                ),
                Verdict::Authorized { ended } if ended.is_empty() => Decision::new(
                    "P1.0",
                    "nothing to do",
                    "the user was not migrated: no procedure starts",
                ),
                Verdict::Authorized { ended } => {
                    let stays: Vec<_> = ended
                        .iter()
                        .map(|(system, number)| format!("{system} (stay {number})"))
                        .collect();
                    Decision::new(
                        "P1.1",
                        "owed",
                        format!(
                            "the user returned: de-authorization owed to {}",
                            stays.join(", ")
                        ),
                    )
                }
                _ => Decision::new("P1.0", "ended", "the service authorization ended"),
            };
            out.push(Effect::Decide(
                decision
                    .of(Some(event.procedure))
                    .about(&user.key.primary_id),
            ));
        }
        self.event_succeeded(&event, out);
    }

    /// The client's answer: the same expiry, and the entity-tag of a publication.
    pub(super) fn event_succeeded(&mut self, event: &Event, out: &mut Vec<Effect>) {
        let etag = event.authorization.etag.clone();
        let expires = event.expires;
        self.respond(event.id, &event.request, StatusCode::OK, out, |mut b| {
            if let (Some(etag), true) = (etag, expires > 0) {
                b = b.header(HeaderName::SipEtag, etag);
            }
            b.header(HeaderName::Expires, expires.to_string())
        });
    }

    pub(super) fn no_such_entity_tag(&mut self, event: &Event, out: &mut Vec<Effect>) {
        let refusal = Refusal::new(StatusCode::CONDITIONAL_REQUEST_FAILED, "P1.0");
        self.refuse(event.id, &event.request, &refusal, out);
    }
}

/// Which request an event came with.
pub(super) fn heard(request: &Request) -> Option<Heard> {
    let headers = request.headers();
    Some(Heard {
        call_id: String::from_utf8_lossy(headers.call_id().ok()?).into_owned(),
        cseq: headers.cseq().ok()?.number,
    })
}

fn check_event_package(request: &Request) -> Result<(), Refusal> {
    let event = request
        .headers()
        .first(&HeaderName::Event)
        .ok_or_else(|| Refusal::bad_request("Missing Event"))?;
    let package = event.split(|b| *b == b';').next().unwrap_or(event);
    if package.trim_ascii() == POC_SETTINGS {
        return Ok(());
    }
    let bad_event = StatusCode::new(489).unwrap_or(StatusCode::BAD_REQUEST);
    Err(Refusal::new(bad_event, "wire:answers").with(HeaderName::AllowEvents, "poc-settings"))
}

fn not_authorized(error: &TokenError) -> Refusal {
    let mut refusal = Refusal::forbidden(Warning::SERVICE_AUTHORISATION_FAILED, "P1.0");
    refusal.detail = Some(error.to_string().into());
    refusal
}
