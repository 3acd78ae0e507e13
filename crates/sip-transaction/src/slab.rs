//! Transactions in a vector, named by place and generation: looked up without hashing, and a name that is over names
//! nothing.

/// A vector with free places.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Puts one in; its name is never given again.
    pub fn insert(&mut self, value: T) -> u64 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry {
                generation: 0,
                value: None,
            });
            u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(entry) = self.entries.get_mut(index(u64::from(place))) else {
            return u64::MAX;
        };
        entry.value = Some(value);
        (u64::from(entry.generation) << 32) | u64::from(place)
    }

    pub fn get(&self, name: u64) -> Option<&T> {
        let entry = self.entries.get(index(name))?;
        let value = entry.value.as_ref()?;
        (u64::from(entry.generation) == name >> 32).then_some(value)
    }

    pub fn get_mut(&mut self, name: u64) -> Option<&mut T> {
        let entry = self.entries.get_mut(index(name))?;
        let value = entry.value.as_mut()?;
        (u64::from(entry.generation) == name >> 32).then_some(value)
    }

    pub fn remove(&mut self, name: u64) -> Option<T> {
        self.get(name)?;
        let entry = self.entries.get_mut(index(name))?;
        let value = entry.value.take()?;
        // After four thousand million transactions in one place its names are used up, and the place with them.
        if let Some(next) = entry.generation.checked_add(1) {
            entry.generation = next;
            self.free
                .push(u32::try_from(index(name)).unwrap_or(u32::MAX));
        }
        Some(value)
    }

    /// All of them with their names.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (0u64..).zip(&self.entries).filter_map(|(place, entry)| {
            let name = (u64::from(entry.generation) << 32) | place;
            Some((name, entry.value.as_ref()?))
        })
    }
}

/// The place in a name.
fn index(name: u64) -> usize {
    usize::try_from(name & 0xffff_ffff).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_over_names_nothing() {
        let mut slab = Slab::default();
        let (a, b) = (slab.insert('a'), slab.insert('b'));
        assert_eq!(
            (slab.get(a), slab.get(b), slab.len()),
            (Some(&'a'), Some(&'b'), 2)
        );
        assert_eq!(slab.remove(a), Some('a'));
        assert_eq!((slab.remove(a), slab.get(a), slab.len()), (None, None, 1));
        let c = slab.insert('c');
        assert_ne!(a, c);
        assert_eq!((slab.get(a), slab.get(c)), (None, Some(&'c')));
        assert_eq!(
            slab.iter().map(|(_, value)| *value).collect::<Vec<_>>(),
            ['c', 'b']
        );
    }
}
