//! Rows of the outbox as an operator sees them.

use mcx::Service;
use mcx::state::OutboxRow;
use serde::{Deserialize, Serialize};

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxLine {
    /// Names it in orders.
    pub id: u64,
    /// The partner that it is owed to.
    pub system: String,
    /// What it is, in 3GPP's words.
    pub kind: String,
    /// The service.
    pub service: Service,
    /// MC service ID that the primary system gave the user.
    pub primary_id: String,
    /// Number of the stay.
    pub stay: Option<u64>,
    /// Since when it is owed, in ms since the Unix epoch.
    pub created_ms: u64,
    /// How often it was sent in vain.
    pub attempts: u32,
    /// Whether it waits for an operator.
    pub parked: bool,
    /// When it is sent next, in ms since the Unix epoch; of a parked one, never.
    pub next_ms: Option<u64>,
    /// Why it is still there, if it was sent.
    pub why: Option<String>,
    /// The procedure, as in traces and logs.
    pub procedure: String,
}

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct OutboxFilter {
    /// Of this service.
    pub service: Option<Service>,
    /// About users whose primary id has this in it.
    pub id: Option<String>,
    /// Owed to this partner.
    pub system: Option<String>,
    /// Parked, or not.
    pub parked: Option<bool>,
}

impl OutboxFilter {
    pub(super) fn wants(&self, line: &OutboxLine) -> bool {
        self.service.is_none_or(|service| service == line.service)
            && self
                .id
                .as_ref()
                .is_none_or(|part| line.primary_id.contains(part.as_str()))
            && self
                .system
                .as_ref()
                .is_none_or(|system| system.eq_ignore_ascii_case(&line.system))
            && self.parked.is_none_or(|parked| parked == line.parked)
    }
}

pub(super) fn of_row(row: &OutboxRow) -> OutboxLine {
    let why = match &row.parked {
        Some(parked) if parked.status == 0 => Some(parked.text.clone()),
        Some(parked) => Some(format!("refused with {} {}", parked.status, parked.text)),
        None => row.failure.clone(),
    };
    OutboxLine {
        id: row.id,
        system: row.row.to.to_string(),
        kind: row.row.notice.kind().as_str().to_owned(),
        service: row.row.key.service,
        primary_id: row.row.key.primary_id.as_str().to_owned(),
        stay: row.row.notice.number(),
        created_ms: row.row.created.0,
        attempts: row.attempts,
        parked: row.parked.is_some(),
        next_ms: row.parked.is_none().then_some(row.next_at.0),
        why,
        procedure: row.row.procedure.to_string(),
    }
}
