//! What is recorded beside the decisions of the role: steps of transactions, what became of batches, and which message all of
//! that is about. Nothing of it is done where nobody records.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mcx::{Decision, Now, Role, StoreId, Weight};
use sip_message::{HeaderName, Headers};
use sip_transaction::{Step, Transaction};

use super::{Decided, Driver, Output};

/// What the driver remembers to say what something is about.
#[derive(Debug)]
pub(super) struct Notes {
    /// Transactions of this run are counted from here: nobody takes those of another run for them.
    base: u64,
    /// Call-ID of the message that is being taken.
    call: Option<Bytes>,
    /// Whether that was said, to who takes the outputs.
    said: bool,
    /// Batches that are not durable yet, in the order in which they become so. As many as the roles have under way.
    batches: VecDeque<Batch>,
}

/// A batch on its way.
#[derive(Debug)]
struct Batch {
    id: StoreId,
    call: Option<Bytes>,
    since: Instant,
    commands: usize,
}

impl Notes {
    pub fn new(seed: &[u8; 32]) -> Self {
        // The seed is the endpoint's secret: what is written down is not a part of it.
        let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self {
            base: seed.iter().fold(0xcbf2_9ce4_8422_2325, mix),
            call: None,
            said: true,
            batches: VecDeque::new(),
        }
    }

    fn is_about(&mut self, call: Option<Bytes>) -> Option<Bytes> {
        self.said = false;
        std::mem::replace(&mut self.call, call)
    }

    fn number(&self, transaction: Transaction) -> u64 {
        let (id, side) = match transaction {
            Transaction::Client(id) => (id.0, 0),
            Transaction::Server(id) => (id.0, 1),
        };
        self.base
            .wrapping_add(id.wrapping_mul(2).wrapping_add(side))
    }
}

impl<R: Role> Driver<R> {
    /// What comes is about the message with these header fields; gives what it was about before.
    pub(super) fn is_about(&mut self, headers: &Headers) -> Option<Bytes> {
        let notes = self.notes.as_mut()?;
        notes.is_about(headers.first_shared(&HeaderName::CallId))
    }

    /// What comes is about the message that it was about before.
    pub(super) fn is_about_again(&mut self, call: Option<Bytes>) {
        if let Some(notes) = &mut self.notes {
            notes.is_about(call);
        }
    }

    /// What comes is about no message.
    pub(super) fn is_about_nothing(&mut self) {
        self.is_about_again(None);
    }

    /// Tells the steps that transactions took.
    pub(super) fn note_steps(&mut self) {
        if self.notes.is_none() {
            return;
        }
        while let Some(step) = self.endpoint.poll_step() {
            self.note_step(&step);
        }
    }

    fn note_step(&mut self, step: &Step) {
        let Some(notes) = &self.notes else {
            return;
        };
        let decision = Decision::new(step.clause(), step.state(), step.event());
        let decided = Decided {
            decision: decision.by("transaction").weighing(Weight::Detail),
            numbers: None,
            transaction: Some(notes.number(step.transaction)),
        };
        self.put(decided);
    }

    /// Hands out a decision; before it, what it is about, if that is something else now.
    pub(super) fn put(&mut self, decided: Decided) {
        if let Some(notes) = &mut self.notes
            && !notes.said
        {
            notes.said = true;
            self.outputs.push_back(Output::About(notes.call.clone()));
        }
        self.decided.push(decided);
        match self.outputs.back_mut() {
            Some(Output::Decisions(count)) => *count += 1,
            _ => self.outputs.push_back(Output::Decisions(1)),
        }
    }

    /// Remembers that a batch is on its way.
    pub(super) fn note_storing(&mut self, now: Now, id: StoreId, commands: usize) {
        if let Some(notes) = &mut self.notes {
            let batch = Batch {
                id,
                call: notes.call.clone(),
                since: now.mono,
                commands,
            };
            notes.batches.push_back(batch);
        }
    }

    /// Tells what became of a batch; what comes is about the message behind it.
    pub(super) fn note_stored(&mut self, now: Now, id: StoreId, durable: bool) {
        let Some(notes) = &mut self.notes else {
            return;
        };
        let batches = &mut notes.batches;
        let place = batches.iter().position(|batch| batch.id == id);
        let Some(batch) = place.and_then(|place| batches.remove(place)) else {
            return;
        };
        notes.is_about(batch.call);
        let took = now.mono.saturating_duration_since(batch.since);
        let (verdict, weight) = match durable {
            true => ("durable", Weight::Detail),
            false => ("not durable", Weight::Minor),
        };
        let decision = Decision::new("L4", verdict, BATCH).by("store");
        let decided = Decided {
            decision: decision.weighing(weight),
            numbers: Some([count(batch.commands), micros(took)]),
            transaction: None,
        };
        self.put(decided);
    }
}

/// What is said of a batch.
const BATCH: &str = "{} commands in one batch, after {} µs";

fn count(commands: usize) -> u64 {
    u64::try_from(commands).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    let part = u64::from(time.subsec_micros());
    time.as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(part)
}
