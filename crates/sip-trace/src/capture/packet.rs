//! From a frame to a datagram or a segment: link and IP headers off, fragments put together.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use etherparse::defrag::IpDefragPool;
use etherparse::{
    EtherType, NetSlice, SlicedPacket, TcpSlice, TransportSlice, UdpSlice, ip_number,
};
use pcap_parser::Linktype;

use super::file::Frame;

/// Most packets whose fragments are waited for at once; then those go that waited longest.
pub const MAX_FRAGMENTED: usize = 1_024;

/// Length of the header of LINUX_SLL2, and where in it the kind of what follows stands.
const SLL2_BYTES: usize = 20;

pub(super) struct Packet {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) payload: Payload,
}

pub(super) enum Payload {
    Udp(Bytes),
    Tcp(Segment),
}

/// A TCP segment (RFC 9293 §3.1).
pub(super) struct Segment {
    pub(super) sequence: u32,
    /// Begins a connection.
    pub(super) syn: bool,
    /// And answers one that the other side began.
    pub(super) ack: bool,
    pub(super) bytes: Bytes,
}

/// The frame could not be read.
pub(super) struct Unreadable;

#[derive(Default)]
pub(super) struct Defragmenter {
    pool: IpDefragPool<u64>,
    /// Fragments that were given to the pool, by which the oldest are known.
    fragments: u64,
}

impl Defragmenter {
    /// `None` where there is nothing for us in it, or not yet.
    pub(super) fn read(&mut self, frame: &Frame<'_>) -> Result<Option<Packet>, Unreadable> {
        let Some(sliced) = sliced(frame)? else {
            return Ok(None);
        };
        let Some((source, destination)) = ends(&sliced) else {
            return Ok(None);
        };
        if !sliced.is_ip_payload_fragmented() {
            let found = match &sliced.transport {
                Some(TransportSlice::Udp(udp)) => Some(of_udp(source, destination, udp)),
                Some(TransportSlice::Tcp(tcp)) => Some(of_tcp(source, destination, tcp)),
                _ => None,
            };
            return Ok(found);
        }
        self.fragments += 1;
        let now = self.fragments;
        let bound = u64::try_from(MAX_FRAGMENTED).unwrap_or(u64::MAX);
        if now.is_multiple_of(bound) {
            self.pool.retain(|last| now - last < bound);
        }
        let whole = self.pool.process_sliced_packet(&sliced, now, ());
        let Some(whole) = whole.map_err(|_| Unreadable)? else {
            return Ok(None);
        };
        let found = match whole.ip_number {
            ip_number::UDP => UdpSlice::from_slice(&whole.payload)
                .ok()
                .map(|udp| of_udp(source, destination, &udp)),
            ip_number::TCP => TcpSlice::from_slice(&whole.payload)
                .ok()
                .map(|tcp| of_tcp(source, destination, &tcp)),
            _ => None,
        };
        Ok(found)
    }
}

fn sliced<'a>(frame: &Frame<'a>) -> Result<Option<SlicedPacket<'a>>, Unreadable> {
    let data = frame.data;
    let sliced = match frame.link {
        Linktype::ETHERNET => SlicedPacket::from_ethernet(data).map_err(|_| Unreadable)?,
        Linktype::RAW | Linktype::IPV4 | Linktype::IPV6 | Linktype(12) => {
            SlicedPacket::from_ip(data).map_err(|_| Unreadable)?
        }
        Linktype::LINUX_SLL => SlicedPacket::from_linux_sll(data).map_err(|_| Unreadable)?,
        Linktype::LINUX_SLL2 => match data {
            [high, low, ..] => {
                let kind = EtherType(u16::from_be_bytes([*high, *low]));
                let packet = data.get(SLL2_BYTES..).ok_or(Unreadable)?;
                SlicedPacket::from_ether_type(kind, packet).map_err(|_| Unreadable)?
            }
            _ => return Err(Unreadable),
        },
        // The loopback of BSD: four bytes of address family, in the byte order of whoever captured.
        Linktype::NULL | Linktype::LOOP => {
            SlicedPacket::from_ip(data.get(4..).ok_or(Unreadable)?).map_err(|_| Unreadable)?
        }
        _ => return Err(Unreadable),
    };
    Ok(Some(sliced).filter(|sliced| sliced.net.is_some()))
}

/// Addresses, without ports.
fn ends(sliced: &SlicedPacket<'_>) -> Option<(IpAddr, IpAddr)> {
    match &sliced.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header();
            Some((
                header.source_addr().into(),
                header.destination_addr().into(),
            ))
        }
        _ => None,
    }
}

fn of_udp(source: IpAddr, destination: IpAddr, udp: &UdpSlice<'_>) -> Packet {
    Packet {
        source: SocketAddr::new(source, udp.source_port()),
        destination: SocketAddr::new(destination, udp.destination_port()),
        payload: Payload::Udp(Bytes::copy_from_slice(udp.payload())),
    }
}

fn of_tcp(source: IpAddr, destination: IpAddr, tcp: &TcpSlice<'_>) -> Packet {
    Packet {
        source: SocketAddr::new(source, tcp.source_port()),
        destination: SocketAddr::new(destination, tcp.destination_port()),
        payload: Payload::Tcp(Segment {
            sequence: tcp.sequence_number(),
            syn: tcp.syn(),
            ack: tcp.ack(),
            bytes: Bytes::copy_from_slice(tcp.payload()),
        }),
    }
}
