//! Users as an operator sees them.

use mcx::Service;
use mcx::state::{Home, StayPhase, UserKey, Visitor, VisitorPhase};
use serde::{Deserialize, Serialize};

/// How a user stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// An own user, authorized here.
    Home,
    /// An own user who may be at that partner; or a visiting user who is here.
    Migrated,
    /// A visiting user who left, served until his grace period is over.
    Stopping,
    /// A visiting user who left; his mapping is kept for look-ups.
    WasMigrated,
}

impl State {
    /// All, in a fixed order.
    pub const ALL: [Self; 4] = [
        Self::Home,
        Self::Migrated,
        Self::Stopping,
        Self::WasMigrated,
    ];

    /// Its name: `home`, `migrated`, `stopping`, `was-migrated`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Migrated => "migrated",
            Self::Stopping => "stopping",
            Self::WasMigrated => "was-migrated",
        }
    }
}

/// A user of a service at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLine {
    /// MC service ID in the primary system.
    pub primary_id: String,
    /// The service.
    pub service: Service,
    /// Whether he is a user of this system.
    pub own: bool,
    /// How he stands.
    pub state: State,
    /// Of an own user, the partner where he is; of a visiting one, the domain of his primary system.
    pub system: Option<String>,
    /// The id that the partner gave him: of a visiting user, this system.
    pub partner_id: Option<String>,
    /// Number of the stay.
    pub stay: Option<u64>,
    /// Since when, in ms since the Unix epoch.
    pub since_ms: Option<u64>,
    /// Until when: the authorization of one who is home, the service of one who is stopping, the mapping of one who was
    /// migrated, in ms since the Unix epoch.
    pub until_ms: Option<u64>,
    /// The procedure behind it, as in traces and logs.
    pub procedure: Option<String>,
}

/// Which users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UserFilter {
    /// Of this service.
    pub service: Option<Service>,
    /// Whose primary or partner id has this in it.
    pub id: Option<String>,
    /// At this partner, or of this primary system.
    pub system: Option<String>,
    /// Who stand like this.
    pub state: Option<State>,
}

impl UserFilter {
    pub(super) fn wants(&self, line: &UserLine) -> bool {
        let has = |part: &String| {
            line.primary_id.contains(part.as_str())
                || line
                    .partner_id
                    .as_ref()
                    .is_some_and(|id| id.contains(part.as_str()))
        };
        let is_there = |system: &String| {
            let of_line = line.system.as_ref();
            of_line.is_some_and(|of_line| of_line.eq_ignore_ascii_case(system))
        };
        self.service.is_none_or(|service| service == line.service)
            && self.id.as_ref().is_none_or(has)
            && self.system.as_ref().is_none_or(is_there)
            && self.state.is_none_or(|state| state == line.state)
    }
}

/// Where an own user is: at each partner with an open stay, or else home if he is authorized here.
pub(super) fn of_home(key: &UserKey, home: &Home) -> Vec<UserLine> {
    let open = home
        .stays
        .iter()
        .filter(|stay| stay.phase == StayPhase::Open);
    let mut lines: Vec<_> = open
        .map(|stay| UserLine {
            system: Some(stay.system.to_string()),
            partner_id: Some(stay.partner_id.as_str().to_owned()),
            stay: Some(stay.number),
            since_ms: Some(stay.since.0),
            procedure: Some(stay.procedure.to_string()),
            ..line(key, true, State::Migrated)
        })
        .collect();
    if let (true, Some(authorization)) = (lines.is_empty(), &home.authorization) {
        lines.push(UserLine {
            until_ms: Some(authorization.until.0),
            ..line(key, true, State::Home)
        });
    }
    lines
}

/// A visiting user.
pub(super) fn of_visitor(key: &UserKey, visitor: &Visitor) -> UserLine {
    let (state, since, until) = match visitor.phase {
        VisitorPhase::Migrated => (State::Migrated, visitor.since, None),
        VisitorPhase::Stopping { since, stop_at, .. } => (State::Stopping, since, Some(stop_at)),
        VisitorPhase::WasMigrated { since, purge_at } => {
            (State::WasMigrated, since, Some(purge_at))
        }
    };
    UserLine {
        system: Some(key.primary_id.domain().to_owned()),
        partner_id: Some(visitor.partner_id.as_str().to_owned()),
        stay: visitor.number,
        since_ms: Some(since.0),
        until_ms: until.map(|at| at.0),
        procedure: visitor.procedure.map(|p| p.to_string()),
        ..line(key, false, state)
    }
}

fn line(key: &UserKey, own: bool, state: State) -> UserLine {
    UserLine {
        primary_id: key.primary_id.as_str().to_owned(),
        service: key.service,
        own,
        state,
        system: None,
        partner_id: None,
        stay: None,
        since_ms: None,
        until_ms: None,
        procedure: None,
    }
}
