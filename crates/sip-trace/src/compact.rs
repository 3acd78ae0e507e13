//! Records as the ring holds them: one after the other in large pieces of memory, so that keeping one asks no allocator, and
//! letting one go touches nothing. The bytes of messages alone are held beside it, by their reference count.
//!
//! ```text
//! flags · node · wall clock · monotonic clock ┬ addresses · place in the stream · identity
//!                                             └ decisions of this moment, each: flags · phrase · texts · numbers ·
//!                                                                               transaction · procedure · user · call
//! ```
//!
//! Numbers are little-endian; a text is its length and its bytes. Words of a decision that the program has anyway are a phrase, by
//! its place among [`Phrases`]; its texts are what is not in there. What a decision is about is written when it is something else
//! than that of the decision before. Who writes and who reads is one process and one run: there is no version.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use bytes::Bytes;

use crate::handed::{Decision, Procedure, Said, counted};
use crate::phrases::{Known, Phrase, Phrases};
use crate::record::{
    At, DecisionRecord, Direction, MessageRecord, Record, Transport as Carrier, What,
};

/// What is there, beside what always is.
mod flag {
    pub const MONO: u16 = 1;
    // of a message
    pub const SENT: u16 = 1 << 1;
    pub const TCP: u16 = 1 << 2;
    pub const TLS: u16 = 1 << 3;
    pub const LOCAL_V6: u16 = 1 << 4;
    pub const PEER_V6: u16 = 1 << 5;
    pub const IDENTITY: u16 = 1 << 6;
    pub const OFFSET: u16 = 1 << 7;
    pub const OPENED_HERE: u16 = 1 << 8;
    // of a decision
    pub const DETAIL: u16 = 1 << 1;
    pub const UUID: u16 = 1 << 2;
    pub const PROCEDURE: u16 = 1 << 3;
    pub const USER: u16 = 1 << 4;
    pub const CALL: u16 = 1 << 5;
    pub const TRANSACTION: u16 = 1 << 6;
    /// Its words are a phrase, but for those that are said to be texts.
    pub const PHRASE: u16 = 1 << 7;
    pub const VERDICT: u16 = 1 << 8;
    pub const WHY: u16 = 1 << 9;
    /// Its reason has numbers in it.
    pub const COUNTED: u16 = 1 << 10;
    // as in the decision before
    pub const SAME_PROCEDURE: u16 = 1 << 11;
    pub const SAME_USER: u16 = 1 << 12;
    pub const SAME_CALL: u16 = 1 << 13;
    pub const SAME_TRANSACTION: u16 = 1 << 14;
}

/// Bytes of what everything begins with.
const HEAD: usize = 2 + 2 + 4 + 8 + 8;

/// Number of a node's name in the table of the ring.
pub(crate) type Node = u32;

/// The most that a message takes here without the identity of its peer.
const FIXED: usize = 128;

/// Most bytes that [`message`] writes.
pub(crate) fn room_of_message(message: &MessageRecord) -> usize {
    let identity = message.identity.as_ref().map_or(0, |text| text.len());
    identity.saturating_add(FIXED)
}

/// Writes what everything begins with.
fn head(out: &mut Vec<u8>, flags: u16, at: At, node: Node) {
    let flags = flags | when(at.mono_us.is_some(), flag::MONO);
    let [a, b] = flags.to_le_bytes();
    let [c, d, e, f] = node.to_le_bytes();
    let words = [
        u64::from_le_bytes([a, b, 0, 0, c, d, e, f]),
        at.wall_us,
        at.mono_us.unwrap_or_default(),
    ];
    let mut bytes = [0; HEAD];
    let (places, _) = bytes.as_chunks_mut();
    for (place, word) in places.iter_mut().zip(words) {
        *place = word.to_le_bytes();
    }
    out.extend_from_slice(&bytes);
}

/// The flag if it is so.
fn when(is: bool, flag: u16) -> u16 {
    flag * u16::from(is)
}

/// Writes a message without its bytes.
pub(crate) fn message(out: &mut Vec<u8>, at: At, node: Node, message: &MessageRecord) {
    let flags = when(message.direction == Direction::Sent, flag::SENT)
        | when(message.transport == Carrier::Tcp, flag::TCP)
        | when(message.transport == Carrier::Tls, flag::TLS)
        | when(message.local.is_ipv6(), flag::LOCAL_V6)
        | when(message.peer.is_ipv6(), flag::PEER_V6)
        | when(message.identity.is_some(), flag::IDENTITY)
        | when(message.offset.is_some(), flag::OFFSET)
        | when(message.opened_here, flag::OPENED_HERE);
    head(out, flags, at, node);
    address(out, message.local);
    address(out, message.peer);
    if let Some(offset) = message.offset {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    if let Some(identity) = &message.identity {
        text(out, identity.as_bytes());
    }
}

/// Writes decisions that were taken at one moment; gives how many.
pub(crate) fn decisions<'a>(
    out: &mut Vec<u8>,
    at: At,
    node: Node,
    decisions: impl Iterator<Item = Decision<'a>>,
    phrases: &mut Phrases,
) -> usize {
    head(out, 0, at, node);
    let (mut before, mut count) = (About::default(), 0);
    for decision in decisions {
        let about = About::of(&decision);
        note(out, &decision, before.same(&about), phrases);
        before = about;
        count += 1;
    }
    count
}

/// What a decision is about.
#[derive(Clone, Copy, Default)]
struct About<'a> {
    procedure: Option<Procedure<'a>>,
    user: Option<&'a str>,
    call: Option<&'a [u8]>,
    transaction: Option<u64>,
}

impl<'a> About<'a> {
    fn of(decision: &Decision<'a>) -> Self {
        Self {
            procedure: decision.procedure,
            user: decision.user,
            call: decision.call,
            transaction: decision.transaction,
        }
    }

    /// What of the next one is there, and is the same.
    fn same(&self, next: &Self) -> u16 {
        fn is<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
            one.is_some() && one == other
        }
        // As a rule it is of the same message.
        let is_same_call = match (self.call, next.call) {
            (Some(one), Some(other)) => std::ptr::eq(one, other) || one == other,
            _ => false,
        };
        when(is(self.procedure, next.procedure), flag::SAME_PROCEDURE)
            | when(is(self.user, next.user), flag::SAME_USER)
            | when(is_same_call, flag::SAME_CALL)
            | when(
                is(self.transaction, next.transaction),
                flag::SAME_TRANSACTION,
            )
    }
}

/// Writes a decision, without that in which it is the `same` as the one before.
fn note(out: &mut Vec<u8>, decision: &Decision<'_>, same: u16, phrases: &mut Phrases) {
    let phrase = phrases.place(decision);
    let (verdict, why) = (decision.verdict, decision.why);
    let (verdict_is_text, why_is_text) = match phrase {
        Some(_) => (verdict.is_of_this_time(), why.is_of_this_time()),
        None => (true, true),
    };
    let numbers = match why {
        Said::Counted(_, numbers) if !why_is_text => Some(numbers),
        _ => None,
    };
    let other = |flag| same & flag == 0;
    let procedure = decision.procedure.filter(|_| other(flag::SAME_PROCEDURE));
    let user = decision.user.filter(|_| other(flag::SAME_USER));
    let call = decision.call.filter(|_| other(flag::SAME_CALL));
    let transaction = decision
        .transaction
        .filter(|_| other(flag::SAME_TRANSACTION));
    let flags = same
        | when(decision.detail, flag::DETAIL)
        | when(user.is_some(), flag::USER)
        | when(call.is_some(), flag::CALL)
        | when(transaction.is_some(), flag::TRANSACTION)
        | when(phrase.is_some(), flag::PHRASE)
        | when(verdict_is_text, flag::VERDICT)
        | when(why_is_text, flag::WHY)
        | when(numbers.is_some(), flag::COUNTED)
        | match procedure {
            None => 0,
            Some(Procedure::Uuid(_)) => flag::UUID,
            Some(Procedure::Text(_)) => flag::PROCEDURE,
        };
    let [a, b] = flags.to_le_bytes();
    let [c, d] = phrase.unwrap_or_default().to_le_bytes();
    out.extend_from_slice(&[a, b, c, d]);
    if phrase.is_none() {
        said(out, decision.requirement);
        said(out, decision.target);
    }
    if verdict_is_text {
        said(out, verdict);
    }
    if why_is_text {
        said(out, why);
    }
    if let Some(numbers) = numbers {
        for number in numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    if let Some(transaction) = transaction {
        out.extend_from_slice(&transaction.to_le_bytes());
    }
    match procedure {
        None => {}
        Some(Procedure::Uuid(id)) => out.extend_from_slice(&id),
        Some(Procedure::Text(id)) => text(out, id.as_bytes()),
    }
    if let Some(user) = user {
        text(out, user.as_bytes());
    }
    if let Some(call) = call {
        text(out, call);
    }
}

fn address(out: &mut Vec<u8>, address: SocketAddr) {
    let [low, high] = address.port().to_le_bytes();
    match address {
        SocketAddr::V4(address) => {
            let [a, b, c, d] = address.ip().octets();
            out.extend_from_slice(&[low, high, a, b, c, d]);
        }
        SocketAddr::V6(address) => {
            out.extend_from_slice(&[low, high]);
            out.extend_from_slice(&address.ip().octets());
            out.extend_from_slice(&address.flowinfo().to_le_bytes());
            out.extend_from_slice(&address.scope_id().to_le_bytes());
        }
    }
}

/// Behind this stands a length of four bytes.
const LONG: u8 = u8::MAX;

fn text(out: &mut Vec<u8>, text: &[u8]) {
    // A longer one is over every bound of a ring.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    match u8::try_from(length) {
        Ok(short) if short < LONG => out.push(short),
        _ => {
            out.push(LONG);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn said(out: &mut Vec<u8>, said: Said<'_>) {
    match said {
        Said::Always(words) | Said::Once(words) => text(out, words.as_bytes()),
        Said::Counted(words, numbers) => text(out, counted(words, numbers).as_bytes()),
    }
}

/// Reads what [`message`] or [`decisions`] wrote, of which the first has the number `seq`; `bytes` are those of the message, `names`
/// those of the nodes. What they did not write is left out.
pub(crate) fn read(
    seq: u64,
    written: &[u8],
    bytes: Option<Bytes>,
    (names, phrases): (&[Arc<str>], &Known),
    into: &mut Vec<Record>,
) {
    // Nothing of it is missing: it is as it was written.
    let _ = read_all(seq, written, bytes, (names, phrases), into);
}

fn read_all(
    seq: u64,
    written: &[u8],
    bytes: Option<Bytes>,
    (names, phrases): (&[Arc<str>], &Known),
    into: &mut Vec<Record>,
) -> Option<()> {
    let mut from = Written(written);
    let flags = from.u16()?;
    from.u16()?;
    let node = u32::from_le_bytes(from.array()?);
    let node = Arc::clone(names.get(usize::try_from(node).ok()?)?);
    let wall_us = from.u64()?;
    let mono = from.u64()?;
    let record = |seq, what| Record {
        seq,
        wall_us,
        mono_us: (flags & flag::MONO != 0).then_some(mono),
        node: Arc::clone(&node),
        what,
    };
    if let Some(bytes) = bytes {
        let message = from.message(flags, bytes)?;
        into.push(record(seq, What::Message(message)));
        return Some(());
    }
    for seq in seq.. {
        if from.0.is_empty() {
            break;
        }
        // That in which it is the same as the one before was read with that.
        let before = match into.last() {
            Some(Record {
                what: What::Decision(before),
                ..
            }) => Some(before),
            _ => None,
        };
        let decision = from.decision(before, phrases)?;
        into.push(record(seq, What::Decision(decision)));
    }
    Some(())
}

/// What is left to read.
struct Written<'a>(&'a [u8]);

impl Written<'_> {
    fn take(&mut self, length: usize) -> Option<&[u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What is behind the head of a message.
    fn message(&mut self, flags: u16, bytes: Bytes) -> Option<MessageRecord> {
        let has = |flag: u16| flags & flag != 0;
        let local = self.address(has(flag::LOCAL_V6))?;
        let peer = self.address(has(flag::PEER_V6))?;
        Some(MessageRecord {
            direction: match has(flag::SENT) {
                true => Direction::Sent,
                false => Direction::Received,
            },
            transport: match (has(flag::TCP), has(flag::TLS)) {
                (true, _) => Carrier::Tcp,
                (_, true) => Carrier::Tls,
                _ => Carrier::Udp,
            },
            local,
            peer,
            opened_here: has(flag::OPENED_HERE),
            offset: self.when(has(flag::OFFSET), Written::u64)?,
            identity: self
                .when(has(flag::IDENTITY), Written::text)?
                .map(Into::into),
            bytes,
        })
    }

    /// A decision; `before` is the one that was written before it.
    fn decision(
        &mut self,
        before: Option<&DecisionRecord>,
        phrases: &Known,
    ) -> Option<DecisionRecord> {
        let flags = self.u16()?;
        let has = |flag: u16| flags & flag != 0;
        let place = self.u16()?;
        let phrase = match has(flag::PHRASE) {
            true => phrases.at(place)?,
            false => Phrase {
                requirement: self.text()?.into(),
                target: self.text()?.into(),
                ..Phrase::default()
            },
        };
        let verdict = self.when(has(flag::VERDICT), Written::text)?;
        let why = self.when(has(flag::WHY), Written::text)?;
        let numbers = self.when(has(flag::COUNTED), |from| Some([from.u64()?, from.u64()?]))?;
        let transaction = self.when(has(flag::TRANSACTION), Written::u64)?;
        let procedure = match has(flag::UUID) {
            true => Some(Procedure::Uuid(self.array()?).text()),
            false => self.when(has(flag::PROCEDURE), Written::text)?,
        };
        let user = self.when(has(flag::USER), Written::text)?;
        let call = self.when(has(flag::CALL), Written::text)?;
        let same = |flag: u16| before.filter(|_| has(flag));
        Some(DecisionRecord {
            requirement: phrase.requirement,
            verdict: verdict.map_or(phrase.verdict, Cow::Owned),
            why: match numbers {
                Some(numbers) => counted(&phrase.why, numbers).into(),
                None => why.map_or(phrase.why, Cow::Owned),
            },
            target: phrase.target,
            procedure: match same(flag::SAME_PROCEDURE) {
                Some(before) => before.procedure.clone(),
                None => procedure,
            },
            user: match same(flag::SAME_USER) {
                Some(before) => before.user.clone(),
                None => user,
            },
            call: match same(flag::SAME_CALL) {
                Some(before) => before.call.clone(),
                None => call.map(Into::into),
            },
            transaction: match same(flag::SAME_TRANSACTION) {
                Some(before) => before.transaction,
                None => transaction,
            },
            detail: has(flag::DETAIL),
        })
    }

    /// A Call-ID is what came: it may be no UTF-8.
    fn text(&mut self) -> Option<String> {
        let [short] = self.array()?;
        let length = match short {
            LONG => u32::from_le_bytes(self.array()?),
            short => short.into(),
        };
        let text = self.take(usize::try_from(length).ok()?)?;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn address(&mut self, v6: bool) -> Option<SocketAddr> {
        let port = u16::from_le_bytes(self.array()?);
        if !v6 {
            let ip = Ipv4Addr::from(self.array::<4>()?);
            return Some(SocketAddr::new(IpAddr::V4(ip), port));
        }
        let ip = Ipv6Addr::from(self.array::<16>()?);
        let flow = u32::from_le_bytes(self.array()?);
        let scope = u32::from_le_bytes(self.array()?);
        Some(SocketAddrV6::new(ip, port, flow, scope).into())
    }

    /// What is there or not; `None` where it should be and cannot be read.
    fn when<T>(
        &mut self,
        there: bool,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        match there {
            false => Some(None),
            true => read(self).map(Some),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn names() -> Vec<Arc<str>> {
        vec!["A".into(), "B".into()]
    }

    fn read_back(seq: u64, out: &[u8], bytes: Option<Bytes>, phrases: &Known) -> Vec<Record> {
        let mut records = Vec::new();
        read(seq, out, bytes, (&names(), phrases), &mut records);
        records
    }

    /// Writes them, and reads them again.
    fn written_and_read(handed: &[Decision<'_>]) -> (usize, Vec<DecisionRecord>) {
        let (mut out, mut phrases) = (Vec::new(), Phrases::default());
        let written = handed.iter().copied();
        let count = decisions(&mut out, 1.into(), 0, written, &mut phrases);
        assert_eq!(count, handed.len());
        let records = read_back(3, &out, None, phrases.known());
        let numbers: Vec<_> = records.iter().map(|record| record.seq).collect();
        assert!(numbers.into_iter().eq((3..).take(handed.len())));
        let whats = records.into_iter().map(|record| match record.what {
            What::Decision(decision) => decision,
            What::Message(_) => panic!("a message"),
        });
        (out.len(), whats.collect())
    }

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let v4: SocketAddr = "192.0.2.7:5060".parse().unwrap();
        let v6 = SocketAddrV6::new("2001:db8::7".parse().unwrap(), 5061, 7, 4_711).into();
        let at = |mono_us| At {
            wall_us: u64::MAX - 1,
            mono_us,
        };
        let mut all = Vec::new();
        for direction in [Direction::Sent, Direction::Received] {
            for transport in [Carrier::Udp, Carrier::Tcp, Carrier::Tls] {
                for (local, peer) in [(v4, v6), (v6, v4), (v4, v4), (v6, v6)] {
                    for (opened_here, offset, identity) in [
                        (false, None, None),
                        (true, None, None),
                        (false, Some(u64::MAX), Some("b.example")),
                        (true, Some(0), Some("b.example")),
                    ] {
                        all.push(MessageRecord {
                            opened_here,
                            identity: identity.map(Into::into),
                            offset,
                            ..MessageRecord::new(
                                direction,
                                transport,
                                local,
                                peer,
                                Bytes::from_static(b"x"),
                            )
                        });
                    }
                }
            }
        }
        for (seq, wanted) in (0..).zip(all) {
            for at in [at(None), at(Some(0)), at(Some(17))] {
                let mut out = Vec::new();
                message(&mut out, at, 1, &wanted);
                assert!(out.len() <= room_of_message(&wanted));
                let bytes = Some(wanted.bytes.clone());
                let [record] = read_back(seq, &out, bytes, &Known::default())
                    .try_into()
                    .unwrap();
                assert_eq!((record.seq, &*record.node), (seq, "B"));
                assert_eq!((record.wall_us, record.mono_us), (at.wall_us, at.mono_us));
                assert_eq!(record.what, What::Message(wanted.clone()));
            }
        }
    }

    #[test]
    fn a_decision_is_read_as_it_was_written_whatever_its_length() {
        let texts = [0, 1, 253, 254, 255, 256, 70_000].map(|length| "ä".repeat(length));
        for text in &texts {
            for own in [None, Some(text.clone())] {
                let wanted = DecisionRecord {
                    requirement: "RFC 3261 §17.2.2".into(),
                    verdict: text.clone().into(),
                    why: text.clone().into(),
                    target: "trust".into(),
                    procedure: own.clone(),
                    user: own.clone(),
                    call: own.clone().map(Into::into),
                    transaction: own.as_ref().map(|_| 17),
                    detail: own.is_some(),
                };
                let (_, read) = written_and_read(&[Decision::from(&wanted)]);
                assert_eq!(read, [wanted]);
            }
        }
    }

    #[test]
    fn decisions_of_one_moment_are_each_about_their_own() {
        let abouts = [None, Some("x"), Some("y")];
        let mut handed = Vec::new();
        // Each follows each, in every field alone.
        for one in abouts {
            for other in abouts {
                for about in [one, other, other, one] {
                    let with = |change: fn(&mut Decision<'static>, Option<&'static str>)| {
                        let mut decision = Decision::default();
                        change(&mut decision, about);
                        decision
                    };
                    handed.extend([
                        with(|to, about| to.procedure = about.map(Procedure::Text)),
                        with(|to, about| {
                            to.procedure = about.map(|x| Procedure::Uuid([x.as_bytes()[0]; 16]));
                        }),
                        with(|to, about| to.user = about),
                        with(|to, about| to.call = about.map(str::as_bytes)),
                        with(|to, about| to.transaction = about.map(|x| x.as_bytes()[0].into())),
                        with(|to, about| {
                            to.user = about;
                            to.call = Some(b"always");
                            to.transaction = Some(7);
                        }),
                    ]);
                }
            }
        }
        let wanted = handed.iter().map(|decision| DecisionRecord {
            requirement: "".into(),
            verdict: "".into(),
            why: "".into(),
            target: "".into(),
            procedure: decision.procedure.map(|procedure| procedure.text()),
            user: decision.user.map(str::to_owned),
            call: decision
                .call
                .map(|call| str::from_utf8(call).unwrap().into()),
            transaction: decision.transaction,
            detail: false,
        });
        for step in [1, 6] {
            for begin in 0..step {
                let some = |n: &usize| n % step == begin;
                let handed: Vec<_> = (0..handed.len()).filter(some).map(|n| handed[n]).collect();
                let wanted: Vec<_> = wanted.clone().skip(begin).step_by(step).collect();
                assert_eq!(written_and_read(&handed).1, wanted);
            }
        }
    }

    #[test]
    fn what_decisions_of_one_moment_are_about_is_written_once() {
        let call = "c".repeat(100);
        let decision = Decision {
            procedure: Some(Procedure::Uuid([7; 16])),
            user: Some(&call),
            call: Some(call.as_bytes()),
            transaction: Some(4_711),
            ..Decision::default()
        };
        let (one, _) = written_and_read(&[decision]);
        let (three, _) = written_and_read(&[decision; 3]);
        // Flags and a phrase.
        assert_eq!(three - one, 2 * 4);
    }

    #[test]
    fn words_of_the_program_are_referred_to() {
        let why = "the final answer is sent, and these words are long enough to be seen";
        let handed = Decision {
            why: why.into(),
            procedure: Some(Procedure::Uuid([0xab; 16])),
            call: Some(b"no UTF-8: \xff"),
            ..Decision::default()
        };
        let (length, read) = written_and_read(&[handed]);
        assert!(length < why.len(), "{length} bytes");
        assert!(matches!(read[0].why, Cow::Borrowed(_)));
        assert_eq!(read[0].why, why);
        let id = "abababab-abab-abab-abab-abababababab";
        assert_eq!(read[0].procedure.as_deref(), Some(id));
        assert_eq!(read[0].call.as_deref(), Some("no UTF-8: \u{fffd}"));
    }

    #[test]
    fn numbers_stand_in_the_words_of_the_program() {
        for (requirement, words, numbers, wanted) in [
            (
                Said::Always("L4"),
                "{} of {} µs",
                [1, u64::MAX],
                "1 of 18446744073709551615 µs",
            ),
            (Said::Once("L4"), "{} of {} µs", [2, 0], "2 of 0 µs"),
            (Said::Always("L4"), "{}{}", [3, 4], "34"),
            (Said::Always("L4"), "none", [3, 4], "none"),
        ] {
            let handed = Decision {
                requirement,
                why: Said::Counted(words, numbers),
                ..Decision::default()
            };
            let (_, read) = written_and_read(&[handed]);
            assert_eq!((&*read[0].requirement, &*read[0].why), ("L4", wanted));
        }
    }
}
