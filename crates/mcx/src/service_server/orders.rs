//! What an operator orders by hand: rows of the outbox sent again or dropped, a user de-authorized, a
//! session reported as ended. Each leaves a decision that says who ordered it and why.

use super::{Continuation, ServiceServer};
use crate::state::{Command, Outcome, Verdict};
use crate::{Decision, Effect, Now, Order, OrderId, Ordered, ProcedureId, System, Weight};

/// An order that waits for the store.
#[derive(Debug)]
pub(super) struct Pending {
    id: OrderId,
    order: Order,
    /// Who ordered it, and why.
    by: String,
    procedure: Option<ProcedureId>,
}

impl ServiceServer {
    pub(super) fn order(
        &mut self,
        now: Now,
        id: OrderId,
        order: &Order,
        by: &str,
        out: &mut Vec<Effect>,
    ) {
        let at = now.wall;
        let mut procedure = None;
        let command = match order {
            Order::RetryRow { id: row } if self.schedule.is_busy(*row) => {
                let result = Ok(format!("row {row} is being sent at this moment"));
                out.push(Effect::Ordered { id, result });
                return;
            }
            Order::RetryRow { id } => Command::OutboxRelease { id: *id, at },
            Order::DropRow { id } => Command::OutboxDrop { id: *id },
            Order::Deauthorize { key } => {
                let own = self.random.procedure(at);
                procedure = Some(own);
                Command::EndStays {
                    key: key.clone(),
                    procedure: own,
                    at,
                }
            }
            Order::SessionsEnded { key } => Command::SessionsEnded {
                key: key.clone(),
                at,
            },
        };
        let pending = Pending {
            id,
            order: order.clone(),
            by: by.to_owned(),
            procedure,
        };
        self.store(vec![command], Continuation::Ordered(Box::new(pending)), out);
    }

    /// It is durable.
    pub(super) fn ordered(
        &mut self,
        now: Now,
        pending: Pending,
        outcomes: &[Outcome],
        out: &mut Vec<Effect>,
    ) {
        let Some(verdict) = outcomes.first().map(|outcome| &outcome.verdict) else {
            return;
        };
        let mut result = said(&pending.order, verdict, &self.config.systems.own);
        if let (Order::DropRow { id }, Ok(text)) = (&pending.order, &mut result)
            && self.schedule.is_busy(*id)
        {
            text.push_str(
                ", and is being sent at this moment: it may reach the partner all the same",
            );
        }
        match (&pending.order, verdict) {
            (Order::RetryRow { id }, Verdict::Done) => self.schedule.hurry(now, *id),
            (Order::DropRow { id }, Verdict::Done) => self.schedule.forget(now, *id),
            _ => {}
        }
        if let Ok(text) = &result {
            let why = format!("{text}; ordered by {}", pending.by);
            let mut decision = Decision::new(requirement(&pending.order), "ordered", why)
                .of(pending.procedure)
                .weighing(Weight::Alarm);
            if let Order::Deauthorize { key } | Order::SessionsEnded { key } = &pending.order {
                decision = decision.about(&key.primary_id);
            }
            out.push(Effect::Decide(decision));
        }
        let id = pending.id;
        out.push(Effect::Ordered { id, result });
    }

    /// Nothing of it is durable.
    pub(super) fn not_ordered(pending: &Pending, out: &mut Vec<Effect>) {
        out.push(Effect::Ordered {
            id: pending.id,
            result: Err("the store could not commit it: nothing was done".into()),
        });
    }
}

fn requirement(order: &Order) -> &'static str {
    match order {
        Order::RetryRow { .. } | Order::DropRow { .. } => "L4",
        Order::Deauthorize { .. } => "P1.1",
        Order::SessionsEnded { .. } => "P1.E1",
    }
}

/// What the operator is told. Names no user: it goes to the log too.
fn said(order: &Order, verdict: &Verdict, own: &System) -> Ordered {
    match (order, verdict) {
        (Order::RetryRow { id }, Verdict::Done) => Ok(format!("row {id} is due now")),
        (Order::DropRow { id }, Verdict::Done) => Ok(format!("row {id} is dropped")),
        (Order::RetryRow { id } | Order::DropRow { id }, _) => {
            Err(format!("there is no row {id} in the outbox"))
        }
        (Order::Deauthorize { .. }, Verdict::StaysEnded { ended }) => {
            let stays: Vec<_> = ended
                .iter()
                .map(|(system, number)| format!("{system} (stay {number})"))
                .collect();
            Ok(format!("de-authorization owed to {}", stays.join(", ")))
        }
        (Order::Deauthorize { key }, _) if !own.gave(&key.primary_id) => Err(format!(
            "the user's primary system, {}, de-authorizes him: here he is a visitor at most",
            key.primary_id.domain()
        )),
        (Order::Deauthorize { .. }, _) => Err("the user is migrated nowhere".into()),
        (Order::SessionsEnded { .. }, Verdict::Stopped { .. }) => {
            Ok("the service stopped, the user's last session having ended".into())
        }
        (Order::SessionsEnded { .. }, Verdict::NotStopping) => Err(
            "the user has not left, or his service stopped before: nothing is to be cut short"
                .into(),
        ),
        (Order::SessionsEnded { .. }, _) => Err("no mapping of that user is here: name him by his MC service ID in the primary system, as `mcx users` shows it"
                .into()),
    }
}
