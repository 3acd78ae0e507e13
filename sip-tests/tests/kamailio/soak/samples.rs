//! What nodes need, taken again and again.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::http;
use crate::systems::Systems;

use super::NODES;

/// What a node needs at a moment.
#[derive(Clone, Copy, Debug)]
struct Needs {
    resident_kib: f64,
    descriptors: usize,
    threads: usize,
    tasks: f64,
}

/// What all nodes needed, in the order of time.
pub struct Samples {
    of: BTreeMap<&'static str, Vec<(Duration, Needs)>>,
}

/// What a node measures.
pub fn metrics(systems: &Systems, name: &str) -> String {
    let at = systems.lab.address(&format!("{name}-http"));
    let (status, metrics) = http::get(at, "/metrics");
    assert_eq!(status, 200);
    metrics
}

/// The sum of all samples that begin like this.
pub fn sum(metrics: &str, sample: &str) -> f64 {
    let lines = metrics.lines().filter(|line| line.starts_with(sample));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    values.sum()
}

impl Samples {
    pub fn new() -> Self {
        Self {
            of: BTreeMap::new(),
        }
    }

    pub fn take(&mut self, systems: &Systems, at: Duration) {
        for name in NODES {
            let process = format!("/proc/{}", systems.node(name).id());
            // Before somebody asks, who is a descriptor for a moment, and a task each time.
            let descriptors = least_of_descriptors(&format!("{process}/fd"));
            let tasks = sum(&metrics(systems, name), "mcx_runtime_tasks");
            let status = fs::read_to_string(format!("{process}/status")).unwrap();
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap().split_whitespace().next().unwrap().to_owned()
            };
            let needs = Needs {
                resident_kib: field("VmRSS:").parse().unwrap(),
                threads: field("Threads:").parse().unwrap(),
                descriptors,
                tasks,
            };
            self.of.entry(name).or_default().push((at, needs));
        }
    }

    /// A line for each node: resident memory at the beginning, in the middle and at the end; least and most of the others.
    pub fn print(&self) {
        for (name, taken) in &self.of {
            let mean = |taken: &[(Duration, Needs)]| {
                let all: f64 = taken.iter().map(|(_, needs)| needs.resident_kib).sum();
                all / taken.len() as f64 / 1024.0
            };
            let tenth = taken.len().div_ceil(10);
            let middle = taken.len() / 2;
            let range = |of: &dyn Fn(&Needs) -> f64| {
                let all = taken.iter().map(|(_, needs)| of(needs));
                let least = all.clone().fold(f64::INFINITY, f64::min);
                format!("{least} to {}", all.fold(0.0, f64::max))
            };
            eprintln!(
                "{name}: {:.1}, {:.1}, {:.1} MiB (drift {:+.2} %); descriptors {}; threads {}; tasks {}",
                mean(&taken[..tenth]),
                mean(&taken[middle..(middle + tenth).min(taken.len())]),
                mean(&taken[taken.len() - tenth..]),
                drift(taken) * 100.0,
                range(&|needs| needs.descriptors as f64),
                range(&|needs| needs.threads as f64),
                range(&|needs| needs.tasks),
            );
        }
    }

    /// Descriptors and tasks are as many all the time.
    pub fn are_constant(&self) {
        self.is_constant("descriptors", |needs| needs.descriptors as f64);
        self.is_constant("tasks", |needs| needs.tasks);
    }

    /// Memory is within `most` of what it was; threads are as many all the time, but for the one that reads what is owed when somebody
    /// asks for metrics, and ends when nobody does for ten seconds.
    pub fn are_stationary(&self, most: f64) {
        for (name, taken) in &self.of {
            let threads = || taken.iter().map(|(_, needs)| needs.threads);
            let (least, most) = (threads().min(), threads().max());
            let more = most.unwrap() - least.unwrap();
            assert!(more <= 1, "{name}: {least:?} to {most:?} threads");
        }
        for (name, taken) in &self.of {
            let drift = drift(taken);
            assert!(drift <= most, "{name}: resident memory grew by {drift:.4}");
        }
    }

    fn is_constant(&self, what: &str, of: impl Fn(&Needs) -> f64) {
        for (name, taken) in &self.of {
            let first = of(&taken[0].1);
            for (at, needs) in taken {
                let now = of(needs);
                let same = (now - first).abs() < f64::EPSILON;
                assert!(same, "{name}: {what}: {first}, {now} after {at:?}");
            }
        }
    }
}

/// A file that is open for a moment, as one with the counters of the kernel is when they are read, does not stay open: the least of some counts.
fn least_of_descriptors(folder: &str) -> usize {
    let counts = (0..5).map(|_| fs::read_dir(folder).unwrap().count());
    counts.min().unwrap()
}

/// How much more resident memory there was in the last tenth than in the first, as a share.
fn drift(taken: &[(Duration, Needs)]) -> f64 {
    let tenth = taken.len().div_ceil(10);
    let mean = |taken: &[(Duration, Needs)]| {
        let all: f64 = taken.iter().map(|(_, needs)| needs.resident_kib).sum();
        all / taken.len() as f64
    };
    mean(&taken[taken.len() - tenth..]) / mean(&taken[..tenth]) - 1.0
}
