//! Synthetic IP and UDP headers around a message, with right lengths and checksums (RFC 791, RFC 8200, RFC 768).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Longest payload of one UDP datagram over IPv4, in bytes: 65,535 less 20 of IP and 8 of UDP. Used for IPv6 too.
pub const MAX_PAYLOAD_BYTES: usize = 65_507;

const UDP: u8 = 17;
const UDP_HEADER_BYTES: usize = 8;
const IPV4_HEADER_BYTES: usize = 20;
const HOP_LIMIT: u8 = 64;

/// One raw IP packet. Addresses of two families, which only a mapped socket gives, are both written as IPv6.
pub(super) fn ip_udp(
    source: SocketAddr,
    destination: SocketAddr,
    id: u16,
    payload: &[u8],
) -> io::Result<Vec<u8>> {
    let pair = (source.ip().to_canonical(), destination.ip().to_canonical());
    match pair {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let udp = udp(
                source,
                destination,
                &pseudo(&from.octets(), &to.octets()),
                payload,
            )?;
            ipv4(from, to, id, &udp)
        }
        (from, to) => {
            let (from, to) = (mapped(from), mapped(to));
            let udp = udp(
                source,
                destination,
                &pseudo(&from.octets(), &to.octets()),
                payload,
            )?;
            ipv6(from, to, &udp)
        }
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, id: u16, udp: &[u8]) -> io::Result<Vec<u8>> {
    let [length_high, length_low] = length(IPV4_HEADER_BYTES + udp.len())?.to_be_bytes();
    let [id_high, id_low] = id.to_be_bytes();
    let header = |checksum: u16| {
        let [sum_high, sum_low] = checksum.to_be_bytes();
        let mut header = vec![0x45, 0, length_high, length_low, id_high, id_low];
        header.extend([0x40, 0, HOP_LIMIT, UDP, sum_high, sum_low]); // 0x40: do not fragment
        header.extend(from.octets());
        header.extend(to.octets());
        header
    };
    let mut packet = header(!sum(0, &header(0)));
    packet.extend_from_slice(udp);
    Ok(packet)
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, udp: &[u8]) -> io::Result<Vec<u8>> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(length(udp.len())?.to_be_bytes());
    packet.extend([UDP, HOP_LIMIT]);
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.extend_from_slice(udp);
    Ok(packet)
}

/// The addresses and the protocol; the length, which is under the checksum as well, is added in [`udp`].
fn pseudo(from: &[u8], to: &[u8]) -> Vec<u8> {
    [from, to, &[0, UDP]].concat()
}

fn udp(
    source: SocketAddr,
    destination: SocketAddr,
    pseudo: &[u8],
    payload: &[u8],
) -> io::Result<Vec<u8>> {
    let length = length(UDP_HEADER_BYTES + payload.len())?;
    let datagram = |checksum: u16| {
        let mut datagram = Vec::with_capacity(UDP_HEADER_BYTES + payload.len());
        datagram.extend(source.port().to_be_bytes());
        datagram.extend(destination.port().to_be_bytes());
        datagram.extend(length.to_be_bytes());
        datagram.extend(checksum.to_be_bytes());
        datagram
    };
    let start = sum(0, pseudo);
    let start = sum(start, &length.to_be_bytes());
    let start = sum(start, &datagram(0));
    // An all-zero checksum means "none": its other form is sent instead (RFC 768).
    let checksum = match !sum(start, payload) {
        0 => 0xFFFF,
        checksum => checksum,
    };
    let mut out = datagram(checksum);
    out.extend_from_slice(payload);
    Ok(out)
}

fn length(bytes: usize) -> io::Result<u16> {
    u16::try_from(bytes).map_err(|_| {
        let problem = "message longer than one IP packet";
        io::Error::new(io::ErrorKind::InvalidInput, problem)
    })
}

/// Ones' complement sum of 16-bit words (RFC 1071); an odd last byte counts as the high one. `start` is the sum so far.
fn sum(start: u16, bytes: &[u8]) -> u16 {
    let mut sum = u32::from(start);
    for word in bytes.chunks(2) {
        let word = match *word {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        sum += u32::from(word);
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn the_example_of_rfc_1071_gives_its_sum() {
        assert_eq!(
            sum(0, &[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            0xddf2
        );
    }
}
