//! How long what comes now will wait in a queue: by how many are before it, and how fast they went until now. How long
//! the first one has waited says that of a time that is over, and makes a controller run after it.

use std::time::{Duration, Instant};

/// How much the newest turn weighs in what one costs.
const NEWEST: f64 = 0.1;

/// What is known of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backlog {
    /// Seconds from one to the next while some wait, everything included.
    cost: f64,
    left: usize,
    /// When the last turn ended that left something over.
    busy: Option<Instant>,
}

impl Backlog {
    /// Takes that so many were served in a turn that ended now, and so many are left.
    pub fn served(&mut self, now: Instant, number: usize, left: usize) {
        if number > 0
            && let Some(before) = self.busy
        {
            let number = f64::from(u32::try_from(number).unwrap_or(u32::MAX));
            let cost = now.saturating_duration_since(before).as_secs_f64() / number;
            self.cost += match self.cost > 0.0 {
                true => NEWEST * (cost - self.cost),
                false => cost,
            };
        }
        self.busy = (left > 0).then_some(now);
        self.left = left;
    }

    /// Seconds from one to the next; 0 while that is not known.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// How long one that comes now will wait.
    pub fn wait(&self) -> Duration {
        let left = f64::from(u32::try_from(self.left).unwrap_or(u32::MAX));
        Duration::try_from_secs_f64(self.cost * left).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_what_is_left_at_the_pace_until_now() {
        let (mut backlog, start) = (Backlog::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        // Of a queue that was empty before, nobody knows how long the first turn took.
        backlog.served(at(0), 10, 100);
        assert_eq!(backlog.wait(), Duration::ZERO);
        backlog.served(at(20), 10, 100);
        assert_eq!(backlog.wait(), Duration::from_millis(200));
        backlog.served(at(500), 10, 0);
        backlog.served(at(900), 10, 100);
        // The pause counted once, as a tenth of 46 ms, and not again when nothing waited.
        assert_eq!(backlog.wait(), Duration::from_millis(660));
    }
}
