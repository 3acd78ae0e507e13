//! Who a certificate speaks for: SIP domains (RFC 5922 §7.1).

use std::sync::Arc;

use sip_message::Uri;
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The SIP domains that a peer's certificate names, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity(Arc<[Box<str>]>);

impl Identity {
    /// Reads them from a certificate whose chain was verified: `sip:` URIs without a user in subjectAltName; DNS names
    /// only where there is no such URI. The common name is not looked at, and wildcards name nobody (§7.2).
    ///
    /// Nothing for a certificate that cannot be read.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else {
            return Self::default();
        };
        let uris = certificate.valid_uri_names().filter_map(domain_of);
        let mut domains: Vec<Box<str>> = uris.collect();
        if domains.is_empty() {
            let names = certificate.valid_dns_names();
            let names = names.filter(|name| !name.contains('*'));
            domains = names.map(|name| name.to_ascii_lowercase().into()).collect();
        }
        Self(domains.into())
    }

    /// Whether `domain` is one of them, letter by letter but for their case (§7.2).
    #[must_use]
    pub fn is(&self, domain: &str) -> bool {
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        self.0.iter().any(|own| own.eq_ignore_ascii_case(domain))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Arc<[Box<str>]> {
        self.0.clone()
    }
}

/// The domain that a URI of subjectAltName names.
fn domain_of(uri: &str) -> Option<Box<str>> {
    let uri = Uri::parse(uri.as_bytes()).ok()?;
    if !uri.scheme().eq_ignore_ascii_case(b"sip") || uri.user().is_some() {
        return None;
    }
    Some(uri.host()?.to_string().to_ascii_lowercase().into())
}
