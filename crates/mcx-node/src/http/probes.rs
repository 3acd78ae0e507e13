//! `/livez` and `/readyz`: whether the process is to be restarted, and whether it is to be sent requests.

use std::time::Duration;

use hyper::{Response, StatusCode};

use super::{Body, Told, text};

/// How long a function may take to turn to the question whether it lives: it handles a bounded piece of work at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// 200 when every function turns to the question, 503 else: only a restart helps then.
pub(super) async fn livez(told: &Told) -> Response<Body> {
    match tokio::time::timeout(PATIENCE, told.pulse.beats()).await {
        Ok(true) => text(StatusCode::OK, "alive\n"),
        _ => text(
            StatusCode::SERVICE_UNAVAILABLE,
            "a function does not answer\n",
        ),
    }
}

/// 200 when the node takes requests, 503 with what is in the way else.
pub(super) fn readyz(told: &Told) -> Response<Body> {
    let mut troubles = told.lives.iter().filter_map(|life| {
        let trouble = life.trouble()?;
        Some(format!("{}: {trouble}\n", life.kind))
    });
    match troubles.next() {
        None => text(StatusCode::OK, "ready\n"),
        Some(first) => {
            let all: String = std::iter::once(first).chain(troubles).collect();
            text(StatusCode::SERVICE_UNAVAILABLE, all)
        }
    }
}
