//! Whether new requests are to be refused, decided by how long what has arrived waits for its turn: not by a rate that
//! somebody would have to know.

use std::time::{Duration, Instant};

use sip_transaction::Overload;

/// How long what has arrived may wait.
const TARGET: Duration = Duration::from_millis(30);
/// How often the share of refused requests changes.
const STEP: Duration = Duration::from_millis(15);
/// How much of that share a second of wait beyond the target moves in a step, and a second more of wait than before
/// (RFC 8033 §4.2, which drops packets in the same way).
const ALPHA: f64 = 0.25;
const BETA: f64 = 2.5;
/// The most that the share grows in a step.
const LARGEST: f64 = 0.05;
/// How long a burst may last, or the disk may be slow, before anything is refused (RFC 8033 §4.4).
const BURST: Duration = Duration::from_millis(150);
/// What is left of the share in a step when nothing waits.
const DECAY: f64 = 0.92;
/// The most that is refused: somebody has to get through to show that it is over.
const MOST: f64 = 0.98;

/// What may arrive in a moment, and be handled, before anything of strangers is refused.
const OF_STRANGERS: Duration = Duration::from_millis(10);
/// How long everything of theirs is refused after the last wait that was longer.
const HELD: Duration = Duration::from_millis(150);

/// Up to this percentage, previous hops that offer to hold back (RFC 7339) are trusted to do so: they would be refused the
/// same share twice otherwise, and be worse off than those who do not offer it (§5.10.2). Who does not keep the promise
/// drives the share beyond, and is refused as well.
const TRUSTED: u8 = 90;

/// Watches the wait and says how many of a hundred new requests are refused.
#[derive(Debug)]
pub struct Congestion {
    share: f64,
    /// Percent that are refused: of all, and of strangers.
    told: (u8, u8),
    /// When messages waited last for longer than strangers may make them.
    crowded: Option<Instant>,
    /// The longest wait of this step, and of the one before.
    wait: Duration,
    before: Duration,
    /// The longest wait of a message in this step.
    of_messages: Duration,
    stepped: Instant,
    /// Since when there has been a wait in every step.
    waits: Option<Instant>,
}

impl Congestion {
    /// Nothing waits.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            share: 0.0,
            told: (0, 0),
            crowded: None,
            of_messages: Duration::ZERO,
            wait: Duration::ZERO,
            before: Duration::ZERO,
            stepped: now,
            waits: None,
        }
    }

    /// Takes how long a message has waited for its turn.
    pub fn waited(&mut self, wait: Duration) {
        self.wait = self.wait.max(wait);
        self.of_messages = self.of_messages.max(wait);
    }

    /// Takes how long a batch has waited to become durable. Strangers have none.
    pub fn stored(&mut self, wait: Duration) {
        self.wait = self.wait.max(wait);
    }

    /// What the transactions are to be told, when it has changed.
    pub fn step(&mut self, now: Instant) -> Option<Option<Overload>> {
        let passed = now.saturating_duration_since(self.stepped);
        if passed < STEP {
            return None;
        }
        self.stepped = now;
        let (wait, before) = (self.wait.as_secs_f64(), self.before.as_secs_f64());
        self.before = std::mem::take(&mut self.wait);
        if wait < TARGET.as_secs_f64() / 2.0 {
            // A pause counts as many steps.
            self.share *= DECAY.powf(passed.as_secs_f64() / STEP.as_secs_f64());
            self.waits = None;
        } else if now.saturating_duration_since(*self.waits.get_or_insert(now)) >= BURST {
            let more = ALPHA * (wait - TARGET.as_secs_f64()) + BETA * (wait - before);
            self.share += more.min(LARGEST);
        }
        self.share = self.share.clamp(0.0, MOST);
        if std::mem::take(&mut self.of_messages) > OF_STRANGERS {
            self.crowded = Some(now);
        } else if self.crowded.is_some_and(|at| now - at >= HELD) {
            self.crowded = None;
        }
        let all = percent(self.share);
        let of_strangers = if self.crowded.is_some() { 100 } else { all };
        let told = std::mem::replace(&mut self.told, (all, of_strangers));
        let overload = (of_strangers > 0).then(|| Overload {
            refuse_offering: of_offering(all),
            refuse_strangers: of_strangers,
            ..Overload::refusing(all)
        });
        (self.told != told).then_some(overload)
    }

    /// Of a hundred new requests, so many are refused.
    #[must_use]
    pub fn refuse(&self) -> u8 {
        self.told.0
    }
}

/// How much is refused of those who hold back `percent` already: nothing up to [`TRUSTED`], everything at 100.
fn of_offering(percent: u8) -> u8 {
    percent.saturating_sub(TRUSTED) * (100 / (100 - TRUSTED))
}

/// Whole percent of a share of at most 1.
fn percent(share: f64) -> u8 {
    (0..=100_u8)
        .rev()
        .find(|percent| f64::from(*percent) <= share * 100.0)
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// What a request costs that is served, and one that is refused; a second is a million.
    const SERVED: u64 = 100;
    const REFUSED: u64 = 4;

    /// A queue in virtual time: gives what was served in each tenth of a second, and the longest wait in it.
    struct Queue {
        start: Instant,
        now: u64,
        waiting: VecDeque<u64>,
        congestion: Congestion,
        dice: u64,
        arrived: u64,
    }

    impl Queue {
        fn new() -> Self {
            let start = Instant::now();
            Self {
                start,
                now: 0,
                waiting: VecDeque::new(),
                congestion: Congestion::new(start),
                dice: 1,
                arrived: 0,
            }
        }

        fn at(&self) -> Instant {
            self.start + Duration::from_micros(self.now)
        }

        /// Offers one request every `gap` for a tenth of a second.
        fn run(&mut self, gap: u64) -> (u64, u64) {
            let (end, mut served, mut longest) = (self.now + 100_000, 0, 0);
            while self.now < end {
                let mut taken = 0;
                while taken < 64 {
                    while self.arrived <= self.now {
                        self.waiting.push_back(self.arrived);
                        self.arrived += gap;
                    }
                    let Some(came) = self.waiting.pop_front() else {
                        break;
                    };
                    longest = longest.max(self.now - came);
                    self.congestion
                        .waited(Duration::from_micros(self.now - came));
                    self.dice = self
                        .dice
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    let refuses = (self.dice >> 33) % 100 < u64::from(self.congestion.refuse());
                    served += u64::from(!refuses);
                    self.now += if refuses { REFUSED } else { SERVED };
                    taken += 1;
                }
                let _ = self.congestion.step(self.at());
                if taken == 0 {
                    self.now = self.arrived;
                }
            }
            (served, longest)
        }
    }

    #[test]
    fn at_capacity_and_below_nothing_is_refused() {
        let mut queue = Queue::new();
        for _ in 0..100 {
            assert!(queue.run(110).1 < 50_000);
            assert_eq!(queue.congestion.refuse(), 0);
        }
    }

    #[test]
    fn at_three_times_the_capacity_most_of_it_is_served_and_soon_after_everything_is_as_before() {
        let mut queue = Queue::new();
        for _ in 0..20 {
            queue.run(SERVED / 3);
        }
        let (mut served, mut longest) = (0, 0);
        for _ in 0..50 {
            let (more, wait) = queue.run(SERVED / 3);
            served += more;
            longest = longest.max(wait);
        }
        // Refusing takes its share: 0.917 of the capacity are possible at this cost.
        let capacity = 5_000_000 / SERVED;
        assert!(served * 100 >= capacity * 88, "{served} of {capacity}");
        assert!(longest < 200_000, "{longest}");
        let mut last = (0, u64::MAX);
        for _ in 0..20 {
            last = queue.run(SERVED * 2);
        }
        assert!(last.1 < 1_000, "{last:?}");
        assert_eq!(queue.congestion.refuse(), 0);
    }

    #[test]
    fn strangers_are_refused_first_and_for_no_slow_disk() {
        let start = Instant::now();
        let mut congestion = Congestion::new(start);
        congestion.stored(Duration::from_secs(1));
        assert_eq!(congestion.step(start + STEP), None);
        congestion.waited(OF_STRANGERS + Duration::from_millis(1));
        let told = congestion.step(start + 2 * STEP);
        let overload = told.flatten().unwrap();
        assert_eq!((overload.refuse, overload.refuse_strangers), (0, 100));
        assert_eq!(congestion.step(start + 3 * STEP), None);
        assert_eq!(congestion.step(start + 2 * STEP + HELD), Some(None));
    }

    #[test]
    fn who_holds_back_is_trusted_as_long_as_that_helps() {
        assert_eq!(
            [0, 50, 90, 95, 98, 100].map(of_offering),
            [0, 0, 0, 50, 80, 100]
        );
    }

    #[test]
    fn a_store_that_is_behind_counts_and_a_pause_is_made_up_for() {
        let start = Instant::now();
        let mut congestion = Congestion::new(start);
        let mut now = start;
        // One slow commit is no overload.
        congestion.stored(Duration::from_secs(2));
        assert_eq!(congestion.step(now + STEP), None);
        for n in 0..100 {
            now += STEP;
            congestion.stored(Duration::from_millis(40 + n));
            let _ = congestion.step(now);
        }
        assert!(congestion.refuse() > 50, "{}", congestion.refuse());
        let told = congestion.step(now + Duration::from_secs(2));
        assert_eq!((congestion.refuse(), told), (0, Some(None)));
    }
}
