//! How a stay at this, the partner system ends: de-authorized (P1.4), stopped (P1.E1), purged (P1.N2).

use super::visitor::Relation;
use super::{EventKind, NewEvent, Outcome, Rows, UserKey, Verdict, Visitor, VisitorPhase};
use crate::{McId, ProcedureId, Timestamp};

/// A de-authorization, and what policy makes of it.
pub(super) struct Deauthorization<'a> {
    pub partner_id: Option<&'a McId>,
    pub number: Option<u64>,
    pub procedure: Option<ProcedureId>,
    pub at: Timestamp,
    pub stop_at: Timestamp,
    pub purge_at: Timestamp,
}

/// P1.4: the primary de-authorizes a stay here.
pub(super) fn end_stay<R: Rows>(
    rows: &mut R,
    key: &UserKey,
    told: &Deauthorization<'_>,
) -> Result<Outcome, R::Error> {
    let Some(mut visitor) = rows.visitor(key)? else {
        return Ok(Verdict::Unknown.into());
    };
    if visitor.relation(told.number, told.partner_id) == Relation::Older {
        return Ok(Verdict::Stale.into());
    }
    // A notification may be of a newer stay than the one stored: the response that would have opened that
    // stay here must find it ended.
    let newer = told.number.is_some() && told.number > visitor.number;
    let served = visitor.phase == VisitorPhase::Migrated;
    if !served && !newer {
        return Ok(Verdict::AlreadyEnded.into());
    }
    visitor.number = visitor.number.max(told.number);
    visitor.procedure = told.procedure.or(visitor.procedure);
    visitor.authorization = None;
    let (stop_at, purge_at) = (told.stop_at, told.purge_at);
    if !served {
        rows.put_visitor(key, &visitor)?;
        return Ok(Verdict::AlreadyEnded.into());
    }
    if stop_at > told.at {
        visitor.phase = VisitorPhase::Stopping {
            since: told.at,
            stop_at,
            purge_at,
        };
        rows.put_visitor(key, &visitor)?;
        return Ok(Verdict::Ended { stop_at, purge_at }.into());
    }
    let stopped = stop(rows, key, visitor, told.at, purge_at)?;
    Ok(Outcome {
        verdict: Verdict::Ended { stop_at, purge_at },
        ..stopped
    })
}

/// P1.E1: the deployment reports that the user's last session ended.
pub(super) fn sessions_ended<R: Rows>(
    rows: &mut R,
    key: &UserKey,
    at: Timestamp,
) -> Result<Outcome, R::Error> {
    let Some(visitor) = rows.visitor(key)? else {
        return Ok(Verdict::Unknown.into());
    };
    match visitor.phase {
        VisitorPhase::Stopping {
            stop_at, purge_at, ..
        } => {
            let purge_at = if purge_at >= super::NEVER {
                purge_at
            } else {
                at.after(purge_at.since(stop_at))
            };
            stop(rows, key, visitor, at, purge_at)
        }
        _ => Ok(Verdict::NotStopping.into()),
    }
}

/// P1.E1, P1.N2: stops and purges what is due, at most `limit` of both.
pub(super) fn expire<R: Rows>(
    rows: &mut R,
    at: Timestamp,
    limit: usize,
) -> Result<Outcome, R::Error> {
    let (mut stopped, mut purged, mut events) = (0, 0, Vec::new());
    for (key, visitor) in rows.due_visitors(at, limit)? {
        match visitor.phase {
            VisitorPhase::Migrated => {}
            VisitorPhase::Stopping { purge_at, .. } => {
                stopped += 1;
                events.extend(stop(rows, &key, visitor, at, purge_at)?.events);
            }
            VisitorPhase::WasMigrated { .. } => {
                purged += 1;
                rows.remove_visitor(&key)?;
                let event = NewEvent::of(EventKind::MappingPurged, &key, &visitor, at);
                events.push(rows.append_event(event)?);
            }
        }
    }
    let next = rows.due_visitors(super::NEVER, 1)?;
    let verdict = Verdict::Expired {
        stopped,
        purged,
        next: next.first().and_then(|(_, visitor)| visitor.deadline()),
    };
    Ok(Outcome {
        events,
        ..verdict.into()
    })
}

/// The service stops now; the mapping is kept until `purge_at`.
fn stop<R: Rows>(
    rows: &mut R,
    key: &UserKey,
    mut visitor: Visitor,
    at: Timestamp,
    purge_at: Timestamp,
) -> Result<Outcome, R::Error> {
    visitor.phase = VisitorPhase::WasMigrated {
        since: at,
        purge_at,
    };
    rows.put_visitor(key, &visitor)?;
    let event = NewEvent::of(EventKind::ServiceStopped, key, &visitor, at);
    Ok(Outcome {
        events: vec![rows.append_event(event)?],
        ..Verdict::Stopped { purge_at }.into()
    })
}
