//! UDP sockets of a node.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

/// Receive buffer that is asked for: the usual default loses bursts of 20,000 messages a second.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Largest UDP payload.
const MAX_DATAGRAM: usize = 65_535;
/// Received datagrams are slices of chunks of this size.
const CHUNK: usize = 4 * MAX_DATAGRAM;

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
    // The system may grant less; that is no reason not to start.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// The sockets of one function.
#[derive(Debug)]
pub struct Sockets {
    sockets: Vec<(SocketAddr, UdpSocket)>,
    buffer: BytesMut,
}

impl Sockets {
    /// Takes bound sockets.
    ///
    /// # Errors
    /// A socket has no address.
    pub fn new(sockets: Vec<UdpSocket>) -> io::Result<Self> {
        let with_address = sockets
            .into_iter()
            .map(|socket| Ok((socket.local_addr()?, socket)));
        Ok(Self {
            sockets: with_address.collect::<io::Result<_>>()?,
            buffer: BytesMut::new(),
        })
    }

    /// The addresses.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|(address, _)| *address)
    }

    /// Waits until a datagram may be there.
    pub async fn readable(&self) {
        std::future::poll_fn(|context: &mut Context<'_>| {
            let ready =
                |(_, socket): &(SocketAddr, UdpSocket)| socket.poll_recv_ready(context).is_ready();
            // Every socket is polled, so that each of them wakes this task.
            match self.sockets.iter().map(ready).fold(false, |a, b| a | b) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    /// Takes a datagram that is there: local address, peer, bytes.
    pub fn try_receive(&mut self) -> Option<(SocketAddr, SocketAddr, Bytes)> {
        for (local, socket) in &self.sockets {
            if self.buffer.capacity() - self.buffer.len() < MAX_DATAGRAM {
                self.buffer.reserve(CHUNK);
            }
            // An error: nothing there, or ICMP's about an earlier send, whose transaction Timer F
            // takes care of.
            if let Ok((_, peer)) = socket.try_recv_buf_from(&mut self.buffer) {
                return Some((*local, peer, self.buffer.split().freeze()));
            }
        }
        None
    }

    /// Sends a datagram from the socket at `local`.
    ///
    /// # Errors
    /// The system cannot send it.
    pub async fn send(&self, local: SocketAddr, peer: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let (_, socket) = self
            .sockets
            .iter()
            .find(|(address, _)| *address == local)
            .ok_or(io::ErrorKind::AddrNotAvailable)?;
        socket.send_to(bytes, peer).await.map(drop)
    }
}
