//! Reads rows of the outbox beside everything else: however many are owed, no request waits for them.

use std::sync::Arc;

use mcx::StoreFailure;
use mcx::state::{OutboxPage, OutboxRow};
use mcx_store::{Store, StoreError};
use tokio::task::JoinSet;
use tracing::{error, info};

/// Rows that were read, or that could not be, and which.
pub type Page = (OutboxPage, Result<Vec<OutboxRow>, StoreFailure>);

/// Pages that are being read, one for a partner at most.
#[derive(Debug, Default)]
pub struct OutboxReading {
    pages: JoinSet<(OutboxPage, Result<Vec<OutboxRow>, StoreError>)>,
    /// Whether the last could not be read.
    failing: bool,
}

impl OutboxReading {
    /// Begins to read a page; inside a tokio runtime.
    pub fn begin(&mut self, store: &Arc<dyn Store>, page: OutboxPage) {
        let store = store.clone();
        self.pages.spawn_blocking(move || {
            let rows = store.outbox_page(&page);
            (page, rows)
        });
    }

    /// The next page that was read. Waits for ever when none is being read.
    pub async fn next(&mut self) -> Page {
        loop {
            match self.pages.join_next().await {
                // What panicked or was ended with the runtime brings no page.
                Some(Err(_)) => {}
                Some(Ok((page, rows))) => return (page, self.told(rows)),
                None => std::future::pending().await,
            }
        }
    }

    /// Says once that the outbox cannot be read, and once that it can be again.
    fn told(
        &mut self,
        rows: Result<Vec<OutboxRow>, StoreError>,
    ) -> Result<Vec<OutboxRow>, StoreFailure> {
        let fails = rows.is_err();
        let failed = std::mem::replace(&mut self.failing, fails);
        match &rows {
            Err(why) if !failed => {
                error!(%why, "the outbox cannot be read: what is owed and was not read is not sent until it can");
            }
            Ok(_) if failed => info!("the outbox can be read again"),
            _ => {}
        }
        rows.map_err(|_| StoreFailure)
    }
}
