//! Fills a store as fast as it takes.

#![allow(dead_code, reason = "each program uses some of it")]

use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake};
use std::thread::Thread;

use mcx::state::Command;
use mcx_store::{Applied, SqliteStore, Store as _};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Commands in one batch.
const BATCH: u64 = 1000;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for what was handed over.
pub fn wait<T>(mut future: Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Hands over what `commands` makes of 0 to `count`, in large batches, few of them at once.
pub fn fill(
    store: &SqliteStore,
    count: u64,
    commands: impl Fn(u64) -> Outcome<Vec<Command>>,
) -> Outcome<()> {
    let mut waiting: VecDeque<Applied> = VecDeque::new();
    let mut from = 0;
    while from < count {
        let to = count.min(from + BATCH);
        let mut batch = Vec::new();
        for number in from..to {
            batch.extend(commands(number)?);
        }
        waiting.push_back(store.apply(batch));
        if waiting.len() > 8
            && let Some(oldest) = waiting.pop_front()
        {
            wait(oldest)?;
        }
        from = to;
    }
    for applied in waiting {
        wait(applied)?;
    }
    Ok(())
}
