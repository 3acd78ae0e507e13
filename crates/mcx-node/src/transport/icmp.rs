//! ICMP errors about datagrams that were sent: RFC 3261 §18.4 wants the transaction to hear of them.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
};
use tokio::net::UdpSocket;

/// Asks the system to keep errors with the address that they are about.
///
/// # Errors
/// The system does not know that.
pub(super) fn ask_for(socket: &UdpSocket, is_ipv4: bool) -> io::Result<()> {
    if is_ipv4 {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
    }
    Ok(())
}

/// Takes the next error: where the datagram went that it is about; `None` if it is no ICMP error that ends anything.
///
/// # Errors
/// `WouldBlock` when there is none.
pub(super) fn take(socket: &UdpSocket) -> io::Result<Option<SocketAddr>> {
    // Of the datagram that came back nothing is needed but its address.
    let mut nothing = [0; 1];
    let mut pieces = [IoSliceMut::new(&mut nothing)];
    let mut control = nix::cmsg_space!([u8; 128]);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut pieces, Some(&mut control), flags)?;
    let is_unreachable = message.cmsgs()?.any(|control| {
        let error = match control {
            ControlMessageOwned::Ipv4RecvErr(error, _) => error,
            ControlMessageOwned::Ipv6RecvErr(error, _) => error,
            _ => return false,
        };
        // A message that is too large for the way is cut into fragments the next time.
        u32::try_from(nix::libc::EMSGSIZE) != Ok(error.ee_errno)
    });
    let about = message.address.as_ref().and_then(address);
    Ok(about.filter(|_| is_unreachable))
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::new(v4.ip().into(), v4.port()));
    }
    let v6 = storage.as_sockaddr_in6()?;
    Some(SocketAddr::new(v6.ip().into(), v6.port()))
}
