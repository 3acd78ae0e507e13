//! Who turns away what cannot be served: the function, with a 503, or the system, which drops it for nothing. Taking a
//! request off a socket and refusing it costs a fifth of serving it, so that a function that refuses all of three times
//! its load has little time left to serve. It refuses what it has time for.

use std::time::Instant;

/// Refusals a second that a function has time for: some 2 % of a core.
const REFUSALS: f64 = 2_000.0;
/// How much more may pass than should before the system is told another share: telling it takes some 50 µs.
const TOLERANCE: f64 = 0.02;
/// How much the newest step weighs in the rate of arrivals.
const NEWEST: f64 = 0.3;

/// The most of the datagrams that is dropped.
const MOST: f64 = 0.99;

/// New requests that a function has seen since its start, refused and served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// As datagrams.
    pub datagrams: u64,
    /// On connections, which hold back their senders themselves: of theirs nothing can be dropped.
    pub streamed: u64,
}

/// Divides the share of new requests that has to be turned away.
#[derive(Debug)]
pub struct Shedding {
    /// The share of the datagrams that the system drops.
    dropped: f64,
    /// New requests a second: as datagrams, with those that are dropped, and on connections.
    datagrams: f64,
    streamed: f64,
    seen: Seen,
    at: Instant,
    /// Whether the system drops what it is told to.
    can: bool,
}

impl Shedding {
    /// Nothing is dropped.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            dropped: 0.0,
            datagrams: 0.0,
            streamed: 0.0,
            seen: Seen::default(),
            at: now,
            can: true,
        }
    }

    /// Takes that the system cannot drop anything.
    pub fn end(&mut self) {
        (self.can, self.dropped) = (false, 0.0);
    }

    /// New requests a second, with those that are dropped.
    #[must_use]
    pub fn arrivals(&self) -> f64 {
        self.datagrams + self.streamed
    }

    /// Of all new requests `share` is to be turned away. Gives what share the function has to refuse of those that it
    /// sees, when the system drops [`Shedding::dropped`].
    pub fn divide(&mut self, now: Instant, share: f64, seen: Seen) -> f64 {
        self.measure(now, seen);
        let served = (1.0 - share) * self.arrivals();
        // What is to pass, of the datagrams.
        let datagrams = (served + REFUSALS - self.streamed).max(0.0);
        let mut drop = 0.0;
        if self.can && datagrams < self.datagrams {
            drop = (1.0 - datagrams / self.datagrams).min(MOST);
        }
        let differs = (self.dropped - drop).abs() > TOLERANCE * (1.0 - drop);
        if differs || drop <= 0.0 {
            self.dropped = drop;
        }
        let passes = self.datagrams * (1.0 - self.dropped) + self.streamed;
        match passes > 0.0 {
            true => (1.0 - served / passes).max(0.0),
            false => share,
        }
    }

    fn measure(&mut self, now: Instant, seen: Seen) {
        let passed = now.saturating_duration_since(self.at);
        if passed.is_zero() {
            return;
        }
        let rate = |now: u64, before: u64| {
            let new = u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
            f64::from(new) / passed.as_secs_f64()
        };
        let datagrams = rate(seen.datagrams, self.seen.datagrams) / (1.0 - self.dropped);
        let streamed = rate(seen.streamed, self.seen.streamed);
        self.datagrams += NEWEST * (datagrams - self.datagrams);
        self.streamed += NEWEST * (streamed - self.streamed);
        (self.at, self.seen) = (now, seen);
    }

    /// The share of all requests that the system is to drop.
    #[must_use]
    pub fn dropped(&self) -> f64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const STEP: Duration = Duration::from_millis(15);

    /// What is served and refused a second when so many come as datagrams and on connections, after a second.
    fn divided(datagrams: f64, streamed: f64, share: f64) -> (f64, f64) {
        let start = Instant::now();
        let mut shedding = Shedding::new(start);
        let (mut seen, mut refuse) = ((0.0, 0.0), 0.0);
        let mut passing = 0.0;
        for n in 1..=67 {
            let pass = datagrams * (1.0 - shedding.dropped());
            passing = pass + streamed;
            seen.0 += pass * STEP.as_secs_f64();
            seen.1 += streamed * STEP.as_secs_f64();
            let seen = Seen {
                datagrams: seen.0 as u64,
                streamed: seen.1 as u64,
            };
            refuse = shedding.divide(start + n * STEP, share, seen);
        }
        (passing * (1.0 - refuse), passing * refuse)
    }

    #[test]
    fn as_many_as_there_is_time_for_are_refused_and_the_right_share_is_served() {
        let cases = [
            (10_000.0, 0.0, 0.3),
            (60_000.0, 0.0, 0.67),
            (600_000.0, 0.0, 0.97),
            (60_000.0, 20_000.0, 0.67),
        ];
        for (datagrams, streamed, share) in cases {
            let (served, refused) = divided(datagrams, streamed, share);
            let right = (datagrams + streamed) * (1.0 - share);
            assert!((served / right - 1.0).abs() < 0.03, "{served} of {right}");
            let most = (share * (datagrams + streamed)).min(REFUSALS);
            assert!((most * 0.7..most * 1.3).contains(&refused), "{refused}");
        }
    }

    #[test]
    fn what_comes_on_connections_is_refused_however_much_it_is() {
        let (served, refused) = divided(0.0, 60_000.0, 0.6);
        assert!((served / 24_000.0 - 1.0).abs() < 0.03, "{served}");
        assert!((refused / 36_000.0 - 1.0).abs() < 0.03, "{refused}");
    }

    #[test]
    fn it_ends_with_the_overload() {
        let start = Instant::now();
        let mut shedding = Shedding::new(start);
        let seen = |datagrams| Seen {
            datagrams,
            streamed: 0,
        };
        shedding.divide(start + STEP, 0.6, seen(10_000));
        assert!(shedding.dropped() > 0.5);
        assert!(shedding.divide(start + 2 * STEP, 0.0, seen(10_100)) <= 0.0);
        assert!(shedding.dropped() <= 0.0);
    }
}
