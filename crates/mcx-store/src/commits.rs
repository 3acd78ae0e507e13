//! What commits take, counted.

use std::time::Duration;

/// How often a value was at most so large.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    bounds: &'static [f64],
    /// Of values up to each bound and above the one before; the last are above all.
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Nothing was counted yet; `bounds` rise.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    /// Counts a value.
    pub fn add(&mut self, value: f64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Each bound with how many values were at most that.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let mut below = 0;
        self.bounds
            .iter()
            .zip(&self.counts)
            .map(move |(bound, count)| {
                below += count;
                (*bound, below)
            })
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }
}

/// Seconds of a commit: a fast disk syncs within a millisecond, a busy one takes a second.
const SECONDS: [f64; 11] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
];
/// Batches of a commit.
const BATCHES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// What commits took since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Commits {
    /// Seconds of each that succeeded, sync included.
    pub seconds: Histogram,
    /// Batches in each of them.
    pub batches: Histogram,
    /// Commits that failed.
    pub failed: u64,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            seconds: Histogram::new(&SECONDS),
            batches: Histogram::new(&BATCHES),
            failed: 0,
        }
    }
}

impl Commits {
    /// Counts one that succeeded.
    pub(crate) fn succeeded(&mut self, took: Duration, batches: usize) {
        self.seconds.add(took.as_secs_f64());
        let batches = u32::try_from(batches).unwrap_or(u32::MAX);
        self.batches.add(f64::from(batches));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_up_to_its_bound_and_all_above() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.add(value);
        }
        let buckets: Vec<_> = histogram.buckets().collect();
        assert_eq!(buckets, [(1.0, 2), (2.0, 3)]);
        assert_eq!((histogram.count(), histogram.sum()), (4, 12.0));
    }
}
