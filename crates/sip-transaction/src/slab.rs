//! Transactions in chunks, named by place and generation: looked up without hashing, never moved when there come more,
//! and a name that is over names nothing.

/// Places in a chunk.
const CHUNK: usize = 1024;

/// Chunks with free places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Vec<Entry<T>>>,
    /// Places that were never taken begin here.
    end: u32,
    /// The first free place before that; each has the next one.
    free: u32,
    len: usize,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Value<T>,
}

/// `T` should have a niche: then this takes no more room.
#[derive(Debug)]
enum Value<T> {
    Taken(T),
    /// Free; the next free place.
    Free(u32),
}

/// No place.
pub(crate) const NOWHERE: u32 = u32::MAX;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            end: 0,
            free: NOWHERE,
            len: 0,
        }
    }
}

impl<T> Slab<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Puts one in; its name is never given again. `None` when there is no place left, beyond four thousand million.
    pub fn insert(&mut self, value: T) -> Option<u64> {
        let place = match self.free {
            NOWHERE => self.fresh_place()?,
            place => place,
        };
        let entry = self.entry_mut(place)?;
        let before = std::mem::replace(&mut entry.value, Value::Taken(value));
        let generation = entry.generation;
        self.free = match before {
            Value::Free(next) => next,
            Value::Taken(_) => NOWHERE,
        };
        self.len += 1;
        Some(name(generation, place))
    }

    fn fresh_place(&mut self) -> Option<u32> {
        let place = self.end;
        self.end = place.checked_add(1)?;
        let entry = Entry {
            generation: 0,
            value: Value::Free(NOWHERE),
        };
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(entry);
                self.chunks.push(chunk);
            }
        }
        Some(place)
    }

    #[inline]
    fn entry(&self, place: u32) -> Option<&Entry<T>> {
        let place = index(place);
        self.chunks.get(place / CHUNK)?.get(place % CHUNK)
    }

    #[inline]
    fn entry_mut(&mut self, place: u32) -> Option<&mut Entry<T>> {
        let place = index(place);
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    #[inline]
    pub fn get(&self, name: u64) -> Option<&T> {
        match self.entry(place(name))? {
            Entry {
                generation,
                value: Value::Taken(value),
            } if *generation == self::generation(name) => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub fn get_mut(&mut self, name: u64) -> Option<&mut T> {
        match self.entry_mut(place(name))? {
            Entry {
                generation,
                value: Value::Taken(value),
            } if *generation == self::generation(name) => Some(value),
            _ => None,
        }
    }

    /// What is at a place.
    #[inline]
    pub fn at(&self, place: u32) -> Option<&T> {
        match &self.entry(place)?.value {
            Value::Taken(value) => Some(value),
            Value::Free(_) => None,
        }
    }

    #[inline]
    pub fn at_mut(&mut self, place: u32) -> Option<&mut T> {
        match &mut self.entry_mut(place)?.value {
            Value::Taken(value) => Some(value),
            Value::Free(_) => None,
        }
    }

    /// The name of what is at a place.
    #[inline]
    pub fn name_at(&self, place: u32) -> Option<u64> {
        match self.entry(place)? {
            Entry {
                generation,
                value: Value::Taken(_),
            } => Some(name(*generation, place)),
            _ => None,
        }
    }

    pub fn remove(&mut self, name: u64) -> Option<T> {
        self.get(name)?;
        let (place, free) = (place(name), self.free);
        let entry = self.entry_mut(place)?;
        let before = std::mem::replace(&mut entry.value, Value::Free(free));
        // After four thousand million transactions in one place its names are used up, and the place with them.
        if let Some(next) = entry.generation.checked_add(1) {
            entry.generation = next;
            self.free = place;
        }
        self.len -= 1;
        match before {
            Value::Taken(value) => Some(value),
            Value::Free(_) => None,
        }
    }
}

#[inline]
fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[inline]
fn name(generation: u32, place: u32) -> u64 {
    (u64::from(generation) << 32) | u64::from(place)
}

/// The place in a name.
#[inline]
pub(crate) fn place(name: u64) -> u32 {
    u32::try_from(name & 0xffff_ffff).unwrap_or(NOWHERE)
}

#[inline]
fn generation(name: u64) -> u32 {
    u32::try_from(name >> 32).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_over_names_nothing() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a').unwrap(), slab.insert('b').unwrap());
        assert_eq!(
            (slab.get(a), slab.get(b), slab.len()),
            (Some(&'a'), Some(&'b'), 2)
        );
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!((slab.remove(a), slab.get(a), slab.len()), (None, None, 1));
        let c = slab.insert('c').unwrap();
        assert_ne!(a, c);
        assert_eq!(place(a), place(c));
        assert_eq!((slab.get(a), slab.get(c)), (None, Some(&'c')));
        assert_eq!(
            (slab.name_at(place(c)), slab.at(place(b))),
            (Some(c), Some(&'b'))
        );
    }

    #[test]
    fn places_of_many_are_given_again() {
        let mut slab = Slab::default();
        let count = 3 * CHUNK + 5;
        for round in 0..3 {
            let names: Vec<_> = (0..count).map(|n| slab.insert(n).unwrap()).collect();
            assert_eq!(slab.len(), count);
            for (n, name) in names.iter().enumerate() {
                assert_eq!(slab.remove(*name), Some(n), "round {round}");
            }
        }
        assert_eq!(slab.len(), 0);
        assert_eq!(slab.chunks.len(), 4);
    }
}
