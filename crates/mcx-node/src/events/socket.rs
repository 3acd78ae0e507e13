//! Events for who asks at a Unix socket: one line `{"after": SEQ}`, then every event after that one, for as
//! long as he listens.

use std::time::Duration;

use mcx::state::Event;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::watch;

use super::{Feed, line};
use crate::local_socket::Listener;
use crate::room::{Guest, stopped};

/// Longest first line.
const LONGEST_QUESTION: u64 = 1024;
/// How long the first line is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a subscriber says first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// The newest event that he has.
    #[serde(default)]
    after: u64,
}

/// Serves subscribers, until the end.
pub(super) async fn serve(listener: Listener, feed: Feed) {
    let stop = feed.stop.clone();
    listener
        .serve(stop, move |stream, guest| {
            subscriber(stream, guest, feed.clone())
        })
        .await;
}

async fn subscriber(stream: UnixStream, guest: Guest, mut feed: Feed) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let asked = question(&mut read, &mut feed.stop).await;
    guest.stays();
    let asked = match asked {
        Ok(Question { after }) => place(after, &feed).await.map_err(Some),
        Err(why) => Err(why),
    };
    let mut place = match asked {
        Ok(place) => place,
        Err(Some(why)) => {
            let _ = write
                .write_all(format!("{}\n", json!({ "error": why })).as_bytes())
                .await;
            return;
        }
        Err(None) => return,
    };
    let mut first = true;
    loop {
        let lines = match feed.after(place).await {
            Ok(events) => {
                let lost = std::mem::take(&mut first).then(|| missing(place, &events));
                place = events.last().map_or(place, |event| event.seq);
                lost.flatten().unwrap_or_default() + &line::lines(&events)
            }
            Err(error) => format!("{}\n", json!({ "error": error.to_string() })),
        };
        if lines.is_empty() {
            tokio::select! {
                goes_on = feed.more() => if !goes_on { return },
                () = gone(&mut read) => return,
            }
            continue;
        }
        let sent = tokio::select! {
            sent = write.write_all(lines.as_bytes()) => sent.is_ok(),
            () = stopped(&mut feed.stop) => false,
        };
        if !sent || lines.starts_with("{\"error\"") {
            return;
        }
    }
}

/// Where a subscriber goes on who has `after`. With a number that no event got he would wait for ever.
async fn place(after: u64, feed: &Feed) -> Result<u64, String> {
    match feed.newest().await {
        Ok(newest) if after > newest => Err(format!(
            "there is no event {after}, the newest is {newest}: this is another store; begin anew with {{}}"
        )),
        Ok(_) => Ok(after),
        Err(error) => Err(error.to_string()),
    }
}

/// Says so when events after the one that he has are no longer there.
fn missing(after: u64, events: &[Event]) -> Option<String> {
    let oldest = events.first()?.seq;
    let gap = after > 0 && oldest > after.saturating_add(1);
    gap.then(|| format!("{}\n", json!({ "v": 1, "missing_before": oldest })))
}

/// The first line; `Err(None)` when there is none to be had.
async fn question(
    read: &mut BufReader<OwnedReadHalf>,
    stop: &mut watch::Receiver<bool>,
) -> Result<Question, Option<String>> {
    let mut line = String::new();
    let mut bounded = read.take(LONGEST_QUESTION);
    let got = tokio::select! {
        got = tokio::time::timeout(PATIENCE, bounded.read_line(&mut line)) => got,
        () = stopped(stop) => return Err(None),
    };
    match got {
        Ok(Ok(0)) => Err(None),
        Ok(Ok(_)) => serde_json::from_str(&line).map_err(|why| {
            Some(format!(
                "the first line is no question such as {{\"after\": 17}}: {why}"
            ))
        }),
        Ok(Err(_)) => Err(Some("the first line is no text".into())),
        Err(_) => Err(Some(
            "no question came: send a line such as {\"after\": 17}".into(),
        )),
    }
}

/// Waits until he is gone; what he says meanwhile is nothing to anybody.
async fn gone(read: &mut BufReader<OwnedReadHalf>) {
    let mut ignored = [0; 256];
    while matches!(read.read(&mut ignored).await, Ok(1..)) {}
}
