//! A target, and what a URI says about it without DNS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mcx::NextHop;
use sip_message::Uri;
use sip_transaction::Transport;

/// One address that a request can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Transport.
    pub transport: Transport,
    /// Address.
    pub address: SocketAddr,
    /// The SIP domain that the peer has to prove to be, when the transport is TLS (RFC 5922 §7.3); its address if there
    /// is none.
    pub domain: Option<Arc<str>>,
}

/// What a next hop says (RFC 3263 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Host: an address, or a name without brackets, lower case.
    pub host: String,
    /// Port, if it is written.
    pub port: Option<u16>,
    /// Transport, if it is written, or is TLS because the scheme is `sips`.
    pub transport: Option<Transport>,
    /// Whether the scheme is `sips`.
    pub secure: bool,
    /// The SIP domain that the peer has to prove to be: what the configuration says, else a host that is a name.
    pub domain: Option<Arc<str>>,
}

impl Hop {
    /// Reads a next hop.
    ///
    /// # Errors
    /// Says what of it cannot be used.
    pub fn of(next_hop: &NextHop) -> Result<Self, &'static str> {
        let uri = Uri::parse(next_hop.uri.as_bytes()).map_err(|_| "is no URI")?;
        let secure = uri.scheme().eq_ignore_ascii_case(b"sips");
        if !secure && !uri.scheme().eq_ignore_ascii_case(b"sip") {
            return Err("is no sip: or sips: URI");
        }
        let host = uri.host().ok_or("has no host")?.to_string();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let transport = match uri.params().get(b"transport").flatten() {
            None => None,
            Some(name) => {
                Some(transport(name).ok_or("names a transport other than udp, tcp and tls")?)
            }
        };
        let transport = match (secure, transport) {
            (false, transport) => transport,
            // `sips:…;transport=tcp` is TLS over TCP (RFC 3261 §26.2.2).
            (true, None | Some(Transport::Tcp | Transport::Tls)) => Some(Transport::Tls),
            (true, Some(Transport::Udp)) => return Err("cannot be sips: and UDP"),
        };
        let named = host
            .parse::<IpAddr>()
            .is_err()
            .then(|| host.as_str().into());
        Ok(Self {
            domain: next_hop.domain.as_deref().map(Into::into).or(named),
            port: uri.port(),
            transport,
            secure,
            host,
        })
    }

    /// The target of a hop whose host is an address: no DNS is asked (RFC 3263 §4.1, §4.2).
    #[must_use]
    pub fn numeric(&self) -> Option<Target> {
        let ip: IpAddr = self.host.parse().ok()?;
        let transport = self.transport.unwrap_or(Transport::Udp);
        Some(Target {
            transport,
            address: SocketAddr::new(ip, self.port.unwrap_or(default_port(transport))),
            domain: self.domain.clone(),
        })
    }
}

/// The target of a next hop that is an address.
#[must_use]
pub fn of_numeric(next_hop: &NextHop) -> Option<Target> {
    Hop::of(next_hop).ok()?.numeric()
}

/// RFC 3261 §18.1.1, §19.1.2.
pub(crate) fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    }
}

fn transport(name: &[u8]) -> Option<Transport> {
    [Transport::Udp, Transport::Tcp, Transport::Tls]
        .into_iter()
        .find(|transport| name.eq_ignore_ascii_case(transport.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(uri: &str) -> Result<Hop, &'static str> {
        Hop::of(&NextHop {
            uri: uri.to_owned(),
            domain: None,
        })
    }

    #[test]
    fn an_address_needs_no_dns() {
        for (uri, transport, address) in [
            ("sip:192.0.2.1", Transport::Udp, "192.0.2.1:5060"),
            ("sip:192.0.2.1:5070", Transport::Udp, "192.0.2.1:5070"),
            (
                "sip:192.0.2.1;transport=TCP",
                Transport::Tcp,
                "192.0.2.1:5060",
            ),
            (
                "sip:[2001:db8::1];transport=tls",
                Transport::Tls,
                "[2001:db8::1]:5061",
            ),
            ("sips:192.0.2.1", Transport::Tls, "192.0.2.1:5061"),
            (
                "sips:192.0.2.1:5099;transport=tcp",
                Transport::Tls,
                "192.0.2.1:5099",
            ),
        ] {
            let target = hop(uri).unwrap().numeric().unwrap();
            assert_eq!(target.transport, transport, "{uri}");
            assert_eq!(target.address, address.parse().unwrap(), "{uri}");
            assert_eq!(target.domain, None, "{uri}");
        }
        assert_eq!(hop("sip:b.example.").unwrap().numeric(), None);
        assert_eq!(
            hop("sip:B.example").unwrap().domain.as_deref(),
            Some("b.example")
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for uri in [
            "tel:+1",
            "b.example",
            "sip:b.example;transport=sctp",
            "sips:b.example;transport=udp",
        ] {
            assert!(hop(uri).is_err(), "{uri}");
        }
    }
}
