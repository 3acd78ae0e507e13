//! Migration service authorization at the partner (L1, TS 23.280 clause 10.6.3.2.1): a visiting
//! user's event waits while the primary is asked; its response stores the mapping.

use sip_message::{HeaderName, Response, StatusCode};

use super::authorization::{Event, User, heard};
use super::pending::PendingMigration;
use super::{Answerable, Continuation, RETRY_AFTER, Sending, ServiceServer};
use crate::document::{Document, Stay};
use crate::state::{Command, Outcome, UserKey, Verdict};
use crate::{
    Decision, Effect, McId, MessageKind, Now, Refusal, RequestId, SendFailure, SystemId, Warning,
};

impl ServiceServer {
    /// A visiting user's event, once the store said whether he is migrated already.
    pub(super) fn visitor_looked_up(
        &mut self,
        now: Now,
        mut event: Event,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        let user = event.users.first().cloned();
        match (outcomes.first().map(|o| &o.verdict), user) {
            (Some(Verdict::NotMigrated), Some(user)) => self.ask_primary(now, event, user, out),
            (Some(Verdict::NoSuchEntityTag), _) => self.no_such_entity_tag(&event, out),
            (Some(Verdict::Stale), _) => {
                let mut refusal = unreachable_primary();
                refusal.detail = Some("a late copy of an event of a stay that ended".into());
                self.refuse(event.id, &event.request, &refusal, out);
            }
            (Some(Verdict::HeardBefore { etag }), Some(user)) => {
                event.authorization.etag.clone_from(etag);
                let why = "a late copy of an event that was heard before; nothing changed";
                out.push(Effect::Decide(
                    Decision::new("L2", "repeated", why)
                        .of(Some(event.procedure))
                        .about(&user.key.primary_id),
                ));
                self.event_succeeded(&event, out);
            }
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
        let Some(partner) = self
            .config
            .systems
            .partner_of(&user.key.primary_id, user.key.service)
        else {
            self.refuse(event.id, &event.request, &Refusal::not_entitled(), out);
            return;
        };
        let (primary, peer) = (partner.system.id.clone(), partner.peer.clone());
        let marked = self.marks(partner, &user.key.primary_id);
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
            .send(
                &peer,
                user.key.service,
                &document,
                None,
                (sending, marked),
                out,
            )
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
        self.pending.insert(pending);
    }

    /// The user asks anew, so nobody waits for the outcome of his earlier event: were it
    /// still to succeed, it could after the user has been here and gone (L2).
    fn supersede(&mut self, key: &UserKey, out: &mut Vec<Effect>) {
        if let Some(pending) = self.pending.take_of(key) {
            let mut refusal = unreachable_primary();
            refusal.detail = Some("the same user asks anew".into());
            self.refuse(pending.event.id, &pending.event.request, &refusal, out);
        }
    }

    /// The primary took the request; its response comes as a MESSAGE of its own.
    pub(super) fn migration_request_answered(
        &mut self,
        event: RequestId,
        response: &Response,
        out: &mut Vec<Effect>,
    ) {
        if response.status().is_success() {
            return;
        }
        let Some(pending) = self.pending.take(event) else {
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

    /// The request got no answer.
    pub(super) fn migration_request_failed(
        &mut self,
        event: RequestId,
        why: SendFailure,
        out: &mut Vec<Effect>,
    ) {
        if let Some(pending) = self.pending.take(event) {
            let mut refusal = unreachable_primary();
            refusal.detail = Some(format!("{} {why}", pending.primary).into());
            self.refuse(event, &pending.event.request, &refusal, out);
        }
    }

    /// Gives up for clients that waited long enough.
    pub(super) fn migrations_timed_out(&mut self, now: Now, out: &mut Vec<Effect>) {
        while let Some(pending) = self.pending.take_due(now.mono) {
            let mut refusal = unreachable_primary();
            refusal.detail = Some(format!("no response from {} in time", pending.primary).into());
            self.refuse(pending.event.id, &pending.event.request, &refusal, out);
        }
    }

    /// The primary's response.
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
            return Err(crate::incoming::missing(element));
        };
        let waits = self.pending.of(&key).filter(|pending| {
            // By the two ids, and by procedure from a peer that names it.
            let named = document.procedure();
            pending.user.id_here == partner_id
                && named.is_none_or(|named| named == pending.event.procedure)
        });
        let Some(pending) = waits
            .map(|p| p.event.id)
            .and_then(|id| self.pending.take(id))
        else {
            let why = "nobody waits for this response any more; nothing is stored";
            out.push(Effect::Decide(
                Decision::new("L2", "late", why)
                    .of(message.procedure)
                    .about(&key.primary_id),
            ));
            self.respond(message.id, &message.request, StatusCode::OK, out, |b| b);
            return Ok(());
        };
        if !allowed {
            let mut refusal = Refusal::forbidden(Warning::SERVICE_AUTHORISATION_FAILED, "L1");
            refusal.detail = Some(format!("{primary} refused the migration").into());
            self.refuse(pending.event.id, &pending.event.request, &refusal, out);
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
            heard: heard(&pending.event.request),
            at: now.wall,
        };
        let event = Box::new(pending.event);
        self.store(vec![command], Continuation::Mapped { event, message }, out);
        Ok(())
    }

    /// The mapping is durable, or the response was of an earlier stay.
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
}

/// 500 with Retry-After: the primary could not be reached in time.
fn unreachable_primary() -> Refusal {
    Refusal::new(StatusCode::SERVER_INTERNAL_ERROR, "L1")
        .with(HeaderName::RetryAfter, RETRY_AFTER.to_string())
}
