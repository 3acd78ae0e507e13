//! A queue that grows by chunks: none of its memory is moved, and what it has no more use for it gives back.

use std::collections::VecDeque;

/// When a timer is due, and for whom.
type Entry = (u64, u64);

/// Entries in a chunk: four kibibytes.
const CHUNK: usize = 256;

/// First in, first out.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    chunks: VecDeque<Vec<Entry>>,
    /// Entries of the first chunk that were taken out.
    taken: usize,
    /// An empty chunk, so that one more and one less cost nothing.
    spare: Option<Vec<Entry>>,
}

impl Queue {
    pub fn push(&mut self, entry: Entry) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                let spare = self.spare.take();
                let mut chunk = spare.unwrap_or_else(|| Vec::with_capacity(CHUNK));
                chunk.push(entry);
                self.chunks.push_back(chunk);
            }
        }
    }

    pub fn first(&self) -> Option<Entry> {
        self.chunks.front()?.get(self.taken).copied()
    }

    pub fn last(&self) -> Option<Entry> {
        self.chunks.back()?.last().copied()
    }

    pub fn pop(&mut self) -> Option<Entry> {
        let chunk = self.chunks.front()?;
        let entry = chunk.get(self.taken).copied()?;
        self.taken += 1;
        // A chunk that is neither full nor the last one does not exist.
        if self.taken == chunk.len() {
            self.taken = 0;
            self.spare = self.chunks.pop_front().map(|mut chunk| {
                chunk.clear();
                chunk
            });
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order() {
        let mut queue = Queue::default();
        let (mut next_in, mut next_out) = (0, 0);
        for round in 1..200_u64 {
            for _ in 0..(round * 7) % 300 {
                queue.push((next_in, next_in));
                next_in += 1;
            }
            for _ in 0..(round * 11) % 310 {
                assert_eq!(
                    queue.first(),
                    (next_out < next_in).then_some((next_out, next_out))
                );
                if queue.pop().is_some() {
                    next_out += 1;
                }
            }
        }
        while queue.pop() == Some((next_out, next_out)) {
            next_out += 1;
        }
        assert_eq!((next_in, queue.chunks.len()), (next_out, 0));
    }
}
