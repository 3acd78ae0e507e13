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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Read as _;
    use std::net::TcpListener;

    use sip_trace::hep::Agent;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn to(address: SocketAddr) -> Connection {
        Connection::new(&CollectorConfig {
            tcp: true,
            address,
            agent: Agent::default(),
            pseudonyms: None,
        })
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        (listener, at)
    }

    /// The end at the collector of a connection that is open by now, or nearly.
    fn accepted(listener: &TcpListener) -> TcpStream {
        listener.set_nonblocking(true).unwrap();
        let begin = Instant::now();
        let stream = loop {
            if let Ok((stream, _)) = listener.accept() {
                break stream;
            }
            assert!(begin.elapsed() < PATIENCE, "no connection");
            std::thread::yield_now();
        };
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn read(stream: &mut TcpStream, length: usize) -> Vec<u8> {
        let mut packet = vec![0; length];
        stream.read_exact(&mut packet).unwrap();
        packet
    }

    fn stream(connection: &Connection) -> &TcpStream {
        let Some(Socket::Tcp(stream)) = &connection.socket else {
            unreachable!("no connection");
        };
        stream
    }

    /// As if the pause were over.
    fn pause_is_over(connection: &mut Connection) {
        assert!(connection.next_try.is_some());
        connection.next_try = Some(Instant::now());
    }

    #[test]
    fn one_that_is_not_there_is_tried_again_after_pauses_that_grow() {
        let (gone, at) = listener();
        drop(gone);
        let mut connection = to(at);
        let (mut pause, mut lost) = (FIRST_PAUSE, 0);
        for _ in 0..10 {
            assert_eq!((connection.pause, connection.lost), (pause, lost));
            let begin = Instant::now();
            assert!(!connection.send(b"nobody"));
            let next_try = connection.next_try.unwrap();
            assert!((begin + pause..=Instant::now() + pause).contains(&next_try));
            pause = LONGEST_PAUSE.min(pause * 2);
            lost += 1;
            // Not tried meanwhile, which would make the pause longer: however slow this machine is.
            connection.next_try = Some(next_try + PATIENCE);
            assert!(!connection.send(b"nobody"));
            assert_eq!(connection.pause, pause);
            lost += 1;
            pause_is_over(&mut connection);
        }
        assert_eq!(pause, LONGEST_PAUSE);
        let listener = TcpListener::bind(at).unwrap();
        assert!(connection.send(b"somebody"));
        assert_eq!(read(&mut accepted(&listener), 8), b"somebody");
        assert_eq!(stream(&connection).write_timeout().unwrap(), Some(WRITE));
        // All is as at the beginning.
        let state = (connection.lost, connection.next_try, connection.pause);
        assert_eq!(state, (0, None, FIRST_PAUSE));
    }

    #[test]
    fn nothing_is_written_to_one_that_closed_the_connection() {
        let (listener, at) = listener();
        let mut connection = to(at);
        assert!(connection.send(b"first"));
        assert_eq!(read(&mut accepted(&listener), 5), b"first");
        let begin = Instant::now();
        while !has_ended(stream(&connection)) {
            assert!(begin.elapsed() < PATIENCE, "the end is not seen");
            std::thread::yield_now();
        }
        assert!(connection.send(b"second"));
        assert_eq!(read(&mut accepted(&listener), 6), b"second");
    }

    #[test]
    fn behind_a_packet_that_was_taken_in_part_comes_another_connection() {
        let (listener, at) = listener();
        let mut connection = to(at);
        assert!(connection.send(b"first"));
        let _reads_nothing = accepted(&listener);
        let soon = Some(Duration::from_millis(10));
        stream(&connection).set_write_timeout(soon).unwrap();
        let much = vec![b'x'; 1024 * 1024];
        let taken = (0..1_000).find(|_| !connection.send(&much));
        assert!(taken.is_some() && connection.lost == 1);
        pause_is_over(&mut connection);
        assert!(connection.send(b"last"));
        assert_eq!(read(&mut accepted(&listener), 4), b"last");
    }
}
