//! The way to the collector: datagrams, or a connection that is opened again when it breaks, at growing intervals.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::CollectorConfig;

/// How long a connection may take to be opened.
const CONNECT: Duration = Duration::from_secs(2);
/// How long the collector may read nothing of what it is sent.
const WRITE: Duration = Duration::from_secs(10);
/// How long after a failure it is tried again, the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

pub(super) struct Connection {
    tcp: bool,
    address: SocketAddr,
    socket: Option<Socket>,
    /// Not before then.
    next_try: Option<Instant>,
    pause: Duration,
    /// Packets since it broke.
    lost: u64,
}

impl Connection {
    pub(super) fn new(config: &CollectorConfig) -> Self {
        Self {
            tcp: config.tcp,
            address: config.address,
            socket: None,
            next_try: None,
            pause: FIRST_PAUSE,
            lost: 0,
        }
    }

    /// Sends, or loses and counts; gives whether it was sent.
    pub(super) fn send(&mut self, packet: &[u8]) -> bool {
        if self.socket.is_none() && self.next_try.is_some_and(|at| Instant::now() < at) {
            self.lost += 1;
            return false;
        }
        let sent = self.try_send(packet);
        let is_sent = sent.is_ok();
        match sent {
            Ok(()) if self.lost > 0 || self.next_try.is_some() => {
                info!(collector = %self.address, packets_lost = self.lost, "the collector is told again");
                (self.lost, self.next_try, self.pause) = (0, None, FIRST_PAUSE);
            }
            Ok(()) => {}
            Err(error) => {
                if self.next_try.is_none() {
                    warn!(collector = %self.address, %error, "the collector cannot be told");
                }
                self.socket = None;
                self.lost += 1;
                self.next_try = Some(Instant::now() + self.pause);
                self.pause = LONGEST_PAUSE.min(self.pause * 2);
            }
        }
        is_sent
    }

    /// What was sent is sent before the end.
    pub(super) fn finish(self) {
        if let Some(Socket::Tcp(stream)) = &self.socket {
            let _ = stream.shutdown(Shutdown::Write);
        }
        if self.lost > 0 {
            warn!(collector = %self.address, packets_lost = self.lost, "the collector was not told of everything");
        }
    }

    fn try_send(&mut self, packet: &[u8]) -> io::Result<()> {
        if let Some(Socket::Tcp(stream)) = &self.socket
            && has_ended(stream)
        {
            self.socket = None;
        }
        let socket = match &mut self.socket {
            Some(socket) => socket,
            None => self.socket.insert(open(self.tcp, self.address)?),
        };
        match socket {
            Socket::Udp(socket) => socket.send(packet).map(drop),
            Socket::Tcp(stream) => stream.write_all(packet),
        }
    }
}

/// Whether the collector closed the connection: what is written then is taken by nobody, and the first write does not say
/// so. Collectors say nothing themselves.
fn has_ended(stream: &TcpStream) -> bool {
    let looked = stream
        .set_nonblocking(true)
        .and_then(|()| stream.peek(&mut [0]));
    let back = stream.set_nonblocking(false);
    match looked {
        Ok(read) => read == 0 || back.is_err(),
        Err(error) => error.kind() != io::ErrorKind::WouldBlock || back.is_err(),
    }
}

fn open(tcp: bool, address: SocketAddr) -> io::Result<Socket> {
    if tcp {
        let stream = TcpStream::connect_timeout(&address, CONNECT)?;
        stream.set_write_timeout(Some(WRITE))?;
        stream.set_nodelay(true)?;
        return Ok(Socket::Tcp(stream));
    }
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(address)?;
    Ok(Socket::Udp(socket))
}
