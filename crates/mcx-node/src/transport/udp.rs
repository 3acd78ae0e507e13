//! UDP sockets of a function.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use nix::sys::socket::{setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tracing::warn;

use super::runs::{self, Datagram, Waiting, Went};
use super::{Counters, dropped, filter, icmp};

/// Receive buffer that is asked for: the usual default loses bursts of 20,000 messages a second.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Largest UDP payload.
const MAX_DATAGRAM: usize = 65_535;
/// Received datagrams are slices of chunks of this size.
const CHUNK: usize = 4 * MAX_DATAGRAM;
/// How often a datagram is tried before an error is taken for its own.
const TRIES: u32 = 64;
/// Most ICMP errors that wait for the function; what comes beyond is left to Timer F.
pub(crate) const ERRORS: usize = 1_024;

/// Binds a socket; must be called inside a tokio runtime.
///
/// # Errors
/// The address cannot be bound.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The system may grant less (`net.core.rmem_max`), except to an administrator of the network; that is no reason not
    // to start.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// The UDP sockets of one function.
#[derive(Debug)]
pub(super) struct Sockets {
    sockets: Vec<(SocketAddr, Arc<UdpSocket>)>,
    buffer: BytesMut,
    /// Whose turn it is.
    first: usize,
    /// Datagrams that wait for the end of the turn.
    waiting: Waiting,
    run: Vec<Datagram>,
    /// Whether the system takes runs.
    runs: bool,
    /// The share of requests that the system drops; `None` where it cannot.
    sheds: Option<f64>,
    /// What the system calls the sockets.
    inodes: Vec<u64>,
}

/// Datagrams that were not sent: from where, where to, and why.
pub(super) type Unsent = Vec<(SocketAddr, SocketAddr, io::Error)>;

/// ICMP errors of the UDP sockets of one function.
#[derive(Debug)]
pub(super) struct IcmpErrors {
    errors: mpsc::Receiver<(SocketAddr, SocketAddr)>,
    watchers: Vec<AbortHandle>,
}

impl Sockets {
    /// Takes bound sockets with their addresses; must be called inside a tokio runtime.
    pub fn new(
        sockets: Vec<(SocketAddr, UdpSocket)>,
        counters: &Arc<Counters>,
    ) -> (Self, IcmpErrors) {
        let (report, errors) = mpsc::channel(ERRORS);
        let sockets: Vec<_> = sockets
            .into_iter()
            .map(|(local, socket)| (local, Arc::new(socket)))
            .collect();
        let watched = sockets.iter().filter(|(local, socket)| {
            // Where the system keeps no errors, Timer F ends what nobody answers.
            icmp::ask_for(socket, local.is_ipv4()).is_ok()
        });
        let watchers = watched
            .map(|(local, socket)| {
                let watch = watch(socket.clone(), *local, report.clone(), counters.clone());
                tokio::spawn(watch).abort_handle()
            })
            .collect();
        let buffer = BytesMut::new();
        let first = 0;
        let inodes = sockets.iter().filter_map(|(_, s)| dropped::inode(s));
        let inodes = inodes.collect();
        let sockets = Self {
            sockets,
            buffer,
            first,
            waiting: Waiting::default(),
            run: Vec::new(),
            runs: true,
            sheds: Some(0.0),
            inodes,
        };
        (sockets, IcmpErrors { errors, watchers })
    }

    /// Waits until a datagram may be there.
    pub async fn readable(&self) {
        std::future::poll_fn(|context: &mut Context<'_>| {
            let ready = |(_, socket): &(SocketAddr, Arc<UdpSocket>)| {
                socket.poll_recv_ready(context).is_ready()
            };
            // Every socket is polled, so that each of them wakes this task.
            match self.sockets.iter().map(ready).fold(false, |a, b| a | b) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Takes a datagram that is there: local address, peer, bytes; none of those that `drops` has done with, which leave
    /// their room to others.
    pub fn try_receive(
        &mut self,
        drops: impl FnOnce(SocketAddr, SocketAddr, &[u8]) -> bool,
    ) -> Option<(SocketAddr, SocketAddr, Option<Bytes>)> {
        // Each socket's turn comes, however much another one has.
        self.first = self.first.wrapping_add(1);
        let count = self.sockets.len().max(1);
        let (later, earlier) = self.sockets.split_at(self.first % count);
        for (local, socket) in earlier.iter().chain(later) {
            if self.buffer.capacity() - self.buffer.len() < MAX_DATAGRAM {
                self.buffer.reserve(CHUNK);
            }
            // An ICMP error about an earlier send takes the place of a datagram once.
            for _ in 0..2 {
                match socket.try_recv_buf_from(&mut self.buffer) {
                    Ok((_, peer)) => {
                        if drops(*local, peer, &self.buffer) {
                            self.buffer.clear();
                            return Some((*local, peer, None));
                        }
                        return Some((*local, peer, Some(self.buffer.split().freeze())));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// Has the system drop a share of all requests. Gives whether it does.
    pub fn shed(&mut self, share: f64) -> bool {
        if self
            .sheds
            .is_none_or(|now| (now - share).abs() < f64::EPSILON)
        {
            return self.sheds.is_some();
        }
        let mut sockets = self.sockets.iter();
        let told = sockets.try_for_each(|(_, socket)| filter::drop_requests(socket, share));
        self.sheds = told.is_ok().then_some(share);
        if let Err(error) = told {
            warn!(%error, "the system drops nothing: in overload every request that is too much has to be refused");
            for (_, socket) in &self.sockets {
                let _ = filter::drop_requests(socket, 0.0);
            }
        }
        self.sheds.is_some()
    }

    /// Datagrams that the system dropped.
    pub fn dropped(&self) -> u64 {
        dropped::of(&self.inodes)
    }

    /// Takes a datagram that [`Sockets::flush`] sends. Gives whether there is no room for others until then.
    pub fn queue(&mut self, datagram: Datagram) -> bool {
        self.waiting.push(datagram)
    }

    /// Sends what waits; what could not be sent is added to `unsent`.
    pub async fn flush(&mut self, unsent: &mut Unsent) {
        while self.waiting.next(&mut self.run) {
            let Some(first) = self.run.first() else {
                return;
            };
            let mut sockets = self.sockets.iter();
            let socket = sockets.find(|(address, _)| *address == first.local);
            let socket = socket.map(|(_, socket)| socket.clone());
            if self.runs
                && self.run.len() > 1
                && let Some(socket) = &socket
            {
                match runs::send(socket, &self.run) {
                    Went::Sent => continue,
                    Went::NotNow => {}
                    Went::Never => self.runs = false,
                }
            }
            for datagram in self.run.drain(..) {
                let Datagram {
                    local, peer, bytes, ..
                } = datagram;
                if let Err(error) = send(socket.as_deref(), peer, &bytes).await {
                    unsent.push((local, peer, error));
                }
            }
        }
    }
}

/// Sends a datagram.
///
/// The system reports an ICMP error about an earlier datagram, to whomever, in the place of sending the next one, and again for
/// each that is taken from the socket's errors meanwhile: of this datagram it says nothing.
async fn send(socket: Option<&UdpSocket>, peer: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let socket = socket.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let mut tries = 1;
    loop {
        match socket.try_send_to(bytes, peer) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => socket.writable().await?,
            Err(_) if tries < TRIES => tries += 1,
            // No datagram is refused before it is there. It is as lost as one on the way, and comes again as that does.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

impl IcmpErrors {
    /// Waits for one: local address and peer of the datagram that it is about.
    pub async fn recv(&mut self) -> (SocketAddr, SocketAddr) {
        match self.errors.recv().await {
            Some(about) => about,
            None => std::future::pending().await,
        }
    }
}

impl Drop for IcmpErrors {
    fn drop(&mut self) {
        for watcher in &self.watchers {
            watcher.abort();
        }
    }
}

/// Reports ICMP errors until it is aborted.
async fn watch(
    socket: Arc<UdpSocket>,
    local: SocketAddr,
    report: mpsc::Sender<(SocketAddr, SocketAddr)>,
    counters: Arc<Counters>,
) {
    loop {
        let next = socket.async_io(Interest::ERROR, || icmp::take(&socket));
        match next.await {
            Ok(Some(peer)) => {
                if report.try_send((local, peer)).is_err() {
                    counters.icmp_dropped.add();
                }
            }
            Ok(None) => {}
            // Only a socket that is of no use any more cannot be asked.
            Err(_) => return,
        }
    }
}
