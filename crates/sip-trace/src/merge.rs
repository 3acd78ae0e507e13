//! How the records of several nodes become one story.
//!
//! Clocks of different nodes differ, and even in one process a datagram may be recorded as received before its sender
//! got round to recording it. So time decides only between records that know nothing of each other: the order within
//! one node is kept, and a received message waits for the record of its being sent.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use crate::pairing::pair;
use crate::record::{Direction, Record, What};

/// One order out of several recordings (buffers or files, each in its own order).
///
/// A record that is in several of them (the files of two watches, a file and the ring) is there once: it has the same node, number and
/// time. Stable: records of one node in one recording stay in their order, and equal times keep the order of the recordings.
/// Causal: a received message never comes before the record of its being sent.
pub fn by_time(recordings: Vec<Vec<Record>>) -> Vec<Record> {
    let mut all: Vec<(usize, Record)> = recordings
        .into_iter()
        .enumerate()
        .flat_map(|(recording, records)| records.into_iter().map(move |r| (recording, r)))
        .collect();
    let keep = told_once(&all);
    let mut keep = keep.into_iter();
    all.retain(|_| keep.next().unwrap_or(true));
    let tagged: Vec<(usize, &Record)> = all.iter().map(|(tag, record)| (*tag, record)).collect();
    let order = order(&tagged);
    let mut slots: Vec<Option<Record>> = all.into_iter().map(|(_, record)| Some(record)).collect();
    order
        .into_iter()
        .filter_map(|index| slots.get_mut(index).and_then(Option::take))
        .collect()
}

/// Which records are not there already. Numbers of captures are places in a file: what they are of counts, too.
fn told_once(all: &[(usize, Record)]) -> Vec<bool> {
    let mut seen: HashMap<(&str, u64, u64), Vec<&What>> = HashMap::new();
    let mut keep = Vec::with_capacity(all.len());
    for (_, record) in all {
        let place = (&*record.node, record.seq, record.wall_us);
        let others = seen.entry(place).or_default();
        let new = !others.contains(&&record.what);
        if new {
            others.push(&record.what);
        }
        keep.push(new);
    }
    keep
}

/// The causal order of one slice, as references.
pub(crate) fn ordered(records: &[Record]) -> Vec<&Record> {
    let tagged: Vec<(usize, &Record)> = records.iter().map(|record| (0, record)).collect();
    order(&tagged)
        .into_iter()
        .filter_map(|index| records.get(index))
        .collect()
}

/// Indices in causal order. The tag says which recording a record is from.
fn order(tagged: &[(usize, &Record)]) -> Vec<usize> {
    let records: Vec<&Record> = tagged.iter().map(|(_, record)| *record).collect();
    let origin = origins(&records, &pair(&records));
    let streams = streams(tagged, &origin);
    let mut heads = Heads::new(&records, &origin);
    let mut rest: Vec<_> = streams
        .iter()
        .map(|stream| stream.iter().copied())
        .collect();
    for (number, stream) in rest.iter_mut().enumerate() {
        heads.extend(stream.next(), number);
    }
    let mut out = Vec::with_capacity(records.len());
    while let Some((number, index)) = heads.take() {
        out.push(index);
        heads.extend(rest.get_mut(number).and_then(Iterator::next), number);
    }
    out
}

/// The first of each stream that is not told yet: time, number of the stream, index.
type Head = (u64, usize, usize);

/// The heads of all streams: those that may be told, and those that wait for the record of their being sent.
struct Heads<'a> {
    records: &'a [&'a Record],
    origin: &'a [Option<usize>],
    told: Vec<bool>,
    free: BinaryHeap<Reverse<Head>>,
    blocked: BTreeSet<Head>,
    /// By the index of what they wait for.
    waiting: HashMap<usize, Vec<Head>>,
}

impl<'a> Heads<'a> {
    fn new(records: &'a [&'a Record], origin: &'a [Option<usize>]) -> Self {
        Self {
            records,
            origin,
            told: vec![false; records.len()],
            free: BinaryHeap::new(),
            blocked: BTreeSet::new(),
            waiting: HashMap::new(),
        }
    }

    /// The next of a stream, if it has one, is its head.
    fn extend(&mut self, index: Option<usize>, number: usize) {
        let Some((index, record)) = index.and_then(|index| Some((index, self.records.get(index)?)))
        else {
            return;
        };
        let head = (record.wall_us, number, index);
        let sent = self.origin.get(index).copied().flatten();
        match sent.filter(|sent| self.told.get(*sent) == Some(&false)) {
            None => self.free.push(Reverse(head)),
            Some(sent) => {
                self.blocked.insert(head);
                self.waiting.entry(sent).or_default().push(head);
            }
        }
    }

    /// The earliest that may be told. Should all wait (clocks and pairs contradict each other), the earliest goes.
    fn take(&mut self) -> Option<(usize, usize)> {
        let (_, number, index) = match self.free.pop() {
            Some(Reverse(head)) => head,
            None => self.blocked.pop_first()?,
        };
        if let Some(told) = self.told.get_mut(index) {
            *told = true;
        }
        for head in self.waiting.remove(&index).unwrap_or_default() {
            if self.blocked.remove(&head) {
                self.free.push(Reverse(head));
            }
        }
        Some((number, index))
    }
}

/// For each received message the index of the sent one.
fn origins(records: &[&Record], partner: &[Option<usize>]) -> Vec<Option<usize>> {
    let received = |record: &Record| matches!(&record.what, What::Message(m) if m.direction == Direction::Received);
    records
        .iter()
        .zip(partner)
        .map(|(record, partner)| partner.filter(|_| received(record)))
        .collect()
}

/// The records of each node of each recording, in their order; a node that talks to itself has its received messages
/// moved behind the sent ones.
fn streams(tagged: &[(usize, &Record)], origin: &[Option<usize>]) -> Vec<Vec<usize>> {
    let mut numbers: HashMap<(usize, &str), usize> = HashMap::new();
    let of: Vec<usize> = tagged
        .iter()
        .map(|(tag, record)| {
            let next = numbers.len();
            *numbers.entry((*tag, &record.node)).or_insert(next)
        })
        .collect();
    let mut streams = vec![Vec::new(); numbers.len()];
    let mut parked: HashMap<usize, usize> = HashMap::new();
    for (index, number) in of.iter().enumerate() {
        let sent = origin.get(index).copied().flatten();
        if let Some(sent) = sent.filter(|sent| *sent > index && of.get(*sent) == Some(number)) {
            parked.insert(sent, index);
            continue;
        }
        if let Some(stream) = streams.get_mut(*number) {
            stream.push(index);
            stream.extend(parked.remove(&index));
        }
    }
    streams
}
