//! What the primary system keeps about its own user.

use serde::{Deserialize, Serialize};

use super::{Authorization, Heard};
use crate::{McId, ProcedureId, SystemId, Timestamp};

/// An own user of one service: his authorization here and his stays at partners.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Number of the newest stay; grows with every stay of that user and service (L2).
    pub counter: u64,
    /// Every stay up to this number is over, wherever it was. A late copy of a request may open
    /// a stay that replaces the row of the one that the partner really has: this still tells
    /// whether that one is over.
    pub ended: u64,
    /// The newest stay at each partner, at most one a partner. A partner's older stays need no
    /// row: ending number n at a partner ends every number up to n there.
    pub stays: Vec<HomeStay>,
    /// Service authorization in this, the primary system.
    pub authorization: Option<Authorization>,
    /// The newest event of the user.
    pub heard: Option<Heard>,
}

/// A stay as the primary sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeStay {
    /// The partner system.
    pub system: SystemId,
    /// The id that the partner gave the user.
    pub partner_id: McId,
    /// Number of the stay.
    pub number: u64,
    /// The partner may still be serving the user under a stay of this number or a later one:
    /// less than `number` when the row replaced one that was open, as a late request does.
    pub oldest: u64,
    /// The stays that this row replaced while they were open, oldest first, at most [`MOST_REPLACED`]: a partner
    /// that sends no numbers knows a stay by the id that it gave the user then.
    pub replaced: Vec<Replaced>,
    /// The procedure that opened it.
    pub procedure: ProcedureId,
    /// When the primary allowed it.
    pub since: Timestamp,
    /// Whether the partner may still be serving the user.
    pub phase: StayPhase,
}

/// A stay behind a newer one at the same partner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its number.
    pub number: u64,
    /// The id that the partner gave the user for it.
    pub partner_id: McId,
}

/// Most replaced stays of one row; beyond, the oldest is known by its number alone.
pub const MOST_REPLACED: usize = 8;

/// Whether the partner may still be serving the user on a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StayPhase {
    /// Allowed and not ended.
    Open,
    /// A de-authorization is owed or was delivered.
    Ended,
}

impl Home {
    /// The newest stay at `system`.
    #[must_use]
    pub fn stay_at(&self, system: &SystemId) -> Option<&HomeStay> {
        self.stays.iter().find(|s| &s.system == system)
    }

    /// The newest open stay: where the user is, as far as this system knows.
    #[must_use]
    pub fn current(&self) -> Option<&HomeStay> {
        self.stays
            .iter()
            .filter(|s| s.phase == StayPhase::Open)
            .max_by_key(|s| s.number)
    }

    /// Opens the next stay, at `system`. An earlier stay at the same partner is replaced: the
    /// partner replaces it too when it learns the new number.
    pub(super) fn open(
        &mut self,
        system: SystemId,
        partner_id: McId,
        procedure: ProcedureId,
        at: Timestamp,
    ) -> u64 {
        self.counter = self.counter.saturating_add(1);
        let open = self.stay_at(&system).filter(|s| s.phase == StayPhase::Open);
        let oldest = open.map_or(self.counter, |open| open.oldest);
        let mut replaced = open.map_or_else(Vec::new, |open| {
            let this = Replaced {
                number: open.number,
                partner_id: open.partner_id.clone(),
            };
            open.replaced.iter().cloned().chain([this]).collect()
        });
        let beyond = replaced.len().saturating_sub(MOST_REPLACED);
        replaced.drain(..beyond);
        self.stays.retain(|s| s.system != system);
        self.stays.push(HomeStay {
            system,
            partner_id,
            number: self.counter,
            oldest,
            replaced,
            procedure,
            since: at,
            phase: StayPhase::Open,
        });
        self.counter
    }

    /// Ends every open stay below `number`, and hands back those it ended: the user is at
    /// `arrived`, or at home when that is none.
    pub(super) fn end_below(&mut self, number: u64, arrived: Option<&SystemId>) -> Vec<HomeStay> {
        let over = number.saturating_sub(1).min(self.counter);
        self.ended = self.ended.max(over);
        let mut ended = Vec::new();
        for stay in &mut self.stays {
            if stay.phase == StayPhase::Ended {
                continue;
            }
            if stay.number < number {
                stay.phase = StayPhase::Ended;
                // A partner without numbers may still have a stay that it calls by another id.
                let mut behind = std::mem::take(&mut stay.replaced);
                behind.retain(|old| old.partner_id != stay.partner_id);
                ended.extend(behind.into_iter().map(|old| stay.behind(old)));
                ended.push(stay.clone());
            } else if stay.oldest < number {
                // A newer row hides an older stay there. That one is over; the newer may be his
                // next place, so neither its number nor its id is named. At the partner where he
                // arrived, his arrival replaced the older.
                stay.oldest = number;
                let (mut behind, kept) = std::mem::take(&mut stay.replaced)
                    .into_iter()
                    .partition::<Vec<_>, _>(|old| old.number < number);
                stay.replaced = kept;
                if arrived == Some(&stay.system) {
                    continue;
                }
                let alike = |old: &Replaced| old.partner_id == stay.partner_id;
                let by_number = behind.is_empty() || behind.iter().any(alike);
                behind.retain(|old| old.partner_id != stay.partner_id);
                ended.extend(behind.into_iter().map(|old| stay.behind(old)));
                if by_number {
                    ended.push(HomeStay {
                        number: over,
                        replaced: Vec::new(),
                        ..stay.clone()
                    });
                }
            }
        }
        ended
    }
}

impl HomeStay {
    /// A stay that was replaced by this one.
    fn behind(&self, old: Replaced) -> Self {
        Self {
            number: old.number,
            oldest: old.number,
            partner_id: old.partner_id,
            replaced: Vec::new(),
            phase: StayPhase::Ended,
            ..self.clone()
        }
    }
}
