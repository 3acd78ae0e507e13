//! Every hop that transactions are on, once: its path, its timer values, and what waits on it. A transaction keeps four
//! bytes of all that, and a hop that fails costs what waits on it, not what there is.

use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;
use std::num::NonZeroU32;

use hashbrown::HashTable;

use crate::slab::{NOWHERE, Slab};
use crate::{Config, Path, Timers, Transport};

/// Names a hop while a transaction is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HopId(NonZeroU32);

impl HopId {
    fn of(place: u32) -> Option<Self> {
        NonZeroU32::new(place.wrapping_add(1)).map(Self)
    }

    fn place(self) -> u32 {
        self.0.get() - 1
    }
}

/// A hop.
#[derive(Debug)]
pub(crate) struct Hop {
    pub path: Path,
    /// Client transactions that wait for an answer.
    pub clients: List,
    /// INVITE server transactions whose answers a failure concerns.
    pub invites: List,
    /// Transactions on it.
    users: u32,
    /// Place + 1 in the configuration's special timer values; 0 for those of all others.
    special: u32,
}

/// The first and the last of those that wait on a hop, in the order of their beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    first: u32,
    last: u32,
}

/// The neighbours of one that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    before: u32,
    after: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            first: NOWHERE,
            last: NOWHERE,
        }
    }
}

impl Default for Links {
    fn default() -> Self {
        Self {
            before: NOWHERE,
            after: NOWHERE,
        }
    }
}

/// What may wait in a list.
pub(crate) trait Waits: Sized {
    /// Its neighbours, if it may wait.
    fn links(&self) -> Option<&Links>;
    fn links_mut(&mut self) -> Option<&mut Links>;
}

impl List {
    /// Puts the one at `place` behind all others.
    pub fn push<T: Waits>(&mut self, slab: &mut Slab<T>, place: u32) {
        set(slab, self.last, |links| links.after = place);
        let before = std::mem::replace(&mut self.last, place);
        set(slab, place, |links| {
            *links = Links {
                before,
                after: NOWHERE,
            };
        });
        if self.first == NOWHERE {
            self.first = place;
        }
    }

    /// Takes the one at `place` out; does nothing if it does not wait.
    pub fn remove<T: Waits>(&mut self, slab: &mut Slab<T>, place: u32) {
        let links = slab.at(place).and_then(T::links).copied();
        let links = links.unwrap_or_default();
        if links.before == NOWHERE && self.first != place {
            return;
        }
        match links.before {
            NOWHERE => self.first = links.after,
            before => set(slab, before, |other| other.after = links.after),
        }
        match links.after {
            NOWHERE => self.last = links.before,
            after => set(slab, after, |other| other.before = links.before),
        }
        set(slab, place, |own| *own = Links::default());
    }

    /// The names of all that wait.
    pub fn names<T: Waits>(&self, slab: &Slab<T>) -> Vec<u64> {
        let mut names = Vec::new();
        let mut next = self.first;
        while let Some(name) = slab.name_at(next) {
            names.push(name);
            let links = slab.at(next).and_then(T::links);
            next = links.map_or(NOWHERE, |links| links.after);
        }
        names
    }
}

fn set<T: Waits>(slab: &mut Slab<T>, place: u32, change: impl FnOnce(&mut Links)) {
    if let Some(links) = slab.at_mut(place).and_then(T::links_mut) {
        change(links);
    }
}

/// All hops.
#[derive(Debug)]
pub(crate) struct Hops {
    hops: Slab<Hop>,
    by_path: HashTable<u32>,
    secret: DefaultHasher,
    /// Those that were asked for last: as a rule they are asked for again.
    seen: [u32; SEEN],
}

/// How many of them; a power of two.
const SEEN: usize = 16;

impl Hops {
    /// None yet.
    pub fn new(secret: [u8; 16]) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&secret);
        Self {
            hops: Slab::default(),
            by_path: HashTable::new(),
            secret: hasher,
            seen: [NOWHERE; SEEN],
        }
    }

    /// How many hops transactions are on.
    pub fn len(&self) -> usize {
        self.hops.len()
    }

    /// The hop with this path, if a transaction is on it.
    pub fn find(&self, path: &Path) -> Option<HopId> {
        let is_it = |place: &u32| self.hops.at(*place).is_some_and(|hop| hop.path == *path);
        if let Some(seen) = self.seen.get(short(path)).filter(|place| is_it(place)) {
            return HopId::of(*seen);
        }
        let found = self.by_path.find(hash(&self.secret, path), is_it);
        found.and_then(|place| HopId::of(*place))
    }

    /// The hop with this path, for one more transaction.
    pub fn enter(&mut self, path: Path, config: &Config) -> Option<HopId> {
        if let Some(id) = self.find(&path) {
            self.saw(&path, id.place());
            let hop = self.hops.at_mut(id.place())?;
            hop.users = hop.users.checked_add(1)?;
            return Some(id);
        }
        let name = self.hops.insert(Hop {
            path,
            clients: List::default(),
            invites: List::default(),
            users: 1,
            special: u32::try_from(config.special_of(&path).map_or(0, |at| at + 1)).ok()?,
        })?;
        let place = crate::slab::place(name);
        let (hops, secret) = (&self.hops, &self.secret);
        self.by_path
            .insert_unique(hash(secret, &path), place, |place| {
                hops.at(*place).map_or(0, |hop| hash(secret, &hop.path))
            });
        self.saw(&path, place);
        HopId::of(place)
    }

    fn saw(&mut self, path: &Path, place: u32) {
        if let Some(seen) = self.seen.get_mut(short(path)) {
            *seen = place;
        }
    }

    /// One transaction less; the last one takes the hop with it.
    pub fn leave(&mut self, id: HopId) {
        let Some(hop) = self.hops.at_mut(id.place()) else {
            return;
        };
        hop.users -= 1;
        if hop.users > 0 {
            return;
        }
        let hash = hash(&self.secret, &hop.path);
        if let Ok(entry) = self.by_path.find_entry(hash, |place| *place == id.place()) {
            entry.remove();
        }
        if let Some(name) = self.hops.name_at(id.place()) {
            self.hops.remove(name);
        }
    }

    pub fn get(&self, id: HopId) -> Option<&Hop> {
        self.hops.at(id.place())
    }

    pub fn get_mut(&mut self, id: HopId) -> Option<&mut Hop> {
        self.hops.at_mut(id.place())
    }

    /// The timer values of a hop.
    pub fn timers(&self, id: HopId, config: &Config) -> Timers {
        let special = self.get(id).map_or(0, |hop| hop.special);
        let at = usize::try_from(special)
            .ok()
            .and_then(|at| at.checked_sub(1));
        let special = at.and_then(|at| config.special_timers.get(at));
        special.map_or(config.timers, |(_, timers)| *timers)
    }
}

/// Where a path is among those seen last.
fn short(path: &Path) -> usize {
    let ip = match path.peer.ip() {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    let [high, low] = path.peer.port().to_be_bytes();
    usize::from(ip ^ low ^ high.rotate_left(3) ^ (low >> 4)) % SEEN
}

fn hash(secret: &DefaultHasher, path: &Path) -> u64 {
    let mut hasher = secret.clone();
    let mut words = [0_u64; 5];
    let transport = match path.transport {
        Transport::Udp => 0_u64,
        Transport::Tcp => 1,
        Transport::Tls => 2,
    };
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    let halves = |bits: u128| {
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        [half(bits >> 64), half(bits)]
    };
    let (local, peer) = (path.local, path.peer);
    words[0] = (transport << 32) | (u64::from(local.port()) << 16) | u64::from(peer.port());
    words[1..3].copy_from_slice(&halves(octets(local.ip())));
    words[3..5].copy_from_slice(&halves(octets(peer.ip())));
    for word in words {
        hasher.write_u64(word);
    }
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct One(Links);

    impl Waits for One {
        fn links(&self) -> Option<&Links> {
            Some(&self.0)
        }

        fn links_mut(&mut self) -> Option<&mut Links> {
            Some(&mut self.0)
        }
    }

    #[test]
    fn those_that_wait_come_out_in_order_whoever_leaves() {
        let mut slab = Slab::default();
        let mut list = List::default();
        let names: Vec<_> = (0..5)
            .map(|_| slab.insert(One::default()).unwrap())
            .collect();
        for name in &names {
            list.push(&mut slab, crate::slab::place(*name));
        }
        assert_eq!(list.names(&slab), names);
        for gone in [2, 0, 4, 2] {
            list.remove(&mut slab, crate::slab::place(names[gone]));
        }
        assert_eq!(list.names(&slab), [names[1], names[3]]);
        for gone in [1, 3, 3] {
            list.remove(&mut slab, crate::slab::place(names[gone]));
        }
        assert!(list.names(&slab).is_empty());
    }

    #[test]
    fn a_hop_is_there_as_long_as_somebody_is_on_it() {
        let config = Config::default();
        let mut hops = Hops::new([1; 16]);
        let path = |peer: &str| Path {
            local: "192.0.2.1:5060".parse().unwrap(),
            peer: peer.parse().unwrap(),
            transport: Transport::Tcp,
        };
        let (a, b) = (path("192.0.2.2:5060"), path("[2001:db8::2]:5060"));
        let one = hops.enter(a, &config).unwrap();
        let two = hops.enter(b, &config).unwrap();
        assert_eq!(hops.enter(a, &config), Some(one));
        assert_eq!(hops.find(&b), Some(two));
        hops.leave(one);
        assert_eq!(hops.find(&a), Some(one));
        hops.leave(one);
        assert_eq!((hops.find(&a), hops.len()), (None, 1));
        hops.leave(two);
        assert_eq!(hops.len(), 0);
    }
}
