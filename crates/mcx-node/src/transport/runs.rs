//! Datagrams on their way out. What is sent to one peer in one turn, in pieces of one length, goes to the system in one call
//! (`UDP_SEGMENT`, Linux 4.18), which goes down the stack once instead of once for each: on the wire they are the datagrams
//! that they would have been. Nothing waits for a run to become longer.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use bytes::Bytes;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrStorage, sendmsg};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Most datagrams of a run, and most that wait for the end of a turn. Linux takes 64.
pub(super) const MOST: usize = 64;
/// The longest one in a run: it fits the smallest MTU of IPv6 (1,280), so that no way is too narrow for it.
const LONGEST: usize = 1_232;
/// Most bytes of a run: a little less than a datagram may have.
const MOST_BYTES: usize = 65_000;

/// How often a run is tried that the system does not take.
const TRIES: usize = 4;

/// A datagram that is to be sent.
#[derive(Debug)]
pub(super) struct Datagram {
    pub local: SocketAddr,
    pub peer: SocketAddr,
    pub bytes: Bytes,
    /// Whether it may overtake others.
    pub independent: bool,
}

impl Datagram {
    fn goes_with(&self, other: &Self) -> bool {
        self.peer == other.peer && self.local == other.local
    }
}

/// Datagrams of one function that wait for the end of the turn.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    all: Vec<Datagram>,
    /// Room for those that are left when a run is taken.
    left: Vec<Datagram>,
}

impl Waiting {
    /// Takes one more. Gives whether there is no room for others.
    pub fn push(&mut self, datagram: Datagram) -> bool {
        self.all.push(datagram);
        self.all.len() >= MOST
    }

    /// Takes out the first one and those that can go with it. Of what goes to one peer nothing is overtaken but by what
    /// may. Gives whether there was any.
    pub fn next(&mut self, run: &mut Vec<Datagram>) -> bool {
        run.clear();
        std::mem::swap(&mut self.all, &mut self.left);
        let mut rest = self.left.drain(..);
        let Some(first) = rest.next() else {
            return false;
        };
        let length = first.bytes.len();
        let fits = (1..=LONGEST).contains(&length);
        let most = MOST_BYTES.checked_div(length).unwrap_or(MOST).min(MOST);
        let mut overtakes = false;
        run.push(first);
        for datagram in rest {
            let goes_along = run.first().is_some_and(|first| datagram.goes_with(first));
            let alike = fits && datagram.bytes.len() == length && run.len() < most;
            if goes_along && alike && (datagram.independent || !overtakes) {
                run.push(datagram);
            } else {
                overtakes |= goes_along && !datagram.independent;
                self.all.push(datagram);
            }
        }
        true
    }
}

/// How a run went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// All of it was sent.
    Sent,
    /// Nothing was sent, now.
    NotNow,
    /// This socket cannot send runs.
    Never,
}

/// Sends a run of more than one.
pub(super) fn send(socket: &UdpSocket, run: &[Datagram]) -> Went {
    let Some(first) = run.first() else {
        return Went::Sent;
    };
    let Ok(length) = u16::try_from(first.bytes.len()) else {
        return Went::NotNow;
    };
    let nothing = IoSlice::new(&[]);
    let mut pieces = [nothing; MOST];
    for (piece, datagram) in pieces.iter_mut().zip(run) {
        *piece = IoSlice::new(&datagram.bytes);
    }
    let pieces = pieces.get(..run.len()).unwrap_or_default();
    let segments = [ControlMessage::UdpGsoSegments(&length)];
    let peer = SockaddrStorage::from(first.peer);
    // An ICMP error about an earlier send, to whomever, takes the place of this one, and may look like a lasting one.
    for _ in 0..TRIES {
        let sent = socket.try_io(Interest::WRITABLE, || {
            let (socket, flags) = (socket.as_raw_fd(), MsgFlags::empty());
            Ok(sendmsg(socket, pieces, &segments, flags, Some(&peer))?)
        });
        match sent {
            Ok(_) => return Went::Sent,
            Err(error) if is_lasting(&error) => {}
            // Or the buffer is full.
            Err(_) => return Went::NotNow,
        }
    }
    Went::Never
}

/// Whether the system or the device cannot do it (no checksums by the device: EIO).
fn is_lasting(error: &io::Error) -> bool {
    let lasting = [
        Errno::EIO,
        Errno::EINVAL,
        Errno::EMSGSIZE,
        Errno::ENOPROTOOPT,
        Errno::EOPNOTSUPP,
    ];
    let raw = error.raw_os_error().map(Errno::from_raw);
    raw.is_some_and(|errno| lasting.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Datagrams as `peer length independent`, each with its number as the first byte.
    fn datagrams(what: &[(u16, usize, bool)]) -> Vec<Datagram> {
        let datagram = |(number, (peer, length, independent)): (usize, &(u16, usize, bool))| {
            let mut bytes = vec![0; *length];
            if let Some(first) = bytes.first_mut() {
                *first = u8::try_from(number).unwrap_or_default();
            }
            Datagram {
                local: SocketAddr::from(([192, 0, 2, 1], 5060)),
                peer: SocketAddr::from(([192, 0, 2, 2], *peer)),
                bytes: bytes.into(),
                independent: *independent,
            }
        };
        what.iter().enumerate().map(datagram).collect()
    }

    fn runs(what: &[(u16, usize, bool)]) -> Vec<Vec<u8>> {
        let (mut waiting, mut run, mut runs) = (Waiting::default(), Vec::new(), Vec::new());
        for datagram in datagrams(what) {
            waiting.push(datagram);
        }
        while waiting.next(&mut run) {
            let number = |datagram: &Datagram| datagram.bytes.first().copied().unwrap_or(99);
            runs.push(run.iter().map(number).collect());
        }
        runs
    }

    #[test]
    fn what_goes_to_one_peer_and_has_one_length_goes_together() {
        let sent = runs(&[(1, 9, false), (2, 9, false), (1, 9, false), (2, 9, false)]);
        assert_eq!(sent, [vec![0, 2], vec![1, 3]]);
    }

    #[test]
    fn nothing_is_overtaken_but_by_what_may() {
        let sent = runs(&[(1, 9, false), (1, 8, false), (1, 9, false), (1, 9, true)]);
        assert_eq!(sent, [vec![0, 3], vec![1], vec![2]]);
        // What stands alone may be overtaken.
        let sent = runs(&[(1, 9, false), (1, 8, true), (1, 9, false), (1, 8, true)]);
        assert_eq!(sent, [vec![0, 2], vec![1, 3]]);
    }

    #[test]
    fn runs_have_bounds() {
        let many = vec![(1, 9, false); MOST + 2];
        let lengths = |sent: Vec<Vec<u8>>| sent.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(runs(&many)), [MOST, 2]);
        assert_eq!(lengths(runs(&[(1, LONGEST, false); 60])), [52, 8]);
        assert_eq!(lengths(runs(&[(1, LONGEST + 1, false); 2])), [1, 1]);
        assert_eq!(lengths(runs(&[(1, 0, false); 2])), [1, 1]);
    }
}
