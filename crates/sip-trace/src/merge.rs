//! How the records of several nodes become one story.
//!
//! Clocks of different nodes differ, and even in one process a datagram may be recorded as received before its sender
//! got round to recording it. So time decides only between records that know nothing of each other: the order within
//! one node is kept, and a received message waits for the record of its being sent.

use std::collections::{HashMap, HashSet};

use crate::pairing::pair;
use crate::record::{Direction, Record, What};

/// One order out of several recordings (buffers or files, each in its own order).
///
/// A record that is in several of them (the files of two watches, a file and the ring) is there once: it has the same node, number and
/// time. Stable: records of one node in one recording stay in their order, and equal times keep the order of the recordings.
/// Causal: a received message never comes before the record of its being sent.
pub fn by_time(recordings: Vec<Vec<Record>>) -> Vec<Record> {
    let mut seen = HashSet::new();
    let mut is_new =
        |record: &Record| seen.insert((record.node.clone(), record.seq, record.wall_us));
    let mut all: Vec<(usize, Record)> = recordings
        .into_iter()
        .enumerate()
        .flat_map(|(recording, records)| records.into_iter().map(move |r| (recording, r)))
        .collect();
    all.retain(|(_, record)| is_new(record));
    let tagged: Vec<(usize, &Record)> = all.iter().map(|(tag, record)| (*tag, record)).collect();
    let order = order(&tagged);
    let mut slots: Vec<Option<Record>> = all.into_iter().map(|(_, record)| Some(record)).collect();
    order
        .into_iter()
        .filter_map(|index| slots.get_mut(index).and_then(Option::take))
        .collect()
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
    let mut next = vec![0_usize; streams.len()];
    let mut emitted = vec![false; records.len()];
    let mut out = Vec::with_capacity(records.len());
    while out.len() < records.len() {
        let mut best: Option<(bool, u64, usize, usize)> = None;
        for (number, stream) in streams.iter().enumerate() {
            let head = next.get(number).and_then(|at| stream.get(*at)).copied();
            let Some((index, record)) = head.and_then(|i| Some((i, records.get(i)?))) else {
                continue;
            };
            let sent = origin.get(index).copied().flatten();
            let blocked = sent.is_some_and(|sent| emitted.get(sent) == Some(&false));
            // Should all be blocked (clocks and pairs contradict each other), the earliest goes.
            let candidate = (blocked, record.wall_us, number, index);
            if best.is_none_or(|best| candidate < best) {
                best = Some(candidate);
            }
        }
        let Some((_, _, number, index)) = best else {
            break;
        };
        if let Some(at) = next.get_mut(number) {
            *at += 1;
        }
        if let Some(flag) = emitted.get_mut(index) {
            *flag = true;
        }
        out.push(index);
    }
    out
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
