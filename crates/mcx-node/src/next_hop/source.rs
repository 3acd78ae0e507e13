//! Which of several own addresses a target is sent to from: the one that the system's routes lead from, as a host with
//! an interface inside and one outside needs it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address that the system would send to `target` from; nothing is sent. `None` without a route.
#[must_use]
pub fn towards(target: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match target {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(target).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_leads_from_loopback() {
        let target = SocketAddr::from(([127, 9, 9, 9], 5060));
        assert_eq!(towards(target), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
}
