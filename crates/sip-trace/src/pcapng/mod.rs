//! How packet tools open a recording: a pcapng file with one interface a node.
//!
//! Each message becomes one raw IP packet (link type 101) with a synthetic IPv4 or IPv6 header and a UDP header of the
//! recorded addresses, so that the SIP inside is decoded whatever really carried it, TLS included. Decisions become
//! comments of the packet that they followed on their node.

mod block;
mod packet;

use std::collections::HashMap;
use std::io::{self, Write};

pub use block::{Interface, Packet, Writer};
pub use packet::MAX_PAYLOAD_BYTES;

use crate::merge::ordered;
use crate::pairing::pair;
use crate::record::{DecisionRecord, Direction, MessageRecord, Record, What};

/// Most decisions shown on one packet; further ones are counted in a last comment.
pub const MAX_COMMENTS: usize = 64;

/// What a file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Nodes, each one interface.
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

/// Writes the records of all nodes as one capture file, each datagram once: a sent message always, a received one only
/// when no node in `records` recorded sending it. The order of `records` need not be causal.
///
/// # Errors
/// Whatever `out` refuses; a node's name or a file too large for the format.
pub fn write_merged(records: &[Record], out: impl Write) -> io::Result<Summary> {
    let records = ordered(records);
    let plan = Plan::of(&records);
    let mut summary = Summary {
        interfaces: plan.interfaces.len(),
        decisions: plan.decisions,
        ..Summary::default()
    };
    let mut writer = Writer::with_comments(out, &plan.interfaces, &plan.file_comments)?;
    for (planned, comments) in &plan.packets {
        let message = planned.message;
        let written = writer.packet(&Packet {
            interface: planned.interface,
            wall_us: planned.wall_us,
            direction: message.direction,
            transport: message.transport,
            source: message.source(),
            destination: message.destination(),
            payload: &message.bytes,
            comments,
        })?;
        summary.messages += 1;
        summary.packets += written;
        summary.split += usize::from(written > 1);
    }
    writer.finish()?;
    Ok(summary)
}

/// What goes where, before anything is written.
#[derive(Default)]
struct Plan<'a> {
    interfaces: Vec<Interface>,
    packets: Vec<(Planned<'a>, Vec<String>)>,
    file_comments: Vec<String>,
    decisions: usize,
}

struct Planned<'a> {
    interface: u32,
    wall_us: u64,
    message: &'a MessageRecord,
}

impl<'a> Plan<'a> {
    fn of(records: &[&'a Record]) -> Self {
        let mut plan = Self::default();
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for record in records {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            numbers.entry(&record.node).or_insert_with(|| {
                plan.interfaces.push(Interface {
                    name: record.node.to_string(),
                });
                next
            });
        }
        let partner = pair(records);
        let mut packet_of: HashMap<usize, usize> = HashMap::new();
        // The packet that a node saw last, and decisions of nodes that saw none yet.
        let mut last: HashMap<&str, usize> = HashMap::new();
        let mut early: Vec<(&str, String)> = Vec::new();
        for (index, record) in records.iter().enumerate() {
            let node: &str = &record.node;
            match &record.what {
                What::Decision(decision) => {
                    plan.decisions += 1;
                    let comment = comment(node, decision);
                    match last.get(node).and_then(|at| plan.packets.get_mut(*at)) {
                        Some((_, comments)) => comments.push(comment),
                        None => early.push((node, comment)),
                    }
                }
                What::Message(message) => {
                    let sent = partner.get(index).copied().flatten();
                    let sent = sent.filter(|_| message.direction == Direction::Received);
                    let known = sent.and_then(|sent| packet_of.get(&sent)).copied();
                    let at = known.unwrap_or(plan.packets.len());
                    if known.is_none() {
                        let planned = Planned {
                            interface: numbers.get(node).copied().unwrap_or_default(),
                            wall_us: record.wall_us,
                            message,
                        };
                        plan.packets.push((planned, Vec::new()));
                        packet_of.insert(index, at);
                    }
                    last.insert(node, at);
                    if let Some((_, comments)) = plan.packets.get_mut(at) {
                        let mine = early.extract_if(.., |(owner, _)| *owner == node);
                        comments.extend(mine.map(|(_, comment)| comment));
                    }
                }
            }
        }
        plan.file_comments = early.into_iter().map(|(_, comment)| comment).collect();
        for (_, comments) in &mut plan.packets {
            limit(comments);
        }
        limit(&mut plan.file_comments);
        plan
    }
}

/// "B server: P1.4 applied – mapping is was-migrated".
fn comment(node: &str, decision: &DecisionRecord) -> String {
    let mut text = format!("{node}: ");
    if !decision.requirement.is_empty() {
        text.push_str(&decision.requirement);
        text.push(' ');
    }
    text.push_str(&decision.verdict);
    if !decision.why.is_empty() {
        text.push_str(" – ");
        text.push_str(&decision.why);
    }
    if let Some(procedure) = &decision.procedure {
        text.push_str(" [");
        text.push_str(procedure);
        text.push(']');
    }
    text
}

fn limit(comments: &mut Vec<String>) {
    if comments.len() > MAX_COMMENTS {
        let rest = comments.len() - MAX_COMMENTS;
        comments.truncate(MAX_COMMENTS);
        comments.push(format!("and {rest} more decisions"));
    }
}
