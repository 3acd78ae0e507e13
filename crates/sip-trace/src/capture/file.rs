//! The blocks of a capture file: which packets, of which kind of link, when (pcap, and draft-ietf-opsawg-pcapng).

use pcap_parser::pcapng::Block;
use pcap_parser::traits::PcapNGPacketBlock;
use pcap_parser::{
    Linktype, OptionCode, PcapBlockOwned, PcapNGOption, PcapNGSlice, parse_pcap_frame,
    parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::CaptureError;
use crate::pcapng::OPENED;
use crate::record::Direction;

const EPB_FLAGS: OptionCode = OptionCode(2);

/// Most interfaces of one section.
const MAX_INTERFACES: usize = 4_096;

/// One packet as it was captured.
pub(super) struct Frame<'a> {
    /// µs since the Unix epoch.
    pub(super) wall_us: u64,
    pub(super) link: Linktype,
    pub(super) data: &'a [u8],
    /// The packet had more than that.
    pub(super) short: bool,
    pub(super) comments: Vec<String>,
    /// Written by [`pcapng`](crate::pcapng).
    pub(super) ours: bool,
    /// In a file of ours: who recorded it opened the connection, and it went this way from there.
    pub(super) opened: Option<Direction>,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Pcap,
    Pcapng,
}

pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    match bytes.get(..4)? {
        b"\x0a\x0d\x0d\x0a" => Some(Kind::Pcapng),
        // µs, ns, and the modified format, in both byte orders.
        b"\xa1\xb2\xc3\xd4" | b"\xd4\xc3\xb2\xa1" | b"\xa1\xb2\x3c\x4d" | b"\x4d\x3c\xb2\xa1"
        | b"\xa1\xb2\xcd\x34" | b"\x34\xcd\xb2\xa1" => Some(Kind::Pcap),
        _ => None,
    }
}

/// Hands each packet on, until `each` wants no more. `false` when the file ends in the middle of something.
pub(super) fn frames(
    bytes: &[u8],
    each: &mut dyn FnMut(Frame<'_>) -> bool,
) -> Result<bool, CaptureError> {
    match kind(bytes).ok_or(CaptureError::NoCapture)? {
        Kind::Pcap => pcap(bytes, each),
        Kind::Pcapng => pcapng(bytes, each),
    }
}

fn pcap(bytes: &[u8], each: &mut dyn FnMut(Frame<'_>) -> bool) -> Result<bool, CaptureError> {
    let (mut rest, header) = parse_pcap_header(bytes).map_err(|_| CaptureError::Header)?;
    let link = header.network;
    let per_us = if header.is_nanosecond_precision() {
        1_000
    } else {
        1
    };
    // The crate's own iterator takes all for little-endian.
    let parse = match (header.is_bigendian(), header.is_modified_format()) {
        (true, false) => parse_pcap_frame_be,
        (false, true) => parse_pcap_frame_modified,
        (false, false) => parse_pcap_frame,
        (true, true) => return Err(CaptureError::Header),
    };
    while !rest.is_empty() {
        let Ok((after, packet)) = parse(rest) else {
            return Ok(false);
        };
        rest = after;
        let wall_us = u64::from(packet.ts_sec) * 1_000_000 + u64::from(packet.ts_usec) / per_us;
        let length = usize::try_from(packet.caplen).unwrap_or(usize::MAX);
        let frame = Frame {
            wall_us,
            link,
            data: packet.data.get(..length).unwrap_or(packet.data),
            short: packet.caplen < packet.origlen,
            comments: Vec::new(),
            ours: false,
            opened: None,
        };
        if !each(frame) {
            return Ok(true);
        }
    }
    Ok(true)
}

/// What an interface says of its packets.
struct Interface {
    link: Linktype,
    resolution: u8,
    offset_s: i64,
    /// It stands for connections that a node opened.
    opened: bool,
}

fn pcapng(bytes: &[u8], each: &mut dyn FnMut(Frame<'_>) -> bool) -> Result<bool, CaptureError> {
    let slice = PcapNGSlice::from_slice(bytes).map_err(|_| CaptureError::Header)?;
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut ours = false;
    for block in slice {
        let Ok(PcapBlockOwned::NG(block)) = block else {
            return Ok(false);
        };
        let (interface, ticks, data, length, options) = match &block {
            Block::SectionHeader(section) => {
                interfaces.clear();
                ours = matches!(section.shb_userappl(), Some(Ok(name)) if name.starts_with("sip-trace "));
                continue;
            }
            Block::InterfaceDescription(it) if interfaces.len() < MAX_INTERFACES => {
                interfaces.push(Interface {
                    link: it.linktype,
                    resolution: it.if_tsresol,
                    offset_s: it.if_tsoffset,
                    opened: matches!(it.if_name(), Some(Ok(name)) if name.ends_with(OPENED)),
                });
                continue;
            }
            Block::EnhancedPacket(packet) => {
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                (
                    packet.if_id,
                    ticks,
                    packet.packet_data(),
                    packet.origlen,
                    &packet.options[..],
                )
            }
            Block::SimplePacket(packet) => (0, 0, packet.packet_data(), packet.origlen, &[][..]),
            _ => continue,
        };
        let interface = usize::try_from(interface)
            .ok()
            .and_then(|number| interfaces.get(number));
        let Some(interface) = interface else {
            return Ok(false); // a packet of an interface that nobody described
        };
        let frame = Frame {
            wall_us: microseconds(ticks, interface),
            link: interface.link,
            data,
            short: usize::try_from(length).is_ok_and(|length| data.len() < length),
            comments: comments(options),
            ours,
            opened: direction(options).filter(|_| ours && interface.opened),
        };
        if !each(frame) {
            return Ok(true);
        }
    }
    Ok(true)
}

/// Ticks of the interface's clock in µs (if_tsresol: a power of ten, or of two when the highest bit is set).
fn microseconds(ticks: u64, interface: &Interface) -> u64 {
    let exponent = u32::from(interface.resolution & 0x7f);
    let base: u128 = if interface.resolution & 0x80 == 0 {
        10
    } else {
        2
    };
    let per_second = base.checked_pow(exponent).unwrap_or(u128::MAX);
    let us = u128::from(ticks) * 1_000_000 / per_second;
    let us = u64::try_from(us).unwrap_or(u64::MAX);
    us.saturating_add_signed(interface.offset_s.saturating_mul(1_000_000))
}

/// Which way it went, seen from its interface (epb_flags, bits 0 and 1).
fn direction(options: &[PcapNGOption<'_>]) -> Option<Direction> {
    let flags = options.iter().find(|option| option.code == EPB_FLAGS)?;
    // What was written by us is little-endian.
    match flags.as_bytes().ok()?.first()? & 3 {
        1 => Some(Direction::Received),
        2 => Some(Direction::Sent),
        _ => None,
    }
}

fn comments(options: &[PcapNGOption<'_>]) -> Vec<String> {
    let comments = options
        .iter()
        .filter(|option| option.code == OptionCode::Comment);
    let text = |option: &PcapNGOption<'_>| {
        let bytes = option.as_bytes().unwrap_or_default(); // without the padding
        String::from_utf8_lossy(bytes).into_owned()
    };
    comments.map(text).collect()
}
