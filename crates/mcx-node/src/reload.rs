//! What a configuration that is read anew changes, key by key, and what of that holds without a restart.

use std::fmt;

use toml::{Table, Value};

use crate::config::Config;

/// Keys of a configuration that hold from the next start on: sockets, files that are written, and what the transactions and
/// the flight recorder were made with. A section of this name is meant with everything in it.
const AT_START: [&str; 18] = [
    "node",
    "timers",
    "dns",
    "log.format",
    "http",
    "trace.ring-mib",
    "trace.file",
    "trace.raw-audit",
    "trace.collector",
    "tls.is-there",
    "service-server.is-there",
    "service-server.listen",
    "service-server.store",
    "service-server.admin",
    "service-server.events",
    "gateway.is-there",
    "gateway.listen",
    "gateway.admin",
];
/// Sections whose being there at all is decided at the start.
const SECTIONS: [&str; 3] = ["tls", "service-server", "gateway"];
/// Members that tell tables of a list apart.
const NAMES: [&str; 4] = ["system", "issuer", "psi", "inside"];

/// What came of reading a configuration anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// Keys that hold from now on.
    pub changed: Vec<String>,
    /// Keys that hold from the next start on.
    pub at_start: Vec<String>,
    /// What of it is taken, and will hardly work.
    pub warnings: Vec<String>,
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.changed.is_empty() {
            f.write_str("nothing changed")?;
        } else {
            write!(f, "changed: {}", self.changed.join(", "))?;
        }
        if !self.at_start.is_empty() {
            write!(f, "; needs a restart: {}", self.at_start.join(", "))?;
        }
        Ok(())
    }
}

/// A configuration as it is written, with what it points to: as far as it holds, that of a running node.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    keys: Vec<(String, Value)>,
}

impl Running {
    /// What is written in a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let mut keys = Vec::new();
        for section in SECTIONS {
            if config.written.contains_key(section) {
                keys.push((format!("{section}.is-there"), Value::Boolean(true)));
            }
        }
        flatten("", &config.written, &mut keys);
        let issuer_keys = config.service_server.iter().flat_map(|s| &s.issuer_keys);
        let mut seen = Vec::new();
        for (issuer, key) in issuer_keys {
            let issuer = told_apart(issuer.clone(), &mut seen);
            let name = format!("service-server.token-issuer.{issuer}.key");
            keys.push((name, Value::String(key.clone())));
        }
        keys.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { keys }
    }

    /// What another configuration changes, and what holds then: of keys that need a restart, what was there before.
    #[must_use]
    pub fn becomes(self, new: Self) -> (Reloaded, Self) {
        let mut reloaded = Reloaded::default();
        let of = |keys: &[(String, Value)], key: &str| {
            let found = keys.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.clone())
        };
        let mut names: Vec<_> = self.keys.iter().chain(&new.keys).map(|(n, _)| n).collect();
        names.sort();
        names.dedup();
        let mut holds = Vec::new();
        for name in names {
            let (before, now) = (of(&self.keys, name), of(&new.keys, name));
            let stays = needs_restart(name);
            if before != now {
                let list = match stays {
                    true => &mut reloaded.at_start,
                    false => &mut reloaded.changed,
                };
                let name = name.trim_end_matches(".is-there").to_owned();
                if !list.contains(&name) {
                    list.push(name);
                }
            }
            let value = if stays { before } else { now };
            holds.extend(value.map(|value| (name.clone(), value)));
        }
        (reloaded, Self { keys: holds })
    }
}

fn needs_restart(key: &str) -> bool {
    AT_START.iter().any(|start| {
        let rest = key.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// The keys of a table with their values; tables of a list are named by what tells them apart.
fn flatten(before: &str, table: &Table, keys: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let name = match before {
            "" => key.clone(),
            _ => format!("{before}.{key}"),
        };
        flatten_value(name, value, keys);
    }
}

fn flatten_value(name: String, value: &Value, keys: &mut Vec<(String, Value)>) {
    let tables = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_table);
    match value {
        Value::Table(table) => flatten(&name, table, keys),
        Value::Array(list) if tables(list) => {
            let mut seen = Vec::new();
            for (number, table) in list.iter().filter_map(Value::as_table).enumerate() {
                let called = NAMES.iter().find_map(|name| table.get(*name)?.as_str());
                let called = called.map_or_else(|| (number + 1).to_string(), str::to_owned);
                let called = told_apart(called, &mut seen);
                flatten(&format!("{name}.{called}"), table, keys);
            }
        }
        _ => keys.push((name, value.clone())),
    }
}

/// The name, with a number where it is there already: an issuer may have several keys.
fn told_apart(called: String, seen: &mut Vec<String>) -> String {
    let earlier = seen.iter().filter(|name| **name == called).count();
    seen.push(called.clone());
    match earlier {
        0 => called,
        _ => format!("{called}.{}", earlier + 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Running {
        let mut keys = Vec::new();
        flatten("", &text.parse().unwrap(), &mut keys);
        Running { keys }
    }

    #[test]
    fn each_key_that_changes_is_named_and_what_needs_a_restart_is_told_again() {
        let old = read(
            "[gateway]\nlisten = [\"udp:127.0.0.1:1\"]\n[[partner]]\nsystem = \"b\"\nmigration.allow = true\n",
        );
        let new = read(
            "[gateway]\nlisten = [\"udp:127.0.0.1:2\"]\n[[partner]]\nsystem = \"b\"\n[[partner]]\nsystem = \"c\"\n",
        );
        let (reloaded, holds) = old.becomes(new.clone());
        assert_eq!(
            reloaded.to_string(),
            "changed: partner.b.migration.allow, partner.c.system; needs a restart: gateway.listen"
        );
        let (again, _) = holds.becomes(new);
        assert_eq!(
            again.to_string(),
            "nothing changed; needs a restart: gateway.listen"
        );
    }

    #[test]
    fn each_key_of_an_issuer_is_seen_to_change() {
        let with = |second: &str| {
            let issuer = "[[issuers]]\nissuer = \"i\"\nkey-file =";
            read(&format!("{issuer} \"one\"\n{issuer} \"{second}\"\n"))
        };
        let (reloaded, _) = with("two").becomes(with("three"));
        assert_eq!(reloaded.to_string(), "changed: issuers.i.2.key-file");
    }

    #[test]
    fn a_key_is_meant_with_what_is_in_it_and_no_other() {
        assert!(needs_restart("node.name"));
        assert!(needs_restart("service-server.events.file"));
        assert!(!needs_restart("service-server.retry.first"));
        assert!(!needs_restart("trace.watches"));
        assert!(!needs_restart("nodes.name"));
    }
}
