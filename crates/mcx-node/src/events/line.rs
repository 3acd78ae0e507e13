//! An event as a line of JSON.
//!
//! | field | meaning |
//! |---|---|
//! | `v` | 1. Fields may be added without a new version |
//! | `seq` | place in the order of this node's events; grows, with gaps, and is never used again |
//! | `event` | `service-stopped` or `mapping-purged` |
//! | `at_ms` | when, ms since the Unix epoch |
//! | `service` | `mcptt`, `mcvideo` or `mcdata` |
//! | `primary_id`, `partner_id` | MC service IDs that the primary and this system gave the user |
//! | `stay` | number of the stay; `null` from a primary that gives none |
//! | `procedure` | the procedure that ended the stay, as in traces; `null` where it had none |

use mcx::state::Event;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    seq: u64,
    event: &'static str,
    at_ms: u64,
    service: &'static str,
    primary_id: &'a str,
    partner_id: &'a str,
    stay: Option<u64>,
    procedure: Option<String>,
}

/// Appends the line of an event.
fn write(event: &Event, out: &mut String) {
    let Event { seq, event } = event;
    let line = Line {
        v: 1,
        seq: *seq,
        event: event.kind.as_str(),
        at_ms: event.at.0,
        service: event.key.service.as_str(),
        primary_id: event.key.primary_id.as_str(),
        partner_id: event.partner_id.as_str(),
        stay: event.number,
        procedure: event.procedure.map(|p| p.to_string()),
    };
    // Numbers and strings alone: nothing that could not be written.
    out.push_str(&serde_json::to_string(&line).unwrap_or_default());
    out.push('\n');
}

/// The lines of events.
pub(super) fn lines(events: &[Event]) -> String {
    let mut lines = String::with_capacity(events.len() * 300);
    for event in events {
        write(event, &mut lines);
    }
    lines
}

/// Number of the event of a line.
pub(super) fn seq(line: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    value.get("seq")?.as_u64()
}
