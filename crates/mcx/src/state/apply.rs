//! Applies a command to the rows of a store.

use super::{
    Authorization, ClockAnchor, Command, Event, Home, HomeStay, NewEvent, NewRow, Notice,
    OutboxRow, Outcome, StayPhase, UserKey, Verdict, Visitor, VisitorPhase,
};
use crate::{McId, ProcedureId, SystemId, Timestamp};

use super::{clock, ending};

/// The rows of a store inside one transaction.
pub trait Rows {
    /// Why a row could not be read or written.
    type Error;

    /// An own user.
    ///
    /// # Errors
    /// The store could not read.
    fn home(&mut self, key: &UserKey) -> Result<Option<Home>, Self::Error>;

    /// Writes an own user.
    ///
    /// # Errors
    /// The store could not write.
    fn put_home(&mut self, key: &UserKey, home: &Home) -> Result<(), Self::Error>;

    /// A visiting user's mapping, in force or was-migrated.
    ///
    /// # Errors
    /// The store could not read.
    fn visitor(&mut self, key: &UserKey) -> Result<Option<Visitor>, Self::Error>;

    /// Writes a mapping.
    ///
    /// # Errors
    /// The store could not write.
    fn put_visitor(&mut self, key: &UserKey, visitor: &Visitor) -> Result<(), Self::Error>;

    /// Mappings with something to happen not after `at`, at most `limit`, soonest first, in any order at one time: `stop_at` of those
    /// that are stopping, `purge_at` of those that are was-migrated. What is due at [`NEVER`](super::NEVER)
    /// or later is never due.
    ///
    /// # Errors
    /// The store could not read.
    fn due_visitors(
        &mut self,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<(UserKey, Visitor)>, Self::Error>;

    /// Removes a mapping.
    ///
    /// # Errors
    /// The store could not write.
    fn remove_visitor(&mut self, key: &UserKey) -> Result<(), Self::Error>;

    /// Moves what is to happen with every mapping by `by` milliseconds, and to no later than it would be if
    /// it had begun at `at`; see [`Command::ClockStepped`].
    ///
    /// # Errors
    /// The store could not write.
    fn shift_deadlines(&mut self, by: i64, at: Timestamp) -> Result<(), Self::Error>;

    /// What the store knows of the clock.
    ///
    /// # Errors
    /// The store could not read.
    fn clock(&mut self) -> Result<Option<ClockAnchor>, Self::Error>;

    /// Writes what the store knows of the clock.
    ///
    /// # Errors
    /// The store could not write.
    fn put_clock(&mut self, anchor: &ClockAnchor) -> Result<(), Self::Error>;

    /// Appends an event.
    ///
    /// # Errors
    /// The store could not write.
    fn append_event(&mut self, event: NewEvent) -> Result<Event, Self::Error>;

    /// Makes `names` the sinks of events: others are forgotten, new ones have had none yet.
    ///
    /// # Errors
    /// The store could not write.
    fn put_sinks(&mut self, names: &[String]) -> Result<(), Self::Error>;

    /// Sink `name` has every event up to `seq`.
    ///
    /// # Errors
    /// The store could not write.
    fn put_delivered(&mut self, name: &str, seq: u64) -> Result<(), Self::Error>;

    /// Removes events that every sink has, but for the newest `keep`, at most `limit`, oldest first. Answers how many.
    ///
    /// # Errors
    /// The store could not write.
    fn trim_events(&mut self, keep: u64, limit: usize) -> Result<usize, Self::Error>;

    /// Appends a row that is due at once; `None` when one that says the same
    /// ([`NewRow::sameness`]) is there already.
    ///
    /// # Errors
    /// The store could not write.
    fn append(&mut self, row: NewRow) -> Result<Option<OutboxRow>, Self::Error>;

    /// A row.
    ///
    /// # Errors
    /// The store could not read.
    fn outbox_row(&mut self, id: u64) -> Result<Option<OutboxRow>, Self::Error>;

    /// Writes what changes of a row that is there: attempts, when it is sent again, why it failed, and whether it is
    /// parked.
    ///
    /// # Errors
    /// The store could not write.
    fn put_outbox_row(&mut self, row: &OutboxRow) -> Result<(), Self::Error>;

    /// Removes a row.
    ///
    /// # Errors
    /// The store could not write.
    fn remove_row(&mut self, id: u64) -> Result<(), Self::Error>;
}

/// Applies one command. Applying it twice changes no more than applying it once (L3), but for
/// the number that [`Command::AllowMigration`] hands out.
///
/// # Errors
/// Whatever the rows say; the caller then rolls the whole batch back.
pub fn apply<R: Rows>(rows: &mut R, command: &Command) -> Result<Outcome, R::Error> {
    match command {
        Command::AuthorizeHome {
            key,
            authorization,
            if_match,
            heard,
            procedure,
            at,
        } => {
            let mut home = rows.home(key)?.unwrap_or_default();
            if !Authorization::matches(home.authorization.as_ref(), if_match.as_deref(), *at) {
                return Ok(Verdict::NoSuchEntityTag.into());
            }
            if heard
                .as_ref()
                .is_some_and(|h| h.is_late(home.heard.as_ref()))
            {
                let etag = home.authorization.and_then(|a| a.etag);
                return Ok(Verdict::HeardBefore { etag }.into());
            }
            home.heard = heard.clone();
            home.authorization = Some(authorization.after(home.authorization.as_ref()));
            // P1: whatever stay is open ends, and its partner is owed a notification.
            let ended = home.end_below(u64::MAX, None);
            rows.put_home(key, &home)?;
            let appended = owe_deauthorizations(rows, key, &ended, *procedure, *at)?;
            Ok(Outcome {
                verdict: Verdict::Authorized {
                    ended: names(&ended),
                },
                appended,
                events: Vec::new(),
            })
        }
        Command::EndHomeAuthorization { key, if_match, at } => {
            if let Some(mut home) = rows.home(key)? {
                let present = home.authorization.as_ref();
                if !Authorization::matches(present, if_match.as_deref(), *at) {
                    return Ok(Verdict::NoSuchEntityTag.into());
                }
                home.authorization = None;
                rows.put_home(key, &home)?;
            }
            Ok(Verdict::Done.into())
        }
        Command::AllowMigration {
            key,
            system,
            partner_id,
            procedure,
            in_reply_to,
            at,
            expires,
        } => {
            let mut home = rows.home(key)?.unwrap_or_default();
            let number = match home.stay_at(system) {
                Some(stay) if stay.procedure == *procedure => match stay.phase {
                    // The same request again (its answer was lost): the same stay.
                    StayPhase::Open => stay.number,
                    // L2: a late copy of the request for a stay that ended meanwhile.
                    StayPhase::Ended => return Ok(Verdict::Stale.into()),
                },
                _ => home.open(system.clone(), partner_id.clone(), *procedure, *at),
            };
            rows.put_home(key, &home)?;
            let notice = Notice::AuthorizationResponse {
                partner_id: partner_id.clone(),
                number: Some(number),
                in_reply_to: in_reply_to.clone(),
            };
            let row = owe(key, system, notice, *procedure, *at, Some(*expires));
            Ok(Outcome {
                verdict: Verdict::Allowed { number },
                appended: rows.append(row)?.into_iter().collect(),
                events: Vec::new(),
            })
        }
        Command::RefuseMigration {
            key,
            system,
            partner_id,
            procedure,
            in_reply_to,
            at,
            expires,
        } => {
            let notice = Notice::AuthorizationResponse {
                partner_id: partner_id.clone(),
                number: None,
                in_reply_to: in_reply_to.clone(),
            };
            let row = owe(key, system, notice, *procedure, *at, Some(*expires));
            Ok(Outcome {
                verdict: Verdict::Done,
                appended: rows.append(row)?.into_iter().collect(),
                events: Vec::new(),
            })
        }
        Command::UserMoved {
            key,
            system,
            partner_id,
            number,
            procedure,
            at,
        } => user_moved(rows, key, system, partner_id, *number, *procedure, *at),
        Command::StoreMapping {
            key,
            primary,
            partner_id,
            number,
            procedure,
            authorization,
            heard,
            at,
        } => {
            let stored = rows.visitor(key)?;
            if let Some(stored) = &stored
                && let (Some(mine), Some(new)) = (stored.number, *number)
                && (new < mine || (new == mine && stored.phase != VisitorPhase::Migrated))
            {
                // L2: a late response of an earlier stay, or of one that ended meanwhile.
                return Ok(Verdict::Stale.into());
            }
            let present = stored.as_ref().and_then(|v| v.authorization.as_ref());
            let visitor = Visitor {
                partner_id: partner_id.clone(),
                number: *number,
                procedure: Some(*procedure),
                since: *at,
                phase: VisitorPhase::Migrated,
                authorization: Some(authorization.after(present)),
                heard: heard.clone(),
            };
            rows.put_visitor(key, &visitor)?;
            let notice = Notice::UserAuthorization {
                partner_id: partner_id.clone(),
                number: *number,
            };
            let row = owe(key, primary, notice, *procedure, *at, None);
            Ok(Outcome {
                verdict: Verdict::Mapped,
                appended: rows.append(row)?.into_iter().collect(),
                events: Vec::new(),
            })
        }
        Command::RefreshVisitor {
            key,
            partner_id,
            authorization,
            heard,
            if_match,
            at,
        } => match rows.visitor(key)? {
            Some(visitor)
                if heard
                    .as_ref()
                    .is_some_and(|h| h.is_late(visitor.heard.as_ref())) =>
            {
                // L2: a late copy is no new migration of a user who left.
                if visitor.phase != VisitorPhase::Migrated {
                    return Ok(Verdict::Stale.into());
                }
                let etag = visitor.authorization.and_then(|a| a.etag);
                Ok(Verdict::HeardBefore { etag }.into())
            }
            Some(mut visitor)
                if visitor.phase == VisitorPhase::Migrated && visitor.partner_id == *partner_id =>
            {
                let present = visitor.authorization.as_ref();
                if !Authorization::matches(present, if_match.as_deref(), *at) {
                    return Ok(Verdict::NoSuchEntityTag.into());
                }
                if if_match.is_none() && !authorization.refreshes(present, *at) {
                    return Ok(Verdict::NotMigrated.into());
                }
                visitor.authorization = Some(authorization.after(present));
                visitor.heard.clone_from(heard);
                rows.put_visitor(key, &visitor)?;
                Ok(Verdict::Refreshed.into())
            }
            _ if if_match.is_some() => Ok(Verdict::NoSuchEntityTag.into()),
            _ => Ok(Verdict::NotMigrated.into()),
        },
        Command::EndVisitorAuthorization {
            key,
            partner_id,
            if_match,
            at,
        } => {
            if let Some(mut visitor) = rows.visitor(key)? {
                if visitor.partner_id != *partner_id {
                    return Ok(Verdict::AnotherUser.into());
                }
                let present = visitor.authorization.as_ref();
                if !Authorization::matches(present, if_match.as_deref(), *at) {
                    return Ok(Verdict::NoSuchEntityTag.into());
                }
                visitor.authorization = None;
                rows.put_visitor(key, &visitor)?;
            }
            Ok(Verdict::Done.into())
        }
        Command::EndStay {
            key,
            partner_id,
            number,
            procedure,
            at,
            stop_at,
            purge_at,
        } => {
            let told = ending::Deauthorization {
                partner_id: partner_id.as_ref(),
                number: *number,
                procedure: *procedure,
                at: *at,
                stop_at: *stop_at,
                purge_at: *purge_at,
            };
            ending::end_stay(rows, key, &told)
        }
        Command::SessionsEnded { key, at } => ending::sessions_ended(rows, key, *at),
        Command::Expire { at, limit } => ending::expire(rows, *at, *limit),
        Command::ClockStepped { by, at } => {
            clock::stepped(rows, *by, *at)?;
            Ok(Verdict::Done.into())
        }
        Command::ClockAnchored { anchor, at } => {
            clock::anchored(rows, anchor, *at)?;
            Ok(Verdict::Done.into())
        }
        Command::EventSinks { names } => {
            rows.put_sinks(names)?;
            Ok(Verdict::Done.into())
        }
        Command::EventsDelivered { sink, seq } => {
            rows.put_delivered(sink, *seq)?;
            Ok(Verdict::Done.into())
        }
        Command::TrimEvents { keep, limit } => {
            Ok(Verdict::Trimmed(rows.trim_events(*keep, *limit)?).into())
        }
        Command::OutboxDone { id } => {
            rows.remove_row(*id)?;
            Ok(Verdict::Done.into())
        }
        Command::OutboxRetry {
            id,
            attempts,
            next_at,
            failure,
        } => {
            if let Some(mut row) = rows.outbox_row(*id)? {
                (row.attempts, row.next_at) = (*attempts, *next_at);
                row.failure = Some(failure.clone());
                rows.put_outbox_row(&row)?;
            }
            Ok(Verdict::Done.into())
        }
        Command::OutboxRelease { id, at } => {
            let Some(mut row) = rows.outbox_row(*id)? else {
                return Ok(Verdict::Unknown.into());
            };
            (row.attempts, row.next_at, row.parked) = (0, *at, None);
            rows.put_outbox_row(&row)?;
            Ok(Outcome {
                appended: vec![row],
                ..Verdict::Done.into()
            })
        }
        Command::OutboxDrop { id } => {
            if rows.outbox_row(*id)?.is_none() {
                return Ok(Verdict::Unknown.into());
            }
            rows.remove_row(*id)?;
            Ok(Verdict::Done.into())
        }
        Command::EndStays { key, procedure, at } => {
            let mut home = rows.home(key)?.unwrap_or_default();
            let ended = home.end_below(u64::MAX, None);
            if ended.is_empty() {
                return Ok(Verdict::NotMigrated.into());
            }
            rows.put_home(key, &home)?;
            Ok(Outcome {
                appended: owe_deauthorizations(rows, key, &ended, *procedure, *at)?,
                ..Verdict::StaysEnded {
                    ended: names(&ended),
                }
                .into()
            })
        }
        Command::OutboxPark { id, parked } => {
            if let Some(mut row) = rows.outbox_row(*id)? {
                row.parked = Some(parked.clone());
                rows.put_outbox_row(&row)?;
            }
            Ok(Verdict::Done.into())
        }
    }
}

/// P2.2 at the primary.
fn user_moved<R: Rows>(
    rows: &mut R,
    key: &UserKey,
    system: &SystemId,
    partner_id: &McId,
    number: Option<u64>,
    procedure: ProcedureId,
    at: Timestamp,
) -> Result<Outcome, R::Error> {
    let Some(mut home) = rows.home(key)? else {
        return Ok(Verdict::NeverAllowed.into());
    };
    let Some(stay) = home.stay_at(system).cloned() else {
        return Ok(Verdict::NeverAllowed.into());
    };
    let named = match number {
        Some(number) if number > stay.number => return Ok(Verdict::NeverAllowed.into()),
        Some(number) => number,
        // A peer that sends no number: its id for the user tells which stay it means.
        None if stay.partner_id == *partner_id => stay.number,
        None => return Ok(Verdict::Stale.into()),
    };
    if named <= home.ended {
        // The user left before the partner could say that he had come. The partner may have
        // stored its mapping after the de-authorization passed it: it is told (again), that
        // every stay so far is over. Whatever the partner sends, this is one row at most until
        // the user's next stay.
        let over = HomeStay {
            partner_id: partner_id.clone(),
            number: home.ended,
            ..stay
        };
        let procedure = over.procedure;
        let appended = owe_deauthorizations(rows, key, &[over], procedure, at)?;
        return Ok(Outcome {
            verdict: Verdict::Stale,
            appended,
            events: Vec::new(),
        });
    }
    let ended = home.end_below(named, Some(system));
    // He is authorized there now: whatever he publishes here next is a return (P1.0).
    home.authorization = None;
    rows.put_home(key, &home)?;
    let appended = owe_deauthorizations(rows, key, &ended, procedure, at)?;
    Ok(Outcome {
        verdict: Verdict::Moved {
            ended: names(&ended),
        },
        appended,
        events: Vec::new(),
    })
}

fn owe_deauthorizations<R: Rows>(
    rows: &mut R,
    key: &UserKey,
    ended: &[HomeStay],
    procedure: ProcedureId,
    at: Timestamp,
) -> Result<Vec<OutboxRow>, R::Error> {
    let mut appended = Vec::with_capacity(ended.len());
    for stay in ended {
        let notice = Notice::Deauthorization {
            partner_id: Some(stay.partner_id.clone()),
            number: stay.number,
        };
        appended.extend(rows.append(owe(key, &stay.system, notice, procedure, at, None))?);
    }
    Ok(appended)
}

fn owe(
    key: &UserKey,
    to: &SystemId,
    notice: Notice,
    procedure: ProcedureId,
    created: Timestamp,
    expires: Option<Timestamp>,
) -> NewRow {
    NewRow {
        key: key.clone(),
        to: to.clone(),
        notice,
        procedure,
        created,
        expires,
    }
}

fn names(stays: &[HomeStay]) -> Vec<(SystemId, u64)> {
    stays.iter().map(|s| (s.system.clone(), s.number)).collect()
}
