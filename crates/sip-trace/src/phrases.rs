//! Words that the program has from the start (ids of requirements, states, most reasons), by their place in a table: all of those of
//! a decision together are a phrase, to which a record refers with two bytes.

use std::borrow::Cow;
use std::sync::Arc;

use crate::handed::{Decision, Said};

/// Most phrases; what finds none of its places free is written out.
const PLACES: usize = 4_096;
/// How many places one may have.
const TRIES: usize = 4;

/// The words of a decision; empty where they are of this time alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Phrase {
    pub requirement: Cow<'static, str>,
    pub verdict: Cow<'static, str>,
    pub why: Cow<'static, str>,
    pub target: Cow<'static, str>,
}

type Words = [&'static str; 4];

/// The phrases that readers know. Whatever is in there stays where it is.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Vec<Words>>);

/// The table, for who writes.
#[derive(Default)]
pub(crate) struct Phrases {
    /// Numbers in `known`, from 1.
    places: Vec<u16>,
    known: Known,
}

impl Phrases {
    /// The number of the words of this decision, which get one if there is room. `None` if they have none, or are not the
    /// program's.
    pub fn place(&mut self, decision: &Decision<'_>) -> Option<u16> {
        let (Said::Always(requirement), Said::Always(target)) =
            (decision.requirement, decision.target)
        else {
            return None;
        };
        let own = |said| match said {
            Said::Always(words) | Said::Counted(words, _) => words,
            Said::Once(_) => "",
        };
        let words = [
            requirement,
            own(decision.verdict),
            own(decision.why),
            target,
        ];
        let first = hash(&words);
        for place in first..first + TRIES {
            let place = place % PLACES;
            let number = self.places.get(place).copied().unwrap_or_default();
            match self.known.0.get(usize::from(number).wrapping_sub(1)) {
                Some(known) if is_same(known, &words) => return number.checked_sub(1),
                Some(_) => {}
                None => return self.add(place, words),
            }
        }
        None
    }

    #[cold]
    fn add(&mut self, place: usize, words: Words) -> Option<u16> {
        let known = Arc::make_mut(&mut self.known.0);
        let number = u16::try_from(known.len()).ok()?;
        self.places.resize(PLACES, 0);
        *self.places.get_mut(place)? = number.checked_add(1)?;
        known.push(words);
        Some(number)
    }

    pub fn known(&self) -> &Known {
        &self.known
    }
}

impl Known {
    /// The words of this number.
    pub fn at(&self, number: u16) -> Option<Phrase> {
        let [requirement, verdict, why, target] = *self.0.get(usize::from(number))?;
        Some(Phrase {
            requirement: requirement.into(),
            verdict: verdict.into(),
            why: why.into(),
            target: target.into(),
        })
    }
}

/// By where they are in memory: the same words of two places in the program are two.
fn is_same(known: &Words, words: &Words) -> bool {
    known
        .iter()
        .zip(words)
        .all(|(known, words)| std::ptr::eq(*known, *words))
}

fn hash(words: &Words) -> usize {
    let mix = |sum: usize, words: &&str| sum.rotate_left(7) ^ words.as_ptr().addr();
    let sum = words.iter().fold(0, mix);
    (sum ^ (sum >> 12) ^ (sum >> 24)) % PLACES
}
