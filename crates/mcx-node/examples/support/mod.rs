//! What the example programs share: sockets and transactions, driven for one transaction user.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use mcx_node::transport::tls::{Tls, TlsFiles};
use mcx_node::transport::{Acquaintances, Arrival, Bounds, Listen, Setup, Transports};
use sip_message::{Limits, Message, ParseError};
use sip_trace::Recorder;
use sip_transaction::{Config, Endpoint, Event, Path, Transport};

/// Most messages taken before other work gets its turn.
const BURST: usize = 64;
/// How long the loop sleeps at most.
const IDLE: Duration = Duration::from_secs(60);

/// Where to listen, and with which certificate.
#[derive(Args, Debug)]
pub struct Options {
    /// Where to listen: udp:ADDRESS:PORT, tcp:… or tls:…; as often as wanted
    #[arg(long = "listen", required = true, value_parser = listen)]
    pub listen: Vec<Listen>,
    /// Certificate of TLS listeners and connections, PEM
    #[arg(long, requires = "tls_key")]
    pub tls_certificate: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long)]
    pub tls_key: Option<PathBuf>,
    /// Roots that certificates of peers lead to, PEM
    #[arg(long)]
    pub tls_roots: Option<PathBuf>,
    /// Whether clients need a certificate
    #[arg(long)]
    pub require_client_certificate: bool,
    /// Most connections from one address
    #[arg(long, default_value_t = 4096)]
    pub connections: usize,
}

/// Reads `udp:127.0.0.1:5060`.
pub fn listen(text: &str) -> Result<Listen, String> {
    let wrong = || format!("`{text}` is no listening address: write udp:ADDRESS:PORT");
    let (transport, address) = text.split_once(':').ok_or_else(wrong)?;
    let transport = match transport {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return Err(wrong()),
    };
    let address = address.parse().map_err(|_| wrong())?;
    Ok(Listen { transport, address })
}

/// Sockets and transactions.
pub struct Stack {
    pub transports: Transports,
    pub endpoint: Endpoint,
    limits: Limits,
}

/// A transaction user.
pub trait User {
    /// Takes an event.
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event);

    /// Does what is due, and says when something is due next.
    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) -> Option<Instant>;

    /// Whether everything is done.
    fn is_done(&self) -> bool {
        false
    }
}

impl Stack {
    /// Binds the sockets.
    pub fn new(options: &Options, config: Config) -> Result<Self, Box<dyn std::error::Error>> {
        let tls = match (&options.tls_certificate, &options.tls_key) {
            (Some(certificate), Some(key)) => Some(Arc::new(Tls::load(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                roots: options
                    .tls_roots
                    .clone()
                    .unwrap_or_else(|| certificate.clone()),
                require_client_certificate: options.require_client_certificate,
            })?)),
            _ => None,
        };
        let setup = Setup {
            workers: None,
            listen: options.listen.clone(),
            tls,
            bounds: Bounds {
                connections_per_peer: options.connections,
                connections_of_strangers: options.connections,
                ..Bounds::default()
            },
            limits: Limits::default(),
            acquaintances: Acquaintances::default(),
        };
        let transports = Transports::bind(setup, Recorder::off())
            .map_err(|(listen, error)| format!("cannot listen on {listen}: {error}"))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self {
            transports,
            endpoint: Endpoint::new(config, seed),
            limits: Limits::default(),
        })
    }

    /// The way to a peer, from where this listens with the same transport.
    #[allow(dead_code, reason = "not every example sends requests")]
    pub fn towards(&self, to: Listen) -> Path {
        let listening = self.transports.listening();
        let same = listening.iter().find(|own| own.transport == to.transport);
        let local = same.or(listening.first()).map(|own| own.address);
        Path {
            local: local.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            peer: to.address,
            transport: to.transport,
        }
    }

    /// Says `ready` on standard output, and runs until the user is done.
    pub async fn run(mut self, user: &mut impl User) {
        println!("ready");
        loop {
            let now = Instant::now();
            self.endpoint.handle_timeout(now);
            self.events(now, user);
            let due = user.tick(now, &mut self.endpoint);
            self.events(now, user);
            self.send(now).await;
            self.events(now, user);
            if user.is_done() {
                break;
            }
            let due = [due, self.endpoint.poll_timeout()];
            let due = due.into_iter().flatten().fold(now + IDLE, Instant::min);
            tokio::select! {
                biased;
                () = self.transports.ready() => self.receive(user).await,
                () = tokio::time::sleep_until(due.into()) => {}
            }
        }
        self.transports.close().await;
    }

    fn events(&mut self, now: Instant, user: &mut impl User) {
        while let Some(event) = self.endpoint.poll_event() {
            user.event(now, &mut self.endpoint, event);
        }
    }

    async fn receive(&mut self, user: &mut impl User) {
        let now = Instant::now();
        for _ in 0..BURST {
            let mut release = None;
            match self.transports.try_receive() {
                None => break,
                Some(Arrival::Datagram(path, _, bytes)) => {
                    let message = Message::parse_datagram(bytes, &self.limits);
                    self.take(now, path, message);
                }
                Some(Arrival::Message {
                    path,
                    message,
                    last,
                    ..
                }) => {
                    self.take(now, path, message);
                    release = last.then_some(path);
                }
                Some(Arrival::Lost(path, _)) => self.endpoint.handle_transport_error(now, path),
            }
            self.events(now, user);
            if let Some(path) = release {
                self.send(now).await;
                self.transports.release(path);
            }
        }
        self.send(now).await;
    }

    fn take(&mut self, now: Instant, path: Path, message: Result<Message, ParseError>) {
        match message {
            Ok(message) => self.endpoint.handle_message(now, path, message),
            Err(error) => {
                let (status, why) = (error.status(), error.to_string());
                if let Some(mut request) = error.into_answerable() {
                    request.set_source(path.peer);
                    self.endpoint.reject(path, &request, status, &why);
                }
            }
        }
    }

    async fn send(&mut self, now: Instant) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let path = transmit.path;
            if self.transports.queue(transmit).await.is_err() {
                self.endpoint.handle_transport_error(now, path);
            }
        }
        for (path, _) in self.transports.flush().await {
            self.endpoint.handle_transport_error(now, path);
        }
    }
}

/// Runs a program on one thread.
pub fn block_on(task: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build()?.block_on(task);
    Ok(())
}
