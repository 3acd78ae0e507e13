//! Takes connections that peers open.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sip_transaction::{Path, Transport};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::admission::{Admission, Room};
use super::connection::{Common, Connection, Ends, Item};
use super::ended::Unproven;
use super::handle;
use super::numbers::Numbers;
use super::tls::{Identity, Tls, handshake};

/// Connections that the system may have ready before they are taken.
const BACKLOG: i32 = 1_024;
/// How long to wait when the system has no descriptor left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);
/// Of handshakes that fail one is complained of in this time, the others being a detail: anybody can make them fail.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Binds a listener; must be called inside a tokio runtime.
///
/// # Errors
/// The address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A node that is started again finds its port.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A listener while it runs.
pub(super) struct Listener {
    pub socket: TcpListener,
    /// Its address, which is the local one of all paths over it.
    pub local: SocketAddr,
    /// TLS, for a listener that speaks it.
    pub tls: Option<Arc<Tls>>,
    /// Where hands are shaken.
    pub workers: Handle,
    pub admission: Arc<Admission>,
    pub numbers: Arc<Numbers>,
    pub common: watch::Receiver<Arc<Common>>,
    pub inbox: mpsc::Sender<Item>,
    pub complaints: Arc<Complaints>,
}

/// When a handshake that failed was complained of last.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Option<Instant>>);

impl Complaints {
    /// Whether it is time for another one.
    fn is_time(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| last.elapsed() >= COMPLAINTS);
        if is_time {
            *last = Some(Instant::now());
        }
        is_time
    }
}

impl Listener {
    /// Takes connections until it is aborted.
    pub async fn run(self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => {
                    if let Some(room) = self.admission.accept(peer.ip(), self.tls.is_some()) {
                        self.take(stream, peer, room);
                    }
                }
                // The peer has gone before its turn came.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!(listener = %self.local, %error, "cannot accept connections");
                    tokio::time::sleep(OUT_OF_FILES).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, room: Room) {
        // Messages are whole when they are written; waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        let transport = match self.tls {
            None => Transport::Tcp,
            Some(_) => Transport::Tls,
        };
        let accepted = Accepted {
            path: Path {
                local: self.local,
                peer,
                transport,
            },
            local: stream.local_addr().unwrap_or(self.local),
            number: self.numbers.next(),
            common: self.common.borrow().clone(),
            inbox: self.inbox.clone(),
            admission: self.admission.clone(),
            room,
            complaints: self.complaints.clone(),
        };
        match &self.tls {
            None => drop(tokio::spawn(accepted.run(stream, None))),
            Some(tls) => drop(tokio::spawn(accepted.shake_hands(
                stream,
                tls.clone(),
                self.workers.clone(),
            ))),
        }
    }
}

/// A connection that was accepted.
struct Accepted {
    path: Path,
    local: SocketAddr,
    number: u64,
    common: Arc<Common>,
    inbox: mpsc::Sender<Item>,
    admission: Arc<Admission>,
    room: Room,
    complaints: Arc<Complaints>,
}

impl Accepted {
    async fn shake_hands(mut self, stream: TcpStream, tls: Arc<Tls>, workers: Handle) {
        let handshake = tls.acceptor().accept(stream);
        let limit = self.common.bounds.handshake;
        match handshake::beside(&workers, limit, handshake).await {
            Some(Ok(stream)) => {
                let certificates = stream.get_ref().1.peer_certificates();
                let identity = certificates.and_then(|c| c.first()).map(Identity::of);
                if self.admission.identified(&mut self.room, identity.as_ref()) {
                    self.run(stream, identity).await;
                }
            }
            failed => {
                self.common.counters.handshakes_failed.add();
                let error = match failed {
                    Some(Err(error)) => match Unproven::of(&error) {
                        Some(why) => format!("{why}: {error}"),
                        None => error.to_string(),
                    },
                    _ => "took too long".to_owned(),
                };
                macro_rules! tell {
                    ($level:ident) => {
                        $level!(by = "transport", requirement = "RFC 5922", verdict = "not let in", peer = %self.path.peer, error, "TLS handshake failed")
                    };
                }
                match self.complaints.is_time() {
                    true => tell!(warn),
                    false => tell!(debug),
                }
            }
        }
    }

    async fn run(self, stream: impl AsyncRead + AsyncWrite, identity: Option<Identity>) {
        self.common.counters.accepted.add();
        let (handle, queue) = handle::handle(self.number, identity.clone());
        let accepted = Item::Accepted(self.path, handle);
        if self.inbox.send(accepted).await.is_err() {
            return;
        }
        let connection = Connection::new(Ends {
            path: self.path,
            local: self.local,
            number: self.number,
            opened_here: false,
            identity,
            common: self.common,
            inbox: self.inbox,
            queue,
        });
        connection.run(stream).await;
        drop(self.room);
    }
}
