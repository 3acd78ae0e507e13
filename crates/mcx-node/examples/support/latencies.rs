//! Latencies counted in buckets whose width grows with their place: at most 1/64 of the value is lost.

/// Buckets of every doubling.
const FINE: u64 = 64;
/// Beyond 2^40 µs nobody waits.
const DOUBLINGS: u64 = 40;

/// Latencies in microseconds.
pub struct Latencies {
    buckets: Vec<u64>,
    all: u64,
    most: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        let buckets = usize::try_from(FINE * DOUBLINGS).unwrap_or_default();
        Self {
            buckets: vec![0; buckets],
            all: 0,
            most: 0,
        }
    }
}

impl Latencies {
    /// Counts one.
    pub fn add(&mut self, micros: u64) {
        let last = FINE * DOUBLINGS - 1;
        let place = usize::try_from(bucket(micros).min(last)).unwrap_or_default();
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += 1;
        }
        self.all += 1;
        self.most = self.most.max(micros);
    }

    /// What that share of all stays below; 0 if there are none.
    pub fn at(&self, share: f64) -> u64 {
        let above = (1.0 - share).clamp(0.0, 1.0);
        let mut left = 0.0;
        let all = u32::try_from(self.all).map_or(f64::INFINITY, f64::from);
        for (place, count) in (0..FINE * DOUBLINGS).rev().zip(self.buckets.iter().rev()) {
            left += u32::try_from(*count).map_or(f64::INFINITY, f64::from);
            if *count > 0 && left > all * above {
                return end(place).min(self.most);
            }
        }
        0
    }

    /// The longest.
    pub fn most(&self) -> u64 {
        self.most
    }
}

fn bucket(micros: u64) -> u64 {
    let Some(shift) = micros.checked_ilog2().map(u64::from) else {
        return 0;
    };
    match shift.checked_sub(6) {
        None => micros,
        Some(shift) => (shift + 1) * FINE + (micros >> shift) - FINE,
    }
}

/// The largest value of a bucket.
fn end(place: u64) -> u64 {
    match (place / FINE).checked_sub(1) {
        None => place,
        Some(shift) => ((place % FINE + FINE + 1) << shift) - 1,
    }
}
