//! Hosts, and hosts with ports.

use ::rsip::{Domain, HostWithPort, Port};

use super::error::ConversionError;
use super::text::text;
use crate::class::LWS;
use crate::error::Subject;
use crate::value::Host;

impl TryFrom<&Host<'_>> for ::rsip::Host {
    type Error = ConversionError;

    /// The same name or address. rsip prints IPv6 addresses without brackets; see the
    /// [page of this module](crate::rsip).
    ///
    /// # Errors
    /// A [`Host::Name`] that was made by hand and is not UTF-8.
    fn try_from(host: &Host<'_>) -> Result<Self, ConversionError> {
        Ok(match *host {
            Host::Name(name) => Domain::new(text(&Subject::Value("host"), name)?).into(),
            Host::IPv4(address) => ::rsip::Host::IpAddr(address.into()),
            Host::IPv6(address) => ::rsip::Host::IpAddr(address.into()),
        })
    }
}

impl<'a> TryFrom<&'a ::rsip::Host> for Host<'a> {
    type Error = ConversionError;

    /// The same name or address. What rsip calls a domain may turn out to be an address.
    ///
    /// # Errors
    /// A domain that is no host (RFC 3261 §25.1).
    fn try_from(host: &'a ::rsip::Host) -> Result<Self, ConversionError> {
        match host {
            ::rsip::Host::IpAddr(std::net::IpAddr::V4(address)) => Ok(Host::IPv4(*address)),
            ::rsip::Host::IpAddr(std::net::IpAddr::V6(address)) => Ok(Host::IPv6(*address)),
            ::rsip::Host::Domain(domain) => {
                let name = domain.value().as_bytes();
                if name.iter().any(|byte| LWS.has(*byte)) {
                    return Err(ConversionError::malformed("host"));
                }
                Ok(Host::parse(name)?)
            }
        }
    }
}

/// `hostport`, from its parts.
pub(super) fn host_with_port(
    host: &Host<'_>,
    port: Option<u16>,
) -> Result<HostWithPort, ConversionError> {
    Ok(HostWithPort {
        host: ::rsip::Host::try_from(host)?,
        port: port.map(Port::new),
    })
}

/// `hostport`, as it is written.
pub(super) fn hostport(from: &HostWithPort) -> Result<String, ConversionError> {
    let host = Host::try_from(&from.host)?;
    Ok(match &from.port {
        Some(port) => format!("{host}:{}", port.value()),
        None => host.to_string(),
    })
}

/// `hostport` of a URI that has nothing else: rsip has URIs where there is place for no more.
pub(super) fn only_hostport(uri: &::rsip::Uri) -> Result<String, ConversionError> {
    let more = uri.scheme.is_some() || uri.auth.is_some();
    if more || !uri.params.is_empty() || !uri.headers.is_empty() {
        return Err(ConversionError::malformed("hostport"));
    }
    hostport(&uri.host_with_port)
}
