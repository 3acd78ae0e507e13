//! Timer values (RFC 3261 §17, table 4) and the rings that hold running timers.

use std::time::{Duration, Instant};

use crate::queue::Queue;

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

/// Running timers: one first-in-first-out ring per duration and kind, so that starting one and taking the next due one
/// cost the same however many run. SIP knows a handful of durations. A timer takes sixteen bytes.
///
/// Timers are not cancelled; an entry whose transaction has moved on is skipped when it is due.
#[derive(Debug)]
pub(crate) struct Rings<K> {
    rings: Vec<Ring<K>>,
    /// What times are counted from.
    base: Option<Instant>,
    /// When the next one is due.
    next: u64,
    len: usize,
}

#[derive(Debug)]
struct Ring<K> {
    duration: Duration,
    kind: K,
    queue: Queue,
    /// When its first one is due; [`NEVER`] without one.
    first: u64,
}

/// A timer that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due<K> {
    pub kind: K,
    /// The name of its transaction.
    pub name: u64,
    /// Since when.
    pub at: Instant,
}

/// In nanoseconds, after five hundred years.
const NEVER: u64 = u64::MAX;

impl<K> Default for Rings<K> {
    fn default() -> Self {
        Self {
            rings: Vec::new(),
            base: None,
            next: NEVER,
            len: 0,
        }
    }
}

impl<K: Copy + PartialEq> Rings<K> {
    /// Starts a timer of `duration` for the transaction with this name.
    pub fn start(&mut self, now: Instant, duration: Duration, kind: K, name: u64) {
        let base = *self.base.get_or_insert(now);
        let after = now.saturating_duration_since(base).saturating_add(duration);
        let at = nanos(after).min(NEVER - 1);
        let known = |ring: &Ring<K>| ring.kind == kind && ring.duration == duration;
        let place = match self.rings.iter().position(known) {
            Some(place) => place,
            None => {
                self.rings.push(Ring {
                    duration,
                    kind,
                    queue: Queue::default(),
                    first: NEVER,
                });
                self.rings.len() - 1
            }
        };
        if let Some(ring) = self.rings.get_mut(place) {
            // The last one is due before: time does not run backwards.
            let at = ring.queue.last().map_or(at, |(last, _)| at.max(last));
            ring.first = ring.first.min(at);
            ring.queue.push((at, name));
            self.next = self.next.min(at);
            self.len += 1;
        }
    }

    /// When the next timer is due.
    pub fn next(&self) -> Option<Instant> {
        self.instant(self.next)
    }

    fn instant(&self, at: u64) -> Option<Instant> {
        let base = self.base.filter(|_| at != NEVER)?;
        base.checked_add(Duration::from_nanos(at))
    }

    /// Takes a timer that is due, the earliest first.
    pub fn pop(&mut self, now: Instant) -> Option<Due<K>> {
        let base = self.base?;
        if self.next == NEVER || self.next > nanos(now.checked_duration_since(base)?) {
            return None;
        }
        let due = self.rings.iter_mut().find(|ring| ring.first == self.next)?;
        let (at, name) = due.queue.pop()?;
        let kind = due.kind;
        due.first = due.queue.first().map_or(NEVER, |(at, _)| at);
        self.len -= 1;
        let at = self.instant(at)?;
        self.next = self
            .rings
            .iter()
            .map(|ring| ring.first)
            .min()
            .unwrap_or(NEVER);
        Some(Due { kind, name, at })
    }

    /// How many run.
    pub fn len(&self) -> usize {
        self.len
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn timers_come_out_in_order_of_their_time_whatever_their_duration() {
        let start = Instant::now();
        let mut rings = Rings::default();
        for (millis, name) in [(30, 3), (10, 1), (20, 2), (10, 11)] {
            rings.start(start, Duration::from_millis(millis), 'x', name);
        }
        rings.start(start, Duration::from_millis(20), 'y', 22);
        assert_eq!(rings.next(), Some(start + Duration::from_millis(10)));
        assert!(rings.pop(start).is_none());
        let late = start + Duration::from_secs(1);
        let first = rings.pop(late).unwrap();
        assert_eq!((first.kind, first.name), ('x', 1));
        assert_eq!(first.at, start + Duration::from_millis(10));
        let order: Vec<_> = std::iter::from_fn(|| rings.pop(late).map(|due| due.name)).collect();
        assert_eq!(order, [11, 2, 22, 3]);
        assert_eq!((rings.len(), rings.next()), (0, None));
    }

    #[test]
    fn a_timer_longer_than_any_clock_never_comes() {
        let start = Instant::now();
        let mut rings = Rings::default();
        rings.start(start, Duration::MAX, 'x', 1);
        assert!(rings.pop(start + Duration::from_secs(1 << 30)).is_none());
        assert_eq!(rings.len(), 1);
    }
}
