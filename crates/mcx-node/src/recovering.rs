//! Reads what was owed before the start, beside everything else: a million rows keep no request waiting.

use std::sync::Arc;
use std::time::Duration;

use mcx::state::OutboxRow;
use mcx_store::{Store, StoreError};
use tokio::sync::mpsc;
use tracing::{error, info};

/// Rows read at once, and handed on in one turn.
const PAGE: usize = 500;
/// Pages that wait to be handed on.
const AHEAD: usize = 4;
/// Wait before rows that could not be read are tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rows that are being read.
#[derive(Debug)]
pub struct Recovering(mpsc::Receiver<Vec<OutboxRow>>);

impl Recovering {
    /// Reads the first rows, and begins to read the others; inside a tokio runtime.
    ///
    /// # Errors
    /// The outbox cannot be read.
    pub fn begin(store: &Arc<dyn Store>) -> Result<Self, StoreError> {
        // What is appended from now on comes with what appends it.
        let last = store.last_outbox_id()?;
        let first = store.outbox_after(0, PAGE)?;
        let (give, rows) = mpsc::channel(AHEAD);
        tokio::spawn(read(store.clone(), first, last, give));
        Ok(Self(rows))
    }

    /// The next rows; none when that were all. Waits for ever when nothing is being read.
    pub async fn next(recovering: &mut Option<Self>) -> Vec<OutboxRow> {
        match recovering {
            Some(Self(rows)) => rows.recv().await.unwrap_or_default(),
            None => std::future::pending().await,
        }
    }
}

async fn read(
    store: Arc<dyn Store>,
    first: Vec<OutboxRow>,
    last: u64,
    give: mpsc::Sender<Vec<OutboxRow>>,
) {
    let mut page = first;
    loop {
        page.retain(|row| row.id <= last);
        let Some(newest) = page.last().map(|row| row.id) else {
            return;
        };
        if give.send(page).await.is_err() || newest >= last {
            return;
        }
        page = match after(&store, newest).await {
            Ok(page) => page,
            Err(why) => {
                error!(%why, "the outbox cannot be read: what is owed and was not read is not sent until it can");
                let page = loop {
                    tokio::time::sleep(PATIENCE).await;
                    if give.is_closed() {
                        return;
                    }
                    if let Ok(page) = after(&store, newest).await {
                        break page;
                    }
                };
                info!("the outbox can be read again");
                page
            }
        };
    }
}

async fn after(store: &Arc<dyn Store>, id: u64) -> Result<Vec<OutboxRow>, StoreError> {
    let store = store.clone();
    let read = tokio::task::spawn_blocking(move || store.outbox_after(id, PAGE)).await;
    read.unwrap_or(Err(StoreError::Closed))
}
