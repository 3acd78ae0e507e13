//! The mapping tables of the three systems, before and after a step.

use mcx::state::{StayPhase, VisitorPhase};
use mcx_store::Snapshot;

use super::world::{SYSTEMS, World};

/// What the three service servers have stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    systems: Vec<(char, Snapshot)>,
}

/// A line of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it is stored, and about whom.
    pub what: String,
    /// What is stored.
    pub state: String,
}

impl Stored {
    pub fn now(world: &World) -> Self {
        Self {
            systems: SYSTEMS.iter().map(|s| (*s, world.stored(*s))).collect(),
        }
    }

    /// What `system` has stored.
    pub fn of(&self, system: char) -> Snapshot {
        let found = self.systems.iter().find(|(s, _)| *s == system);
        found
            .map(|(_, snapshot)| snapshot.clone())
            .unwrap_or_default()
    }

    /// Every stay, mapping and owed message as a line.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (system, stored) in &self.systems {
            let system = system.to_ascii_uppercase();
            for (key, home) in &stored.homes {
                for stay in &home.stays {
                    let state = match stay.phase {
                        StayPhase::Open => "open",
                        StayPhase::Ended => "ended",
                    };
                    lines.push(Line {
                        what: format!(
                            "{system} stay of {} at {}",
                            short(key.primary_id.as_str()),
                            stay.system
                        ),
                        state: format!("stay {} {state}", stay.number),
                    });
                }
            }
            for (key, visitor) in &stored.visitors {
                let state = match visitor.phase {
                    VisitorPhase::Migrated => "migrated",
                    VisitorPhase::Stopping { .. } => "stopping",
                    VisitorPhase::WasMigrated { .. } => "was-migrated",
                };
                let number = visitor.number.map(|n| format!(", stay {n}"));
                lines.push(Line {
                    what: format!(
                        "{system} mapping {} = {}",
                        short(key.primary_id.as_str()),
                        short(visitor.partner_id.as_str())
                    ),
                    state: format!("{state}{}", number.unwrap_or_default()),
                });
            }
            for row in &stored.outbox {
                lines.push(Line {
                    what: format!(
                        "{system} outbox: {} to {}",
                        short_kind(row.row.notice.kind()),
                        row.row.to
                    ),
                    state: format!("waiting, {} sent in vain", row.attempts),
                });
            }
        }
        lines
    }
}

fn short_kind(kind: mcx::MessageKind) -> &'static str {
    match kind {
        mcx::MessageKind::AuthorizationRequest => "request",
        mcx::MessageKind::AuthorizationResponse => "response",
        mcx::MessageKind::UserAuthorizationNotification => "user authorisation",
        mcx::MessageKind::DeauthorizationNotification => "de-authorization",
    }
}

fn short(id: &str) -> &str {
    id.trim_start_matches("sip:")
}
