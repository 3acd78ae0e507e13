//! Who may have one more connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::tls::Identity;
use super::{Bounds, Counters};

/// Whom a function knows by its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acquaintances {
    /// Hosts of peers and of the SIP core.
    pub hosts: Vec<IpAddr>,
    /// SIP domains of those whom a certificate proves, wherever they come from; lower case.
    pub domains: Vec<String>,
    /// Whether everybody else is left without an answer: datagrams are dropped unread, connections closed at once, over TLS
    /// as soon as the certificate is known.
    pub ignore_strangers: bool,
}

impl Acquaintances {
    /// Whether `host` is one of them.
    pub fn know(&self, host: IpAddr) -> bool {
        self.hosts.contains(&host)
    }

    /// Whether `identity` is proven to be one of them.
    pub fn know_by_name(&self, identity: &Identity) -> bool {
        self.domains.iter().any(|domain| identity.is(domain))
    }

    /// Whether it knows nobody at all: then nobody is a stranger.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty() && self.domains.is_empty()
    }

    /// Whether datagrams from `host` are not even looked at.
    pub fn ignore(&self, host: IpAddr) -> bool {
        self.ignore_strangers && !self.know(host)
    }
}

/// Counts connections, so that those whom the configuration knows find room whatever strangers do.
#[derive(Debug)]
pub(super) struct Admission {
    rules: RwLock<Rules>,
    counters: Arc<Counters>,
    counts: Arc<Mutex<Counts>>,
}

/// What the configuration says.
#[derive(Debug)]
struct Rules {
    bounds: Bounds,
    acquaintances: Acquaintances,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    strangers: usize,
    by_host: HashMap<IpAddr, usize>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub(super) struct Room {
    host: Option<IpAddr>,
    stranger: bool,
    counts: Arc<Mutex<Counts>>,
}

impl Admission {
    pub fn new(bounds: Bounds, acquaintances: Acquaintances, counters: Arc<Counters>) -> Self {
        Self {
            rules: RwLock::new(Rules {
                bounds,
                acquaintances,
            }),
            counters,
            counts: Arc::default(),
        }
    }

    /// Goes by other bounds and acquaintances from now on; who has room keeps it.
    pub fn change(&self, bounds: Bounds, acquaintances: Acquaintances) {
        let rules = Rules {
            bounds,
            acquaintances,
        };
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn rules(&self) -> RwLockReadGuard<'_, Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for a connection that `host` opened, if there is any. `tls`: whether a certificate may say yet who it is.
    pub fn accept(&self, host: IpAddr, tls: bool) -> Option<Room> {
        let rules = self.rules();
        let (bounds, acquaintances) = (&rules.bounds, &rules.acquaintances);
        let stranger = !acquaintances.know(host);
        let mut counts = lock(&self.counts);
        let of_host = counts.by_host.get(&host).copied().unwrap_or_default();
        let counters = &self.counters;
        let may_be_known = tls && !acquaintances.domains.is_empty();
        let full = if (acquaintances.ignore(host) && !may_be_known)
            || (stranger && counts.strangers >= bounds.connections_of_strangers)
        {
            Some(&counters.full_of_strangers)
        } else if of_host >= bounds.connections_per_peer {
            Some(&counters.full_of_peer)
        } else if counts.all >= bounds.connections {
            Some(&counters.full)
        } else {
            None
        };
        if let Some(counter) = full {
            counter.add();
            return None;
        }
        counts.all += 1;
        counts.strangers += usize::from(stranger);
        counts.by_host.insert(host, of_host + 1);
        drop(counts);
        Some(self.room(Some(host), stranger))
    }

    /// Takes note of who is there; answers whether the connection stays.
    pub fn identified(&self, room: &mut Room, identity: Option<&Identity>) -> bool {
        let rules = self.rules();
        let acquaintances = &rules.acquaintances;
        if room.stranger && identity.is_some_and(|i| acquaintances.know_by_name(i)) {
            room.stranger = false;
            let mut counts = lock(&self.counts);
            counts.strangers = counts.strangers.saturating_sub(1);
        }
        let stays = !room.stranger || !acquaintances.ignore_strangers;
        if !stays {
            self.counters.full_of_strangers.add();
        }
        stays
    }

    /// Room for a connection that is opened here, if there is any.
    pub fn open(&self) -> Option<Room> {
        let most = self.rules().bounds.connections;
        let mut counts = lock(&self.counts);
        if counts.all >= most {
            self.counters.full.add();
            return None;
        }
        counts.all += 1;
        drop(counts);
        Some(self.room(None, false))
    }

    /// Connections that have room now.
    pub fn connections(&self) -> usize {
        lock(&self.counts).all
    }

    fn room(&self, host: Option<IpAddr>, stranger: bool) -> Room {
        Room {
            host,
            stranger,
            counts: self.counts.clone(),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        counts.strangers = counts.strangers.saturating_sub(usize::from(self.stranger));
        if let Some(host) = self.host
            && let Some(of_host) = counts.by_host.get_mut(&host)
        {
            *of_host = of_host.saturating_sub(1);
            if *of_host == 0 {
                counts.by_host.remove(&host);
            }
        }
    }
}

/// Nothing can panic while it is held.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_leave_room_for_acquaintances() {
        let bounds = Bounds {
            connections: 4,
            connections_per_peer: 2,
            connections_of_strangers: 2,
            ..Bounds::default()
        };
        let host = |n: u8| IpAddr::from([127, 0, 0, n]);
        let acquaintances = Acquaintances {
            hosts: vec![host(1)],
            domains: Vec::new(),
            ignore_strangers: false,
        };
        let counters = Arc::new(Counters::default());
        let admission = Admission::new(bounds, acquaintances, counters.clone());
        let strangers = [2, 3, 4].map(|n| admission.accept(host(n), false));
        assert_eq!(strangers.iter().flatten().count(), 2);
        let known = [1, 1, 1].map(|n| admission.accept(host(n), true));
        assert_eq!(known.iter().flatten().count(), 2);
        assert_eq!(counters.full_of_strangers.get(), 1);
        assert_eq!(counters.full_of_peer.get(), 1);
        assert!(admission.open().is_none());
        assert_eq!(counters.full.get(), 1);
        drop((strangers, known));
        assert_eq!(admission.connections(), 0);
        assert!(lock(&admission.counts).by_host.is_empty());
    }
}
