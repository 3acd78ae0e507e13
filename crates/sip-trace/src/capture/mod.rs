//! Recordings out of capture files: pcap and pcapng of tcpdump, Wireshark, SIPp or anybody else, and our own.
//!
//! UDP datagrams with a start line of SIP become messages; so do messages of TCP connections, whose segments are put in
//! order first. A capture in the middle sees a message once, which counts as sent and received at that moment, so that a
//! ladder shows its two ends. Ends go by their addresses, or by the names that the caller or a file of ours gives them. Of
//! our own files, transports and decisions are read back from the comments, and who opened a connection from the interfaces.
//!
//! The packets are the library etherparse's, the blocks pcap-parser's; what is left out is counted, never guessed.

mod comments;
mod file;
mod packet;
mod stream;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

pub use packet::MAX_FRAGMENTED;
pub use stream::{MAX_STREAMS, MAX_WAITING_BYTES, MAX_WAITING_SEGMENTS};

use crate::record::{DecisionRecord, Direction, MessageRecord, Record, Transport, What};
use file::Frame;
use packet::{Defragmenter, Payload};
use stream::Streams;

/// Most messages that are read from one file.
pub const MAX_MESSAGES: usize = 1_000_000;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Capture {
    /// Each message twice: as sent by the one, and as received by the other.
    pub records: Vec<Record>,
    /// Messages.
    pub messages: usize,
    /// Packets in the file.
    pub packets: usize,
    /// Packets that could not be read: not IP, or of a kind of link that is not known here.
    pub unreadable: usize,
    /// Packets that could not be read because the capture kept their beginning alone (its snapshot length).
    pub short: usize,
    /// Places where a TCP connection goes on after bytes that the capture has not.
    pub gaps: usize,
    /// Places where a TCP connection could not be cut into messages.
    pub broken: usize,
    /// The file ends in the middle of a packet, or holds more than [`MAX_MESSAGES`].
    pub cut: bool,
}

/// Why a file is no capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureError {
    /// It begins like neither pcap nor pcapng.
    NoCapture,
    /// Its header could not be read.
    Header,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCapture => "neither pcap nor pcapng",
            Self::Header => "the header of the capture file is broken",
        })
    }
}

impl Error for CaptureError {}

/// Whether bytes begin like a capture file.
pub fn is_capture(bytes: &[u8]) -> bool {
    file::kind(bytes).is_some()
}

/// Reads a whole capture file. `names` are names of addresses.
///
/// # Errors
/// It is no capture file. One that ends too early is none: what is there is read.
pub fn read(bytes: &[u8], names: &HashMap<SocketAddr, String>) -> Result<Capture, CaptureError> {
    let mut reading = Reading {
        capture: Capture::default(),
        names: names
            .iter()
            .map(|(at, name)| (*at, name.as_str().into()))
            .collect(),
        defragmenter: Defragmenter::default(),
        streams: Streams::default(),
        in_order: true,
    };
    let whole = file::frames(bytes, &mut |frame| reading.frame(&frame))?;
    reading.rest();
    let Reading {
        mut capture,
        streams,
        ..
    } = reading;
    capture.cut |= !whole;
    (capture.gaps, capture.broken) = (streams.gaps(), streams.broken());
    Ok(capture)
}

struct Reading {
    capture: Capture,
    names: HashMap<SocketAddr, Arc<str>>,
    defragmenter: Defragmenter,
    streams: Streams,
    /// Records came in the order of their times so far.
    in_order: bool,
}

impl Reading {
    /// `false` when no more frames are wanted.
    fn frame(&mut self, frame: &Frame<'_>) -> bool {
        self.capture.packets += 1;
        let Ok(packet) = self.defragmenter.read(frame) else {
            match frame.short {
                true => self.capture.short += 1,
                false => self.capture.unreadable += 1,
            }
            return true;
        };
        // The first part of a fragmented packet, or neither UDP nor TCP.
        let Some(packet) = packet else { return true };
        let mut transport = match &packet.payload {
            Payload::Udp(_) => Transport::Udp,
            Payload::Tcp(_) => Transport::Tcp,
        };
        let mut decisions = Vec::new();
        if frame.ours {
            let said = comments::read(&frame.comments);
            for (address, name) in [packet.source, packet.destination]
                .into_iter()
                .zip(said.ends.into_iter().flatten())
            {
                self.names.insert(address, name.into());
            }
            transport = said.transport;
            decisions = said.decisions;
        }
        let ends = (packet.source, packet.destination);
        let mut opened = frame.opened;
        let messages = match packet.payload {
            // In a file of ours everything is a message: that is what was recorded.
            Payload::Udp(payload) if frame.ours || is_sip(&payload) => {
                vec![(frame.wall_us, payload)]
            }
            Payload::Udp(_) => Vec::new(),
            Payload::Tcp(segment) => {
                let messages = self.streams.segment(ends, &segment, frame.wall_us);
                opened = self.streams.opened(ends);
                messages
            }
        };
        for (wall_us, bytes) in messages {
            self.message(wall_us, (transport, opened), ends, &bytes);
        }
        for (node, decision) in decisions {
            self.push(frame.wall_us, node.into(), What::Decision(decision));
        }
        self.capture.cut = self.capture.messages >= MAX_MESSAGES;
        !self.capture.cut
    }

    /// Messages of connections in which something is missing, and all at the places that their times say.
    fn rest(&mut self) {
        for (ends, messages) in self.streams.rest() {
            let opened = self.streams.opened(ends);
            for (wall_us, bytes) in messages {
                self.message(wall_us, (Transport::Tcp, opened), ends, &bytes);
            }
        }
        self.capture.cut |= self.capture.messages >= MAX_MESSAGES;
        if self.in_order {
            return;
        }
        let records = &mut self.capture.records;
        records.sort_by_key(|record| record.wall_us);
        for (seq, record) in (0..).zip(records) {
            record.seq = seq;
        }
    }

    fn message(
        &mut self,
        wall_us: u64,
        // Which way it went, seen from who opened the connection.
        (transport, opened): (Transport, Option<Direction>),
        (source, destination): (SocketAddr, SocketAddr),
        bytes: &Bytes,
    ) {
        if self.capture.messages >= MAX_MESSAGES {
            return;
        }
        self.capture.messages += 1;
        for (direction, local, peer) in [
            (Direction::Sent, source, destination),
            (Direction::Received, destination, source),
        ] {
            let node = self
                .names
                .entry(local)
                .or_insert_with(|| local.to_string().into());
            let node = Arc::clone(node);
            let message = MessageRecord {
                opened_here: opened == Some(direction),
                ..MessageRecord::new(direction, transport, local, peer, bytes.clone())
            };
            self.push(wall_us, node, What::Message(message));
        }
    }

    fn push(&mut self, wall_us: u64, node: Arc<str>, what: What) {
        let last = self.capture.records.last();
        self.in_order &= last.is_none_or(|last| last.wall_us <= wall_us);
        self.capture.records.push(Record {
            seq: u64::try_from(self.capture.records.len()).unwrap_or(u64::MAX),
            wall_us,
            mono_us: None,
            node,
            what,
        });
    }
}

/// What comments of a file of ours say.
struct Said {
    /// Names of sender and receiver.
    ends: Option<[String; 2]>,
    transport: Transport,
    /// Decisions with the names of their nodes.
    decisions: Vec<(String, DecisionRecord)>,
}

/// Whether there is a whole start line of SIP, behind any line ends.
fn is_sip(bytes: &[u8]) -> bool {
    let begin = bytes.iter().take_while(|b| b"\r\n".contains(b)).count();
    let message = bytes.get(begin..).unwrap_or_default();
    let end = message
        .iter()
        .position(|b| *b == b'\n')
        .unwrap_or(message.len());
    let line = message.get(..end).unwrap_or_default().trim_ascii_end();
    line.starts_with(b"SIP/2.0 ") || line.ends_with(b" SIP/2.0")
}
