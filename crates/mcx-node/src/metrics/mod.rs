//! What a node measures, and how that is told to who collects it: names and units as Prometheus wants them, labels without
//! identities of users.

mod measures;
mod text;

use mcx::SystemId;

use crate::driver::Totals;
pub use measures::{MOST_SERIES, Measures};
pub use text::{Kind, Text};

/// What a function has measured, at one moment.
#[derive(Clone, Debug)]
pub struct Measured {
    /// `service-server` or `gateway`.
    pub kind: &'static str,
    /// Requests, answers, decisions, durations.
    pub measures: Measures,
    /// What it counted beside.
    pub totals: Totals,
    /// What its sockets counted.
    pub sockets: Vec<(&'static str, u64)>,
    /// Client transactions that are not forgotten yet.
    pub clients: usize,
    /// Server transactions that are not forgotten yet.
    pub servers: usize,
    /// Connections that are open.
    pub connections: usize,
    /// Tasks of its thread that have not ended: its connections, as a rule.
    pub tasks: usize,
    /// Messages that wait for their turn.
    pub waiting: usize,
    /// Of a hundred new requests, so many are refused for overload.
    pub refused_percent: u8,
    /// The partners, and whether each answers.
    pub partners: Vec<(SystemId, bool)>,
}
