//! TLS of a function: its certificate, whom it trusts, and reading both anew without a restart.

pub(super) mod handshake;
mod identity;
pub(crate) mod remark;
mod verify;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use mcx::System;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use webpki::EndEntityCert;

use self::verify::SipDomainVerifier;

pub use self::identity::Identity;
pub use self::remark::Remark;

/// Files of a function's TLS, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, followed by those between it and the root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Roots that certificates of peers lead to.
    pub roots: PathBuf,
    /// Whether clients need a certificate of their own (mutual TLS).
    pub require_client_certificate: bool,
}

/// One of the files of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The certificate.
    Certificate,
    /// Its private key.
    Key,
    /// The roots.
    Roots,
}

impl TlsFiles {
    fn wrong(&self, which: Which, problem: String) -> TlsError {
        let file = match which {
            Which::Certificate => &self.certificate,
            Which::Key => &self.key,
            Which::Roots => &self.roots,
        };
        TlsError {
            which,
            file: file.clone(),
            problem,
        }
    }
}

/// Why TLS cannot be used.
#[derive(Debug)]
pub struct TlsError {
    /// Which of the files is wrong.
    pub which: Which,
    /// Its path.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.which {
            Which::Certificate => "the node's certificate",
            Which::Key => "the private key of this certificate",
            Which::Roots => "the root certificates of the peers",
        };
        let (file, problem) = (self.file.display(), &self.problem);
        write!(f, "{file}: {problem}: write the path of {remedy} in PEM")
    }
}

impl std::error::Error for TlsError {}

/// TLS 1.2 and 1.3 as server and client, both with the same certificate.
pub struct Tls {
    current: RwLock<Material>,
}

/// What was read from the files.
#[derive(Clone)]
pub struct Material {
    files: TlsFiles,
    /// The certificate and those between it and the root, then the roots.
    certificates: Arc<[Vec<CertificateDer<'static>>; 2]>,
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Material {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn read(files: TlsFiles) -> Result<Self, TlsError> {
        read(files)
    }
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("files", &self.files)
            .finish()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.material()).finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            current: RwLock::new(read(files)?),
        })
    }

    /// Reads the files again. Connections that are open stay as they are; new ones use what was read.
    ///
    /// # Errors
    /// Names the file and what is wrong with it; what was read before stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.replace(read(self.material().files)?);
        Ok(())
    }

    /// Uses what was read for new connections. Gives whether certificates or roots are other ones than before.
    pub fn replace(&self, read: Material) -> bool {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = current.certificates != read.certificates;
        *current = read;
        changed
    }

    /// The certificates in use, DER: the own one with those between it and the root, and the roots.
    pub fn certificates(&self) -> (Vec<CertificateDer<'static>>, Vec<CertificateDer<'static>>) {
        let [own, roots] = &*self.material().certificates;
        (own.clone(), roots.clone())
    }

    /// What is to be known of the certificates in use, of a node of system `own`, at this time.
    #[must_use]
    pub fn remarks(&self, own: &System, now: SystemTime) -> Vec<Remark> {
        self.material().remarks(own, now)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.material().server.into()
    }

    pub(super) fn connector(&self) -> TlsConnector {
        self.material().client.into()
    }

    fn material(&self) -> Material {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: TlsFiles) -> Result<Material, TlsError> {
    let of = &files;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates(of, Which::Certificate)?;
    let own = chain.first().map(EndEntityCert::try_from).transpose();
    own.map_err(|error| files.wrong(Which::Certificate, not_usable(&error)))?;
    let read_roots = certificates(of, Which::Roots)?;
    let key = private_key(of)?;
    let roots = Arc::new(roots(of, &read_roots)?);
    let server = server(of, &provider, &roots, chain.clone(), key.clone_key())?;
    let verifier = SipDomainVerifier::new(roots, provider.clone());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| files.wrong(Which::Certificate, error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain.clone(), key)
        .map_err(|error| files.wrong(Which::Key, not_fitting(&error)))?;
    Ok(Material {
        certificates: Arc::new([chain, read_roots]),
        files,
        server: Arc::new(server),
        client: Arc::new(client),
    })
}

fn server(
    files: &TlsFiles,
    provider: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, TlsError> {
    let mut clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone());
    if !files.require_client_certificate {
        clients = clients.allow_unauthenticated();
    }
    let clients = clients
        .build()
        .map_err(|error| files.wrong(Which::Roots, error.to_string()))?;
    ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| files.wrong(Which::Certificate, error.to_string()))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| files.wrong(Which::Key, not_fitting(&error)))
}

fn private_key(files: &TlsFiles) -> Result<PrivateKeyDer<'static>, TlsError> {
    let wrong = |why: String| files.wrong(Which::Key, why);
    let unreadable =
        |error: &dyn fmt::Display| wrong(format!("no private key can be read: {error}"));
    let pem = std::fs::read(&files.key).map_err(|error| unreadable(&error))?;
    // `BEGIN ENCRYPTED PRIVATE KEY` (RFC 7468 §11), or `Proc-Type: 4,ENCRYPTED` (RFC 1421) of older programs.
    if pem.windows(9).any(|word| word == b"ENCRYPTED") {
        let why = "the private key is encrypted, and nobody is there to be asked for its passphrase; `openssl pkey -in FILE \
                   -out NEW` makes one without";
        return Err(wrong(why.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        pem::Error::NoItemsFound => wrong("no private key is in it".to_owned()),
        error => unreadable(&error),
    })
}

/// Why the own certificate is none.
fn not_usable(error: &webpki::Error) -> String {
    match error {
        webpki::Error::UnsupportedCertVersion => {
            "the certificate is of an old version of X.509, which has no names of SIP domains; version 3 is needed".to_owned()
        }
        webpki::Error::BadDer | webpki::Error::BadDerTime | webpki::Error::TrailingData(_) => {
            "the certificate is damaged".to_owned()
        }
        error => format!("the certificate cannot be used ({error})"),
    }
}

/// Why the key does not go with the certificate, which can be read.
fn not_fitting(error: &Error) -> String {
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            "the private key is that of another certificate".to_owned()
        }
        error => format!("the private key cannot be used ({error})"),
    }
}

fn certificates(files: &TlsFiles, which: Which) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = match which {
        Which::Roots => &files.roots,
        _ => &files.certificate,
    };
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let read: Vec<_> =
        read.map_err(|error| files.wrong(which, format!("no certificate can be read: {error}")))?;
    if read.is_empty() {
        return Err(files.wrong(which, "no certificate is in it".to_owned()));
    }
    Ok(read)
}

fn roots(files: &TlsFiles, read: &[CertificateDer<'static>]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in read {
        let added = roots.add(root.clone());
        added
            .map_err(|error| files.wrong(Which::Roots, format!("no root certificate: {error}")))?;
    }
    Ok(roots)
}
