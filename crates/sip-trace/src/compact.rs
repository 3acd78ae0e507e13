//! A record as the ring holds it: one after the other in large pieces of memory, so that keeping one asks no allocator, and
//! letting one go touches nothing. The bytes of messages alone are held beside it, by their reference count.
//!
//! ```text
//! flags · phrase · node · wall clock · monotonic clock · number ┬ message:  addresses · place in the stream · identity
//!                                                               └ decision: texts · numbers · procedure · user · call
//! ```
//!
//! The number is that of the message, or of the transaction. Numbers are little-endian; a text is its length and its bytes. Words
//! of a decision that the program has anyway are a phrase, by its place among [`Phrases`]; its texts are what is not in there. Who
//! writes and who reads is one process and one run: there is no version.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use bytes::Bytes;

use crate::handed::{Decision, Procedure, Said, counted};
use crate::phrases::{Known, Phrase, Phrases};
use crate::record::{
    At, DecisionRecord, Direction, MessageRecord, Record, Transport as Carrier, What,
};

/// What is in a record, beside what every one has.
mod flag {
    pub const MONO: u16 = 1;
    pub const MESSAGE: u16 = 1 << 15;
    // of a message
    pub const SENT: u16 = 1 << 1;
    pub const TCP: u16 = 1 << 2;
    pub const TLS: u16 = 1 << 3;
    pub const LOCAL_V6: u16 = 1 << 4;
    pub const PEER_V6: u16 = 1 << 5;
    pub const IDENTITY: u16 = 1 << 6;
    pub const OFFSET: u16 = 1 << 7;
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
}

/// Bytes of what every record begins with.
const HEAD: usize = 2 + 2 + 4 + 8 + 8 + 8;

/// Number of a node's name in the table of the ring.
pub(crate) type Node = u32;

/// The most that a record takes without its texts.
const FIXED: usize = 160;

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
        decision.requirement.room(),
        decision.verdict.room(),
        decision.why.room(),
        decision.target.room(),
        procedure,
        decision.user.map_or(0, str::len),
        decision.call.map_or(0, <[u8]>::len),
    ]
    .into_iter()
    .fold(FIXED, usize::saturating_add)
}

/// What every record begins with.
struct Head {
    flags: u16,
    phrase: u16,
    node: Node,
    at: At,
    number: u64,
}

impl Head {
    fn bytes(&self) -> [u8; HEAD] {
        let [a, b] = self.flags.to_le_bytes();
        let [c, d] = self.phrase.to_le_bytes();
        let [e, f, g, h] = self.node.to_le_bytes();
        let words = [
            u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            self.at.wall_us,
            self.at.mono_us.unwrap_or_default(),
            self.number,
        ];
        let mut bytes = [0; HEAD];
        let (places, _) = bytes.as_chunks_mut();
        for (place, word) in places.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
        bytes
    }
}

/// The flag if it is so.
fn when(is: bool, flag: u16) -> u16 {
    flag * u16::from(is)
}

/// Writes a message without its bytes, which have this number.
pub(crate) fn message(out: &mut Vec<u8>, at: At, node: Node, message: &MessageRecord, number: u64) {
    let head = Head {
        flags: flag::MESSAGE
            | when(at.mono_us.is_some(), flag::MONO)
            | when(message.direction == Direction::Sent, flag::SENT)
            | when(message.transport == Carrier::Tcp, flag::TCP)
            | when(message.transport == Carrier::Tls, flag::TLS)
            | when(message.local.is_ipv6(), flag::LOCAL_V6)
            | when(message.peer.is_ipv6(), flag::PEER_V6)
            | when(message.identity.is_some(), flag::IDENTITY)
            | when(message.offset.is_some(), flag::OFFSET),
        phrase: 0,
        node,
        at,
        number,
    };
    out.extend_from_slice(&head.bytes());
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
    phrases: &mut Phrases,
) {
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
    let head = Head {
        flags: when(at.mono_us.is_some(), flag::MONO)
            | when(decision.detail, flag::DETAIL)
            | when(decision.user.is_some(), flag::USER)
            | when(decision.call.is_some(), flag::CALL)
            | when(decision.transaction.is_some(), flag::TRANSACTION)
            | when(phrase.is_some(), flag::PHRASE)
            | when(verdict_is_text, flag::VERDICT)
            | when(why_is_text, flag::WHY)
            | when(numbers.is_some(), flag::COUNTED)
            | match decision.procedure {
                None => 0,
                Some(Procedure::Uuid(_)) => flag::UUID,
                Some(Procedure::Text(_)) => flag::PROCEDURE,
            },
        phrase: phrase.unwrap_or_default(),
        node,
        at,
        number: decision.transaction.unwrap_or_default(),
    };
    out.extend_from_slice(&head.bytes());
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

/// Reads the number of a message; `None` of a decision.
pub(crate) fn number_of_message(written: &[u8]) -> Option<u64> {
    let mut from = Written(written);
    let flags = from.u16()?;
    from.take(HEAD - size_of_val(&flags) - size_of::<u64>())?;
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
    phrases: &Known,
) -> Option<Record> {
    let mut from = Written(written);
    let flags = from.u16()?;
    let has = |flag: u16| flags & flag != 0;
    let place = from.u16()?;
    let node = u32::from_le_bytes(from.array()?);
    let node = Arc::clone(names.get(usize::try_from(node).ok()?)?);
    let wall_us = from.u64()?;
    let mono = from.u64()?;
    let number = from.u64()?;
    let what = match bytes {
        Some(bytes) => {
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
        None => {
            let phrase = match has(flag::PHRASE) {
                true => phrases.at(place)?,
                false => Phrase {
                    requirement: from.text()?.into(),
                    target: from.text()?.into(),
                    ..Phrase::default()
                },
            };
            let verdict = from.when(has(flag::VERDICT), Written::text)?;
            let why = from.when(has(flag::WHY), Written::text)?;
            let numbers = from.when(has(flag::COUNTED), |from| Some([from.u64()?, from.u64()?]))?;
            What::Decision(DecisionRecord {
                requirement: phrase.requirement,
                verdict: verdict.map_or(phrase.verdict, Cow::Owned),
                why: match numbers {
                    Some(numbers) => counted(&phrase.why, numbers).into(),
                    None => why.map_or(phrase.why, Cow::Owned),
                },
                target: phrase.target,
                procedure: match has(flag::UUID) {
                    true => Some(Procedure::Uuid(from.array()?).text()),
                    false => from.when(has(flag::PROCEDURE), Written::text)?,
                },
                user: from.when(has(flag::USER), Written::text)?,
                call: from.when(has(flag::CALL), Written::text)?.map(Into::into),
                transaction: has(flag::TRANSACTION).then_some(number),
                detail: has(flag::DETAIL),
            })
        }
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

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
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
                assert_eq!(number_of_message(&out), Some(4_711));
                let bytes = Some(wanted.bytes.clone());
                let record = read(seq, &out, bytes, &names(), &Known::default()).unwrap();
                assert_eq!((record.seq, &*record.node), (seq, "B"));
                assert_eq!((record.wall_us, record.mono_us), (at.wall_us, at.mono_us));
                assert_eq!(record.what, What::Message(wanted.clone()));
            }
        }
    }

    #[test]
    fn a_decision_is_read_as_it_was_written_whatever_its_length() {
        let mut phrases = Phrases::default();
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
                decision(&mut out, 1.into(), 0, &handed, &mut phrases);
                assert!(out.len() <= room_of_decision(&handed));
                assert_eq!(number_of_message(&out), None);
                let record = read(3, &out, None, &names(), phrases.known()).unwrap();
                assert_eq!(record.what, What::Decision(wanted));
            }
        }
    }

    #[test]
    fn words_of_the_program_are_referred_to() {
        let mut phrases = Phrases::default();
        let why = "the final answer is sent, and these words are long enough to be seen";
        let handed = Decision {
            why: why.into(),
            procedure: Some(Procedure::Uuid([0xab; 16])),
            call: Some(b"no UTF-8: \xff"),
            ..Decision::default()
        };
        let mut out = Vec::new();
        decision(&mut out, 1.into(), 0, &handed, &mut phrases);
        assert!(out.len() < why.len(), "{} bytes", out.len());
        let record = read(0, &out, None, &names(), phrases.known()).unwrap();
        let What::Decision(read) = record.what else {
            panic!("{record:?}");
        };
        assert!(matches!(read.why, Cow::Borrowed(_)));
        assert_eq!(read.why, why);
        let id = "abababab-abab-abab-abab-abababababab";
        assert_eq!(read.procedure.as_deref(), Some(id));
        assert_eq!(read.call.as_deref(), Some("no UTF-8: \u{fffd}"));
    }

    #[test]
    fn numbers_stand_in_the_words_of_the_program() {
        let mut phrases = Phrases::default();
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
            let mut out = Vec::new();
            decision(&mut out, 1.into(), 0, &handed, &mut phrases);
            assert!(out.len() <= room_of_decision(&handed));
            let record = read(0, &out, None, &names(), phrases.known()).unwrap();
            let What::Decision(read) = record.what else {
                panic!("{record:?}");
            };
            assert_eq!((&*read.requirement, &*read.why), ("L4", wanted));
        }
    }
}
