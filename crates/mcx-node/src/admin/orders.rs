//! The way of an order to the function, and of what became of it back.

use std::collections::HashMap;

use mcx::{Order, OrderId, Ordered};
use tokio::sync::{mpsc, oneshot};

/// Most orders that wait for the function.
const MOST_ORDERS: usize = 16;

/// An order on its way to the function.
#[derive(Debug)]
pub struct Ordering {
    /// What is ordered.
    pub order: Order,
    /// By whom, and why.
    pub by: String,
    /// Takes what became of it.
    pub done: oneshot::Sender<Ordered>,
}

/// The orders of a function; by default nobody can give one.
#[derive(Debug, Default)]
pub struct Orders {
    from: Option<mpsc::Receiver<Ordering>>,
    waiting: HashMap<OrderId, oneshot::Sender<Ordered>>,
    last: u64,
}

impl Orders {
    /// Where orders are given, and where a function gets them.
    #[must_use]
    pub fn new() -> (mpsc::Sender<Ordering>, Self) {
        let (give, from) = mpsc::channel(MOST_ORDERS);
        let orders = Self {
            from: Some(from),
            ..Self::default()
        };
        (give, orders)
    }

    /// The next order; waits for ever when nobody can give one.
    pub async fn next(&mut self) -> Ordering {
        if let Some(from) = &mut self.from
            && let Some(ordering) = from.recv().await
        {
            return ordering;
        }
        std::future::pending().await
    }

    /// Names an order until it is done.
    pub fn begin(&mut self, done: oneshot::Sender<Ordered>) -> OrderId {
        self.last += 1;
        let id = OrderId(self.last);
        self.waiting.insert(id, done);
        id
    }

    /// Tells who gave it what became of it.
    pub fn done(&mut self, id: OrderId, result: Ordered) {
        if let Some(done) = self.waiting.remove(&id) {
            // He may have gone.
            let _ = done.send(result);
        }
    }
}
