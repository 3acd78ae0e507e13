//! Words that the program has from the start (ids of requirements, states, most reasons), by their place in a table: a record
//! refers to them with two bytes.

use std::sync::Arc;

/// Most words; what finds its place taken is written out.
const PLACES: usize = 4_096;

/// The table, which readers share. Whatever is in it stays where it is.
#[derive(Clone, Default)]
pub(crate) struct Words(Arc<Vec<Option<&'static str>>>);

impl Words {
    /// The place of these words, which get one if theirs is free.
    pub fn place(&mut self, words: &'static str) -> Option<u16> {
        // By where they are in memory: the same words of two places in the program are two.
        let address = words.as_ptr().addr();
        let place = (address ^ (address >> 12)) % PLACES;
        match self.0.get(place).copied().flatten() {
            Some(known) if std::ptr::eq(known, words) => {}
            Some(_) => return None,
            None => {
                let table = Arc::make_mut(&mut self.0);
                table.resize(PLACES, None);
                *table.get_mut(place)? = Some(words);
            }
        }
        u16::try_from(place).ok()
    }

    /// The words at this place.
    pub fn at(&self, place: u16) -> Option<&'static str> {
        self.0.get(usize::from(place)).copied().flatten()
    }
}
