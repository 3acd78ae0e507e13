//! What the network does to a datagram.

use super::Dice;

/// Odds and delays of a network; times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Datagrams lost, in a thousand.
    pub loss: u64,
    /// Datagrams delivered twice, in a thousand.
    pub duplication: u64,
    /// Shortest delay.
    pub delay_min: u64,
    /// Longest delay of most datagrams.
    pub delay_max: u64,
    /// Datagrams that take longer, in a thousand.
    pub straggling: u64,
    /// Longest delay of those.
    pub straggle_max: u64,
}

impl Weather {
    /// Nothing is lost, every datagram takes a millisecond.
    pub const CALM: Self = Self {
        loss: 0,
        duplication: 0,
        delay_min: 1_000,
        delay_max: 1_000,
        straggling: 0,
        straggle_max: 0,
    };

    /// A fifth is lost, a tenth comes twice, and order means little.
    pub const ROUGH: Self = Self {
        loss: 200,
        duplication: 100,
        delay_min: 1_000,
        delay_max: 400_000,
        straggling: 100,
        straggle_max: 4_000_000,
    };

    /// After how long each copy of a datagram arrives; none when it is lost.
    pub fn delays(&self, dice: &mut Dice) -> Vec<u64> {
        let copies = if dice.chance(self.duplication) { 2 } else { 1 };
        let mut delays = Vec::with_capacity(copies);
        for _ in 0..copies {
            if !dice.chance(self.loss) {
                let longest = if dice.chance(self.straggling) {
                    self.straggle_max
                } else {
                    self.delay_max
                };
                delays.push(dice.between(self.delay_min, longest));
            }
        }
        delays
    }
}
