//! What goes into a capture file, decided before anything is written: which records are packets, on which interface, with
//! which comments.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::Interface;
use super::interfaces::Interfaces;
use crate::correlate::ids;
use crate::pairing::pair;
use crate::record::{DecisionRecord, Direction, MessageRecord, Record, What};

/// Most decisions shown on one packet; further ones are counted in a last comment.
pub const MAX_COMMENTS: usize = 64;

#[derive(Default)]
pub(super) struct Plan<'a> {
    pub(super) interfaces: Vec<Interface>,
    pub(super) packets: Vec<Planned<'a>>,
    /// Decisions of nodes that saw no message.
    pub(super) file_comments: Vec<String>,
    pub(super) decisions: usize,
}

pub(super) struct Planned<'a> {
    pub(super) interface: u32,
    pub(super) wall_us: u64,
    pub(super) message: &'a MessageRecord,
    pub(super) comments: Vec<String>,
}

impl<'a> Plan<'a> {
    /// `records` are in causal order.
    pub(super) fn of(records: &[&'a Record]) -> Self {
        let mut plan = Self::default();
        let mut interfaces = Interfaces::default();
        let owners = owners(records);
        let partner = pair(records);
        let mut packet_of: HashMap<usize, usize> = HashMap::new();
        // The packet that a node saw last, and decisions of nodes that saw none yet.
        let mut last: HashMap<&str, usize> = HashMap::new();
        // The last one of each Call-ID there: messages wait before they are dealt with.
        let mut last_of: HashMap<(&str, String), usize> = HashMap::new();
        let mut early: HashMap<&str, Vec<String>> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            let node: &str = &record.node;
            let message = match &record.what {
                What::Message(message) => message,
                What::Decision(decision) => {
                    if decision.detail {
                        continue;
                    }
                    plan.decisions += 1;
                    let call = decision.call.as_deref().map(str::to_owned);
                    let exact = call.and_then(|call| last_of.get(&(node, call)));
                    let at = exact.or_else(|| last.get(node));
                    let packet = at.and_then(|at| plan.packets.get_mut(*at));
                    let comments = packet.map(|packet| &mut packet.comments);
                    comments
                        .unwrap_or_else(|| early.entry(node).or_default())
                        .push(comment(node, decision));
                    continue;
                }
            };
            let sent = partner.get(index).copied().flatten();
            let sent = sent.filter(|_| message.direction == Direction::Received);
            let at = match sent.and_then(|sent| packet_of.get(&sent)) {
                Some(at) => *at,
                None => {
                    packet_of.insert(index, plan.packets.len());
                    plan.packets.push(Planned {
                        interface: interfaces.of(node, message),
                        wall_us: record.wall_us,
                        message,
                        comments: vec![path(node, message, &owners)],
                    });
                    plan.packets.len() - 1
                }
            };
            last.insert(node, at);
            if let (_, Some(call)) = ids(&message.bytes) {
                last_of.insert((node, call), at);
            }
            if let Some(packet) = plan.packets.get_mut(at) {
                packet
                    .comments
                    .extend(early.remove(node).into_iter().flatten());
            }
        }
        plan.interfaces = interfaces.described();
        let mut rest: Vec<(&str, Vec<String>)> = early.into_iter().collect();
        rest.sort_unstable();
        plan.file_comments = rest
            .into_iter()
            .flat_map(|(_, comments)| comments)
            .collect();
        let of_packets = plan.packets.iter_mut().map(|packet| &mut packet.comments);
        of_packets.chain([&mut plan.file_comments]).for_each(limit);
        plan
    }
}

/// Which node an address belongs to.
fn owners<'a>(records: &[&'a Record]) -> HashMap<SocketAddr, &'a str> {
    records
        .iter()
        .filter_map(|record| match &record.what {
            What::Message(message) => Some((message.local, &*record.node)),
            What::Decision(_) => None,
        })
        .collect()
}

/// "A server → A gateway"; a peer that did not record goes by its address.
fn path(node: &str, message: &MessageRecord, owners: &HashMap<SocketAddr, &str>) -> String {
    let peer = owners.get(&message.peer);
    let peer = peer.map_or_else(|| message.peer.to_string(), |name| (*name).to_owned());
    match message.direction {
        Direction::Sent => format!("{node} → {peer}"),
        Direction::Received => format!("{peer} → {node}"),
    }
}

/// "B server: P1.4 applied – mapping is was-migrated".
fn comment(node: &str, decision: &DecisionRecord) -> String {
    let mut text = format!("{node}:");
    for part in [&*decision.requirement, &decision.verdict] {
        if !part.is_empty() {
            text.push(' ');
            text.push_str(part);
        }
    }
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
