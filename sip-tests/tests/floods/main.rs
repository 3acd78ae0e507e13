//! Connections, bytes and datagrams that are there to be in the way: a good peer's requests are answered all the same.
//! `MCX_FLOODS=1` (see docs/testing.md) is what is measured, thousands instead of dozens, with how long answers took.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod attacks;
mod good;
mod target;

use std::sync::mpsc::channel;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use attacks::ATTACKS;
use sip_tests::lab::Lab;
use target::Target;

/// How much of everything.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Connections that say nothing.
    idle: usize,
    /// Connections that send a byte a second.
    drips: usize,
    /// TLS handshakes that go no further.
    handshakes: usize,
    /// Datagrams of junk a second.
    junk: u64,
    /// Peers that ask and ask and never read.
    deaf: usize,
    /// How many requests each of them sends in 5 ms, as long as somebody takes them.
    asks: usize,
    /// Good requests a second, half over UDP and half over TCP.
    good: u64,
    seconds: u64,
}

const SMALL: Size = Size {
    idle: 300,
    drips: 30,
    handshakes: 30,
    junk: 500,
    deaf: 3,
    asks: 1,
    good: 100,
    seconds: 2,
};
const FULL: Size = Size {
    idle: 10_000,
    drips: 1_000,
    handshakes: 1_000,
    junk: 50_000,
    deaf: 20,
    asks: 20,
    good: 1_000,
    seconds: 10,
};
/// What 99 of 100 good requests are to be answered with 200 in, at full size.
const P99: Duration = Duration::from_millis(50);

/// Says when it is over, to whoever has nothing to do until then.
#[derive(Debug, Default)]
struct End {
    over: Mutex<bool>,
    changed: Condvar,
}

impl End {
    fn come(&self) {
        *self.over.lock().unwrap() = true;
        self.changed.notify_all();
    }

    /// Whether it is over, at the latest at `until`.
    fn by(&self, until: Instant) -> bool {
        let mut over = self.over.lock().unwrap();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if *over || left.is_zero() {
                return *over;
            }
            over = self.changed.wait_timeout(over, left).unwrap().0;
        }
    }
}

/// Runs those attacks with a good peer beside them.
fn meanwhile(names: &[&str], size: Size) -> good::Answered {
    let lab = Lab::new("floods");
    let target = Arc::new(Target::start(&lab));
    let end = Arc::new(End::default());
    let (ready, attacking) = channel();
    let mut running = Vec::new();
    for (name, attack) in ATTACKS.iter().filter(|(name, _)| names.contains(name)) {
        let (target, end, ready) = (target.clone(), end.clone(), ready.clone());
        let attack = move || attack(&target, size, &end, &|| ready.send(()).unwrap());
        running.push((*name, thread::spawn(attack)));
    }
    for _ in &running {
        attacking.recv().expect("the attack is under way");
    }
    let answered = good::ask(&target, lab.socket("a-server"), size);
    end.come();
    for (name, attack) in running {
        println!(
            "  {name}: {}",
            attack.join().expect("the attack went as meant")
        );
    }
    target.stop();
    answered
}

#[test]
fn good_requests_are_answered_while_everything_else_is_in_the_way() {
    let names: Vec<_> = ATTACKS.iter().map(|(name, _)| *name).collect();
    let answered = meanwhile(&names, SMALL);
    println!("{answered}");
    answered.all_were_answered();
}

#[test]
fn at_full_size_good_requests_wait_for_no_more_than_50_milliseconds() {
    if std::env::var_os("MCX_FLOODS").is_none() {
        println!("SKIPPED: set MCX_FLOODS=1, and use a release build");
        return;
    }
    target::allow_files(FULL.idle + FULL.drips + 2 * FULL.handshakes + 1_000);
    let all: Vec<_> = ATTACKS.iter().map(|(name, _)| *name).collect();
    let alone: Vec<_> = all.iter().map(|name| vec![*name]).collect();
    let runs = [vec![]].into_iter().chain(alone).chain([all]);
    let mut slow = Vec::new();
    for names in runs {
        println!("{names:?}:");
        let answered = meanwhile(&names, FULL);
        println!("  good: {answered}");
        // All at once take the cores for themselves: how long answers take then is told, not held.
        let held = names.len() < ATTACKS.len();
        let most = if held {
            0
        } else {
            FULL.good * FULL.seconds / 100
        };
        let failed = u64::try_from(answered.failed()).unwrap();
        if failed > most || held && answered.p99() > P99 {
            slow.push(names);
        }
    }
    assert!(slow.is_empty(), "too slow with {slow:?}");
}
