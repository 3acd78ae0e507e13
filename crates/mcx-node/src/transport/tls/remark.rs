//! What an operator has to know of certificates that can be read: that they end, or speak for somebody else.
//!
//! A node runs with them nevertheless. One that has to start in the night after its certificate ended still has its store,
//! its SIP core, and peers that are reached without TLS; what it owes to the others waits in the outbox until there is a new
//! certificate. And which domain a peer demands is written in the peer's configuration, not here: that it will not be one
//! of another system is all but certain, and no more.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mcx::System;
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Identity, Material, Which};

/// How long before its end a certificate is remarked on: longer than an authority takes for a new one.
const NEAR: Duration = Duration::from_secs(30 * 86_400);
/// 9999-12-31T23:59:59Z, in seconds of the Unix epoch: no certificate says more (RFC 5280 §4.1.2.5).
const LAST: u64 = 253_402_300_799;

/// Something to be known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// In which of the files it is.
    pub which: Which,
    /// Its path.
    pub file: PathBuf,
    /// Whether no peer takes the node's own certificate as it is now.
    pub useless: bool,
    /// What it is, and what to do.
    pub what: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

/// From when to when a certificate is valid, in seconds of the Unix epoch; nothing for one that cannot be read.
pub(crate) fn validity(certificate: &CertificateDer<'_>) -> Option<(u64, u64)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    let seconds = |time: i64| u64::try_from(time).unwrap_or_default().min(LAST);
    let (from, to) = (validity.not_before, validity.not_after);
    Some((seconds(from.timestamp()), seconds(to.timestamp())))
}

impl Material {
    /// What is to be known of the certificates of a node of system `own`, at this time.
    #[must_use]
    pub fn remarks(&self, own: &System, now: SystemTime) -> Vec<Remark> {
        let [chain, roots] = &*self.certificates;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let of = |which, useless, what| Remark {
            which,
            file: match which {
                Which::Roots => self.files.roots.clone(),
                _ => self.files.certificate.clone(),
            },
            useless,
            what,
        };
        let mut remarks = Vec::new();
        if let Some((certificate, between)) = chain.split_first() {
            let dates = of_own_dates(certificate, now);
            remarks.extend(dates.map(|(useless, what)| of(Which::Certificate, useless, what)));
            let names = of_names(certificate, own);
            remarks.extend(names.map(|what| of(Which::Certificate, true, what)));
            let remedy = "the node's certificate hangs on it: write the path of a new chain";
            let ends = first_to_end(between, 2, now);
            remarks.extend(
                ends.map(|what| of(Which::Certificate, false, format!("{what}; {remedy}"))),
            );
        }
        let remedy = "this node takes certificates under it, and other programs may not: put the authority's new root beside \
                      it, and remove it once nobody needs it";
        let ends = first_to_end(roots, 1, now);
        remarks.extend(ends.map(|what| of(Which::Roots, false, format!("{what}; {remedy}"))));
        remarks
    }
}

/// What is to be said of the dates of a node's own certificate, and whether it is useless now.
fn of_own_dates(certificate: &CertificateDer<'_>, now: u64) -> Option<(bool, String)> {
    let (from, to) = validity(certificate)?;
    let remedy = "no peer takes it: write the path of one that is valid now";
    if now > to {
        let to = date(to);
        return Some((true, format!("the certificate ended on {to}, {remedy}")));
    }
    if now < from {
        let from = date(from);
        let clock = "or set this machine's clock";
        return Some((
            true,
            format!("the certificate begins on {from}, {remedy}, {clock}"),
        ));
    }
    (to - now <= NEAR.as_secs()).then(|| {
        let to = date(to);
        let what =
            format!("the certificate ends on {to}: put a new one in its place, and `mcx reload`");
        (false, what)
    })
}

/// Of certificates that others hang on, the first to end, if that is near or over; the first of them is number `first`.
fn first_to_end(certificates: &[CertificateDer<'_>], first: usize, now: u64) -> Option<String> {
    let ends = certificates.iter().zip(first..);
    let ends = ends.filter_map(|(certificate, number)| Some((validity(certificate)?.1, number)));
    let (end, number) = ends.min()?;
    let near = end <= now.saturating_add(NEAR.as_secs());
    let ends = if end < now { "ended" } else { "ends" };
    near.then(|| format!("its certificate {number} {ends} on {}", date(end)))
}

/// What is wrong with the names of a node's own certificate, as a peer sees them that verifies as this program does (RFC 5922
/// §7): it has to find there the domain that its configuration demands, letter by letter.
fn of_names(certificate: &CertificateDer<'_>, own: &System) -> Option<String> {
    let named = Identity::of(certificate).all();
    let id = own.id.as_str();
    let remedy = format!(
        "as peers demand (RFC 5922): write the path of one with subjectAltName URI:sip:{id}"
    );
    if named.is_empty() {
        // A peer may have it configured by its address.
        return (!names_an_address(certificate))
            .then(|| format!("the certificate names no SIP domain, {remedy}"));
    }
    let domains = own.domains.iter().map(String::as_str);
    // A function may have a name of its own in its system's domain, and peers demand that.
    let is_own = |domain: &str, name: &str| {
        name.strip_suffix(domain)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let mut all = domains.chain([id]);
    if all.any(|domain| named.iter().any(|name| is_own(domain, name))) {
        return None;
    }
    let named = named.join(", ");
    Some(format!(
        "the certificate names {named}, and not {id}, {remedy}"
    ))
}

fn names_an_address(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let names = certificate.subject_alternative_name().ok().flatten();
    names.is_some_and(|names| {
        let mut names = names.value.general_names.iter();
        names.any(|name| matches!(name, GeneralName::IPAddress(_)))
    })
}

fn date(seconds: u64) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_docs(file: &str) -> String {
        let path = format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a document")
    }

    /// Whoever tells of a certificate that ends, and whoever reads of it, means the same time.
    #[test]
    fn a_certificate_is_near_its_end_at_one_time_for_all() {
        let days = NEAR.as_secs() / 86_400;
        let warns = format!("time() < {days} * 86400\n        labels: {{ severity: warning }}\n");
        assert!(of_docs("examples/prometheus/alerts.yml").contains(&warns));
        let page = of_docs("operations.md");
        for told in [
            format!("a root ends within {days} days"),
            format!("From {days} days before on"),
            format!("warning: within {days} days"),
        ] {
            assert!(page.contains(&told), "{told}");
        }
    }
}
