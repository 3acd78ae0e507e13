//! Users who travel for ever: to B, on to C (P2), home (P1), each at his core, so many procedures a second that it adds up what a
//! procedure leaves behind. None is lost, none fails, and after a while no node needs more memory, descriptors or tasks than before.
//!
//! `MCX_SOAK=30` is 30 minutes after the warm-up at `MCX_SOAK_RATE` procedures a second, 1,000 unless it is said otherwise; without it,
//! a few procedures show that this works.

mod samples;
mod travellers;

use std::time::{Duration, Instant};

use sip_tests::lab::kamailio_installed;

use super::systems::{For, Over, Systems};
use samples::{Samples, sum};
use travellers::{Travellers, Went};

/// Until a node has what it will have: the flight recorder's ring is full, every user is known and has been away and home, transactions
/// are forgotten as fast as they come.
const WARM_UP: Duration = Duration::from_secs(240);
/// How long after the last event a procedure may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much more memory a node may have at the end than after the warm-up.
const DRIFT: f64 = 0.02;

const SERVERS: [&str; 3] = ["a-server", "b-server", "c-server"];
const NODES: [&str; 6] = [
    "a-server",
    "a-gateway",
    "b-server",
    "b-gateway",
    "c-server",
    "c-gateway",
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
        let measured = Duration::from_secs_f64(minutes * 60.0);
        let lasts = WARM_UP + measured + PATIENCE;
        assert!(
            lasts < travellers::REGISTERED_FOR,
            "MCX_SOAK = {minutes}: nobody registers anew"
        );
        Self {
            users: 12_000,
            rate: number("MCX_SOAK_RATE").unwrap_or(1000.0),
            warm_up: WARM_UP,
            measured,
            every: Duration::from_secs(5),
        }
    }
}

/// Waits until every procedure that began has ended, and nothing is owed.
fn all_arrive(systems: &Systems, went: &Went) {
    let limit = Instant::now() + PATIENCE;
    let wanted = (went.migrations(), went.deauthorizations());
    loop {
        let metrics = SERVERS.map(|name| samples::metrics(systems, name));
        let ended = |step| {
            let of = format!(
                "mcx_procedure_duration_seconds_count{{function=\"service-server\",step=\"{step}\"}}"
            );
            metrics.iter().map(|text| sum(text, &of)).sum::<f64>()
        };
        let owed: f64 = metrics.iter().map(|m| sum(m, "mcx_outbox_waiting{")).sum();
        let came = (ended("mapped"), ended("applied"));
        if came == wanted && owed == 0.0 {
            return;
        }
        assert!(
            Instant::now() < limit,
            "migrations and de-authorizations: {wanted:?} began, {came:?} came to their end, {owed} owed"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Nobody refused anything, and nothing was given up.
fn nothing_failed(systems: &Systems) -> f64 {
    let mut again = 0.0;
    for name in NODES {
        let metrics = samples::metrics(systems, name);
        for line in metrics.lines() {
            let failed = (line.starts_with("mcx_sip_answers_total{") && !line.contains("\"2xx\""))
                || (line.starts_with("mcx_sip_sent_requests_total{") && !line.contains("\"2xx\""));
            assert!(!failed, "{name}: {line}");
        }
        for none in [
            "mcx_overload_refused_requests_total{",
            "mcx_store_failed_commits_total",
            "mcx_outbox_parked{",
        ] {
            assert_eq!(sum(&metrics, none), 0.0, "{name}: {none}");
        }
        again += sum(&metrics, "mcx_sip_retransmissions_total{");
        let log = systems.node(name).logged();
        let bad = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        assert_eq!(log.lines().find(bad), None, "{name}");
    }
    again
}

#[test]
fn users_travel_for_ever_and_nothing_grows() {
    if !kamailio_installed() {
        return;
    }
    let extent = Extent::wanted();
    let long = number("MCX_SOAK").is_some();
    let mut systems = Systems::made_for(For::Many, "kamailio-soak", Over::Udp);
    let mut travellers = Travellers::new(&systems, extent.users, extent.rate);
    let mut samples = Samples::new();
    let begin = Instant::now();
    let warm = begin + extent.warm_up;
    let end = warm + extent.measured;
    let mut next = begin + extent.every;
    while next <= end {
        travellers.travel_until(next);
        if next > warm {
            samples.take(&systems, next - begin);
        }
        next += extent.every;
    }
    let took = begin.elapsed().as_secs_f64();
    let went = travellers.arrive(PATIENCE);
    all_arrive(&systems, &went);
    let again = nothing_failed(&systems);
    let cores = systems.cores_logged();
    let complaint = cores
        .lines()
        .find(|line| line.contains("ERROR") || line.contains("CRITICAL"));
    assert_eq!(complaint, None, "a core");
    eprintln!(
        "{} migrations and {} de-authorizations, {:.0} a second in {took:.0} s; {} requests of clients and {again} messages of nodes \
         came again; the longest answer took {:.0?}",
        went.migrations(),
        went.deauthorizations(),
        (went.migrations() + went.deauthorizations()) / took,
        went.again,
        went.longest,
    );
    samples.print();
    samples.are_constant();
    if long {
        let offered = went.events as f64 / took;
        let wanted = extent.rate * travellers::EVENTS_OF_PROCEDURES;
        eprintln!("{offered:.0} of {wanted:.0} events a second were offered");
        samples.are_stationary(DRIFT);
    }
    for (_, node) in &systems.nodes {
        node.signal("TERM");
    }
    for (name, node) in &mut systems.nodes {
        assert_eq!(node.wait_for_end(), Some(0), "{name}");
    }
}
