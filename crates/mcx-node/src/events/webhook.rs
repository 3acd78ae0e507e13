//! Events posted to a URL: `application/x-ndjson`, up to a hundred lines at a time. Any 2xx means that they
//! were taken; everything else that they come again.

use std::sync::Arc;
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use mcx::state::Event;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::push::Sink;
use super::{WebhookConfig, line};

/// How long one delivery may take, connecting and the answer included.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where events are posted.
pub(super) struct Webhook {
    uri: Uri,
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Webhook {
    /// Understands the URL and reads the root certificates.
    pub fn new(config: &WebhookConfig) -> Result<Self, String> {
        let uri: Uri = config.url.parse().map_err(|why| format!("no URL: {why}"))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or("the URL has no host")?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err("the URL begins neither with http:// nor with https://".into()),
        };
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err(
                "the URL has a user and a password, which are not sent: leave them out".into(),
            );
        }
        if !secure && config.roots.is_some() {
            return Err("roots are for an https URL: nothing is checked over http".into());
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let tls = if secure {
            let roots = config.roots.as_ref().ok_or(
                "an https URL needs roots: the path of the root certificates of its server in PEM",
            )?;
            let mut store = RootCertStore::empty();
            let read = CertificateDer::pem_file_iter(roots).and_then(Iterator::collect);
            let read: Vec<_> = read.map_err(|why| format!("{}: {why}", roots.display()))?;
            if read.is_empty() {
                return Err(format!("{}: no certificate is in it", roots.display()));
            }
            for root in read {
                let added = store.add(root);
                added.map_err(|why| format!("{}: {why}", roots.display()))?;
            }
            let provider = Arc::new(aws_lc_rs::default_provider());
            let client = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map_err(|why| why.to_string())?
                .with_root_certificates(store)
                .with_no_client_auth();
            let name = ServerName::try_from(bare.to_owned());
            let name = name.map_err(|why| format!("{host}: {why}"))?;
            Some((TlsConnector::from(Arc::new(client)), name))
        } else {
            None
        };
        Ok(Self {
            host: bare.to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            uri,
            tls,
        })
    }

    /// Where it is, without what may be a secret of the deployment.
    pub fn label(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let authority = self.uri.authority().map_or("", |a| a.as_str());
        format!("{scheme}://{authority}{}", self.uri.path())
    }

    async fn post(&self, body: String) -> Result<(), String> {
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(|why| format!("cannot connect: {why}"))?;
        match &self.tls {
            None => self.exchange(stream, body).await,
            Some((connector, name)) => {
                let secured = connector.connect(name.clone(), stream).await;
                let stream = secured.map_err(|why| format!("TLS: {why}"))?;
                self.exchange(stream, body).await
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        body: String,
    ) -> Result<(), String> {
        let http = |why: hyper::Error| format!("HTTP: {why}");
        let opened = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = opened.map_err(http)?;
        let target = self
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let authority = self.uri.authority().map_or("", |a| a.as_str());
        let request = Request::builder()
            .method(Method::POST)
            .uri(target)
            .header(HOST, authority)
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-ndjson"),
            )
            .header(USER_AGENT, concat!("mcx/", env!("CARGO_PKG_VERSION")))
            .body(body)
            .map_err(|why| why.to_string())?;
        let mut answer = std::pin::pin!(sender.send_request(request));
        let answered = tokio::select! {
            answered = &mut answer => answered,
            // Whoever closes may have answered before.
            _ = connection => answer.await,
        };
        let answered = answered.map_err(http)?.status();
        if answered.is_success() {
            Ok(())
        } else {
            Err(format!("answered {answered}"))
        }
    }
}

impl Sink for Webhook {
    async fn has(&mut self) -> Option<u64> {
        None
    }

    async fn take(&mut self, events: &[Event]) -> Result<(), String> {
        let posted = tokio::time::timeout(PATIENCE, self.post(line::lines(events))).await;
        posted.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
    }
}
