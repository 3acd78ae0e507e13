//! How many datagrams the system dropped that were for a socket: because its receive buffer was full, or a filter said so.

use std::collections::HashMap;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt as _;

/// Where Linux lists the UDP sockets of a network namespace.
const LISTS: [&str; 2] = ["/proc/self/net/udp", "/proc/self/net/udp6"];

/// The number by which the lists know a socket; `None` where there are none.
pub(super) fn inode(socket: &impl AsRawFd) -> Option<u64> {
    let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

/// The datagrams that were dropped of these sockets, since they were bound.
pub(super) fn of(inodes: &[u64]) -> u64 {
    let mut dropped = HashMap::new();
    for list in LISTS {
        let list = fs::read_to_string(list).unwrap_or_default();
        dropped.extend(list.lines().skip(1).filter_map(line));
    }
    inodes.iter().filter_map(|inode| dropped.get(inode)).sum()
}

/// Inode and drops of a socket.
fn line(line: &str) -> Option<(u64, u64)> {
    let mut columns = line.split_ascii_whitespace();
    let inode = columns.nth(9)?.parse().ok()?;
    let drops = columns.next_back()?.parse().ok()?;
    Some((inode, drops))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn what_a_full_buffer_cannot_take_is_counted() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let socket = UdpSocket::bind(address).unwrap();
            let client = UdpSocket::bind(address).unwrap();
            let inodes = [inode(&socket).unwrap()];
            assert_eq!(of(&inodes), 0);
            socket.set_nonblocking(true).unwrap();
            let sent = 2_000_u64;
            for _ in 0..sent {
                client
                    .send_to(&[0; 1_000], socket.local_addr().unwrap())
                    .unwrap();
            }
            let mut kept = 0;
            while socket.recv(&mut [0; 1_000]).is_ok() {
                kept += 1;
            }
            assert!(kept < sent);
            assert_eq!(of(&inodes), sent - kept);
        }
    }
}
