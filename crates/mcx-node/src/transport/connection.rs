//! One connection, TCP or TLS, while it lasts: bytes become messages, queued messages become bytes, and whoever is too
//! slow is given up.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use sip_message::{Framed, Limits, Message, ParseError, StreamFramer};
use sip_trace::{Direction, MessageRecord, Recorder};
use sip_transaction::{Path, Transport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::Sleep;

use super::ended::{Ended, Unproven};
use super::handle::{Handle, Queue};
use super::tls::Identity;
use super::{Bounds, Counters};
use crate::clock;

/// Most bytes taken from a connection at once.
const PIECE: usize = 64 * 1024;
/// Queued messages taken at once.
const BATCH: usize = 64;
/// How long closing may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections of a function share.
#[derive(Debug)]
pub(super) struct Common {
    pub bounds: Bounds,
    pub limits: Limits,
    pub counters: Arc<Counters>,
    pub recorder: Recorder,
}

impl Common {
    /// Records a datagram.
    pub fn record(&self, direction: Direction, path: Path, bytes: &Bytes) {
        if self.recorder.is_on() {
            let Path { local, peer, .. } = path;
            let udp = sip_trace::Transport::Udp;
            let message = MessageRecord::new(direction, udp, local, peer, bytes.clone());
            self.recorder.message(clock::at(), message);
        }
    }
}

/// What a connection tells the function.
#[derive(Debug)]
pub(super) enum Item {
    /// A peer opened it; nothing else of it came before.
    Accepted(Path, Handle),
    /// It was opened from here, and its peer is who was meant.
    Opened(Path, u64, Identity),
    /// A message came, or something that is none. `last`: nothing more is read.
    Message {
        path: Path,
        message: Result<Message, ParseError>,
        last: bool,
    },
    /// Its authenticated peer takes requests on it, for this port (RFC 5923 §5).
    Alias(Path, u16),
    /// It is over.
    Closed(Path, u64, Ended),
}

/// A connection that is open, without its stream.
pub(super) struct Connection {
    /// As transactions name it.
    path: Path,
    /// The address that it really has here.
    local: SocketAddr,
    number: u64,
    /// Whether an alias of this peer can be believed (RFC 5923 §5.1).
    may_alias: bool,
    /// How often the peer is asked whether it is there.
    ping: Option<Duration>,
    common: Arc<Common>,
    inbox: mpsc::Sender<Item>,
    queue: Queue,
    framer: StreamFramer,
    opened_here: bool,
    /// Who the peer has proven to be, for the record: its domains with blanks between.
    identity: Option<Arc<str>>,
    /// How many bytes came.
    received: u64,
    /// How many bytes were queued to be written.
    put: u64,
    reading: Reading,
    /// What the function was too busy to take.
    undelivered: VecDeque<Item>,
    /// What is being written.
    out: BytesMut,
    deadlines: Deadlines,
}

/// What a connection is made of, beside its stream.
pub(super) struct Ends {
    pub path: Path,
    pub local: SocketAddr,
    pub number: u64,
    pub opened_here: bool,
    /// Who the peer has proven to be, if it showed a certificate.
    pub identity: Option<Identity>,
    pub common: Arc<Common>,
    pub inbox: mpsc::Sender<Item>,
    pub queue: Queue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Yes,
    /// The peer says nothing more.
    End,
    /// Nothing more can be understood; what is owed is still written until the function lets go.
    Unframed,
}

/// When something is to be done, if nothing happens before.
#[derive(Debug)]
struct Deadlines {
    idle: Instant,
    /// The message that has begun, or the first one, has to be complete.
    message: Option<Instant>,
    /// Something of what waits has to be written.
    write: Option<Instant>,
    ping: Option<Instant>,
    pong: Option<Instant>,
}

impl Deadlines {
    fn next(&self) -> Instant {
        let others = [self.message, self.write, self.ping, self.pong];
        others.into_iter().flatten().fold(self.idle, Instant::min)
    }
}

impl Connection {
    pub fn new(ends: Ends) -> Self {
        let now = Instant::now();
        let bounds = &ends.common.bounds;
        let ping = bounds.ping.filter(|_| ends.opened_here);
        let deadlines = Deadlines {
            idle: now + bounds.idle,
            message: (!ends.opened_here).then(|| now + bounds.message),
            write: None,
            ping: ping.map(|ping| now + ping),
            pong: None,
        };
        Self {
            ping,
            path: ends.path,
            local: ends.local,
            number: ends.number,
            may_alias: ends.identity.is_some() && !ends.opened_here,
            opened_here: ends.opened_here,
            identity: ends.identity.map(|it| it.all().join(" ").into()),
            received: 0,
            put: 0,
            framer: StreamFramer::new(ends.common.limits.clone()),
            common: ends.common,
            inbox: ends.inbox,
            queue: ends.queue,
            reading: Reading::Yes,
            undelivered: VecDeque::new(),
            out: BytesMut::new(),
            deadlines,
        }
    }

    /// Carries messages until it is over, and tells the function why.
    pub async fn run(mut self, stream: impl AsyncRead + AsyncWrite) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let ended = self.carry(&mut reader, &mut writer).await;
        let counters = &self.common.counters;
        match ended {
            Ended::Slow => counters.slow.add(),
            Ended::Stuck => counters.stuck.add(),
            Ended::Silent => counters.silent.add(),
            Ended::Idle => counters.idle.add(),
            Ended::Unframed => counters.unframed.add(),
            _ => {}
        }
        // What came before the end is heard before it.
        for item in self.undelivered {
            if self.inbox.send(item).await.is_err() {
                return;
            }
        }
        let closed = Item::Closed(self.path, self.number, ended);
        let _ = self.inbox.send(closed).await;
        // TLS says good-bye; whoever does not read is not waited for.
        let _ = tokio::time::timeout(FAREWELL, writer.shutdown()).await;
    }

    async fn carry(
        &mut self,
        reader: &mut (impl AsyncRead + Unpin),
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Ended {
        let inbox = self.inbox.clone();
        let mut piece = BytesMut::new();
        let mut batch = Vec::with_capacity(BATCH);
        let mut timer = Box::pin(tokio::time::sleep_until(self.deadlines.next().into()));
        let mut unflushed = false;
        let mut released = false;
        loop {
            let wrote_all = self.out.is_empty() && !unflushed;
            if wrote_all && let Some(ended) = self.finished(released) {
                return ended;
            }
            self.rearm(&mut timer);
            let waiting = self.queue.backlog.load(Ordering::Relaxed) + self.out.len();
            let held_back = waiting > self.common.bounds.queue / 2;
            let reads = self.reading == Reading::Yes && self.undelivered.is_empty();
            if reads && held_back {
                self.common.counters.held_back.add();
            }
            tokio::select! {
                permit = inbox.reserve(), if !self.undelivered.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(item) = self.undelivered.pop_front() {
                            permit.send(item);
                        }
                    }
                    Err(_) => return Ended::Closed,
                },
                wrote = write(writer, &mut self.out), if !wrote_all => match wrote {
                    Ok(Wrote::Some) => {
                        unflushed = true;
                        let now = Instant::now();
                        self.deadlines.idle = now + self.common.bounds.idle;
                        self.deadlines.write = Some(now + self.common.bounds.write);
                    }
                    Ok(Wrote::All) => {
                        unflushed = false;
                        self.deadlines.write = None;
                    }
                    Ok(Wrote::End) => return Ended::Closed,
                    Err(error) => return failed(&error),
                },
                count = self.queue.messages.recv_many(&mut batch, BATCH), if wrote_all && !released =>
                {
                    released = count == 0;
                    self.take(&mut batch);
                }
                read = reader.read_buf(&mut piece), if reads && !held_back => match read {
                    Ok(0) => self.reading = Reading::End,
                    Err(error) => return failed(&error),
                    Ok(_) => {
                        self.received = self.received.saturating_add(count(&piece));
                        self.framer.push(&piece);
                        piece.clear();
                        piece.reserve(PIECE);
                        self.frame();
                    }
                },
                () = &mut timer => {
                    if let Some(ended) = self.overdue() {
                        return ended;
                    }
                }
            }
        }
    }

    /// Whether it is over, when everything that was taken is written.
    fn finished(&self, released: bool) -> Option<Ended> {
        match self.reading {
            Reading::End if self.queue.messages.is_empty() => Some(Ended::Closed),
            Reading::Unframed if released => Some(Ended::Unframed),
            _ => released.then_some(Ended::Closed),
        }
    }

    /// Sets the timer back where a deadline has come nearer. One that has moved on is seen when the timer fires.
    fn rearm(&self, timer: &mut Pin<Box<Sleep>>) {
        let next = self.deadlines.next().into();
        if next < timer.deadline() || timer.is_elapsed() {
            timer.as_mut().reset(next);
        }
    }

    /// Takes queued messages to be written.
    fn take(&mut self, batch: &mut Vec<Bytes>) {
        for bytes in batch.drain(..) {
            self.queue.backlog.fetch_sub(bytes.len(), Ordering::Relaxed);
            self.record(Direction::Sent, self.put, &bytes);
            self.put(&bytes);
        }
    }

    /// Writes something behind everything that is to be written.
    fn put(&mut self, bytes: &[u8]) {
        self.put = self.put.saturating_add(count(bytes));
        self.out.extend_from_slice(bytes);
        self.begin_write();
    }

    fn begin_write(&mut self) {
        if self.deadlines.write.is_none() && !self.out.is_empty() {
            self.deadlines.write = Some(Instant::now() + self.common.bounds.write);
        }
    }

    /// Hands up what the last piece completed.
    fn frame(&mut self) {
        let now = Instant::now();
        let bounds = &self.common.bounds;
        self.deadlines.idle = now + bounds.idle;
        self.deadlines.pong = None;
        self.deadlines.ping = self.ping.map(|ping| now + ping);
        let limit = bounds.message;
        while let Some(framed) = self.framer.next() {
            self.deadlines.message = None;
            match framed {
                Ok(Framed::Message(message)) => self.message(Ok(message)),
                Ok(Framed::Ping) => {
                    self.common.counters.pings.add();
                    self.put(b"\r\n");
                }
                Ok(Framed::Pong) => {}
                Err(error) => self.message(Err(error)),
            }
        }
        if self.framer.is_broken() {
            self.reading = Reading::Unframed;
        }
        if self.framer.pending() > 0 && self.deadlines.message.is_none() {
            self.deadlines.message = Some(now + limit);
        }
    }

    fn message(&mut self, message: Result<Message, ParseError>) {
        // What is behind it waits in the framer.
        let end = self.received.saturating_sub(pending(&self.framer));
        let begin = |bytes: &Bytes| end.saturating_sub(count(bytes));
        if let Ok(message) = &message {
            let bytes = message.as_bytes();
            self.record(Direction::Received, begin(bytes), bytes);
            if self.may_alias
                && let Some(port) = alias_of(message)
            {
                self.may_alias = false;
                self.deliver(Item::Alias(self.path, port));
            }
        }
        if message.is_err() {
            // All that is left of it is recorded as it came, whether it can be answered or not.
            let lost = self.framer.lost().clone();
            self.record(Direction::Received, begin(&lost), &lost);
        }
        self.deliver(Item::Message {
            path: self.path,
            message,
            last: self.framer.is_broken(),
        });
    }

    fn deliver(&mut self, item: Item) {
        if !self.undelivered.is_empty() {
            return self.undelivered.push_back(item);
        }
        match self.inbox.try_send(item) {
            // It is seen when there is something to deliver again.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(item)) => self.undelivered.push_back(item),
        }
    }

    /// Does what is due; why it is over, if it is.
    fn overdue(&mut self) -> Option<Ended> {
        let now = Instant::now();
        let due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        let deadlines = &mut self.deadlines;
        if due(deadlines.write) {
            Some(Ended::Stuck)
        } else if due(deadlines.message) {
            Some(Ended::Slow)
        } else if due(deadlines.pong) {
            Some(Ended::Silent)
        } else if deadlines.idle <= now {
            Some(Ended::Idle)
        } else {
            if due(deadlines.ping) {
                deadlines.ping = None;
                deadlines.pong = Some(now + self.common.bounds.pong);
                self.put(b"\r\n\r\n");
            }
            None
        }
    }

    /// Records a message that begins at this place of its direction of the stream.
    fn record(&self, direction: Direction, offset: u64, bytes: &Bytes) {
        let recorder = &self.common.recorder;
        if !recorder.is_on() {
            return;
        }
        let transport = match self.path.transport {
            Transport::Udp => sip_trace::Transport::Udp,
            Transport::Tcp => sip_trace::Transport::Tcp,
            Transport::Tls => sip_trace::Transport::Tls,
        };
        let message = MessageRecord {
            direction,
            transport,
            local: self.local,
            peer: self.path.peer,
            opened_here: self.opened_here,
            identity: self.identity.clone(),
            offset: Some(offset),
            bytes: bytes.clone(),
        };
        recorder.message(clock::at(), message);
    }
}

fn count(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn pending(framer: &StreamFramer) -> u64 {
    u64::try_from(framer.pending()).unwrap_or(u64::MAX)
}

/// How far writing has come.
enum Wrote {
    Some,
    /// TLS has nothing left either.
    All,
    End,
}

/// Writes something of `out`, or hands on what TLS holds back when nothing is left.
async fn write(writer: &mut (impl AsyncWrite + Unpin), out: &mut BytesMut) -> io::Result<Wrote> {
    if out.is_empty() {
        return writer.flush().await.map(|()| Wrote::All);
    }
    match writer.write_buf(out).await? {
        0 => Ok(Wrote::End),
        _ => Ok(Wrote::Some),
    }
}

/// The port that the top Via of a request offers this connection for (RFC 5923 §5.1): its sent-by's.
fn alias_of(message: &Message) -> Option<u16> {
    let Message::Request(request) = message else {
        return None;
    };
    let via = request.headers().top_via().ok()?;
    via.params().get(b"alias")?;
    Some(via.port().unwrap_or(5061))
}

/// How a connection failed: in TLS 1.3 a peer may say after the handshake that it does not accept it.
fn failed(error: &io::Error) -> Ended {
    match Unproven::of(error) {
        Some(Unproven::Refused) => Ended::NotProven(Unproven::Refused),
        _ => Ended::Failed(error.kind()),
    }
}
