//! Applies a command to the rows of a store.

use super::{
    Authorization, Command, Home, HomeStay, NewRow, Notice, OutboxRow, Outcome, Parked, StayPhase,
    UserKey, Verdict, Visitor, VisitorPhase,
};
use crate::{McId, ProcedureId, SystemId, Timestamp};

use super::visitor::Relation;

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

    /// Removes mappings that are was-migrated with `purge_at` not after `at`, at most `limit`.
    /// Answers how many.
    ///
    /// # Errors
    /// The store could not write.
    fn purge_visitors(&mut self, at: Timestamp, limit: usize) -> Result<usize, Self::Error>;

    /// Appends a row that is due at once; `None` when one that says the same
    /// ([`NewRow::sameness`]) is there already.
    ///
    /// # Errors
    /// The store could not write.
    fn append(&mut self, row: NewRow) -> Result<Option<OutboxRow>, Self::Error>;

    /// Sets when a row is sent again.
    ///
    /// # Errors
    /// The store could not write.
    fn retry_row(&mut self, id: u64, attempts: u32, next_at: Timestamp) -> Result<(), Self::Error>;

    /// Parks a row.
    ///
    /// # Errors
    /// The store could not write.
    fn park_row(&mut self, id: u64, parked: &Parked) -> Result<(), Self::Error>;

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
            if let (Some(old), Some(new)) = (&home.heard, heard)
                && old.call_id == new.call_id
                && new.cseq <= old.cseq
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
            })
        }
        Command::RefreshVisitor {
            key,
            partner_id,
            authorization,
            if_match,
            at,
        } => match rows.visitor(key)? {
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
            purge_at,
        } => {
            let Some(mut visitor) = rows.visitor(key)? else {
                return Ok(Verdict::Unknown.into());
            };
            if visitor.relation(*number, partner_id.as_ref()) == Relation::Older {
                return Ok(Verdict::Stale.into());
            }
            // A notification may be of a newer stay than the one stored: the response that
            // would have opened that stay here must find it ended.
            let newer = number.is_some() && *number > visitor.number;
            if visitor.phase != VisitorPhase::Migrated && !newer {
                return Ok(Verdict::AlreadyEnded.into());
            }
            visitor.number = visitor.number.max(*number);
            visitor.procedure = procedure.or(visitor.procedure);
            visitor.authorization = None;
            if visitor.phase == VisitorPhase::Migrated {
                visitor.phase = VisitorPhase::WasMigrated {
                    since: *at,
                    purge_at: *purge_at,
                };
                rows.put_visitor(key, &visitor)?;
                return Ok(Verdict::Ended {
                    purge_at: *purge_at,
                }
                .into());
            }
            rows.put_visitor(key, &visitor)?;
            Ok(Verdict::AlreadyEnded.into())
        }
        Command::Purge { at, limit } => {
            Ok(Verdict::Purged(rows.purge_visitors(*at, *limit)?).into())
        }
        Command::OutboxDone { id } => {
            rows.remove_row(*id)?;
            Ok(Verdict::Done.into())
        }
        Command::OutboxRetry {
            id,
            attempts,
            next_at,
        } => {
            rows.retry_row(*id, *attempts, *next_at)?;
            Ok(Verdict::Done.into())
        }
        Command::OutboxPark { id, parked } => {
            rows.park_row(*id, parked)?;
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
