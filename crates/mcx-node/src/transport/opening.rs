//! Opens connections to peers.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use sip_transaction::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_rustls::rustls::pki_types::ServerName;

use super::admission::Room;
use super::connection::{Common, Connection, Ends, Item};
use super::ended::{Ended, Unproven};
use super::handle::Queue;
use super::tls::{Identity, Tls, handshake};

/// A connection that is to be opened. What is queued meanwhile is written when it is.
pub(super) struct Opening {
    pub path: Path,
    pub number: u64,
    pub common: Arc<Common>,
    pub inbox: mpsc::Sender<Item>,
    pub queue: Queue,
    pub room: Room,
    /// TLS, and the SIP domain that the peer has to prove to be; the address itself where there is none.
    pub tls: Option<(Arc<Tls>, Option<Arc<str>>)>,
    /// Where hands are shaken.
    pub workers: Handle,
}

impl Opening {
    pub async fn run(mut self) {
        let connect = connect(self.path.local, self.path.peer);
        let stream = match tokio::time::timeout(self.common.bounds.connect, connect).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return self.failed(Ended::Failed(error.kind())).await,
            Err(_) => return self.failed(Ended::NotOpened).await,
        };
        let _ = stream.set_nodelay(true);
        let local = stream.local_addr().unwrap_or(self.path.local);
        match self.tls.take() {
            None => self.carry(stream, local, None).await,
            Some((tls, domain)) => {
                self.shake_hands(stream, local, &tls, domain.as_deref())
                    .await
            }
        }
    }

    async fn shake_hands(
        self,
        stream: TcpStream,
        local: SocketAddr,
        tls: &Tls,
        domain: Option<&str>,
    ) {
        let name = match domain.map(|domain| ServerName::try_from(domain.to_owned())) {
            None => ServerName::from(self.path.peer.ip()),
            Some(Ok(name)) => name,
            Some(Err(_)) => {
                return self.failed(Ended::NotProven(Unproven::AnotherDomain)).await;
            }
        };
        let handshake = tls.connector().connect(name, stream);
        let limit = self.common.bounds.handshake;
        match handshake::beside(&self.workers, limit, handshake).await {
            Some(Ok(stream)) => {
                let certificates = stream.get_ref().1.peer_certificates();
                let identity = certificates.and_then(|c| c.first()).map(Identity::of);
                self.carry(stream, local, identity).await;
            }
            Some(Err(error)) => {
                let failed = Ended::Failed(error.kind());
                let ended = Unproven::of(&error).map_or(failed, Ended::NotProven);
                self.failed(ended).await;
            }
            None => self.failed(Ended::NotOpened).await,
        }
    }

    async fn carry(
        self,
        stream: impl AsyncRead + AsyncWrite,
        local: SocketAddr,
        identity: Option<Identity>,
    ) {
        self.common.counters.opened.add();
        let opened = Item::Opened(self.path, self.number, identity.clone().unwrap_or_default());
        if self.inbox.send(opened).await.is_err() {
            return;
        }
        let connection = Connection::new(Ends {
            path: self.path,
            local,
            number: self.number,
            opened_here: true,
            identity,
            common: self.common,
            inbox: self.inbox,
            queue: self.queue,
        });
        connection.run(stream).await;
        drop(self.room);
    }

    async fn failed(self, ended: Ended) {
        self.common.counters.not_opened.add();
        let closed = Item::Closed(self.path, self.number, ended);
        let _ = self.inbox.send(closed).await;
    }
}

/// From the function's own host, so that a peer who trusts the address knows it.
async fn connect(local: SocketAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = match peer {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(SocketAddr::new(local.ip(), 0))?;
    socket.connect(peer).await
}
