//! Migration service authorization (L1, TS 23.280 clause 10.6.3.2.1), both sides: the partner
//! asks while the client waits, the primary allows or refuses, the partner stores the mapping.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sip_message::{HeaderName, Response, StatusCode};

use super::authorization::{Event, User};
use super::{Answerable, Continuation, RETRY_AFTER, Sending, ServiceServer};
use crate::document::{Document, Stay};
use crate::outgoing::{MAX_FORWARDS, Outgoing, new_session_id};
use crate::state::{Command, Outcome, UserKey, Verdict};
use crate::{
    Decision, Effect, McId, MessageKind, Now, Peer, ProcedureId, Refusal, RequestId, SendFailure,
    SendId, Service, SystemId, Warning,
};

/// How long a response is worth sending: the partner's client gives up at 64·T1 (RFC 3261
/// §17.1.2.2).
const RESPONSE_VALIDITY: Duration = Duration::from_secs(32);

/// A client's event that waits for the primary's response.
#[derive(Debug)]
pub(super) struct PendingMigration {
    event: Event,
    user: User,
    primary: SystemId,
    /// When the client is told that the primary could not be reached in time.
    pub deadline: Instant,
}

impl ServiceServer {
    /// Partner: a visiting user's event, once the store said whether he is migrated already.
    pub(super) fn visitor_looked_up(
        &mut self,
        now: Now,
        event: Event,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        let user = event.users.first().cloned();
        match (outcomes.first().map(|o| &o.verdict), user) {
            (Some(Verdict::NotMigrated), Some(user)) => self.ask_primary(now, event, user, out),
            (Some(Verdict::NoSuchEntityTag), _) => self.no_such_entity_tag(&event, out),
            (_, Some(user)) => {
                let why = "the mapping of this stay is in force: no migration is asked for";
                out.push(Effect::Decide(
                    Decision::new("L1", "refreshed", why)
                        .of(Some(event.procedure))
                        .about(&user.key.primary_id),
                ));
                self.event_succeeded(&event, out);
            }
            (_, None) => {}
        }
    }

    fn ask_primary(&mut self, now: Now, event: Event, user: User, out: &mut Vec<Effect>) {
        let document = Document {
            kind: Some(MessageKind::AuthorizationRequest),
            request_uri: Some(user.key.primary_id.as_str().to_owned()),
            primary_id: Some(user.key.primary_id.as_str().to_owned()),
            partner_id: Some(user.id_here.as_str().to_owned()),
            profile_index: user.profile_index,
            stay: Some(Stay {
                number: None,
                procedure: Some(event.procedure),
            }),
            ..Document::default()
        };
        let Some(partner) = self.config.systems.partner_of(&user.key.primary_id) else {
            self.refuse(event.id, &event.request, &Refusal::not_entitled(), out);
            return;
        };
        let (primary, peer) = (partner.system.id.clone(), partner.peer.clone());
        self.supersede(&user.key, out);
        out.push(Effect::Decide(
            Decision::new(
                "L1",
                "asks",
                format!("{primary} whether its user may migrate here"),
            )
            .of(Some(event.procedure))
            .about(&user.key.primary_id),
        ));
        let sending = Sending::MigrationRequest(event.id);
        if self
            .send(&peer, user.key.service, &document, None, sending, out)
            .is_none()
        {
            self.refuse(
                event.id,
                &event.request,
                &Refusal::unavailable(RETRY_AFTER),
                out,
            );
            return;
        }
        let pending = PendingMigration {
            user,
            primary,
            deadline: now.mono + self.config.migration_timeout,
            event,
        };
        self.migrations.insert(pending.event.id, pending);
    }

    /// Partner: the user asks anew, so nobody waits for the outcome of his earlier event: were it
    /// still to succeed, it could after the user has been here and gone (L2).
    fn supersede(&mut self, key: &UserKey, out: &mut Vec<Effect>) {
        let earlier = self.migrations.iter().find(|(_, p)| p.user.key == *key);
        let Some(id) = earlier.map(|(id, _)| *id) else {
            return;
        };
        if let Some(pending) = self.migrations.remove(&id) {
            let mut refusal = unreachable_primary();
            refusal.detail = Some("the same user asks anew".into());
            self.refuse(id, &pending.event.request, &refusal, out);
        }
    }

    /// Partner: the primary took the request; its response comes as a MESSAGE of its own.
    pub(super) fn migration_request_answered(
        &mut self,
        event: RequestId,
        response: &Response,
        out: &mut Vec<Effect>,
    ) {
        if response.status().is_success() {
            return;
        }
        let Some(pending) = self.migrations.remove(&event) else {
            return;
        };
        let status = response.status().as_u16();
        let mut refusal = match status {
            403 | 404 => Refusal::forbidden(Warning::SERVICE_AUTHORISATION_FAILED, "L1"),
            _ => unreachable_primary(),
        };
        refusal.detail = Some(format!("{} answered {status}", pending.primary).into());
        self.refuse(event, &pending.event.request, &refusal, out);
    }

    /// Partner: the request got no answer.
    pub(super) fn migration_request_failed(
        &mut self,
        event: RequestId,
        why: SendFailure,
        out: &mut Vec<Effect>,
    ) {
        if let Some(pending) = self.migrations.remove(&event) {
            let mut refusal = unreachable_primary();
            refusal.detail = Some(format!("{}: {why:?}", pending.primary).into());
            self.refuse(event, &pending.event.request, &refusal, out);
        }
    }

    /// Partner: clients that waited long enough.
    pub(super) fn migrations_timed_out(&mut self, now: Now, out: &mut Vec<Effect>) {
        let mut over: Vec<RequestId> = self
            .migrations
            .iter()
            .filter(|(_, pending)| pending.deadline <= now.mono)
            .map(|(id, _)| *id)
            .collect();
        // The order of the requests, not that of a hash table.
        over.sort_unstable();
        for id in over {
            if let Some(pending) = self.migrations.remove(&id) {
                let mut refusal = unreachable_primary();
                refusal.detail =
                    Some(format!("no response from {} in time", pending.primary).into());
                self.refuse(id, &pending.event.request, &refusal, out);
            }
        }
    }

    /// Primary: a partner asks whether an own user may migrate to it.
    pub(super) fn migration_request(
        &mut self,
        now: Now,
        mut message: Answerable,
        key: UserKey,
        partner: SystemId,
        partner_id: McId,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let procedure = match message.procedure {
            Some(procedure) => procedure,
            None => self.random.procedure(now.wall),
        };
        message.procedure = Some(procedure);
        let in_reply_to = message
            .request
            .headers()
            .call_id()
            .map(|v| String::from_utf8_lossy(v).into_owned())
            .map_err(|_| Refusal::bad_request("Malformed Call-ID"))?;
        let allowed = self
            .config
            .systems
            .partner(&partner)
            .is_some_and(|p| p.migration.allows(&key.primary_id));
        let expires = now.wall.after(RESPONSE_VALIDITY);
        let at = now.wall;
        let command = if allowed {
            Command::AllowMigration {
                key,
                system: partner,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            }
        } else {
            Command::RefuseMigration {
                key,
                system: partner,
                partner_id,
                procedure,
                in_reply_to,
                at,
                expires,
            }
        };
        let kind = MessageKind::AuthorizationRequest;
        self.store(vec![command], Continuation::Message { message, kind }, out);
        Ok(())
    }

    /// Partner: the primary's response.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn migration_response(
        &mut self,
        now: Now,
        message: Answerable,
        key: UserKey,
        primary: SystemId,
        partner_id: McId,
        document: Document,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let Some(allowed) = document.result else {
            let element = &self.config.profile.of(key.service).result;
            return Err(super::missing(element));
        };
        let Some(event) = self.waiting_for(&key, &partner_id, document.procedure()) else {
            let why = "nobody waits for this response any more; nothing is stored";
            out.push(Effect::Decide(
                Decision::new("L2", "late", why)
                    .of(message.procedure)
                    .about(&key.primary_id),
            ));
            self.respond(message.id, &message.request, StatusCode::OK, out, |b| b);
            return Ok(());
        };
        let Some(pending) = self.migrations.remove(&event) else {
            return Ok(());
        };
        if !allowed {
            let mut refusal = Refusal::forbidden(Warning::SERVICE_AUTHORISATION_FAILED, "L1");
            refusal.detail = Some(format!("{primary} refused the migration").into());
            self.refuse(event, &pending.event.request, &refusal, out);
            self.respond(message.id, &message.request, StatusCode::OK, out, |b| b);
            return Ok(());
        }
        let command = Command::StoreMapping {
            key,
            primary,
            partner_id,
            number: document.stay_number(),
            procedure: pending.event.procedure,
            authorization: pending.event.authorization.clone(),
            at: now.wall,
        };
        let event = Box::new(pending.event);
        self.store(vec![command], Continuation::Mapped { event, message }, out);
        Ok(())
    }

    /// The pending event that a response is for: by procedure, or, from a peer that names none,
    /// by the two ids.
    fn waiting_for(
        &self,
        key: &UserKey,
        partner_id: &McId,
        procedure: Option<ProcedureId>,
    ) -> Option<RequestId> {
        self.migrations
            .iter()
            .filter(|(_, p)| p.user.key == *key && p.user.id_here == *partner_id)
            .filter(|(_, p)| procedure.is_none_or(|named| named == p.event.procedure))
            .map(|(id, _)| *id)
            .min()
    }

    /// Partner: the mapping is durable, or the response was of an earlier stay.
    pub(super) fn mapped(
        &mut self,
        event: Event,
        message: &Answerable,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        let stale = outcomes.iter().any(|o| o.verdict == Verdict::Stale);
        let decision = if stale {
            Decision::new(
                "L2",
                "stale",
                "the response is of a stay that ended meanwhile",
            )
        } else {
            Decision::new(
                "L1",
                "mapped",
                "mapping stored; user authorisation notification owed to the primary (P2.1)",
            )
        };
        out.push(Effect::Decide(
            decision.of(Some(event.procedure)).about(&message.user),
        ));
        self.respond(message.id, &message.request, StatusCode::OK, out, |b| b);
        if stale {
            let mut refusal = unreachable_primary();
            refusal.detail = Some("the stay ended before it began".into());
            self.refuse(event.id, &event.request, &refusal, out);
        } else {
            self.event_succeeded(&event, out);
        }
    }

    /// Writes a document into a MESSAGE and sends it.
    pub(super) fn send(
        &mut self,
        peer: &Peer,
        service: Service,
        document: &Document,
        in_reply_to: Option<&str>,
        sending: Sending,
        out: &mut Vec<Effect>,
    ) -> Option<SendId> {
        let profile = self.config.profile.of(service);
        let charging_vector = format!(
            "icid-value={};orig-ioi={}",
            self.random.hex(16),
            self.config.systems.own.id
        );
        let session_id = new_session_id(&mut self.random);
        let outgoing = Outgoing {
            from_psi: &self.config.psi,
            to: peer,
            profile,
            max_forwards: MAX_FORWARDS,
            charging_vector,
            session_id,
            in_reply_to,
        };
        let body = Bytes::from(document.write(profile));
        let request = outgoing
            .request(&mut self.random, &profile.media_type(), body)
            .ok()?;
        self.next_id += 1;
        let id = SendId(self.next_id);
        self.sends.insert(id, sending);
        out.push(Effect::Send {
            id,
            next_hop: peer.next_hop.clone(),
            request,
        });
        Some(id)
    }
}

/// 500 with Retry-After: the primary could not be reached in time.
fn unreachable_primary() -> Refusal {
    Refusal::new(StatusCode::SERVER_INTERNAL_ERROR, "L1")
        .with(HeaderName::RetryAfter, RETRY_AFTER.to_string())
}
