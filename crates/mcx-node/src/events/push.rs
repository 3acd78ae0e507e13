//! Brings events to a sink: in order, again until it has them, and from where it stopped after a restart.

use std::future::Future;
use std::time::Duration;

use mcx::state::{Command, Event};
use tokio::sync::watch;
use tracing::{info, warn};

use super::Feed;
use crate::room::stopped;

/// Wait after the first failure; doubled with each more, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What events can be brought to.
pub(super) trait Sink: Send + 'static {
    /// Number of the newest event that the sink itself knows to have, if it can tell.
    fn has(&mut self) -> impl Future<Output = Option<u64>> + Send;

    /// Takes events, all of them or none as far as the caller knows.
    fn take(&mut self, events: &[Event]) -> impl Future<Output = Result<(), String>> + Send;
}

/// Brings every event to `sink`, until the end.
pub(super) async fn push(
    name: String,
    label: String,
    mut sink: impl Sink,
    mut feed: Feed,
    mut begun: watch::Receiver<bool>,
) {
    let _ = begun.wait_for(|begun| *begun).await;
    let mut failures: u32 = 0;
    let mut place = None;
    loop {
        let mut stop = feed.stop.clone();
        // What is under way when the node ends comes again with the next start.
        let brought = tokio::select! {
            brought = bring((&name, &label), &mut sink, &feed, &mut place) => brought,
            () = stopped(&mut stop) => return,
        };
        let goes_on = match brought {
            Ok(some) => {
                if failures > 0 {
                    info!(sink = label, "events are taken again");
                    failures = 0;
                }
                some || feed.more().await
            }
            Err(why) => {
                let doubled = FIRST_WAIT.saturating_mul(1 << failures.min(16));
                let wait = doubled.min(LONGEST_WAIT);
                failures = failures.saturating_add(1);
                let seconds = wait.as_secs();
                warn!(
                    sink = label,
                    failures, seconds, "events cannot be delivered, tried again later: {why}"
                );
                feed.wait(wait).await
            }
        };
        if !goes_on || *feed.stop.borrow() {
            return;
        }
    }
}

/// Brings the next events; answers whether there were any.
async fn bring(
    (name, label): (&str, &str),
    sink: &mut impl Sink,
    feed: &Feed,
    place: &mut Option<u64>,
) -> Result<bool, String> {
    let after = match *place {
        Some(place) => place,
        None => {
            let store = feed.store.clone();
            let of = name.to_owned();
            let known = tokio::task::spawn_blocking(move || store.delivered(&of)).await;
            let known = known.map_err(|e| e.to_string())?;
            let known = known.map_err(|e| e.to_string())?.unwrap_or(0);
            match sink.has().await {
                Some(has) if has > known => {
                    // What it has and nobody noted is still in the store, unless it is another store's.
                    let there = feed.after(has.saturating_sub(1)).await;
                    let there = there.map_err(|e| e.to_string())?;
                    if there.first().is_some_and(|event| event.seq == has) {
                        has
                    } else {
                        warn!(
                            sink = label,
                            "what is there is not of this store: told from where this store stopped"
                        );
                        known
                    }
                }
                _ => known,
            }
        }
    };
    *place = Some(after);
    let events = feed.after(after).await.map_err(|e| e.to_string())?;
    let Some(last) = events.last().map(|event| event.seq) else {
        return Ok(false);
    };
    sink.take(&events).await?;
    *place = Some(last);
    let sink = name.to_owned();
    let delivered = Command::EventsDelivered { sink, seq: last };
    // If that is lost they come once more after a restart: at least once.
    if let Err(error) = feed.store.apply(vec![delivered]).await {
        warn!(sink = label, %error, "the store does not know how far events were delivered");
    }
    Ok(true)
}
