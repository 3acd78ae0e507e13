//! How packet tools open a recording: a pcapng file of raw IP packets.
//!
//! Each message becomes one packet (link type 101) with a synthetic IPv4 or IPv6 header and a UDP header of the
//! recorded addresses, so that the SIP inside is decoded whatever really carried it, TLS included. Its first comment
//! names both ends; decisions become comments of the packet that they followed on their node.

mod block;
mod packet;
mod plan;

use std::io::{self, Write};

pub use block::{Interface, MAX_OPTION_BYTES, Packet, Writer};
pub use packet::MAX_PAYLOAD_BYTES;
pub use plan::MAX_COMMENTS;

use crate::merge::ordered;
use crate::record::Record;
use plan::Plan;

/// How nodes are shown as interfaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One interface for all nodes, which every tool reads.
    #[default]
    OneInterface,
    /// One interface a node, by its name, for Wireshark and tshark (`frame.interface_name`). Tools on libpcap (sngrep,
    /// tcpdump) stop at the second interface: libpcap 1.10.3 compares its link type, 101, with its own number for that of
    /// the first, 12, and takes them for different.
    InterfacePerNode,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Interfaces, as [`Layout`] says.
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
    write_merged_as(records, Layout::OneInterface, out)
}

/// As [`write_merged`], with a choice of interfaces.
///
/// # Errors
/// Whatever `out` refuses.
pub fn write_merged_as(records: &[Record], layout: Layout, out: impl Write) -> io::Result<Summary> {
    let plan = Plan::of(&ordered(records), layout);
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
