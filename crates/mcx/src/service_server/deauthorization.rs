//! What the two notifications do: P1.4 at the partner, P2.2 at the primary.

use sip_message::StatusCode;

use super::{Answerable, Continuation, ServiceServer};
use crate::document::Document;
use crate::state::{Command, Outcome, UserKey, Verdict};
use crate::{Decision, Effect, McId, MessageKind, Now, Refusal, SystemId};

impl ServiceServer {
    /// Partner: the primary de-authorizes a stay here (P1.4).
    #[allow(clippy::too_many_arguments)]
    pub(super) fn deauthorization(
        &mut self,
        now: Now,
        message: Answerable,
        key: UserKey,
        primary: SystemId,
        partner_id: Option<McId>,
        document: Document,
        out: &mut Vec<Effect>,
    ) {
        let stop_at = self.config.stop.of(key.service, &primary).at(now.wall);
        let retention = self.config.retention.of(key.service, &primary);
        let command = Command::EndStay {
            key,
            partner_id,
            number: document.stay_number(),
            procedure: document.procedure(),
            at: now.wall,
            stop_at,
            purge_at: stop_at.after(retention),
        };
        let kind = MessageKind::DeauthorizationNotification;
        self.store(vec![command], Continuation::Message { message, kind }, out);
    }

    /// Primary: a partner reports that an own user completed service authorization there (P2.1).
    #[allow(clippy::too_many_arguments)]
    pub(super) fn user_authorization(
        &mut self,
        now: Now,
        mut message: Answerable,
        key: UserKey,
        system: SystemId,
        partner_id: McId,
        document: Document,
        out: &mut Vec<Effect>,
    ) {
        let procedure = match message.procedure {
            Some(procedure) => procedure,
            None => self.random.procedure(now.wall),
        };
        message.procedure = Some(procedure);
        let command = Command::UserMoved {
            key,
            system,
            partner_id,
            number: document.stay_number(),
            procedure,
            at: now.wall,
        };
        let kind = MessageKind::UserAuthorizationNotification;
        self.store(vec![command], Continuation::Message { message, kind }, out);
    }

    /// What a MESSAGE did is durable: it is answered by what that was.
    pub(super) fn message_stored(
        &mut self,
        now: Now,
        message: &Answerable,
        kind: MessageKind,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        let Some(outcome) = outcomes.first() else {
            return;
        };
        if let Verdict::Ended { stop_at, .. } = outcome.verdict
            && stop_at > now.wall
        {
            self.expires_at(now, stop_at);
        }
        let (decision, refusal) = judge(now, kind, &outcome.verdict);
        out.push(Effect::Decide(
            decision.of(message.procedure).about(&message.user),
        ));
        match refusal {
            Some(refusal) => self.refuse(message.id, &message.request, &refusal, out),
            None => self.respond(message.id, &message.request, StatusCode::OK, out, |b| b),
        }
    }
}

/// Decision and answer for what the store did; `None` answers 200.
fn judge(now: Now, kind: MessageKind, verdict: &Verdict) -> (Decision, Option<Refusal>) {
    let stale = "it speaks of a stay that a newer one replaced; nothing changed";
    match (kind, verdict) {
        (_, Verdict::Ended { stop_at, .. }) if *stop_at > now.wall => {
            let why = format!(
                "the stay ended; the user is served for {} s more, or until his last session ended",
                stop_at.since(now.wall).as_secs()
            );
            (Decision::new("P1.4", "applied", why), None)
        }
        (_, Verdict::Ended { .. }) => (
            Decision::new(
                "P1.4",
                "applied",
                "the mapping is was-migrated; the user is no longer served here",
            ),
            None,
        ),
        (_, Verdict::AlreadyEnded) => (
            Decision::new(
                "L3",
                "applied before",
                "that stay had ended; nothing changed",
            ),
            None,
        ),
        (_, Verdict::Unknown) => (
            Decision::new("P1.4", "unknown user", "the user has no mapping here"),
            Some(Refusal::unknown_user()),
        ),
        (MessageKind::AuthorizationRequest, Verdict::Allowed { number }) => (
            Decision::new(
                "L1",
                "allowed",
                format!("the user may migrate: stay {number}"),
            ),
            None,
        ),
        (MessageKind::AuthorizationRequest, Verdict::Done) => (
            Decision::new("L1", "refused", "configured policy refuses the migration"),
            None,
        ),
        (_, Verdict::Moved { ended }) if ended.is_empty() => (
            Decision::new("P2.2", "nothing to do", "no other partner served the user"),
            None,
        ),
        (_, Verdict::Moved { ended }) => {
            let stays: Vec<_> = ended
                .iter()
                .map(|(system, number)| format!("{system} (stay {number})"))
                .collect();
            let why = format!(
                "the user moved on: de-authorization owed to {}",
                stays.join(", ")
            );
            (Decision::new("P2.2", "owed", why), None)
        }
        (_, Verdict::NeverAllowed) => (
            Decision::new("L5", "never allowed", "this system never allowed that stay"),
            Some(Refusal::not_entitled()),
        ),
        (_, Verdict::Stale) => (Decision::new("L2", "stale", stale), None),
        _ => (Decision::new("L7", "done", kind.as_str()), None),
    }
}
