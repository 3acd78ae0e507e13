//! What may happen in a step.

use crate::state::Packet;
use crate::world::Name;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// She authorizes there.
    Comes(usize),
    /// She does, and the system crashes before it answers.
    ComesAndItCrashes(usize),
    /// An event of hers comes once more.
    ComesLate(u8),
    /// A letter from the network.
    Arrives(Name),
    ArrivesTwice(Name),
    /// The first letter of a lane of an outbox.
    IsSent(usize, Name),
    IsSentTwice(usize, Name),
    /// The receiver crashes when it is durable, before it answers.
    IsSentAndItCrashes(usize, Name),
    IsAnswered(Name, Name),
    IsLost(Packet),
    Crashes(usize),
    TimesOut(usize),
    Drops(usize, Name),
    Stops(usize),
    SessionsEnd(usize),
    Purges(usize),
    OperatorDeauthorizes,
}

impl Action {
    /// What a fault, a user or an operator does; all else is what has to happen.
    pub fn is_free(self) -> bool {
        !matches!(
            self,
            Self::Arrives(_)
                | Self::IsSent(..)
                | Self::IsAnswered(..)
                | Self::TimesOut(_)
                | Self::Drops(..)
                | Self::Stops(_)
        )
    }
}
