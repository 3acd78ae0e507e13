//! Where transactions lie by what tells them apart. The keys themselves lie with the transactions: eight bytes a place
//! here, and growing looks at nothing else.

use hashbrown::HashTable;

use crate::key::Key;

/// Places by keys.
#[derive(Debug, Default)]
pub(crate) struct Table(HashTable<Slot>);

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    place: u32,
}

impl Slot {
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

/// The table wants 64 bits, the highest and the lowest most of all: multiplied by an odd number, 32 are as good.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Table {
    /// The place with this key; `key_at` tells the key of what is at a place.
    #[inline]
    pub fn find(&self, key: Key, key_at: impl Fn(u32) -> Option<Key>) -> Option<u32> {
        let hash = key.short();
        let found = self.0.find(spread(hash), |slot| {
            slot.hash == hash && key_at(slot.place) == Some(key)
        });
        found.map(|slot| slot.place)
    }

    /// Puts one in that is not there.
    pub fn insert(&mut self, key: Key, place: u32) {
        let slot = Slot {
            hash: key.short(),
            place,
        };
        self.0.insert_unique(slot.spread(), slot, Slot::spread);
    }

    /// Takes one out.
    pub fn remove(&mut self, key: Key, place: u32) {
        let hash = spread(key.short());
        if let Ok(entry) = self.0.find_entry(hash, |slot| slot.place == place) {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_begin_alike_are_told_apart() {
        let keys = [Key::from_halves(7, 1), Key::from_halves(7, 2)];
        let key_at = |place: u32| keys.get(usize::try_from(place).ok()?).copied();
        let mut table = Table::default();
        table.insert(keys[0], 0);
        assert_eq!(table.find(keys[1], key_at), None);
        table.insert(keys[1], 1);
        assert_eq!(table.find(keys[0], key_at), Some(0));
        assert_eq!(table.find(keys[1], key_at), Some(1));
        table.remove(keys[0], 0);
        assert_eq!(table.find(keys[0], key_at), None);
        assert_eq!(table.find(keys[1], key_at), Some(1));
    }
}
