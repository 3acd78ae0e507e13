//! Transports of one function (RFC 3261 §18): UDP sockets, TCP and TLS listeners, and the connections of both directions.
//!
//! ```text
//!   UDP socket ───────────────────────────┐
//!   listener ─▶ connection (a task each) ─┼─▶ Transports::receive ─▶ … ─▶ Transports::send ─▶ socket or queue
//!               opening ─▶ connection ────┘
//! ```
//!
//! All of it is the function's own thread ([`crate::function_thread`]), but for the handshakes of TLS.
//!
//! A transaction names its hop by a [`Path`]; here the path finds its socket or connection. A connection that was
//! accepted has the path of its own addresses; one that was opened has the function's listening address as `local`,
//! which is what the Via says.

mod admission;
mod bounds;
mod connection;
mod connections;
mod counters;
mod dropped;
mod ended;
mod filter;
mod handle;
mod icmp;
pub mod listener;
mod numbers;
mod opening;
mod runs;
pub mod tls;
pub mod udp;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip_message::{Limits, Message, ParseError};
use sip_trace::{Direction, Recorder};
use sip_transaction::{Path, Sender, Transmit, Transport};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;

pub use self::admission::Acquaintances;
pub use self::bounds::Bounds;
use self::connection::{Common, Item};
use self::connections::{Brought, Connections};
pub use self::counters::{Counter, Counters};
pub use self::ended::{Ended, Unproven};
use self::runs::Datagram;
use self::tls::{Identity, Tls};
use self::udp::{IcmpErrors, Sockets, Unsent};

/// How long connections may take to write what is queued when the function ends.
const CLOSING: Duration = Duration::from_secs(2);
/// Most datagrams that are dropped before others get their turn.
const MOST_DROPPED: usize = 64;
/// Most hops whose domain is remembered; those of the configuration are fewer.
const DOMAINS: usize = 16_384;

/// Where a function listens: transport and address. Port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// Transport.
    pub transport: Transport,
    /// Address.
    pub address: SocketAddr,
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let transport = self.transport.as_str().to_ascii_lowercase();
        write!(f, "{transport}:{}", self.address)
    }
}

/// What the sockets of a function are told.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// TLS, if it speaks it.
    pub tls: Option<Arc<Tls>>,
    /// The runtime in which hands are shaken, so that nobody else waits for it; `None` is the function's own.
    pub workers: Option<Handle>,
    /// Bounds of connections.
    pub bounds: Bounds,
    /// Bounds of messages on streams.
    pub limits: Limits,
    /// Whom it knows.
    pub acquaintances: Acquaintances,
}

/// What came in.
#[derive(Debug)]
pub enum Arrival {
    /// A datagram, from somebody known or not.
    Datagram(Path, Sender, Bytes),
    /// A message on a connection, or something that is none. With `last` nothing more is read from it:
    /// [`Transports::release`] ends it, once what is owed is sent.
    Message {
        /// Where it came from.
        path: Path,
        /// Whether the sender is known.
        sender: Sender,
        /// What it was.
        message: Result<Message, ParseError>,
        /// Whether the stream is lost.
        last: bool,
    },
    /// What goes this way meets nobody (RFC 3261 §18.4).
    Lost(Path, Ended),
}

/// What became of what came in.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub enum Taken {
    /// It is to be handled.
    Arrival(Arrival),
    /// It was refused, or came from somebody who is not answered.
    Dropped,
}

impl Arrival {
    /// How many bytes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Datagram(_, _, bytes) => bytes.len(),
            Self::Message { message, .. } => message.as_ref().map_or(0, |m| m.as_bytes().len()),
            Self::Lost(..) => 0,
        }
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// All sockets of a function.
#[derive(Debug)]
pub struct Transports {
    listening: Vec<Listen>,
    udp: Sockets,
    /// Datagrams that could not be sent, until that is told.
    unsent: Unsent,
    errors: IcmpErrors,
    connections: Connections,
    common: Arc<Common>,
    acquaintances: Acquaintances,
    /// Who has to be at a hop (TLS).
    domains: HashMap<Path, Arc<str>>,
    /// What was waited for.
    ahead: Option<Ahead>,
    /// Whose turn it is, so that neither datagrams nor connections keep the other waiting.
    datagrams_first: bool,
}

#[derive(Debug)]
enum Ahead {
    Item(Item),
    Unreachable(Path),
}

impl Transports {
    /// Binds everything; must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Which address cannot be bound, and why.
    pub fn bind(setup: Setup, recorder: Recorder) -> Result<Self, (Listen, io::Error)> {
        let counters = Arc::new(Counters::default());
        let admission = admission::Admission::new(
            setup.bounds.clone(),
            setup.acquaintances.clone(),
            counters.clone(),
        );
        let common = Arc::new(Common {
            bounds: setup.bounds,
            limits: setup.limits,
            counters,
            recorder,
        });
        // Nothing runs before everything is bound.
        let mut bound = Vec::new();
        for listen in setup.listen {
            bound.push(Bound::new(listen).map_err(|error| (listen, error))?);
        }
        let mut connections = Connections::new(
            common.clone(),
            admission,
            setup.tls,
            setup.workers.unwrap_or_else(Handle::current),
        );
        let (mut listening, mut udp) = (Vec::new(), Vec::new());
        for Bound { listen, socket } in bound {
            listening.push(listen);
            match socket {
                Socket::Udp(socket) => udp.push((listen.address, socket)),
                Socket::Stream(socket) => {
                    let tls = listen.transport == Transport::Tls;
                    connections.listen(socket, listen.address, tls);
                }
            }
        }
        let (udp, errors) = Sockets::new(udp, &common.counters);
        Ok(Self {
            listening,
            udp,
            unsent: Unsent::new(),
            errors,
            connections,
            common,
            acquaintances: setup.acquaintances,
            domains: HashMap::new(),
            ahead: None,
            datagrams_first: true,
        })
    }

    /// Where it listens, free ports filled in.
    pub fn listening(&self) -> &[Listen] {
        &self.listening
    }

    /// Goes by other bounds, limits and acquaintances from now on; connections that are open keep to their bounds and limits.
    pub fn change(&mut self, bounds: Bounds, limits: Limits, acquaintances: Acquaintances) {
        let common = Arc::new(Common {
            bounds,
            limits,
            counters: self.common.counters.clone(),
            recorder: self.common.recorder.clone(),
        });
        self.connections
            .change(common.clone(), acquaintances.clone());
        self.common = common;
        self.acquaintances = acquaintances;
    }

    /// What the sockets have seen.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.common.counters
    }

    /// Connections that are open, those that are being opened included.
    pub fn connections(&self) -> usize {
        self.connections.count()
    }

    /// Who the peer at the other end of a connection has proven to be with a certificate.
    pub fn identity(&self, path: Path) -> Option<&Identity> {
        self.connections.identity(path)
    }

    /// Waits until [`Transports::try_receive`] may have something.
    pub async fn ready(&mut self) {
        if self.ahead.is_some() {
            return;
        }
        self.ahead = tokio::select! {
            () = self.udp.readable() => None,
            item = self.connections.next() => item.map(Ahead::Item),
            (local, peer) = self.errors.recv() => {
                self.common.counters.icmp.add();
                Some(Ahead::Unreachable(Path { local, peer, transport: Transport::Udp }))
            }
        };
    }

    /// Takes what is there.
    pub fn try_receive(&mut self) -> Option<Arrival> {
        // What is dropped makes room for what is not, within a bound.
        for _ in 0..MOST_DROPPED {
            if let Taken::Arrival(arrival) = self.try_take(|_, _, _| false)? {
                return Some(arrival);
            }
        }
        None
    }

    /// Takes what is there, unless `refuses` is done with it when it sees the message, which way it came, and whether the
    /// sender is known.
    pub fn try_take(
        &mut self,
        mut refuses: impl FnMut(Path, Sender, &[u8]) -> bool,
    ) -> Option<Taken> {
        self.datagrams_first = !self.datagrams_first;
        let refuses = &mut refuses;
        if self.datagrams_first {
            let datagram = self.datagram(refuses);
            return datagram.or_else(|| self.streamed(refuses));
        }
        let message = self.streamed(refuses);
        message.or_else(|| self.datagram(refuses))
    }

    /// Who sends on that way: known by the address, or by what a certificate proves.
    fn sender(&self, path: Path) -> Sender {
        let known = self.acquaintances.is_empty()
            || self.acquaintances.know(path.peer.ip())
            || path.transport == Transport::Tls
                && self
                    .connections
                    .identity(path)
                    .is_some_and(|identity| self.acquaintances.know_by_name(identity));
        match known {
            true => Sender::Known,
            false => Sender::Stranger,
        }
    }

    /// Has the system drop a share of the requests that come as datagrams, those that would only be refused. Gives whether
    /// it does.
    pub fn shed(&mut self, share: f64) -> bool {
        self.udp.shed(share)
    }

    /// Looks how many datagrams the system dropped.
    pub fn count_dropped(&self) {
        let counters = &self.common.counters;
        counters.dropped_by_system.set(self.udp.dropped());
    }

    /// Says who has to be at a hop: what is sent there by TLS from now on goes to this SIP domain, or nowhere
    /// (RFC 5922 §7.3).
    pub fn expect(&mut self, path: Path, domain: &Arc<str>) {
        if self.domains.len() >= DOMAINS {
            self.domains.clear();
        }
        self.domains.insert(path, domain.clone());
    }

    /// Sends a message: a datagram now, on a connection as soon as its turn comes. A connection is opened where there is
    /// none; [`Arrival::Lost`] says when that fails.
    ///
    /// # Errors
    /// It cannot be sent.
    pub async fn send(&mut self, transmit: Transmit) -> Result<(), Ended> {
        self.queue(transmit).await?;
        match self.flush().await.pop() {
            None => Ok(()),
            Some((_, ended)) => Err(ended),
        }
    }

    /// Takes a message that is to be sent: what [`Transports::send`] does, but datagrams wait for [`Transports::flush`],
    /// which says which of them could not be sent.
    ///
    /// # Errors
    /// It cannot be sent on its connection.
    pub async fn queue(&mut self, transmit: Transmit) -> Result<(), Ended> {
        let Transmit {
            path,
            bytes,
            alternative,
            independent,
            ..
        } = transmit;
        match path.transport {
            Transport::Udp => {
                self.common.record(Direction::Sent, path, &bytes);
                let Path { local, peer, .. } = path;
                let full = self.udp.queue(Datagram {
                    local,
                    peer,
                    bytes,
                    independent,
                });
                if full {
                    self.udp.flush(&mut self.unsent).await;
                }
                Ok(())
            }
            _ => {
                let domain = self.domains.get(&path);
                self.connections.send(path, domain, alternative, bytes)
            }
        }
    }

    /// Sends the datagrams that wait. Whoever queues does so at the end of every turn. Gives those that could not be sent.
    pub async fn flush(&mut self) -> Vec<(Path, Ended)> {
        self.udp.flush(&mut self.unsent).await;
        let unsent = self.unsent.drain(..).map(|(local, peer, error)| {
            let transport = Transport::Udp;
            let path = Path {
                local,
                peer,
                transport,
            };
            (path, Ended::Failed(error.kind()))
        });
        unsent.collect()
    }

    /// Lets a connection go: what is queued is written, then it ends.
    pub fn release(&mut self, path: Path) {
        self.connections.release(path);
    }

    /// Ends: listeners first, then connections, when they have written what was queued.
    pub async fn close(self) {
        let _ = tokio::time::timeout(CLOSING, self.connections.close()).await;
    }

    fn datagram(&mut self, refuses: &mut impl FnMut(Path, Sender, &[u8]) -> bool) -> Option<Taken> {
        let mut sender = Sender::Stranger;
        let (acquaintances, common) = (&self.acquaintances, &self.common);
        let path_of = |local, peer| Path {
            local,
            peer,
            transport: Transport::Udp,
        };
        let received = self.udp.try_receive(|local, peer, bytes| {
            if acquaintances.know(peer.ip()) {
                sender = Sender::Known;
            } else if acquaintances.ignore_strangers {
                common.counters.strangers.add();
                return true;
            } else if acquaintances.is_empty() {
                sender = Sender::Known;
            }
            let path = path_of(local, peer);
            let refused = refuses(path, sender, bytes);
            if refused && common.recorder.is_on() {
                let bytes = Bytes::copy_from_slice(bytes);
                common.record(Direction::Received, path, &bytes);
            }
            refused
        });
        let (local, peer, bytes) = received?;
        let Some(bytes) = bytes else {
            return Some(Taken::Dropped);
        };
        let path = path_of(local, peer);
        self.common.record(Direction::Received, path, &bytes);
        Some(Taken::Arrival(Arrival::Datagram(path, sender, bytes)))
    }

    fn streamed(&mut self, refuses: &mut impl FnMut(Path, Sender, &[u8]) -> bool) -> Option<Taken> {
        loop {
            let item = match self.ahead.take() {
                Some(Ahead::Item(item)) => item,
                Some(Ahead::Unreachable(path)) => {
                    let ended = Ended::Failed(io::ErrorKind::ConnectionRefused);
                    return Some(Taken::Arrival(Arrival::Lost(path, ended)));
                }
                None => self.connections.try_next()?,
            };
            match self.connections.take(item) {
                None => {}
                Some(Brought::Lost(path, ended)) => {
                    return Some(Taken::Arrival(Arrival::Lost(path, ended)));
                }
                Some(Brought::Message {
                    path,
                    message,
                    last,
                }) => {
                    let sender = self.sender(path);
                    if !last
                        && let Ok(message) = &message
                        && refuses(path, sender, message.as_bytes())
                    {
                        return Some(Taken::Dropped);
                    }
                    return Some(Taken::Arrival(Arrival::Message {
                        path,
                        sender,
                        message,
                        last,
                    }));
                }
            }
        }
    }
}

/// A socket with the address that it got.
struct Bound {
    listen: Listen,
    socket: Socket,
}

enum Socket {
    Udp(UdpSocket),
    Stream(TcpListener),
}

impl Bound {
    fn new(listen: Listen) -> io::Result<Self> {
        let (address, socket) = match listen.transport {
            Transport::Udp => {
                let socket = udp::bind(listen.address)?;
                (socket.local_addr()?, Socket::Udp(socket))
            }
            _ => {
                let socket = listener::bind(listen.address)?;
                (socket.local_addr()?, Socket::Stream(socket))
            }
        };
        let listen = Listen { address, ..listen };
        Ok(Self { listen, socket })
    }
}
