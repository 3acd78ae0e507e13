//! A record as the ring holds it: one after the other in large pieces of memory, so that keeping one asks no allocator, and
//! letting one go touches nothing. The bytes of messages alone are held beside it, by their reference count.
//!
//! ```text
//! kind · node · wall clock · monotonic clock ┬ message:  its number · addresses · place in the stream · identity
//!                                            └ decision: requirement · verdict · why · target · procedure · user · call · transaction
//! ```
//!
//! Numbers are little-endian; a text is its length and its bytes, or the place of words that the program has anyway. Who writes and who reads is one process and one run: there is
//! no version.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use bytes::Bytes;

use crate::handed::{Decision, Procedure, Said};
use crate::record::{
    At, DecisionRecord, Direction, MessageRecord, Record, Transport as Carrier, What,
};
use crate::words::Words;

/// What is in a record, beside what every one has.
mod flag {
    pub const MONO: u16 = 1;
    pub const MESSAGE: u16 = 1 << 14;
    // of a message
    pub const SENT: u16 = 1 << 1;
    pub const TCP: u16 = 1 << 2;
    pub const TLS: u16 = 1 << 3;
    pub const LOCAL_V6: u16 = 1 << 4;
    pub const PEER_V6: u16 = 1 << 5;
    pub const IDENTITY: u16 = 1 << 6;
    pub const OFFSET: u16 = 1 << 7;
    // of a decision
    pub const DETAIL: u16 = 1 << 8;
    pub const UUID: u16 = 1 << 9;
    pub const PROCEDURE: u16 = 1 << 10;
    pub const USER: u16 = 1 << 11;
    pub const CALL: u16 = 1 << 12;
    pub const TRANSACTION: u16 = 1 << 13;
}

/// Bytes of what every record begins with.
const HEAD: usize = 2 + 4 + 8 + 8;

/// Number of a node's name in the table of the ring.
pub(crate) type Node = u32;

/// The most that a record takes without its texts.
const FIXED: usize = 128;

/// Most bytes that [`message`] writes.
pub(crate) fn room_of_message(message: &MessageRecord) -> usize {
    let identity = message.identity.as_ref().map_or(0, |text| text.len());
    identity.saturating_add(FIXED)
}

/// Most bytes that [`decision`] writes.
pub(crate) fn room_of_decision(decision: &Decision<'_>) -> usize {
    let procedure = match decision.procedure {
        Some(Procedure::Text(text)) => text.len(),
        _ => 0,
    };
    [
        decision.requirement.as_str().len(),
        decision.verdict.as_str().len(),
        decision.why.as_str().len(),
        decision.target.as_str().len(),
        procedure,
        decision.user.map_or(0, str::len),
        decision.call.map_or(0, <[u8]>::len),
    ]
    .into_iter()
    .fold(FIXED, usize::saturating_add)
}

/// Writes a message without its bytes, which have this number.
pub(crate) fn message(out: &mut Vec<u8>, at: At, node: Node, message: &MessageRecord, number: u64) {
    let flags = [
        (flag::MESSAGE, true),
        (flag::SENT, message.direction == Direction::Sent),
        (flag::TCP, message.transport == Carrier::Tcp),
        (flag::TLS, message.transport == Carrier::Tls),
        (flag::LOCAL_V6, message.local.is_ipv6()),
        (flag::PEER_V6, message.peer.is_ipv6()),
        (flag::IDENTITY, message.identity.is_some()),
        (flag::OFFSET, message.offset.is_some()),
    ];
    head(out, at, node, &flags);
    out.extend_from_slice(&number.to_le_bytes());
    address(out, message.local);
    address(out, message.peer);
    if let Some(offset) = message.offset {
        out.extend_from_slice(&offset.to_le_bytes());
    }
    if let Some(identity) = &message.identity {
        text(out, identity.as_bytes());
    }
}

/// Writes a decision.
pub(crate) fn decision(
    out: &mut Vec<u8>,
    at: At,
    node: Node,
    decision: &Decision<'_>,
    words: &mut Words,
) {
    let flags = [
        (flag::DETAIL, decision.detail),
        (
            flag::UUID,
            matches!(decision.procedure, Some(Procedure::Uuid(_))),
        ),
        (
            flag::PROCEDURE,
            matches!(decision.procedure, Some(Procedure::Text(_))),
        ),
        (flag::USER, decision.user.is_some()),
        (flag::CALL, decision.call.is_some()),
        (flag::TRANSACTION, decision.transaction.is_some()),
    ];
    head(out, at, node, &flags);
    for part in [
        decision.requirement,
        decision.verdict,
        decision.why,
        decision.target,
    ] {
        said(out, part, words);
    }
    match decision.procedure {
        None => {}
        Some(Procedure::Uuid(id)) => out.extend_from_slice(&id),
        Some(Procedure::Text(id)) => text(out, id.as_bytes()),
    }
    if let Some(user) = decision.user {
        text(out, user.as_bytes());
    }
    if let Some(call) = decision.call {
        text(out, call);
    }
    if let Some(transaction) = decision.transaction {
        out.extend_from_slice(&transaction.to_le_bytes());
    }
}

fn head(out: &mut Vec<u8>, at: At, node: Node, flags: &[(u16, bool)]) {
    let all = flags
        .iter()
        .filter(|(_, is)| *is)
        .fold(0, |all, (flag, _)| all | flag);
    let mono = at.mono_us.map_or(0, |_| flag::MONO);
    let mut head = [0; HEAD];
    let (kind, rest) = head.split_at_mut(2);
    let (name, clocks) = rest.split_at_mut(4);
    let (wall, other) = clocks.split_at_mut(8);
    kind.copy_from_slice(&(all | mono).to_le_bytes());
    name.copy_from_slice(&node.to_le_bytes());
    wall.copy_from_slice(&at.wall_us.to_le_bytes());
    other.copy_from_slice(&at.mono_us.unwrap_or_default().to_le_bytes());
    out.extend_from_slice(&head);
}

fn address(out: &mut Vec<u8>, address: SocketAddr) {
    out.extend_from_slice(&address.port().to_le_bytes());
    match address {
        SocketAddr::V4(address) => out.extend_from_slice(&address.ip().octets()),
        SocketAddr::V6(address) => {
            out.extend_from_slice(&address.ip().octets());
            out.extend_from_slice(&address.flowinfo().to_le_bytes());
            out.extend_from_slice(&address.scope_id().to_le_bytes());
        }
    }
}

/// Behind this stands a length of four bytes.
const LONG: u8 = u8::MAX;
/// Behind this stands a place among [`Words`].
const WORDS: u8 = u8::MAX - 1;

fn text(out: &mut Vec<u8>, text: &[u8]) {
    // A longer one is over every bound of a ring.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    match u8::try_from(length) {
        Ok(short) if short < WORDS => out.push(short),
        _ => {
            out.push(LONG);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
    out.extend_from_slice(text);
}

fn said(out: &mut Vec<u8>, said: Said<'_>, words: &mut Words) {
    let place = match said {
        Said::Always(said) if said.len() > size_of::<u16>() => words.place(said),
        _ => None,
    };
    match place {
        None => text(out, said.as_str().as_bytes()),
        Some(place) => {
            out.push(WORDS);
            out.extend_from_slice(&place.to_le_bytes());
        }
    }
}

/// Whether it is a message.
pub(crate) fn is_message(written: &[u8]) -> bool {
    let mut from = Written(written);
    from.array()
        .is_some_and(|flags| u16::from_le_bytes(flags) & flag::MESSAGE != 0)
}

/// Reads the number of a message; `None` of a decision.
pub(crate) fn number_of_message(written: &[u8]) -> Option<u64> {
    let mut from = Written(written);
    let flags = u16::from_le_bytes(from.array()?);
    from.take(HEAD - size_of_val(&flags))?;
    match flags & flag::MESSAGE {
        0 => None,
        _ => from.u64(),
    }
}

/// Reads what [`message`] and [`decision`] wrote; `bytes` are those of the message, `names` those of the nodes. `None` for
/// what they did not write.
pub(crate) fn read(
    seq: u64,
    written: &[u8],
    bytes: Option<Bytes>,
    names: &[Arc<str>],
    words: &Words,
) -> Option<Record> {
    let mut from = Written(written);
    let flags = u16::from_le_bytes(from.array()?);
    let has = |flag: u16| flags & flag != 0;
    let node = u32::from_le_bytes(from.array()?);
    let node = Arc::clone(names.get(usize::try_from(node).ok()?)?);
    let wall_us = from.u64()?;
    let mono = from.u64()?;
    let what = match bytes {
        Some(bytes) => {
            from.u64()?;
            let local = from.address(has(flag::LOCAL_V6))?;
            let peer = from.address(has(flag::PEER_V6))?;
            What::Message(MessageRecord {
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
                offset: from.when(has(flag::OFFSET), Written::u64)?,
                identity: from
                    .when(has(flag::IDENTITY), Written::text)?
                    .map(Into::into),
                bytes,
            })
        }
        None => What::Decision(DecisionRecord {
            requirement: from.said(words)?,
            verdict: from.said(words)?,
            why: from.said(words)?,
            target: from.said(words)?,
            procedure: match has(flag::UUID) {
                true => Some(Procedure::Uuid(from.array()?).text()),
                false => from.when(has(flag::PROCEDURE), Written::text)?,
            },
            user: from.when(has(flag::USER), Written::text)?,
            call: from.when(has(flag::CALL), Written::text)?.map(Into::into),
            transaction: from.when(has(flag::TRANSACTION), Written::u64)?,
            detail: has(flag::DETAIL),
        }),
    };
    Some(Record {
        seq,
        wall_us,
        mono_us: has(flag::MONO).then_some(mono),
        node,
        what,
    })
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

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
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

    fn said(&mut self, words: &Words) -> Option<Cow<'static, str>> {
        match self.0.first() {
            Some(&WORDS) => {
                self.take(1)?;
                let place = u16::from_le_bytes(self.array()?);
                words.at(place).map(Cow::Borrowed)
            }
            _ => self.text().map(Cow::Owned),
        }
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn names() -> Vec<Arc<str>> {
        vec!["A".into(), "B".into()]
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
                    for (offset, identity) in [(None, None), (Some(u64::MAX), Some("b.example"))] {
                        all.push(MessageRecord {
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
                message(&mut out, at, 1, &wanted, 4_711);
                assert!(out.len() <= room_of_message(&wanted));
                assert!(is_message(&out));
                assert_eq!(number_of_message(&out), Some(4_711));
                let bytes = Some(wanted.bytes.clone());
                let record = read(seq, &out, bytes, &names(), &Words::default()).unwrap();
                assert_eq!((record.seq, &*record.node), (seq, "B"));
                assert_eq!((record.wall_us, record.mono_us), (at.wall_us, at.mono_us));
                assert_eq!(record.what, What::Message(wanted.clone()));
            }
        }
    }

    #[test]
    fn a_decision_is_read_as_it_was_written_whatever_its_length() {
        let mut words = Words::default();
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
                let mut out = Vec::new();
                let handed = Decision::from(&wanted);
                decision(&mut out, 1.into(), 0, &handed, &mut words);
                assert!(out.len() <= room_of_decision(&handed));
                assert!(!is_message(&out));
                assert_eq!(number_of_message(&out), None);
                let record = read(3, &out, None, &names(), &words).unwrap();
                assert_eq!(record.what, What::Decision(wanted));
            }
        }
    }

    #[test]
    fn words_of_the_program_are_referred_to() {
        let mut words = Words::default();
        let why = "the final answer is sent, and these words are long enough to be seen";
        let handed = Decision {
            why: why.into(),
            procedure: Some(Procedure::Uuid([0xab; 16])),
            call: Some(b"no UTF-8: \xff"),
            ..Decision::default()
        };
        let mut out = Vec::new();
        decision(&mut out, 1.into(), 0, &handed, &mut words);
        assert!(out.len() < why.len(), "{} bytes", out.len());
        let record = read(0, &out, None, &names(), &words).unwrap();
        let What::Decision(read) = record.what else {
            panic!("{record:?}");
        };
        assert!(matches!(read.why, Cow::Borrowed(_)));
        assert_eq!(read.why, why);
        let id = "abababab-abab-abab-abab-abababababab";
        assert_eq!(read.procedure.as_deref(), Some(id));
        assert_eq!(read.call.as_deref(), Some("no UTF-8: \u{fffd}"));
    }
}
