//! Whether new requests are to be refused, decided by how long what has arrived waits for its turn: not by a rate that
//! somebody would have to know.

mod backlog;
mod shedding;

use std::time::{Duration, Instant};

use sip_transaction::Overload;

use self::backlog::Backlog;
pub use self::shedding::Seen;
use self::shedding::Shedding;

/// How long what has arrived may wait: for some commits of a busy disk, and well below T1.
const TARGET: Duration = Duration::from_millis(100);
/// How often the share of refused requests changes.
const STEP: Duration = Duration::from_millis(15);
/// How much of that share a second of wait beyond the target moves in a step, and a second more of wait than before
/// (RFC 8033 §4.2, which drops packets in the same way).
const ALPHA: f64 = 0.25;
const BETA: f64 = 1.0;
/// The most that the share grows in a step, and the most that it falls: what waits empties faster than what comes changes.
const LARGEST: f64 = 0.05;
const SMALLEST: f64 = -0.02;
/// How long a burst may last, or the disk may be slow, before anything is refused (RFC 8033 §4.4).
const BURST: Duration = Duration::from_millis(150);
/// So much of what could be served is, when refusing begins: what has come until then waits.
const AT_FIRST: f64 = 0.9;
/// What is left of the share in a step when little waits, and when nothing does.
const LITTLE: f64 = 0.98;
const DECAY: f64 = 0.94;
/// How little nothing is.
const NOTHING: Duration = Duration::from_millis(2);
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
    /// Who turns that share away.
    shedding: Shedding,
    /// Percent that are to be turned away, that are refused of those that the function sees, and of strangers.
    told: (u8, u8, u8),
    /// When messages waited last for longer than strangers may make them.
    crowded: Option<Instant>,
    /// The longest wait for a turn in this step, and then to become durable; both together in the step before.
    wait: Duration,
    stored: Duration,
    before: Duration,
    /// The longest wait that a message had behind it in this step.
    of_messages: Duration,
    messages: Backlog,
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
            shedding: Shedding::new(now),
            told: (0, 0, 0),
            crowded: None,
            of_messages: Duration::ZERO,
            messages: Backlog::default(),
            wait: Duration::ZERO,
            stored: Duration::ZERO,
            before: Duration::ZERO,
            stepped: now,
            waits: None,
        }
    }

    /// Takes how long a message has waited for its turn.
    pub fn waited(&mut self, wait: Duration) {
        self.of_messages = self.of_messages.max(wait);
    }

    /// Takes that so many messages were handled in a turn that ended now, that so many are left, and how long the sockets
    /// have not been empty.
    pub fn handled(&mut self, now: Instant, number: usize, left: usize, behind: Duration) {
        self.messages.served(now, number, left);
        self.wait = self.wait.max(self.messages.wait() + behind);
    }

    /// Takes how long the first batch has waited to become durable. Strangers have none.
    pub fn stored(&mut self, wait: Duration) {
        self.stored = self.stored.max(wait);
    }

    /// What the transactions are to be told, when it has changed; `seen` is asked when it is time.
    pub fn step(&mut self, now: Instant, seen: impl FnOnce() -> Seen) -> Option<Option<Overload>> {
        let passed = now.saturating_duration_since(self.stepped);
        if passed < STEP {
            return None;
        }
        self.stepped = now;
        let wait = std::mem::take(&mut self.wait) + std::mem::take(&mut self.stored);
        let before = std::mem::replace(&mut self.before, wait);
        if wait < TARGET / 2 {
            self.waits = None;
            // A pause counts as many steps.
            let steps = passed.as_secs_f64() / STEP.as_secs_f64();
            let left = if wait < NOTHING { DECAY } else { LITTLE };
            self.share *= left.powf(steps);
        }
        let waits = wait >= TARGET / 2
            && now.saturating_duration_since(*self.waits.get_or_insert(now)) >= BURST;
        if waits && self.share <= 0.0 {
            self.share = self.excess();
        }
        if waits || self.share > 0.0 {
            let (wait, before) = (wait.as_secs_f64(), before.as_secs_f64());
            let more = ALPHA * (wait - TARGET.as_secs_f64()) + BETA * (wait - before);
            self.share += more.clamp(SMALLEST, LARGEST);
        }
        self.share = self.share.clamp(0.0, MOST);
        if std::mem::take(&mut self.of_messages) > OF_STRANGERS {
            self.crowded = Some(now);
        } else if self.crowded.is_some_and(|at| now - at >= HELD) {
            self.crowded = None;
        }
        let all = percent(self.share);
        let seen = percent(self.shedding.divide(now, self.share, seen()));
        let of_strangers = if self.crowded.is_some() { 100 } else { seen };
        let told = std::mem::replace(&mut self.told, (all, seen, of_strangers));
        let overload = (all > 0 || of_strangers > 0).then(|| Overload {
            oc: all,
            refuse_offering: of_offering(all),
            refuse_strangers: of_strangers,
            ..Overload::refusing(seen)
        });
        (self.told != told).then_some(overload)
    }

    /// Of a hundred new requests, so many are to be turned away.
    #[must_use]
    pub fn turns_away(&self) -> u8 {
        self.told.0
    }

    /// Of a hundred new requests that are seen, so many are refused.
    #[must_use]
    pub fn refuse(&self) -> u8 {
        self.told.1
    }

    /// What is too much, going by what comes and what a message costs.
    fn excess(&self) -> f64 {
        let needed = self.messages.cost() * self.shedding.arrivals();
        match needed > 0.0 {
            true => (1.0 - AT_FIRST / needed).max(0.0),
            false => 0.0,
        }
    }

    /// Takes that the system drops nothing.
    pub fn all_is_seen(&mut self) {
        self.shedding.end();
    }

    /// The share of all requests that the system is to drop, because there is no time to refuse them.
    #[must_use]
    pub fn dropped(&self) -> f64 {
        self.shedding.dropped()
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
    const SERVED: u64 = 40;
    const REFUSED: u64 = 10;

    /// A queue in virtual time: gives what was served in each tenth of a second, and the longest wait in it. What the
    /// system is to drop costs nothing, if it does.
    struct Queue {
        start: Instant,
        now: u64,
        waiting: VecDeque<u64>,
        congestion: Congestion,
        dice: u64,
        arrived: u64,
        seen: u64,
        drops: bool,
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
                seen: 0,
                drops: true,
            }
        }

        fn at(&self) -> Instant {
            self.start + Duration::from_micros(self.now)
        }

        /// From 0 to 100.
        fn roll(&mut self) -> f64 {
            self.dice = self
                .dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            f64::from(u32::try_from((self.dice >> 33) % 10_000).unwrap()) / 100.0
        }

        /// Offers one request every `gap` for a tenth of a second.
        fn run(&mut self, gap: u64) -> (u64, u64) {
            let (end, mut served, mut longest) = (self.now + 100_000, 0, 0);
            while self.now < end {
                let began = self.now;
                // What is refused is when it is taken off the socket.
                while self.arrived <= began {
                    if !self.drops || self.roll() >= self.congestion.dropped() * 100.0 {
                        self.seen += 1;
                        if self.roll() < f64::from(self.congestion.refuse()) {
                            self.now += REFUSED;
                        } else {
                            self.waiting.push_back(began);
                        }
                    }
                    self.arrived += gap;
                }
                let mut handled = 0;
                while handled < 64
                    && let Some(came) = self.waiting.pop_front()
                {
                    longest = longest.max(self.now - came);
                    self.congestion
                        .waited(Duration::from_micros(self.now - came));
                    self.now += SERVED;
                    handled += 1;
                }
                self.congestion
                    .handled(self.at(), handled, self.waiting.len(), Duration::ZERO);
                served += u64::try_from(handled).unwrap();
                let seen = Seen {
                    datagrams: self.seen,
                    streamed: 0,
                };
                let _ = self.congestion.step(self.at(), || seen);
                self.now = self.now.max(self.arrived);
            }
            (served, longest)
        }
    }

    #[test]
    fn at_capacity_and_below_nothing_is_refused() {
        let mut queue = Queue::new();
        for _ in 0..100 {
            assert!(queue.run(SERVED * 11 / 10).1 < 50_000);
            assert_eq!(queue.congestion.turns_away(), 0);
        }
    }

    /// Served of a hundred that could be, from the third second to the seventh, and the longest wait then.
    fn overloaded(queue: &mut Queue, times: u64) -> (u64, u64) {
        for _ in 0..20 {
            queue.run(SERVED / times);
        }
        let (mut served, mut longest) = (0, 0);
        for _ in 0..50 {
            let (more, wait) = queue.run(SERVED / times);
            served += more;
            longest = longest.max(wait);
        }
        (served * 100 / (5_000_000 / SERVED), longest)
    }

    #[test]
    fn far_beyond_the_capacity_most_of_it_is_served_and_soon_after_everything_is_as_before() {
        for times in [2, 4, 8] {
            let mut queue = Queue::new();
            let (served, longest) = overloaded(&mut queue, times);
            // Refusing takes three hundredths.
            assert!(served >= 93, "{served} of a hundred, at {times} times");
            assert!(longest < 200_000, "{longest} at {times} times");
            let mut last = (0, u64::MAX);
            for _ in 0..15 {
                last = queue.run(SERVED * 2);
            }
            assert!(last.1 < 1_000, "{last:?}");
            assert_eq!(queue.congestion.turns_away(), 0);
        }
    }

    #[test]
    fn where_the_system_drops_nothing_all_is_refused_that_is_too_much() {
        let mut queue = Queue::new();
        queue.drops = false;
        queue.congestion.all_is_seen();
        let (served, longest) = overloaded(&mut queue, 2);
        // Of 75 %, the others' cost being a quarter, with what the share wavers.
        assert!(served >= 65, "{served} of a hundred");
        assert!(longest < 300_000, "{longest}");
    }

    #[test]
    fn strangers_are_refused_first_and_for_no_slow_disk() {
        let start = Instant::now();
        let mut congestion = Congestion::new(start);
        congestion.stored(Duration::from_secs(1));
        assert_eq!(congestion.step(start + STEP, Seen::default), None);
        congestion.waited(OF_STRANGERS + Duration::from_millis(1));
        let told = congestion.step(start + 2 * STEP, Seen::default);
        let overload = told.flatten().unwrap();
        assert_eq!((overload.refuse, overload.refuse_strangers), (0, 100));
        assert_eq!(congestion.step(start + 3 * STEP, Seen::default), None);
        assert_eq!(
            congestion.step(start + 2 * STEP + HELD, Seen::default),
            Some(None)
        );
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
        assert_eq!(congestion.step(now + STEP, Seen::default), None);
        for n in 0..200 {
            now += STEP;
            congestion.stored(Duration::from_millis(90 + n));
            let _ = congestion.step(now, Seen::default);
        }
        assert!(congestion.refuse() > 50, "{}", congestion.refuse());
        let _ = congestion.step(now + STEP, Seen::default);
        let _ = congestion.step(now + Duration::from_secs(2), Seen::default);
        assert_eq!(congestion.refuse(), 0);
    }
}
