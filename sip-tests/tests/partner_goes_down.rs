//! What `/metrics` says of a partner that goes down and comes back, and of the procedure that waited for it.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../../crates/mcx-node/tests/common/http.rs"]
mod http;

use std::time::{Duration, Instant};

use sip_tests::lab::{
    Lab, Node, alice_returns, receive_deauthorization, sipp_installed, stay_at_b,
};
use sip_trace::What;

/// SIP timers with which "no answer" is known after 320 ms, and hardly any wait before the next attempt.
const FAST: &str = "\n[timers]\nt1 = \"5 ms\"\nt2 = \"40 ms\"\n";

/// The value of a sample, if it is there.
fn value(lab: &Lab, sample: &str) -> Option<f64> {
    let (status, metrics) = http::get(lab.address("http"), "/metrics");
    assert_eq!(status, 200);
    let rest = metrics.lines().find_map(|line| line.strip_prefix(sample))?;
    Some(rest.trim().parse().unwrap())
}

#[test]
fn a_partner_is_down_after_four_requests_without_an_answer_and_up_with_the_next_answer() {
    if !sipp_installed() {
        return;
    }
    const UP: &str = "mcx_partner_up{function=\"service-server\",partner=\"b.mcx.example\"}";
    const OTHER: &str = "mcx_partner_up{function=\"service-server\",partner=\"c.mcx.example\"}";
    const DELIVERED: &str =
        "mcx_procedure_duration_seconds_count{function=\"service-server\",step=\"delivered\"}";
    const SECONDS: &str =
        "mcx_procedure_duration_seconds_sum{function=\"service-server\",step=\"delivered\"}";
    let lab = Lab::new("partner-down");
    lab.seed("a-server", vec![stay_at_b()]);
    let a = Node::start(&lab, "direct/a-server", |text| {
        let http = format!("\n[http]\nlisten = \"{}\"\n", lab.address("http"));
        let text = text.replace("first = \"1 s\"", "first = \"10 ms\"");
        text.replace("longest = \"5 min\"", "longest = \"20 ms\"") + FAST + &http
    });
    assert_eq!(value(&lab, UP), Some(1.0));

    // It takes everything and answers nothing.
    let silent = lab.socket("b-server");
    alice_returns(&lab);
    for attempt in 1..=4 {
        a.wait_for(&["verdict=kept"]);
        if attempt == 3 {
            assert_eq!(value(&lab, DELIVERED).unwrap_or(0.0), 0.0);
        }
    }
    assert_eq!(value(&lab, UP), Some(0.0));
    assert_eq!(value(&lab, OTHER), Some(1.0));

    drop(silent);
    let partner = receive_deauthorization(&lab, "b-server", "200 OK", "");
    a.wait_for(&["verdict=delivered"]);
    partner.succeeds();
    // It counts when it is committed that the row is gone.
    let limit = Instant::now() + Duration::from_secs(20);
    while value(&lab, UP) != Some(1.0) {
        assert!(Instant::now() < limit, "the partner is still down");
    }
    assert_eq!(value(&lab, DELIVERED), Some(1.0));
    // Four requests, each 64 times T1 without an answer.
    let seconds = value(&lab, SECONDS).unwrap();
    assert!((1.28..60.0).contains(&seconds), "{seconds} s");
    let (log, records) = a.stop();
    assert!(!log.contains("alice"), "an identity is in the log:\n{log}");
    // What was sent again, and why, is in the recording.
    let fired = records.iter().filter(|record| {
        matches!(&record.what, What::Decision(d) if d.verdict == "Trying" && d.why.contains("Timer E fired"))
    });
    assert!(fired.count() >= 4, "each of four requests was sent again");
}
