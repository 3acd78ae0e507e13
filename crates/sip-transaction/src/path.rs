//! Where a message came from or goes to.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use sip_message::Via;

/// Transport protocol of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// UDP: messages may be lost, so transactions retransmit.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl Transport {
    /// Whether the transport itself retransmits (RFC 3261 §17: "reliable transport").
    #[must_use]
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// The token in Via (RFC 3261 §20.42).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A hop: the local socket, the peer's address, the transport between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Local address.
    pub local: SocketAddr,
    /// The peer's address.
    pub peer: SocketAddr,
    /// Transport.
    pub transport: Transport,
}

impl Path {
    /// Where the response to a request that came this way goes (RFC 3261 §18.2.2, RFC 3581 §4):
    /// on a connection, back on it; over UDP to the source address, and there to the source port
    /// when the request asked for it with `rport`, else to the port in Via.
    #[must_use]
    pub fn of_response(self, top_via: &Via<'_>) -> Self {
        if self.transport.is_reliable() || top_via.rport().is_some() {
            return self;
        }
        let maddr: Option<IpAddr> = top_via
            .maddr()
            .and_then(|m| std::str::from_utf8(m).ok())
            .and_then(|m| m.parse().ok());
        let ip = maddr
            .filter(|ip| ip.is_multicast())
            .unwrap_or(self.peer.ip());
        Self {
            peer: SocketAddr::new(ip, top_via.port().unwrap_or(5060)),
            ..self
        }
    }

    /// Where a response goes if the connection that its request came on is gone (RFC 3261 §18.2.2): to the address that
    /// the request came from, at the port of sent-by in its top Via, 5060 without one, 5061 over TLS (§18). Nothing
    /// over UDP.
    #[must_use]
    pub fn alternative(self, top_via: &Via<'_>) -> Option<SocketAddr> {
        let default = match self.transport {
            Transport::Udp => return None,
            Transport::Tcp => 5060,
            Transport::Tls => 5061,
        };
        let mut address = self.peer;
        address.set_port(top_via.port().unwrap_or(default));
        Some(address)
    }
}
