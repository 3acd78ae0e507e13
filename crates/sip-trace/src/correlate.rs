//! Which records belong to one procedure: across the legs of a gateway, across nodes, across systems.
//!
//! Messages belong together that share a procedure id (in a document, or in a decision about them), either half of a
//! Session-ID (RFC 7989: the two ends swap them, so the pair has no order), an `icid-value` (RFC 7315), or a Call-ID; of what
//! has none of these, as what is no SIP, the two ends of one passage. A decision belongs to the procedure, the Call-ID and the transaction that it names, or, where it names none, to the message
//! that its node saw last.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use sip_message::{HeaderName, Limits, Message};

use crate::pairing::pair;
use crate::record::{DecisionRecord, Record, What};
use crate::summary::MAX_SCAN_BYTES;

/// One procedure: its records, in the order that they were given in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Procedure {
    /// What it is called by: the first procedure id that its records name, or else its first Call-ID; empty where there is
    /// neither.
    pub id: String,
    /// Every id that joins it: procedure ids, halves of Session-IDs, ICIDs, Call-IDs.
    pub ids: Vec<String>,
    /// Indices of its records.
    pub records: Vec<usize>,
}

impl Procedure {
    /// Whether it is meant by this text: one of its ids, or how one begins (four characters at least).
    pub fn is_called(&self, id: &str) -> bool {
        self.ids
            .iter()
            .any(|own| own == id || id.len() >= 4 && own.starts_with(id))
    }
}

/// Sorts records into procedures, in the order of their first records. Records in causal order
/// ([`merge::by_time`](crate::merge::by_time)) give each decision its message. What belongs to nothing (keep-alives,
/// decisions before any message) is one without an id.
pub fn procedures(records: &[Record]) -> Vec<Procedure> {
    let mut groups = Groups::default();
    let mut last: HashMap<&Arc<str>, usize> = HashMap::new();
    // The group of each record, by a member of it.
    let mut of = Vec::with_capacity(records.len());
    let mut without_ids: Vec<(&Record, usize)> = Vec::new();
    for record in records {
        let node = &record.node;
        let group = match &record.what {
            What::Message(message) => {
                let keys = keys(&message.bytes);
                let has_none = keys.is_empty();
                let group = groups.joined(keys);
                if has_none {
                    without_ids.push((record, group));
                }
                last.insert(node, group);
                group
            }
            What::Decision(decision) => match (decision_keys(node, decision), last.get(node)) {
                (keys, Some(group)) if keys.is_empty() => *group,
                (keys, _) => groups.joined(keys),
            },
        };
        of.push(group);
    }
    let ends: Vec<&Record> = without_ids.iter().map(|(record, _)| *record).collect();
    for ((_, group), other) in without_ids.iter().zip(pair(&ends)) {
        if let Some((_, other)) = other.and_then(|other| without_ids.get(other)) {
            groups.unite(*group, *other);
        }
    }
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut procedures: Vec<Procedure> = Vec::new();
    for (index, group) in of.into_iter().enumerate() {
        let root = groups.root(group);
        let place = *places.entry(root).or_insert_with(|| {
            procedures.push(Procedure::default());
            procedures.len() - 1
        });
        if let Some(procedure) = procedures.get_mut(place) {
            procedure.records.push(index);
        }
    }
    for (key, group) in groups.in_order() {
        let place = places.get(&groups.root(group));
        if let Some(procedure) = place.and_then(|place| procedures.get_mut(*place)) {
            if procedure.ids.is_empty() && matches!(key, Key::Procedure(_) | Key::Call(_)) {
                procedure.id = key.text().to_owned();
            }
            if !matches!(key, Key::Transaction(..)) {
                procedure.ids.push(key.text().to_owned());
            }
        }
    }
    procedures
}

/// What joins records.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Procedure(String),
    Call(String),
    Session(String),
    Charging(String),
    /// Of a node, which alone knows it.
    Transaction(Arc<str>, u64),
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::Procedure(id) | Self::Call(id) | Self::Session(id) | Self::Charging(id) => id,
            Self::Transaction(..) => "",
        }
    }
}

/// The ids that a decision names.
pub(crate) fn decision_keys(node: &Arc<str>, decision: &DecisionRecord) -> Vec<Key> {
    let procedure = decision.procedure.clone().map(Key::Procedure);
    let call = decision.call.as_deref().map(|id| Key::Call(id.to_owned()));
    let transaction = decision.transaction;
    let transaction = transaction.map(|number| Key::Transaction(node.clone(), number));
    procedure
        .into_iter()
        .chain(call)
        .chain(transaction)
        .collect()
}

/// The ids in a message; none where it cannot be parsed.
pub(crate) fn keys(bytes: &Bytes) -> Vec<Key> {
    let Ok(message) = Message::parse_datagram(bytes.clone(), &Limits::default()) else {
        return Vec::new();
    };
    let headers = message.headers();
    let mut keys = Vec::new();
    keys.extend(procedure_of(message.body()).map(Key::Procedure));
    keys.extend(
        headers
            .first(&HeaderName::CallId)
            .map(|id| Key::Call(text(id))),
    );
    if let Some(value) = headers.first(&HeaderName::SessionId) {
        let lower = text(value).to_ascii_lowercase();
        let halves = lower
            .split(';')
            .map(|part| part.trim().trim_start_matches("remote=").to_owned());
        let real = |half: &String| half.len() == 32 && half.bytes().all(|b| b.is_ascii_hexdigit());
        let halves = halves.filter(|half| real(half) && half.bytes().any(|b| b != b'0'));
        keys.extend(halves.map(Key::Session));
    }
    if let Some(value) = headers.first(&HeaderName::PChargingVector) {
        let value = text(value);
        let icid = value
            .split(';')
            .find_map(|part| part.trim().strip_prefix("icid-value="));
        keys.extend(icid.map(|icid| Key::Charging(icid.trim_matches('"').to_owned())));
    }
    keys
}

/// The procedure id and the Call-ID of one message, where it has them and can be parsed.
pub fn ids(bytes: &Bytes) -> (Option<String>, Option<String>) {
    let (mut procedure, mut call) = (None, None);
    for key in keys(bytes) {
        match key {
            Key::Procedure(id) => procedure = Some(id),
            Key::Call(id) => call = Some(id),
            Key::Session(_) | Key::Charging(_) | Key::Transaction(..) => {}
        }
    }
    (procedure, call)
}

/// The value of the first attribute `procedure` in a body, without parsing the document.
fn procedure_of(body: &[u8]) -> Option<String> {
    let body = body.get(..MAX_SCAN_BYTES).unwrap_or(body);
    const ATTRIBUTE: &[u8] = b" procedure=";
    let at = body
        .windows(ATTRIBUTE.len())
        .position(|window| window == ATTRIBUTE)?;
    let (quote, rest) = body.get(at + ATTRIBUTE.len()..)?.split_first()?;
    let end = rest
        .iter()
        .position(|b| b == quote)
        .filter(|_| b"\"'".contains(quote))?;
    let id = std::str::from_utf8(rest.get(..end)?).ok()?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!id.is_empty() && id.bytes().all(legal)).then(|| id.to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Sets of things that belong together, joined step by step (disjoint sets with path halving).
#[derive(Default)]
struct Groups {
    parents: Vec<usize>,
    /// The group of each key, and the order in which keys appeared.
    of: HashMap<Key, (usize, usize)>,
}

impl Groups {
    /// The one group of all these keys; a new one where there are none.
    fn joined(&mut self, keys: Vec<Key>) -> usize {
        let own = self.parents.len();
        self.parents.push(own);
        for key in keys {
            let next = self.of.len();
            let (group, _) = *self.of.entry(key).or_insert((own, next));
            self.unite(group, own);
        }
        self.root(own)
    }

    /// Makes one group of two.
    fn unite(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        // The older one stays the root.
        if let Some(parent) = self.parents.get_mut(one.max(other)) {
            *parent = one.min(other);
        }
    }

    fn root(&mut self, mut group: usize) -> usize {
        loop {
            let parent = self.parent(group);
            if parent == group {
                return group;
            }
            // Every second step on the way is made shorter for the next time.
            let grandparent = self.parent(parent);
            if let Some(slot) = self.parents.get_mut(group) {
                *slot = grandparent;
            }
            group = grandparent;
        }
    }

    fn parent(&self, group: usize) -> usize {
        self.parents.get(group).copied().unwrap_or(group)
    }

    /// Keys with their groups, procedure ids first, then as they appeared.
    fn in_order(&self) -> Vec<(Key, usize)> {
        let mut all: Vec<(&Key, &(usize, usize))> = self.of.iter().collect();
        let rank = |key: &Key| match key {
            Key::Procedure(_) => 0,
            Key::Call(_) => 1,
            Key::Session(_) => 2,
            Key::Charging(_) => 3,
            Key::Transaction(..) => 4,
        };
        all.sort_unstable_by_key(|(key, (_, order))| (rank(key), *order));
        all.into_iter()
            .map(|(key, (group, _))| (key.clone(), *group))
            .collect()
    }
}
