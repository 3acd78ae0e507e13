//! Where transactions lie by what tells them apart. The keys themselves lie with the transactions: eight bytes a place
//! here, and growing looks at nothing else.

use hashbrown::HashTable;

use crate::key::Key;

/// Places by keys. It is at most half full, and grows by that alone. Left to itself, a table that is fuller, and that as many go out of
/// as come in, grows at some time, after minutes or hours: places of those that went are not free until it is put in order, and
/// that it does without growing only while it is at most half full.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: HashTable<Slot>,
    /// How many there is room for when no place is spent.
    room: usize,
}

/// Room that a table begins with.
const LEAST: usize = 16;

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
        let found = self.slots.find(spread(hash), |slot| {
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
        if self.slots.len() >= self.room / 2 {
            let more = (2 * self.room).max(LEAST) - self.slots.len();
            self.slots.reserve(more, Slot::spread);
            self.room = self.slots.capacity();
        }
        self.slots.insert_unique(slot.spread(), slot, Slot::spread);
    }

    /// Takes one out.
    pub fn remove(&mut self, key: Key, place: u32) {
        let hash = spread(key.short());
        if let Ok(entry) = self.slots.find_entry(hash, |slot| slot.place == place) {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_as_many_go_as_come_it_does_not_grow() {
        let mut table = Table::default();
        let key = |number: u32| {
            Key::from_halves(u64::from(number).wrapping_mul(0x2545_f491_4f6c_dd1d), 0)
        };
        // As full as it gets before it grows; a table alone would grow at some time from half full on.
        let full = 7_000;
        for number in 0..full {
            table.insert(key(number), number);
        }
        let room = table.room;
        for number in full..100 * full {
            table.remove(key(number - full), number - full);
            table.insert(key(number), number);
            assert!(table.slots.capacity() <= room, "after {number}");
        }
        assert_eq!((table.slots.len(), table.room), (7_000, room));
        for number in 99 * full..100 * full {
            assert_eq!(
                table.find(key(number), |place| Some(key(place))),
                Some(number)
            );
        }
    }

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
