//! Sends what is owed, and gives each row its fate by the answer (P1.1, L4).

use sip_message::Response;

use super::{Continuation, Sending, ServiceServer};
use crate::delivery::{Ended, Fate, Trouble, fate};
use crate::document::{Document, Stay};
use crate::state::{Command, Notice, OutboxRow, Parked};
use crate::{Decision, Effect, MessageKind, Now, SendFailure, Warning, Weight};

impl ServiceServer {
    pub(super) fn send_due_rows(&mut self, now: Now, out: &mut Vec<Effect>) {
        while self.availability.begins()
            && let Some(row) = self.schedule.next(now)
        {
            if row.row.expires.is_some_and(|at| at <= now.wall) {
                let why = format!("{}: nobody waits for it any more", row.row.notice.kind());
                self.decide_row(&row, "L4", "dropped", why, out);
                self.row_done(row, Ended::Unsent, out);
                continue;
            }
            self.send_row(now, row, out);
        }
    }

    fn send_row(&mut self, now: Now, row: OutboxRow, out: &mut Vec<Effect>) {
        let Some(partner) = self.config.systems.partner(&row.row.to) else {
            let text = format!("{} is no configured partner", row.row.to);
            self.park(now, row, (0, text.clone()), text, out);
            return;
        };
        let peer = partner.peer.clone();
        let marked = self.marks(partner, &row.row.key.primary_id);
        let why = format!(
            "{} to {}, attempt {}",
            row.row.notice.kind(),
            row.row.to,
            row.attempts.saturating_add(1)
        );
        self.decide_row(&row, requirement(row.row.notice.kind()), "sends", why, out);
        let document = document_of(&row);
        let in_reply_to = match &row.row.notice {
            Notice::AuthorizationResponse { in_reply_to, .. } => Some(in_reply_to.clone()),
            _ => None,
        };
        let service = row.row.key.service;
        let sending = Sending::Row(Box::new(row.clone()));
        if self
            .send(
                &peer,
                service,
                &document,
                in_reply_to.as_deref(),
                (sending, marked),
                out,
            )
            .is_none()
        {
            let text = "the request cannot be written: its PSI or Route is invalid".to_owned();
            self.park(now, row, (0, text.clone()), text, out);
        }
    }

    pub(super) fn row_answered(
        &mut self,
        now: Now,
        row: OutboxRow,
        response: &Response,
        out: &mut Vec<Effect>,
    ) {
        let status = response.status().as_u16();
        let fate = fate(response);
        if !matches!(fate, Fate::Retry(..)) {
            self.schedule.answered(now, &row.row.to);
        }
        match fate {
            Fate::Delivered => {
                let why = format!("{} has it", row.row.to);
                self.decide_row(&row, "L4", "delivered", why, out);
                self.row_done(row, Ended::Answered, out);
            }
            Fate::UserUnknown => {
                let why = format!(
                    "{} does not know the user: nothing is left to end",
                    row.row.to
                );
                self.decide_row(&row, "L4", "done", why, out);
                self.row_done(row, Ended::Answered, out);
            }
            Fate::Retry(retry_after, trouble) => {
                let why = format!("{} answered {status}", row.row.to);
                self.retry(now, row, (retry_after, trouble), why, out);
            }
            Fate::Park(status, text) => {
                let known = Warning::known(text.as_bytes())
                    .map_or_else(String::new, |w| format!(" {} {}", w.code, w.text));
                let why = format!("{} refused it with {status}{known}", row.row.to);
                self.park(now, row, (status, text), why, out);
            }
        }
    }

    pub(super) fn row_failed(
        &mut self,
        now: Now,
        row: OutboxRow,
        why: SendFailure,
        out: &mut Vec<Effect>,
    ) {
        let trouble = Trouble::of(why);
        let why = format!("{} {why}", row.row.to);
        self.retry(now, row, (None, trouble), why, out);
    }

    fn row_done(&mut self, row: OutboxRow, ended: Ended, out: &mut Vec<Effect>) {
        let batch = vec![Command::OutboxDone { id: row.id }];
        let ended = Some(ended);
        self.store(batch, Continuation::Row { row, ended }, out);
    }

    fn retry(
        &mut self,
        now: Now,
        row: OutboxRow,
        after: (Option<u32>, Trouble),
        why: String,
        out: &mut Vec<Effect>,
    ) {
        let (attempts, next_at) = self.schedule.again(now, &row, after, &mut self.random);
        let failure = why.clone();
        let why = format!(
            "{why}: attempt {} in {:.1} s",
            attempts.saturating_add(1),
            next_at.since(now.wall).as_secs_f64()
        );
        self.decide_row(&row, "L4", "kept", why, out);
        let batch = vec![Command::OutboxRetry {
            id: row.id,
            attempts,
            next_at,
            failure,
        }];
        self.store(batch, Continuation::Row { row, ended: None }, out);
    }

    /// It is kept, not sent again, and the operator is told. `text` may be the partner's words,
    /// which are for the row and not for the log; `why` is for the log.
    fn park(
        &mut self,
        now: Now,
        row: OutboxRow,
        parked: (u16, String),
        why: String,
        out: &mut Vec<Effect>,
    ) {
        let why = format!("{why}; an operator must look");
        out.push(Effect::Decide(
            Decision::new("L4", "parked", why)
                .of(Some(row.row.procedure))
                .about(&row.row.key.primary_id)
                .weighing(Weight::Alarm),
        ));
        let (status, text) = parked;
        let parked = Parked {
            status,
            text,
            since: now.wall,
        };
        // 0 is no partner's answer.
        let ended = Some(match status {
            0 => Ended::Unsent,
            _ => Ended::Answered,
        });
        let batch = vec![Command::OutboxPark { id: row.id, parked }];
        self.store(batch, Continuation::Row { row, ended }, out);
    }

    fn decide_row(
        &self,
        row: &OutboxRow,
        requirement: &'static str,
        verdict: &'static str,
        why: String,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::Decide(
            Decision::new(requirement, verdict, why)
                .of(Some(row.row.procedure))
                .about(&row.row.key.primary_id),
        ));
    }
}

/// The requirement behind a message that is owed.
fn requirement(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::DeauthorizationNotification => "P1.1",
        MessageKind::UserAuthorizationNotification => "P2.1",
        MessageKind::AuthorizationRequest | MessageKind::AuthorizationResponse => "L1",
    }
}

/// The document of an outbox row.
fn document_of(row: &OutboxRow) -> Document {
    let notice = &row.row.notice;
    let primary_id = row.row.key.primary_id.as_str().to_owned();
    let number = notice.number();
    let allowed = match notice {
        Notice::AuthorizationResponse { number, .. } => Some(number.is_some()),
        _ => None,
    };
    let target = match notice {
        Notice::Deauthorization { .. } => Some(primary_id.clone()),
        _ => None,
    };
    Document {
        kind: Some(notice.kind()),
        request_uri: target,
        primary_id: Some(primary_id),
        partner_id: notice.partner_id().map(|id| id.as_str().to_owned()),
        result: allowed,
        stay: Some(Stay {
            number,
            procedure: Some(row.row.procedure),
        }),
        ..Document::default()
    }
}
