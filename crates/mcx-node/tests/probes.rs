//! `/livez` and `/readyz` of a running node.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/check.rs"]
mod check;
#[path = "common/half_sent.rs"]
mod half_sent;
#[path = "common/http.rs"]
mod http;
#[path = "common/running.rs"]
mod running;

use std::time::{Duration, Instant};

use check::{example, refused_text};
use half_sent::HalfSent;
use http::{ask, get};
use running::Running;

const HTTP: &str = "\n[http]\nlisten = \"127.0.0.1:0\"\n[drain]\nannounce = \"10 min\"\n";

#[test]
fn a_node_that_leaves_lives_and_is_not_ready() {
    let text = example("gateways/a-gateway.toml") + HTTP;
    let node = Running::start("a-gateway", &text);
    let at = node.http.unwrap();
    assert_eq!(get(at, "/livez"), (200, "alive\n".into()));
    assert_eq!(get(at, "/readyz"), (200, "ready\n".into()));
    assert_eq!(ask(at, "HEAD", "/readyz").2, "");
    assert_eq!(get(at, "/").0, 404);
    let (status, header, _) = ask(at, "POST", "/readyz");
    assert_eq!(status, 405);
    assert!(
        header.to_lowercase().contains("allow: get, head"),
        "{header}"
    );
    node.signal("TERM");
    let why = loop {
        match get(at, "/readyz") {
            (503, why) => break why,
            (status, _) => assert_eq!(status, 200),
        }
    };
    assert_eq!(why, "gateway: leaving: still serves, and soon will not\n");
    assert_eq!(get(at, "/livez").0, 200);
}

#[test]
fn nobody_outside_the_machine_can_ask() {
    for address in [
        "0.0.0.0:9464",
        "192.0.2.1:9464",
        "[::]:9464",
        "localhost:9464",
        "127.0.0.1",
    ] {
        let text = format!(
            "{}\n[http]\nlisten = \"{address}\"\n",
            example("gateways/a-gateway.toml").trim_end()
        );
        let line = text.lines().count();
        refused_text(&text, line, "is no loopback address");
    }
}

/// A probe asks at once, and has its answer whoever else is there: else a healthy node is restarted.
#[test]
fn requests_that_never_end_keep_no_probe_waiting() {
    let node = Running::start("a-gateway", &(example("gateways/a-gateway.toml") + HTTP));
    let at = node.http.unwrap();
    let mut others = HalfSent::start(at, 200);
    // There are more of them than places.
    others.closes(1);
    for path in ["/readyz", "/livez"].repeat(50) {
        let asked = Instant::now();
        assert_eq!(get(at, path).0, 200);
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(2), "{path}: {took:?}");
    }
    others.closes(1);
    others.end();
}
