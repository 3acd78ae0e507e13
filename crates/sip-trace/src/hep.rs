//! How a collector (Homer and its like) is told: one packet of HEP3 a record.
//!
//! A packet is `HEP3`, its length, and chunks of vendor, type, length and value, all in network byte order. Of the generic
//! chunks (vendor 0) these are written:
//!
//! | type | value |
//! |---|---|
//! | 0x0001, 0x0002 | address family (2 IPv4, 10 IPv6), protocol of IP (17 UDP, 6 TCP) |
//! | 0x0003 to 0x0006 | source and destination, 4 or 16 bytes |
//! | 0x0007, 0x0008 | ports |
//! | 0x0009, 0x000a | seconds since the Unix epoch, µs in them |
//! | 0x000b | 1 SIP, 100 a line of a log: a decision |
//! | 0x000c | id of the agent |
//! | 0x000e | key that the collector wants |
//! | 0x000f | the message, or the decision in words |
//! | 0x0011 | correlation id: the procedure, or the Call-ID |
//! | 0x0013 | name of the node |

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;

use crate::correlate;
use crate::record::{DecisionRecord, Record, Transport, What};

/// Longest packet, in bytes: its length is a number of 16 bits.
pub const MAX_PACKET_BYTES: usize = 65_535;

/// Most Call-IDs whose procedures are remembered.
pub const MAX_CALLS: usize = 65_536;

const HEAD_BYTES: usize = 6;
const SIP: u8 = 1;
const LOG: u8 = 100;

/// Who sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Its id at the collector.
    pub id: u32,
    /// What the collector wants to hear before it believes anything; empty when nothing.
    pub key: String,
}

/// A record that is longer than a packet can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// How long its packet would be, in bytes.
    pub bytes: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes, a packet of HEP3 has {MAX_PACKET_BYTES} at most",
            self.bytes
        )
    }
}

impl Error for TooLong {}

/// One record as one packet. `correlation` joins it to others; empty when nothing does.
///
/// # Errors
/// It is longer than [`MAX_PACKET_BYTES`].
pub fn encode(record: &Record, agent: &Agent, correlation: &str) -> Result<Vec<u8>, TooLong> {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let (source, destination, transport, kind, payload) = match &record.what {
        What::Message(message) => {
            let (source, destination) = (message.source(), message.destination());
            (
                source,
                destination,
                message.transport,
                SIP,
                message.bytes.clone(),
            )
        }
        What::Decision(decision) => (
            nowhere,
            nowhere,
            Transport::Udp,
            LOG,
            words(&record.node, decision),
        ),
    };
    let mut chunks = Chunks(Vec::with_capacity(payload.len() + 160));
    let protocol = match transport {
        Transport::Udp => 17,
        Transport::Tcp | Transport::Tls => 6,
    };
    match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            chunks.put(0x01, &[2]);
            chunks.put(0x02, &[protocol]);
            chunks.put(0x03, &from.octets());
            chunks.put(0x04, &to.octets());
        }
        (from, to) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            chunks.put(0x01, &[10]);
            chunks.put(0x02, &[protocol]);
            chunks.put(0x05, &octets(from));
            chunks.put(0x06, &octets(to));
        }
    }
    chunks.put(0x07, &source.port().to_be_bytes());
    chunks.put(0x08, &destination.port().to_be_bytes());
    // 32 bits of seconds are enough until 2106.
    let seconds = u32::try_from(record.wall_us / 1_000_000).unwrap_or(u32::MAX);
    let us = u32::try_from(record.wall_us % 1_000_000).unwrap_or_default();
    chunks.put(0x09, &seconds.to_be_bytes());
    chunks.put(0x0a, &us.to_be_bytes());
    chunks.put(0x0b, &[kind]);
    chunks.put(0x0c, &agent.id.to_be_bytes());
    for (number, value) in [
        (0x0e, agent.key.as_str()),
        (0x11, correlation),
        (0x13, &record.node),
    ] {
        if !value.is_empty() {
            chunks.put(number, value.as_bytes());
        }
    }
    chunks.put(0x0f, &payload);
    let length = HEAD_BYTES + chunks.0.len();
    let told = u16::try_from(length).map_err(|_| TooLong { bytes: length })?;
    Ok([b"HEP3", &told.to_be_bytes()[..], &chunks.0].concat())
}

struct Chunks(Vec<u8>);

impl Chunks {
    /// What does not fit its chunk does not fit the packet, whose length then says so.
    fn put(&mut self, number: u16, value: &[u8]) {
        let length = u16::try_from(value.len() + HEAD_BYTES).unwrap_or(u16::MAX);
        self.0.extend([0, 0]); // vendor: generic
        self.0.extend(number.to_be_bytes());
        self.0.extend(length.to_be_bytes());
        self.0.extend_from_slice(value);
    }
}

/// "b-server: P1.4 applied – mapping is was-migrated".
fn words(node: &str, decision: &DecisionRecord) -> Bytes {
    let parts = [&*decision.requirement, &*decision.verdict];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let why = match &*decision.why {
        "" => String::new(),
        why => format!(" – {why}"),
    };
    format!("{node}: {}{why}", parts.join(" ")).into()
}

/// Gives each record its correlation id, as records come: the procedure id that it names, or that a message with its
/// Call-ID named before; else the Call-ID.
#[derive(Debug, Default)]
pub struct Correlator {
    procedures: HashMap<String, String>,
    /// Call-IDs in the order that they were learned in; the oldest goes first.
    order: VecDeque<String>,
}

impl Correlator {
    /// The id of the next record; empty where there is none.
    pub fn id(&mut self, record: &Record) -> String {
        let (procedure, call) = match &record.what {
            What::Message(message) => correlate::ids(&message.bytes),
            What::Decision(decision) => (
                decision.procedure.clone(),
                decision.call.as_deref().map(str::to_owned),
            ),
        };
        let Some(call) = call else {
            return procedure.unwrap_or_default();
        };
        if let Some(procedure) = procedure {
            if self
                .procedures
                .insert(call.clone(), procedure.clone())
                .is_none()
            {
                self.order.push_back(call);
            }
            if self.order.len() > MAX_CALLS
                && let Some(oldest) = self.order.pop_front()
            {
                self.procedures.remove(&oldest);
            }
            return procedure;
        }
        self.procedures.get(&call).cloned().unwrap_or(call)
    }
}
