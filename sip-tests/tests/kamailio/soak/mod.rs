//! Users who travel for ever: to B, on to C (P2), home (P1), each at his core, so many procedures a second that it adds up what a
//! procedure leaves behind. None is lost, none fails, and after a while no node needs more memory, descriptors or tasks than before.
//!
//! `MIMALLOC_ALLOW_THP=0 MCX_SOAK=30` is 30 minutes after the warm-up at `MCX_SOAK_RATE` procedures a second, 1,000 unless it is said otherwise; without it,
//! a few procedures show that this works.

mod samples;
mod travellers;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sip_tests::lab::kamailio_installed;

use super::systems::{For, Over, Systems};
use samples::{Samples, sum};
use travellers::Travellers;

/// Until a node has what it will have: the flight recorder's ring is full, every user is known and has been away and home, transactions
/// are forgotten as fast as they come. So long at [`WARM_UP_RATE`], and longer at a lower one.
const WARM_UP: Duration = Duration::from_secs(240);
/// Procedures a second.
const WARM_UP_RATE: f64 = 1000.0;
/// Tells the allocator of nodes to do without huge pages. The kernel makes them at any time of ranges that have holes (khugepaged), and a
/// node has up to a tenth more then, without having asked for it.
const NO_HUGE_PAGES: (&str, &str) = ("MIMALLOC_ALLOW_THP", "0");
/// How long after the last event a procedure may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing has to happen until nothing does.
const SETTLED: Duration = Duration::from_secs(1);
/// Seconds between lines that tell how it goes.
const PROGRESS: u64 = 300;
/// How much more memory a node may have at the end than after the warm-up.
const DRIFT: f64 = 0.02;

const NODES: [&str; 6] = [
    "a-server",
    "a-gateway",
    "b-server",
    "b-gateway",
    "c-server",
    "c-gateway",
];

/// Samples that are good with the class 2xx alone, and samples that never are.
const ANSWERS: [&str; 2] = ["mcx_sip_answers_total{", "mcx_sip_sent_requests_total{"];
const AMISS: [&str; 3] = [
    "mcx_overload_refused_requests_total{",
    "mcx_store_failed_commits_total",
    "mcx_outbox_parked{",
];

/// How much of it.
struct Extent {
    /// Of them a third moves on at a time.
    users: usize,
    /// Procedures a second: three events of a user are four procedures.
    rate: f64,
    warm_up: Duration,
    measured: Duration,
    /// Between two samples.
    every: Duration,
}

fn number(variable: &str) -> Option<f64> {
    let value = std::env::var(variable).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is a number")),
    )
}

impl Extent {
    fn wanted() -> Self {
        let Some(minutes) = number("MCX_SOAK") else {
            return Self {
                users: 24,
                rate: 16.0,
                warm_up: Duration::from_secs(8),
                measured: Duration::from_secs(8),
                every: Duration::from_secs(2),
            };
        };
        let (variable, value) = NO_HUGE_PAGES;
        assert!(
            std::env::var(variable).is_ok_and(|is| is == value),
            "MCX_SOAK needs {variable}={value}: what the kernel does with huge pages is not what is looked for"
        );
        let measured = Duration::from_secs_f64(minutes * 60.0);
        let rate = number("MCX_SOAK_RATE").unwrap_or(WARM_UP_RATE);
        let warm_up = WARM_UP.mul_f64((WARM_UP_RATE / rate).max(1.0));
        let lasts = warm_up + measured + PATIENCE;
        assert!(
            lasts < travellers::REGISTERED_FOR,
            "MCX_SOAK = {minutes}: nobody registers anew"
        );
        Self {
            users: 12_000,
            rate,
            warm_up,
            measured,
            every: Duration::from_secs(5),
        }
    }
}

/// What nodes count.
#[derive(Clone, Default)]
struct Counted {
    /// Migrations and de-authorizations that came to their end.
    came: (f64, f64),
    /// Messages that are owed.
    owed: f64,
    /// Messages that were sent or came again.
    again: f64,
    /// What was refused, given up or complained of, and how often.
    amiss: BTreeMap<String, f64>,
}

impl Counted {
    fn now(systems: &Systems) -> Self {
        let mut counted = Self::default();
        for name in NODES {
            counted.add(name, &samples::metrics(systems, name));
            let log = systems.node(name).logged();
            counted.complaints(name, &log, &["WARN", "ERROR"]);
        }
        counted.complaints("a core", &systems.cores_logged(), &["ERROR", "CRITICAL"]);
        counted
    }

    fn add(&mut self, name: &str, metrics: &str) {
        let ended = |step| {
            let of = format!(
                "mcx_procedure_duration_seconds_count{{function=\"service-server\",step=\"{step}\"}}"
            );
            sum(metrics, &of)
        };
        self.came.0 += ended("mapped");
        self.came.1 += ended("applied");
        self.owed += sum(metrics, "mcx_outbox_waiting{");
        self.again += sum(metrics, "mcx_sip_retransmissions_total{");
        for line in metrics.lines() {
            let is_one_of = |all: &[&str]| all.iter().any(|of| line.starts_with(of));
            let not_2xx = is_one_of(&ANSWERS) && !line.contains("\"2xx\"");
            if not_2xx || is_one_of(&AMISS) {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                self.amiss(name, sample, value.parse().unwrap());
            }
        }
    }

    fn complaints(&mut self, name: &str, log: &str, levels: &[&str]) {
        let bad = |line: &&str| levels.iter().any(|level| line.contains(level));
        self.amiss(name, "complaints", log.lines().filter(bad).count() as f64);
    }

    fn amiss(&mut self, name: &str, what: &str, often: f64) {
        if often > 0.0 {
            *self.amiss.entry(format!("{name}: {what}")).or_default() += often;
        }
    }

    /// What was counted since.
    fn since(&self, before: &Self) -> Self {
        let less = |(of, often): (&String, &f64)| {
            let more = often - before.amiss.get(of).copied().unwrap_or_default();
            (more > 0.0).then(|| (of.clone(), more))
        };
        Self {
            came: (self.came.0 - before.came.0, self.came.1 - before.came.1),
            owed: self.owed,
            again: self.again - before.again,
            amiss: self.amiss.iter().filter_map(less).collect(),
        }
    }
}

/// Waits until nothing is owed and no procedure comes to its end any more.
fn all_arrive(systems: &Systems) -> Counted {
    let limit = Instant::now() + PATIENCE;
    let mut before = Counted::now(systems);
    loop {
        std::thread::sleep(SETTLED);
        let now = Counted::now(systems);
        if now.owed == 0.0 && now.came == before.came {
            return now;
        }
        assert!(Instant::now() < limit, "{} owed", now.owed);
        before = now;
    }
}

#[test]
fn users_travel_for_ever_and_nothing_grows() {
    if !kamailio_installed() {
        return;
    }
    let extent = Extent::wanted();
    let mut systems = Systems::made_for(For::Many, "kamailio-soak", Over::Udp);
    let mut travellers = Travellers::new(&systems, extent.users, extent.rate);
    let before = Counted::now(&systems);
    let start = Instant::now();
    travellers.travel_until(start + extent.warm_up);
    let (events, refused) = (travellers.went().events, travellers.went().refused);
    eprintln!("warm: {events} requests, {refused} refused for a while");

    // It goes on: what is counted is counted from the start, what nodes need from here.
    let mut samples = Samples::new();
    let begin = Instant::now();
    let end = begin + extent.measured;
    let mut next = begin + extent.every;
    while next <= end {
        travellers.travel_until(next);
        samples.take(&systems, next - begin);
        // Somebody who watches for half an hour wants to see something.
        if (next - begin).as_secs().is_multiple_of(PROGRESS) && number("MCX_SOAK").is_some() {
            eprintln!("after {:?}: {:?}", next - begin, travellers.went());
            samples.print();
        }
        next += extent.every;
    }
    let took = start.elapsed().as_secs_f64();
    let went = travellers.arrive(PATIENCE);
    let counted = all_arrive(&systems).since(&before);
    let began = (went.migrations(), went.deauthorizations());
    eprintln!(
        "{} migrations and {} de-authorizations, {:.0} a second in {took:.0} s ({:.0} events a second of {:.0}); \
         {} requests of clients and {} messages of nodes came again; the longest answer took {:.0?}; {} of {} requests were refused \
         for a while",
        began.0,
        began.1,
        (began.0 + began.1) / took,
        went.events as f64 / took,
        extent.rate * travellers::EVENTS_OF_PROCEDURES,
        went.again,
        counted.again,
        went.longest,
        went.refused,
        went.events,
    );
    for (what, often) in &counted.amiss {
        eprintln!("{what}: {often}");
    }
    for (what, often) in &went.failed {
        eprintln!("{what}: {often}");
    }
    samples.print();
    assert!(went.failed.is_empty(), "{:?}", went.failed);
    assert_eq!(counted.came, began, "what came to its end, of what began");
    samples.are_constant();
    if number("MCX_SOAK").is_some() {
        samples.are_stationary(DRIFT);
    }
    assert!(counted.amiss.is_empty(), "{:?}", counted.amiss);
    for (_, node) in &systems.nodes {
        node.signal("TERM");
    }
    for (name, node) in &mut systems.nodes {
        assert_eq!(node.wait_for_end(), Some(0), "{name}");
    }
}
