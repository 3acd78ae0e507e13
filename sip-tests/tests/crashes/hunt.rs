//! Kills a node again and again under load.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use sip_tests::lab::{Lab, Node, Notified, Sipp};
use sip_tests::sim::Dice;

/// Requests a second.
pub const RATE: u32 = 300;
/// Longest that a node lives, once it was seen to work.
const LONGEST_LIFE: u64 = 400;

/// Milliseconds for starts that take longer than others.
const SLOW_STARTS: u64 = 5_000;

/// A kill, and when the node was ready again.
#[derive(Clone, Copy, Debug)]
pub struct Kill {
    pub at: Instant,
    pub ready_after: Duration,
}

/// How often the node of one of four procedures is killed.
pub fn kills() -> u64 {
    let all = std::env::var("MCX_KILLS").ok();
    let all: u64 = all.map_or(10, |kills| kills.parse().expect("MCX_KILLS is a number"));
    all.div_ceil(4)
}

/// How many users are enough for as long as that takes.
pub fn users() -> u64 {
    // A life, and a start; some of them on a machine that does other things too, which a few kills do not make up for.
    let life = LONGEST_LIFE + 600;
    (kills() * life + SLOW_STARTS) * u64::from(RATE) / 1000
}

/// Kills the node while SIPp goes on, each time at another moment after it logged `works`; answers when, and what SIPp logged.
pub fn hunt(
    lab: &Lab,
    node: &mut Node,
    mut load: Sipp,
    (name, works): (&str, &str),
) -> (Vec<Kill>, String) {
    let seed = std::env::var("MCX_KILLS_SEED").ok();
    let seed: u64 = seed.map_or(1, |seed| seed.parse().expect("MCX_KILLS_SEED is a number"));
    eprintln!("{name}: MCX_KILLS_SEED={seed}");
    let mut dice = Dice::new(seed ^ name.bytes().fold(0, |sum, b| sum * 31 + u64::from(b)));
    let mut kills = Vec::new();
    for _ in 0..self::kills() {
        node.wait_for(&[works]);
        // Not to wait for something: this is the moment that chance picks.
        std::thread::sleep(Duration::from_micros(dice.between(0, LONGEST_LIFE * 1000)));
        assert!(load.is_running(), "the load is over before the kills are");
        node.kill();
        let at = Instant::now();
        node.forget_log();
        node.start_again();
        let ready_after = at.elapsed();
        kills.push(Kill { at, ready_after });
    }
    let logged = load.logged(lab);
    let mut times: Vec<_> = kills.iter().map(|kill| kill.ready_after).collect();
    times.sort_unstable();
    let (count, median, most) = (times.len(), times[times.len() / 2], times[times.len() - 1]);
    eprintln!(
        "{name}: {count} kills; ready again after {median:.0?} in the median, {most:.0?} at most"
    );
    (kills, logged)
}

/// The users of whom SIPp logged that.
pub fn users_of<'a>(logged: &'a str, what: &str) -> BTreeSet<&'a str> {
    let lines = logged.lines();
    lines
        .filter_map(|line| line.strip_prefix(what)?.strip_prefix(' '))
        .collect()
}

/// One message a user, but for those whose answer a kill took: they may have come again after it.
pub fn assert_nobody_was_told_twice(got: &[Notified], kills: &[Kill]) -> usize {
    let mut first: std::collections::BTreeMap<(&str, u64), &Notified> = Default::default();
    let mut again = 0;
    for message in got {
        let told = first
            .entry((&message.user, message.stay))
            .or_insert(message);
        if told.call_id == message.call_id {
            continue;
        }
        again += 1;
        let between = |kill: &Kill| told.at < kill.at && kill.at < message.at;
        assert!(
            kills.iter().any(between),
            "told twice, and no kill between:\n{told:?}\n{message:?}"
        );
    }
    again
}
