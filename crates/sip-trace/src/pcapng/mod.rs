//! How packet tools open a recording: a pcapng file of raw IP packets.
//!
//! Each message becomes one packet (raw IP) with a synthetic IPv4 or IPv6 header and a UDP header of the
//! recorded addresses, so that the SIP inside is decoded whatever really carried it, TLS included. Its first comment
//! names both ends; decisions become comments of the packet that they followed on their node.
//!
//! Its interface (`frame.interface_name`) is the listener of the node whose record is shown: `A server · UDP 127.0.0.1:5060`.
//! Connections that a node opened belong to no listener; they are one interface for each node and transport: `A server · TLS,
//! connections it opened`.

mod block;
mod interfaces;
mod packet;
mod plan;

use std::io::{self, Write};

pub use block::{Interface, MAX_OPTION_BYTES, Packet, Writer};
pub use interfaces::MAX_INTERFACES;
pub(crate) use interfaces::OPENED;
pub use packet::MAX_PAYLOAD_BYTES;
pub use plan::MAX_COMMENTS;

use crate::merge::ordered;
use crate::record::Record;
use plan::Plan;

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Interfaces, at most [`MAX_INTERFACES`]; one where there is no message, as tools want at least that.
    pub interfaces: usize,
    /// Messages, each once.
    pub messages: usize,
    /// Packets; more than `messages` when some were split.
    pub packets: usize,
    /// Messages too long for one UDP datagram ([`MAX_PAYLOAD_BYTES`]), written as several packets that say so.
    pub split: usize,
    /// Decisions, as packet comments or, for a node without any message, comments of the file.
    pub decisions: usize,
}

/// Writes the records of all nodes as one capture file that every tool reads, each datagram once: a sent message always,
/// a received one only when no node in `records` recorded sending it. The order of `records` need not be causal.
///
/// # Errors
/// Whatever `out` refuses.
pub fn write_merged(records: &[Record], out: impl Write) -> io::Result<Summary> {
    let plan = Plan::of(&ordered(records));
    let mut summary = Summary {
        interfaces: plan.interfaces.len(),
        decisions: plan.decisions,
        ..Summary::default()
    };
    let mut writer = Writer::with_comments(out, &plan.interfaces, &plan.file_comments)?;
    for planned in &plan.packets {
        let message = planned.message;
        let written = writer.packet(&Packet {
            interface: planned.interface,
            wall_us: planned.wall_us,
            direction: message.direction,
            transport: message.transport,
            source: message.source(),
            destination: message.destination(),
            payload: &message.bytes,
            comments: &planned.comments,
        })?;
        summary.messages += 1;
        summary.packets += written;
        summary.split += usize::from(written > 1);
    }
    writer.finish()?;
    Ok(summary)
}
