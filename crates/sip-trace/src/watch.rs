//! Which records a watch copies: those that match, and from then on everything that belongs to the same procedure.
//!
//! What a watch looks for is of two kinds. *Whom or what it is about* (user, partner, Call-ID, Session-ID, procedure) may stand in
//! one record, and *what happens* (an answer, a decision) in a later one of the same procedure or dialog: a 403 names nobody, the
//! request before it does.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher as _;
use std::sync::Arc;

use sip_message::{Limits, Message};

use crate::correlate::{Key, decision_keys, keys};
use crate::record::{DecisionRecord, MessageRecord, Record, What};

/// Most ids that a watch remembers; the oldest are forgotten.
pub const MAX_IDS: usize = 65_536;

/// What a watch looks for. All that is given has to be found; nothing given matches everything.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// URI of a user: as a whole, in whatever spelling, in a message or as the user of a decision.
    pub user: Option<String>,
    /// Domains of a partner: one of them stands behind an `@` in a message, or as a word in the reason of a decision.
    pub domains: Vec<String>,
    /// A Call-ID.
    pub call: Option<String>,
    /// Either half of a Session-ID (RFC 7989).
    pub session: Option<String>,
    /// A procedure id.
    pub procedure: Option<String>,
    /// A response of this class or status.
    pub answer: Option<Answer>,
    /// A decision with this in its verdict.
    pub verdict: Option<String>,
    /// A decision behind which this requirement is.
    pub requirement: Option<String>,
}

/// Responses: a class, or one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `4` for 400 to 499.
    Class(u16),
    /// `404`.
    Status(u16),
}

impl Answer {
    /// Reads `4xx` or `404`.
    pub fn from_text(text: &str) -> Option<Self> {
        let legal = |status: &u16| (100..=699).contains(status);
        match text.strip_suffix("xx") {
            Some(class) => {
                let class = class.parse().ok()?;
                (1..=6).contains(&class).then_some(Self::Class(class))
            }
            None => text.parse().ok().filter(legal).map(Self::Status),
        }
    }

    fn is(self, status: u16) -> bool {
        match self {
            Self::Class(class) => status / 100 == class,
            Self::Status(own) => status == own,
        }
    }
}

/// A watch at work: told every record in order, it says which are to be copied.
pub struct Watch {
    selection: Selection,
    user: Option<Wanted>,
    hasher: RandomState,
    /// What is copied from now on.
    followed: Ids,
    /// What is about whom the watch is for, where something has to happen too.
    about: Ids,
    /// The last message of each node.
    last: HashMap<Arc<str>, Last>,
}

/// A message that decisions may still be about.
struct Last {
    record: Record,
    keys: Vec<Key>,
    copied: bool,
}

impl Watch {
    /// One that looks for this.
    pub fn new(selection: Selection) -> Self {
        Self {
            user: selection.user.as_deref().map(Wanted::of),
            selection,
            hasher: RandomState::new(),
            followed: Ids::default(),
            about: Ids::default(),
            last: HashMap::new(),
        }
    }

    /// What is to be copied now that this was recorded: nothing, the record, or a message and the decision about it.
    pub fn take(&mut self, record: &Record) -> Vec<Record> {
        match &record.what {
            What::Message(message) => {
                // What nobody can want yet is not even read.
                let keys = match self.waits_for_a_decision() {
                    true => Vec::new(),
                    false => keys(&message.bytes),
                };
                let copied = self.wants(record, &keys);
                let taken = if copied {
                    vec![record.clone()]
                } else {
                    Vec::new()
                };
                let last = Last {
                    record: record.clone(),
                    keys,
                    copied,
                };
                self.last.insert(record.node.clone(), last);
                taken
            }
            What::Decision(decision) => {
                if self.waits_for_a_decision() {
                    if !self.happens(record) {
                        return Vec::new();
                    }
                    if let Some(last) = self.last.get_mut(&record.node) {
                        last.keys = last.message().map_or_else(Vec::new, |m| keys(&m.bytes));
                    }
                }
                // It is about what it names, or else about the message before.
                let mut keys = decision_keys(&record.node, decision);
                if keys.is_empty()
                    && let Some(last) = self.last.get(&record.node)
                {
                    keys.clone_from(&last.keys);
                }
                if !self.wants(record, &keys) {
                    return Vec::new();
                }
                let mut taken = Vec::new();
                if let Some(last) = self.last.get_mut(&record.node)
                    && !last.copied
                    && last.is_of(decision, &keys)
                {
                    last.copied = true;
                    taken.push(last.record.clone());
                }
                taken.push(record.clone());
                taken
            }
        }
    }

    /// Whether nothing but a decision can begin it, and none has.
    fn waits_for_a_decision(&self) -> bool {
        let by_decision = self.selection.verdict.is_some() || self.selection.requirement.is_some();
        by_decision && !self.selection.has_subject() && self.followed.in_order.is_empty()
    }

    fn wants(&mut self, record: &Record, keys: &[Key]) -> bool {
        let hashes: Vec<u64> = keys.iter().map(|key| self.hasher.hash_one(key)).collect();
        let mut wanted = self.followed.has_one_of(&hashes);
        if !wanted {
            let about = self.about.has_one_of(&hashes) || self.is_about(record, keys);
            if about && self.selection.has_subject() {
                self.about.add(&hashes);
            }
            wanted = about && self.happens(record);
        }
        if wanted {
            self.followed.add(&hashes);
        }
        wanted
    }

    /// Whether the record is about whom the watch is for.
    fn is_about(&self, record: &Record, keys: &[Key]) -> bool {
        let Selection {
            user,
            domains,
            call,
            session,
            procedure,
            ..
        } = &self.selection;
        let before = match &record.what {
            What::Message(_) => None,
            What::Decision(decision) => {
                let last = self.last.get(&record.node);
                last.filter(|last| last.is_of(decision, keys))
                    .and_then(Last::message)
            }
        };
        let (message, decision) = match &record.what {
            What::Message(message) => (Some(message), None),
            What::Decision(decision) => (before, Some(decision)),
        };
        let has = |key: Key| keys.contains(&key);
        user.as_ref().is_none_or(|_| {
            self.user.as_ref().is_some_and(|user| {
                message.is_some_and(|m| names_user(m, user))
                    || decision.is_some_and(|d| d.user.as_deref().is_some_and(|it| user.is(it)))
            })
        }) && (domains.is_empty()
            || domains.iter().any(|domain| {
                message.is_some_and(|m| names_domain(m, domain))
                    || decision
                        .is_some_and(|d| found(d.why.as_bytes(), domain.as_bytes(), is_host_byte))
            }))
            && call.as_ref().is_none_or(|id| has(Key::Call(id.clone())))
            && session
                .as_ref()
                .is_none_or(|id| has(Key::Session(id.to_ascii_lowercase())))
            && procedure
                .as_ref()
                .is_none_or(|id| has(Key::Procedure(id.clone())))
    }

    /// Whether what is to happen happens in this record.
    fn happens(&self, record: &Record) -> bool {
        let Selection {
            answer,
            verdict,
            requirement,
            ..
        } = &self.selection;
        let of_decision = |d: &DecisionRecord| {
            verdict.as_ref().is_none_or(|text| d.verdict.contains(text))
                && requirement.as_ref().is_none_or(|id| d.requirement == *id)
        };
        match &record.what {
            What::Message(message) => {
                verdict.is_none()
                    && requirement.is_none()
                    && answer.is_none_or(|answer| status(message).is_some_and(|s| answer.is(s)))
            }
            What::Decision(decision) => answer.is_none() && of_decision(decision),
        }
    }
}

impl Last {
    /// Whether a decision of these ids is about it.
    fn is_of(&self, decision: &DecisionRecord, keys: &[Key]) -> bool {
        let names_nothing = decision.procedure.is_none()
            && decision.call.is_none()
            && decision.transaction.is_none();
        names_nothing || self.keys.iter().any(|key| keys.contains(key))
    }

    fn message(&self) -> Option<&MessageRecord> {
        match &self.record.what {
            What::Message(message) => Some(message),
            What::Decision(_) => None,
        }
    }
}

impl Selection {
    fn has_subject(&self) -> bool {
        self.user.is_some()
            || !self.domains.is_empty()
            || self.call.is_some()
            || self.session.is_some()
            || self.procedure.is_some()
    }
}

/// Hashes of ids, so many at most.
#[derive(Default)]
struct Ids {
    all: HashSet<u64>,
    in_order: VecDeque<u64>,
}

impl Ids {
    fn has_one_of(&self, hashes: &[u64]) -> bool {
        hashes.iter().any(|hash| self.all.contains(hash))
    }

    fn add(&mut self, hashes: &[u64]) {
        for hash in hashes {
            if self.all.insert(*hash) {
                self.in_order.push_back(*hash);
            }
        }
        while self.in_order.len() > MAX_IDS {
            if let Some(oldest) = self.in_order.pop_front() {
                self.all.remove(&oldest);
            }
        }
    }
}

fn status(message: &MessageRecord) -> Option<u16> {
    let parsed = Message::parse_datagram(message.bytes.clone(), &Limits::default()).ok()?;
    parsed
        .into_response()
        .map(|response| response.status().as_u16())
}

/// Whether the URI stands in the message as a whole, in this spelling or another one of the same.
fn names_user(message: &MessageRecord, user: &Wanted) -> bool {
    found(&message.bytes, user.text.as_bytes(), is_uri_byte)
        || user.identity.as_ref().is_some_and(|identity| {
            let uris = uris(&message.bytes);
            uris.filter_map(Identity::of).any(|uri| uri == *identity)
        })
}

/// A user as he is looked for.
struct Wanted {
    text: String,
    /// Whom the text names; nothing where it is no `sip:`, `sips:` or `tel:` URI.
    identity: Option<Identity>,
}

impl Wanted {
    fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            identity: Identity::of(text.as_bytes()),
        }
    }

    fn is(&self, user: &str) -> bool {
        user == self.text
            || self.identity.is_some() && self.identity == Identity::of(user.as_bytes())
    }
}

/// Whom a URI names, whatever its spelling: `sip:` and `sips:` of one user are his, escapes are what they stand for (RFC 3261
/// §19.1.4), hosts have no case, and neither a port nor parameters make another user of him. Numbers have no separators
/// (RFC 3966 §5.1.1).
#[derive(PartialEq, Eq)]
enum Identity {
    User(Vec<u8>, Vec<u8>),
    Number(Vec<u8>),
}

impl Identity {
    fn of(uri: &[u8]) -> Option<Self> {
        let colon = uri.iter().position(|byte| *byte == b':')?;
        let (scheme, rest) = uri.split_at(colon);
        let rest = rest.get(1..)?;
        if scheme.eq_ignore_ascii_case(b"tel") {
            let end = rest
                .iter()
                .position(|byte| *byte == b';')
                .unwrap_or(rest.len());
            let digits = rest
                .get(..end)?
                .iter()
                .filter(|byte| !b"-.()".contains(byte));
            let digits: Vec<u8> = digits.map(u8::to_ascii_lowercase).collect();
            return (!digits.is_empty()).then_some(Self::Number(digits));
        }
        if !scheme.eq_ignore_ascii_case(b"sip") && !scheme.eq_ignore_ascii_case(b"sips") {
            return None;
        }
        let at = rest.iter().position(|byte| *byte == b'@')?;
        let (user, host) = (rest.get(..at)?, rest.get(at + 1..)?);
        let user_end = user.iter().position(|byte| *byte == b':').unwrap_or(at);
        let user = unescaped(user.get(..user_end)?);
        // An address of IPv6 has colons of its own.
        let port = match host.first() {
            Some(b'[') => host
                .iter()
                .position(|byte| *byte == b']')
                .map(|end| end + 1),
            _ => host.iter().position(|byte| *byte == b':'),
        };
        let end = host
            .iter()
            .position(|byte| b";?>".contains(byte))
            .unwrap_or(host.len());
        let host = host.get(..port.unwrap_or(end).min(end))?;
        let host = host.strip_suffix(b".").unwrap_or(host);
        Some(Self::User(user, host.to_ascii_lowercase()))
    }
}

/// What `%HH` stands for (RFC 3986 §2.1).
fn unescaped(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        rest = more;
        if *first == b'%'
            && let (Some(high), Some(low)) = (digit(more.first()), digit(more.get(1)))
            && let Ok(byte) = u8::try_from(high * 16 + low)
        {
            out.push(byte);
            rest = more.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
        }
    }
    out
}

/// Whatever begins like a URI of a user, up to where none can go on.
fn uris(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"<>\"\\,".contains(byte);
    let begins = |window: &[u8]| {
        let lower = window.to_ascii_lowercase();
        lower.starts_with(b"sip:") || lower.starts_with(b"sips") || lower.starts_with(b"tel:")
    };
    let windows = bytes.windows(4).enumerate();
    windows
        .filter(move |(_, window)| begins(window))
        .filter_map(move |(at, _)| {
            let rest = bytes.get(at..)?;
            let end = rest.iter().position(ends).unwrap_or(rest.len());
            rest.get(..end)
        })
}

/// Whether a URI of that domain stands in the message.
fn names_domain(message: &MessageRecord, domain: &str) -> bool {
    let text = format!("@{domain}");
    // What is before the `@` is a user part, whatever it is.
    let bytes: &[u8] = &message.bytes;
    places(bytes, text.as_bytes()).any(|at| ends(bytes, at + text.len(), is_host_byte))
}

/// Whether `text` stands there with nothing beside it that would make it another one.
fn found(bytes: &[u8], text: &[u8], goes_on: fn(u8) -> bool) -> bool {
    places(bytes, text).any(|at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        !before.is_some_and(|byte| goes_on(*byte)) && ends(bytes, at + text.len(), is_host_byte)
    })
}

/// Where `text` stands; what is behind its `@` in any case of letters.
fn places<'a>(bytes: &'a [u8], text: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let split = text.iter().position(|b| *b == b'@').unwrap_or(0);
    let (user, host) = text.split_at(split);
    let is = move |window: &[u8]| {
        window.starts_with(user)
            && window
                .get(split..)
                .is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    let windows = bytes.windows(text.len().max(1)).enumerate();
    windows.filter(move |(_, w)| is(w)).map(|(at, _)| at)
}

/// Whether a host name ends at this place: a dot ends it where nothing of a name follows.
fn ends(bytes: &[u8], at: usize, goes_on: fn(u8) -> bool) -> bool {
    match bytes.get(at..).unwrap_or_default() {
        [b'.', next, ..] => !goes_on(*next),
        [next, ..] => !goes_on(*next),
        [] => true,
    }
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_uri_byte(byte: u8) -> bool {
    is_host_byte(byte) || matches!(byte, b'%' | b'+' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_are_forgotten_when_there_are_too_many() {
        let mut ids = Ids::default();
        (0..100_000).for_each(|id| ids.add(&[id, id / 2]));
        assert_eq!((ids.all.len(), ids.in_order.len()), (MAX_IDS, MAX_IDS));
        assert!(ids.has_one_of(&[99_999]) && !ids.has_one_of(&[0]));
    }
}
