//! From records to a ladder: who the columns are, which arrows arrived, which repeat earlier ones.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use super::{Arrow, Column, Ladder, Note, Notes, Options, Row};
use crate::merge::ordered;
use crate::pairing::{Flow, pair};
use crate::record::{DecisionRecord, Direction, MessageRecord, Record, What};
use crate::summary::summarize;

/// Builds the ladder of these records, in any order.
///
/// An arrow a message: a sent one matched with its received one. One that was sent to a node that records but never
/// received there is lost. The same bytes on the same way again are a retransmission; those that share the fate of the
/// one before are folded into it.
pub fn build(records: &[Record], options: &Options) -> Ladder {
    let records = ordered(records);
    let partner = pair(&records);
    let mut builder = Builder::new(&records, options);
    for (index, record) in records.iter().enumerate() {
        match &record.what {
            What::Decision(decision) => builder.note(record, decision),
            What::Message(message) => {
                let other = partner.get(index).copied().flatten();
                let other = other.and_then(|other| records.get(other)).map(|r| &*r.node);
                match message.direction {
                    Direction::Received if other.is_some() => {} // drawn when it was sent
                    _ => builder.message(record, message, other),
                }
            }
        }
    }
    builder.finish()
}

struct Builder<'a> {
    options: &'a Options,
    /// Which node an address belongs to: what nodes recorded as their own, then what the caller named.
    owners: HashMap<SocketAddr, &'a str>,
    columns: Vec<Column>,
    numbers: HashMap<String, usize>,
    rows: Vec<Row>,
    /// The last row of each flow.
    flows: HashMap<Flow<'a>, usize>,
    recorded: Vec<&'a str>,
    first_us: Option<u64>,
}

impl<'a> Builder<'a> {
    fn new(records: &[&'a Record], options: &'a Options) -> Self {
        let mut owners: HashMap<SocketAddr, &str> = HashMap::new();
        let mut recorded: Vec<&str> = options.recording.iter().map(String::as_str).collect();
        for (address, name) in &options.names {
            owners.insert(*address, name);
        }
        for record in records {
            if let What::Message(message) = &record.what {
                owners.insert(message.local, &record.node);
            }
            if !recorded.contains(&&*record.node) {
                recorded.push(&record.node);
            }
        }
        Self {
            options,
            owners,
            columns: Vec::new(),
            numbers: HashMap::new(),
            rows: Vec::new(),
            flows: HashMap::new(),
            recorded,
            first_us: records.first().map(|record| record.wall_us),
        }
    }

    fn note(&mut self, record: &Record, decision: &DecisionRecord) {
        if decision.detail && !self.options.details {
            return;
        }
        let mut decision = decision.clone();
        match self.options.notes {
            Notes::None => return,
            Notes::WithRequirement if decision.requirement.is_empty() => return,
            Notes::WithoutIds => decision.requirement = "".into(),
            Notes::All | Notes::WithRequirement => {}
        }
        let note = Note {
            column: self.column(&record.node),
            wall_us: record.wall_us,
            decision,
        };
        self.rows.push(Row::Note(note));
    }

    /// `other` is the node at the other end, when it recorded this message too.
    fn message(&mut self, record: &'a Record, message: &'a MessageRecord, other: Option<&str>) {
        let peer = match (other, self.owners.get(&message.peer)) {
            (Some(node), _) => node.to_owned(),
            (None, Some(node)) => (*node).to_owned(),
            (None, None) => message.peer.to_string(),
        };
        let sent = message.direction == Direction::Sent;
        let lost = sent && other.is_none() && self.recorded.contains(&peer.as_str());
        let before = match self.flows.entry(Flow::from(message)) {
            // The first one stays the one that others repeat.
            Entry::Occupied(first) if self.options.keep_repeats => Some(*first.get()),
            Entry::Occupied(mut last) => Some(last.insert(self.rows.len())),
            Entry::Vacant(none) => {
                none.insert(self.rows.len());
                None
            }
        };
        if let Some(before) = before.filter(|_| !self.options.keep_repeats)
            && let Some(Row::Arrow(arrow)) = self.rows.get_mut(before)
            && arrow.lost == lost
        {
            arrow.repeats = arrow.repeats.saturating_add(1);
            arrow.last_repeat_us = Some(record.wall_us);
            self.flows.insert(Flow::from(message), before);
            return;
        }
        let (node, peer) = (self.column(&record.node), self.column(&peer));
        let summary = summarize(&message.bytes, &self.options.labels);
        self.rows.push(Row::Arrow(Arrow {
            from: if sent { node } else { peer },
            to: if sent { peer } else { node },
            label: summary.label,
            class: summary.class,
            wall_us: record.wall_us,
            retransmission: before.is_some(),
            repeats: 0,
            last_repeat_us: None,
            lost,
            message: message.clone(),
            repeat_of: before.filter(|_| self.options.keep_repeats),
        }));
    }

    fn column(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.columns.len();
        self.numbers.insert(name.to_owned(), number);
        self.columns.push(Column {
            name: name.to_owned(),
            recorded: self.recorded.contains(&name),
        });
        number
    }

    /// Puts the columns into the wanted order.
    fn finish(self) -> Ladder {
        let mut columns: Vec<(usize, Column)> = self.columns.into_iter().enumerate().collect();
        let wanted = &self.options.order;
        columns.sort_by_key(|(_, column)| {
            let place = wanted.iter().position(|name| *name == column.name);
            place.unwrap_or(wanted.len())
        });
        let places: HashMap<usize, usize> = columns
            .iter()
            .enumerate()
            .map(|(place, (number, _))| (*number, place))
            .collect();
        let place = |number: usize| places.get(&number).copied().unwrap_or(number);
        let mut rows = self.rows;
        for row in &mut rows {
            match row {
                Row::Arrow(arrow) => {
                    arrow.from = place(arrow.from);
                    arrow.to = place(arrow.to);
                }
                Row::Note(note) => note.column = place(note.column),
            }
        }
        Ladder {
            columns: columns.into_iter().map(|(_, column)| column).collect(),
            rows,
            origin_us: self.options.origin_us.or(self.first_us).unwrap_or_default(),
        }
    }
}
