//! A certificate authority in a folder that goes with it.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mcx_node::transport::tls::{Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};

/// Signs certificates.
#[allow(missing_debug_implementations, reason = "it holds a private key")]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    /// An authority of its own name; its root is `roots.pem` in its folder.
    #[must_use]
    pub fn new() -> Self {
        Self::made(CertificateParams::default())
    }

    /// The same, with a root that is valid at these times.
    #[allow(dead_code, reason = "not every test has roots that end")]
    #[must_use]
    pub fn valid(times: Range<SystemTime>) -> Self {
        let mut params = CertificateParams::default();
        set_validity(&mut params, times);
        Self::made(params)
    }

    fn made(mut params: CertificateParams) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mcx-ca-{}-{count}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority {count}"));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("roots.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    /// Writes a certificate with these names, `URI:…`, `DNS:…` or `IP:…`, to the files called `file`.
    pub fn sign(&self, file: &str, names: &[&str]) -> TlsFiles {
        self.signed(CertificateParams::default(), file, names)
    }

    /// The same, with a certificate that is valid at these times.
    #[allow(dead_code, reason = "not every test has certificates that end")]
    pub fn sign_for(&self, times: Range<SystemTime>, file: &str, names: &[&str]) -> TlsFiles {
        let mut params = CertificateParams::default();
        set_validity(&mut params, times);
        self.signed(params, file, names)
    }

    fn signed(&self, mut params: CertificateParams, file: &str, names: &[&str]) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        for name in names {
            params.subject_alt_names.push(match name.split_once(':') {
                Some(("URI", uri)) => SanType::URI(uri.try_into().unwrap()),
                Some(("DNS", dns)) => SanType::DnsName(dns.try_into().unwrap()),
                Some(("IP", ip)) => SanType::IpAddress(ip.parse().unwrap()),
                _ => panic!("{name}"),
            });
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.folder.join(format!("{file}.{end}"));
        fs::write(path("pem"), certificate.pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        TlsFiles {
            certificate: path("pem"),
            key: path("key.pem"),
            roots: self.folder.join("roots.pem"),
            require_client_certificate: true,
        }
    }

    /// TLS with a certificate of these names.
    #[allow(
        dead_code,
        reason = "not every test that signs certificates speaks TLS itself"
    )]
    #[must_use]
    pub fn tls(&self, file: &str, names: &[&str]) -> Arc<Tls> {
        Arc::new(Tls::load(self.sign(file, names)).unwrap())
    }
}

fn set_validity(params: &mut CertificateParams, times: Range<SystemTime>) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + times.start.duration_since(UNIX_EPOCH).unwrap();
    params.not_after = epoch + times.end.duration_since(UNIX_EPOCH).unwrap();
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
