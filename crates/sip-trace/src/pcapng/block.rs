//! The blocks of a pcapng file: section header, interface descriptions, enhanced packets
//! (draft-ietf-opsawg-pcapng §4.1, §4.2, §4.3), little-endian, times in µs.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::packet::{self, MAX_PAYLOAD_BYTES};
use crate::record::{Direction, Transport};

/// Longest comment or name in one option, in bytes; longer ones are cut and end in "…".
pub const MAX_OPTION_BYTES: usize = 32 * 1024;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
/// Raw IPv4 or IPv6, told apart by the version nibble: of the first interface.
const LINKTYPE_RAW: u16 = 101;
/// The same, of all others: what libpcap makes of 101 (DLT_RAW), which it compares with the link types of the others as they stand
/// in the file. Wireshark reads it as raw IP too. With 101 once more, libpcap refuses the whole file.
const LINKTYPE_RAW_OF_OTHERS: u16 = 12;
/// The longest packet there can be in this file.
const SNAP_LENGTH: u32 = 65_535;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USER_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
/// 10^-6 s.
const MICROSECONDS: u8 = 6;
const INBOUND: u32 = 1;
const OUTBOUND: u32 = 2;

/// One interface of the file: a listener of a node, or the connections that it opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Shown as `frame.interface_name`.
    pub name: String,
}

/// One message to be written.
#[derive(Clone, Copy)]
pub struct Packet<'a> {
    /// Number of the interface, in the order given to [`Writer::new`].
    pub interface: u32,
    /// µs since the Unix epoch.
    pub wall_us: u64,
    /// Seen from the interface's node.
    pub direction: Direction,
    /// What really carried it; anything but UDP is said in a comment.
    pub transport: Transport,
    /// Where it left from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// The message.
    pub payload: &'a [u8],
    /// Shown with the packet, one each.
    pub comments: &'a [String],
}

/// Writes one section of a pcapng file, block by block; nothing is kept in memory.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    interfaces: usize,
    /// IPv4 identification of the next packet.
    next_id: u16,
}

impl<W: Write> Writer<W> {
    /// Starts the file: a section header and one description an interface.
    ///
    /// # Errors
    /// Whatever `out` refuses.
    pub fn new(out: W, interfaces: &[Interface]) -> io::Result<Self> {
        Self::with_comments(out, interfaces, &[])
    }

    /// As [`new`](Self::new), with comments that belong to the whole file.
    ///
    /// # Errors
    /// Whatever `out` refuses.
    pub fn with_comments(
        mut out: W,
        interfaces: &[Interface],
        comments: &[String],
    ) -> io::Result<Self> {
        let mut body = Body::default();
        body.u32(BYTE_ORDER_MAGIC);
        body.u16(1); // version 1.0
        body.u16(0);
        body.bytes(&u64::MAX.to_le_bytes()); // length of the section: not known
        for comment in comments {
            body.text(OPT_COMMENT, comment);
        }
        body.text(
            SHB_USER_APPLICATION,
            concat!("sip-trace ", env!("CARGO_PKG_VERSION")),
        );
        body.end_of_options();
        body.write(SECTION_HEADER, &mut out)?;
        let others = std::iter::repeat(LINKTYPE_RAW_OF_OTHERS);
        let link_types = std::iter::once(LINKTYPE_RAW).chain(others);
        for (interface, link_type) in interfaces.iter().zip(link_types) {
            let mut body = Body::default();
            body.u16(link_type);
            body.u16(0);
            body.u32(SNAP_LENGTH);
            body.text(IF_NAME, &interface.name);
            body.option(IF_TSRESOL, &[MICROSECONDS]);
            body.end_of_options();
            body.write(INTERFACE_DESCRIPTION, &mut out)?;
        }
        Ok(Self {
            out,
            interfaces: interfaces.len(),
            next_id: 1,
        })
    }

    /// Writes one message as one packet, or as several when it is longer than [`MAX_PAYLOAD_BYTES`]; each part then says
    /// in a comment which one it is. Returns the number of packets.
    ///
    /// # Errors
    /// Whatever the output refuses; an interface that was not declared.
    pub fn packet(&mut self, packet: &Packet<'_>) -> io::Result<usize> {
        if usize::try_from(packet.interface).is_ok_and(|number| number >= self.interfaces) {
            let problem = "packet of an interface that was not declared";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
        }
        if packet.payload.len() <= MAX_PAYLOAD_BYTES {
            self.part(packet, packet.payload, None)?;
            return Ok(1);
        }
        let (length, parts) = (
            packet.payload.len(),
            packet.payload.len().div_ceil(MAX_PAYLOAD_BYTES),
        );
        for (number, part) in packet.payload.chunks(MAX_PAYLOAD_BYTES).enumerate() {
            let note = format!(
                "part {} of {parts} of a message of {length} bytes",
                number + 1
            );
            self.part(packet, part, Some(note))?;
        }
        Ok(parts)
    }

    /// Hands the output back, flushed.
    ///
    /// # Errors
    /// Whatever the output refuses.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn part(
        &mut self,
        packet: &Packet<'_>,
        payload: &[u8],
        note: Option<String>,
    ) -> io::Result<()> {
        let data = packet::ip_udp(packet.source, packet.destination, self.next_id, payload)?;
        self.next_id = self.next_id.wrapping_add(1);
        let length = u32::try_from(data.len()).map_err(io::Error::other)?;
        let mut body = Body::default();
        body.u32(packet.interface);
        let (high, low) = (packet.wall_us >> 32, packet.wall_us & u64::from(u32::MAX));
        body.u32(u32::try_from(high).unwrap_or(u32::MAX));
        body.u32(u32::try_from(low).unwrap_or(u32::MAX));
        body.u32(length);
        body.u32(length);
        body.bytes(&data);
        body.pad();
        for comment in packet.comments {
            body.text(OPT_COMMENT, comment);
        }
        if let Some(note) = note {
            body.text(OPT_COMMENT, &note);
        }
        if packet.transport != Transport::Udp {
            body.text(
                OPT_COMMENT,
                &format!("carried over {}, shown as UDP", packet.transport),
            );
        }
        let flags = match packet.direction {
            Direction::Received => INBOUND,
            Direction::Sent => OUTBOUND,
        };
        body.option(EPB_FLAGS, &flags.to_le_bytes());
        body.end_of_options();
        body.write(ENHANCED_PACKET, &mut self.out)
    }
}

/// What is between the two lengths of a block.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Everything in the format starts at a multiple of four.
    fn pad(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let Ok(length) = u16::try_from(value.len()) else {
            return; // callers stay under MAX_OPTION_BYTES
        };
        self.u16(code);
        self.u16(length);
        self.bytes(value);
        self.pad();
    }

    fn text(&mut self, code: u16, text: &str) {
        if text.len() <= MAX_OPTION_BYTES {
            return self.option(code, text.as_bytes());
        }
        let room = MAX_OPTION_BYTES - "…".len();
        let kept = (0..=room).rev().find_map(|cut| text.get(..cut));
        let kept = kept.unwrap_or_default();
        self.option(code, format!("{kept}…").as_bytes());
    }

    fn end_of_options(&mut self) {
        self.u16(OPT_END);
        self.u16(0);
    }

    fn write(self, kind: u32, out: &mut impl Write) -> io::Result<()> {
        let total = u32::try_from(self.0.len() + 12).map_err(io::Error::other)?;
        out.write_all(&kind.to_le_bytes())?;
        out.write_all(&total.to_le_bytes())?;
        out.write_all(&self.0)?;
        out.write_all(&total.to_le_bytes())
    }
}
