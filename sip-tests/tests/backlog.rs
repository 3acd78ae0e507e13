//! A node that starts with much owed to a partner that does not answer: it is ready at once, requests are answered, and
//! another partner gets what is owed to it. `MCX_BACKLOG=1000000` is a million rows instead of some thousand, with
//! figures (docs/testing.md).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use mcx::state::{Authorization, Command};
use mcx::{ProcedureId, Timestamp};
use sip_tests::lab::{Lab, Node, Partner, Wire, options, stays_at, visitor};

/// Rows for the partner that answers.
const FOR_C: u64 = 1000;

/// What leaves `count` users' de-authorizations at `system` in the outbox, whose last id is `last`.
fn owed(system: &str, users: std::ops::Range<u64>, last: &mut u64) -> Vec<Command> {
    let at = Timestamp(1_700_000_000_000);
    let skipped = usize::try_from(users.start).unwrap();
    let stays = stays_at(system, users.end).into_iter().skip(skipped);
    let mut batch = Vec::new();
    for (n, stay) in users.zip(stays) {
        *last += 2;
        let home = Command::AuthorizeHome {
            key: visitor(n),
            authorization: Authorization {
                until: Timestamp(4_000_000_000_000),
                etag: None,
                registration: None,
            },
            if_match: None,
            heard: None,
            procedure: ProcedureId::new(at, [2; 10]),
            at,
        };
        // The response that the stay owes is out of date.
        batch.extend([stay, Command::OutboxDone { id: *last - 1 }, home]);
    }
    batch
}

#[test]
fn a_partner_that_does_not_answer_keeps_nobody_waiting() {
    let count = std::env::var("MCX_BACKLOG").ok();
    let count: u64 = count.map_or(5000, |count| {
        count.parse().expect("MCX_BACKLOG is a number")
    });
    let lab = Lab::new("backlog");
    let mut last = 0;
    for from in (0..count).step_by(50_000) {
        let users = from..count.min(from + 50_000);
        lab.seed("a-server", owed("b.mcx.example", users, &mut last));
    }
    lab.seed(
        "a-server",
        owed("c.mcx.example", count..count + FOR_C, &mut last),
    );
    // It is there, and silent.
    let b = lab.socket("b-server");
    b.set_nonblocking(true).unwrap();
    let c = Partner::start(&lab, "c-server");
    let begin = Instant::now();
    let node = Node::start(&lab, "direct/a-server", |text| text);
    let ready = begin.elapsed();
    let core = Wire::new(&lab, "a-core", "a-server");
    let asked = Instant::now();
    let answer = core.ask(&options(core.address(), "backlog"));
    assert_eq!(answer.status().as_u16(), 200);
    let answered = asked.elapsed();
    node.wait_for(&["verdict=recovered", &format!("{} owed", count + FOR_C)]);
    let limit = Instant::now() + Duration::from_secs(60);
    let told = || {
        c.got()
            .iter()
            .map(|m| m.user.clone())
            .collect::<HashSet<_>>()
    };
    while told().len() < usize::try_from(FOR_C).unwrap() {
        assert!(Instant::now() < limit, "{} of {FOR_C} told", told().len());
        std::thread::yield_now();
    }
    let delivered = begin.elapsed();
    let mut asked_b = HashSet::new();
    let mut buffer = [0; 65_535];
    while let Ok(length) = b.recv(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let call_id = text.lines().find(|line| line.starts_with("Call-ID:"));
        asked_b.insert(call_id.unwrap().to_owned());
    }
    assert!(
        (1..=32).contains(&asked_b.len()),
        "{} sent to B at once",
        asked_b.len()
    );
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.id())).unwrap();
    let mut lines = status.lines();
    let memory = lines.find(|line| line.starts_with("VmRSS")).unwrap();
    let digits: String = memory.chars().filter(char::is_ascii_digit).collect();
    // The million would not fit.
    assert!(digits.parse::<u32>().unwrap() < 300_000, "{memory}");
    eprintln!(
        "{count} rows for B: ready after {ready:.0?}, OPTIONS answered in {answered:.0?}, \
         {FOR_C} rows delivered to C after {delivered:.1?}; {memory}"
    );
    let _ = node.stop();
}
