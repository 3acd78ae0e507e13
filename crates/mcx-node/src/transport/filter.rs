//! A socket filter (BPF) that drops a share of the requests before they cost the function anything: the system looks at
//! the first bytes of a datagram when it is about to queue it, on the time of whoever sends it.

use std::io;

use nix::libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SKF_AD_OFF, SKF_AD_RANDOM,
};
use socket2::{SockFilter, SockRef};
use tokio::net::UdpSocket;

/// The filter of a UDP socket sees the UDP header first.
const UDP_HEADER: u32 = 8;
/// What a filter returns: how many bytes of the datagram are kept.
const ALL: u32 = u32::MAX;
const NONE: u32 = 0;

/// Has the system drop `share` of all requests that come to this socket, at random; 0 ends that. Responses and ACK, which
/// get no answer, always pass; a datagram of less than four bytes, which can be a keep-alive at most, does not.
///
/// # Errors
/// The system has no such filters.
pub(super) fn drop_requests(socket: &UdpSocket, share: f64) -> io::Result<()> {
    let socket = SockRef::from(socket);
    if share <= 0.0 {
        return match socket.detach_filter() {
            // There was none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        };
    }
    socket.attach_filter(&program(share))
}

fn program(share: f64) -> [SockFilter; 7] {
    let statement = |code, k| SockFilter::new(code as u16, 0, 0, k);
    let jump = |code, k, yes, no| SockFilter::new(code as u16, yes, no, k);
    let starts_with =
        |word: [u8; 4], yes| jump(BPF_JMP | BPF_JEQ | BPF_K, u32::from_be_bytes(word), yes, 0);
    [
        statement(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER),
        starts_with(*b"SIP/", 3),
        starts_with(*b"ACK ", 2),
        statement(BPF_LD | BPF_W | BPF_ABS, random()),
        jump(BPF_JMP | BPF_JGE | BPF_K, threshold(share), 0, 1),
        statement(BPF_RET | BPF_K, ALL),
        statement(BPF_RET | BPF_K, NONE),
    ]
}

/// Where a filter finds a random number.
fn random() -> u32 {
    SKF_AD_OFF.wrapping_add(SKF_AD_RANDOM).cast_unsigned()
}

/// What a random number has to reach so that `share` of them do not.
fn threshold(share: f64) -> u32 {
    // Saturates, which is right.
    (share * f64::from(u32::MAX)) as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on ends there")]
mod tests {
    use super::*;

    const REQUEST: &[u8] = b"MESSAGE sip:b@b.example SIP/2.0\r\n";
    const RESPONSE: &[u8] = b"SIP/2.0 200 OK\r\n";
    const ACK: &[u8] = b"ACK sip:b@b.example SIP/2.0\r\n";

    /// How many of sixty each arrive while `share` is dropped.
    async fn arriving(address: &str, share: f64) -> [usize; 3] {
        let socket = UdpSocket::bind(address).await.unwrap();
        let client = UdpSocket::bind(address).await.unwrap();
        // One filter takes the place of another.
        drop_requests(&socket, 0.3).unwrap();
        drop_requests(&socket, share).unwrap();
        let all = [REQUEST, RESPONSE, ACK];
        let mut arrived = [0; 3];
        let mut bytes = [0; 100];
        for _ in 0..60 {
            for message in all {
                client
                    .send_to(message, socket.local_addr().unwrap())
                    .await
                    .unwrap();
            }
        }
        // What was not dropped is there: the way over loopback is taken by the sender.
        socket.readable().await.unwrap();
        while let Ok(length) = socket.try_recv(&mut bytes) {
            let kind = all.iter().position(|m| **m == bytes[..length]).unwrap();
            arrived[kind] += 1;
        }
        drop_requests(&socket, 0.0).unwrap();
        client
            .send_to(REQUEST, socket.local_addr().unwrap())
            .await
            .unwrap();
        let length = socket.recv(&mut bytes).await.unwrap();
        assert_eq!(bytes[..length], *REQUEST);
        drop_requests(&socket, 0.0).unwrap();
        arrived
    }

    #[tokio::test]
    async fn a_share_of_the_requests_is_dropped_and_nothing_else() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            assert_eq!(arriving(address, 0.0).await, [60; 3]);
            assert_eq!(arriving(address, 1.0).await, [0, 60, 60]);
            let [requests, others @ ..] = arriving(address, 0.5).await;
            // Of sixty coins: one run in a million is outside.
            assert!((11..=49).contains(&requests), "{requests}");
            assert_eq!(others, [60; 2]);
        }
    }
}
