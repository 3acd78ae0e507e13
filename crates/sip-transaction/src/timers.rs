//! Timer values (RFC 3261 §17, table 4) and the rings that hold running timers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// T1, T2 and T4 of an endpoint; every other value follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate; first retransmission. 500 ms by RFC 3261; less only in closed
    /// networks (§17.1.1.1).
    pub t1: Duration,
    /// Longest wait between retransmissions of a non-INVITE request. 4 s.
    pub t2: Duration,
    /// Longest time that a message stays in the network. 5 s.
    pub t4: Duration,
    /// Timer D over an unreliable transport: how long an INVITE client acknowledges a final answer again. At least 32 s.
    pub d: Duration,
    /// Timer I over an unreliable transport, if it is not T4.
    pub i: Option<Duration>,
    /// Timer J over an unreliable transport, if it is not 64·T1.
    pub j: Option<Duration>,
    /// Timer K over an unreliable transport, if it is not T4.
    pub k: Option<Duration>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            d: Duration::from_secs(32),
            i: None,
            j: None,
            k: None,
        }
    }
}

impl Timers {
    /// 64·T1: Timers B and F, how long a client waits; Timer H, how long a server waits for the ACK; Timers L and M.
    #[must_use]
    pub fn give_up(&self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// Timer D: how long an INVITE client acknowledges retransmitted final answers; zero on a reliable transport.
    #[must_use]
    pub fn d(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.d }
    }

    /// Timer I: how long an INVITE server absorbs retransmitted ACKs; T4, zero on a reliable transport.
    #[must_use]
    pub fn i(&self, reliable: bool) -> Duration {
        if reliable {
            Duration::ZERO
        } else {
            self.i.unwrap_or(self.t4)
        }
    }

    /// Timer J: how long a server absorbs retransmissions after its answer; 64·T1, zero on a reliable transport.
    #[must_use]
    pub fn j(&self, reliable: bool) -> Duration {
        if reliable {
            Duration::ZERO
        } else {
            self.j.unwrap_or(self.give_up())
        }
    }

    /// Timer K: how long a client absorbs retransmitted answers; T4, zero on a reliable transport.
    #[must_use]
    pub fn k(&self, reliable: bool) -> Duration {
        if reliable {
            Duration::ZERO
        } else {
            self.k.unwrap_or(self.t4)
        }
    }

    /// How long a client's Timer E takes to come to T2: 3.5 s (RFC 4320 §4.1).
    #[must_use]
    pub fn until_e_is_t2(&self) -> Duration {
        let (mut e, mut passed) = (self.t1, Duration::ZERO);
        while e < self.t2 && !e.is_zero() {
            passed = passed.saturating_add(e);
            e = e.saturating_mul(2);
        }
        passed
    }

    /// The value of Timer G after one of `previous` (§17.2.1): doubled up to T2.
    #[must_use]
    pub fn g_after(&self, previous: Duration) -> Duration {
        previous.saturating_mul(2).min(self.t2)
    }

    /// The value of Timer E after one of `previous` (§17.1.2.2): doubled up to T2; T2 at once
    /// when a provisional answer came.
    #[must_use]
    pub fn e_after(&self, previous: Duration, proceeding: bool) -> Duration {
        if proceeding {
            self.t2
        } else {
            previous.saturating_mul(2).min(self.t2)
        }
    }
}

/// Running timers: one first-in-first-out ring per duration, so that starting one and taking the
/// next due one cost the same however many run. SIP knows a handful of durations.
///
/// Timers are not cancelled; an entry whose transaction has moved on is skipped when it is due.
#[derive(Debug)]
pub(crate) struct Rings<T> {
    rings: Vec<(Duration, VecDeque<(Instant, T)>)>,
}

impl<T> Default for Rings<T> {
    fn default() -> Self {
        Self { rings: Vec::new() }
    }
}

impl<T> Rings<T> {
    /// Starts a timer of `duration`.
    pub fn start(&mut self, now: Instant, duration: Duration, timer: T) {
        let entry = (now + duration, timer);
        match self.rings.iter_mut().find(|(d, _)| *d == duration) {
            Some((_, ring)) => ring.push_back(entry),
            None => self.rings.push((duration, VecDeque::from([entry]))),
        }
    }

    /// When the next timer is due.
    pub fn next(&self) -> Option<Instant> {
        self.rings
            .iter()
            .filter_map(|(_, ring)| ring.front().map(|(at, _)| *at))
            .min()
    }

    /// Takes a timer that is due, the earliest first.
    pub fn pop(&mut self, now: Instant) -> Option<(Instant, T)> {
        let (_, ring) = self
            .rings
            .iter_mut()
            .filter(|(_, ring)| ring.front().is_some_and(|(at, _)| *at <= now))
            .min_by_key(|(_, ring)| ring.front().map(|(at, _)| *at))?;
        ring.pop_front()
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.rings.iter().map(|(_, ring)| ring.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_out_in_order_of_their_time_whatever_their_duration() {
        let start = Instant::now();
        let mut rings = Rings::default();
        for (millis, name) in [(30, 'c'), (10, 'a'), (20, 'b'), (10, 'A')] {
            rings.start(start, Duration::from_millis(millis), name);
        }
        assert_eq!(rings.next(), Some(start + Duration::from_millis(10)));
        assert!(rings.pop(start).is_none());
        let late = start + Duration::from_secs(1);
        let order: Vec<_> = std::iter::from_fn(|| rings.pop(late).map(|(_, n)| n)).collect();
        assert_eq!(order, ['a', 'A', 'b', 'c']);
        assert_eq!(rings.len(), 0);
    }
}
