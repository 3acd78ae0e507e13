//! Messages on a stream (RFC 3261 §18.3, RFC 5626 §3.5.1).

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::error::{ParseError, ParseErrorKind};
use crate::limits::Limits;
use crate::message::Message;
use crate::parse::{Beginning, Flaw, Length};

/// What comes next on a stream.
///
/// ```
/// use sip_message::{Framed, Limits, StreamFramer};
///
/// let mut framer = StreamFramer::new(Limits::default());
/// framer.push(b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n\r\n");
/// let mut seen = Vec::new();
/// for framed in &mut framer {
///     seen.push(match framed? {
///         Framed::Message(_) => "message",
///         Framed::Ping => "ping",
///         Framed::Pong => "pong",
///     });
/// }
/// assert_eq!(seen, ["message", "pong"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub enum Framed {
    /// A message.
    Message(Message),
    /// Two line ends in a row between messages: the peer asks whether we are there. It is owed one line end.
    Ping,
    /// One line end between messages: the answer to a ping of ours, the first half of a ping of theirs, or nothing.
    Pong,
}

/// Cuts a stream into messages, the same ones in whatever pieces the bytes arrive. Holds no more than one message and
/// the last piece; looks at each byte once to find the end of a head.
///
/// Content-Length is what ends a message here. Without one that can be used the stream is lost and has to be closed,
/// and so it is after a head that cannot be read whole: what could not be read may have been a Content-Length. An error
/// is the last thing that comes out of a stream, and [`StreamFramer::is_broken`] says so. Answer the request if it can
/// be answered, and close.
///
/// ```
/// use sip_message::{Framed, Limits, StreamFramer};
///
/// let mut framer = StreamFramer::new(Limits::default());
/// framer.push(b"\r\n\r\nSIP/2.0 200 OK\r\nContent-Le");
/// assert!(matches!(framer.next(), Some(Ok(Framed::Pong))));
/// assert!(matches!(framer.next(), Some(Ok(Framed::Ping))));
/// assert!(framer.next().is_none());
/// framer.push(b"ngth: 2\r\n\r\nhi");
/// assert!(matches!(framer.next(), Some(Ok(Framed::Message(_)))));
/// ```
#[derive(Debug)]
pub struct StreamFramer {
    buffer: Buffer,
    limits: Limits,
    /// Line ends since the last message, of which two make a ping.
    line_ends: usize,
    /// Where the line begins whose end is looked for.
    line: usize,
    /// How far it was looked for.
    scanned: usize,
    /// What is complete of a message, and the length of the whole.
    begun: Option<(Beginning, usize)>,
    broken: bool,
    /// What was there when the stream was lost, from the beginning of the message that could not be read.
    lost: Bytes,
}

/// Bytes that came and were not cut off yet. Prints its size only.
struct Buffer(BytesMut);

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl StreamFramer {
    /// A framer for a new stream.
    ///
    /// ```
    /// use sip_message::{Limits, ParseErrorKind, StreamFramer};
    ///
    /// let mut framer = StreamFramer::new(Limits { header_bytes: 16, ..Limits::default() });
    /// framer.push(b"SIP/2.0 200 OK, and a head that goes on");
    /// assert!(matches!(framer.next(), Some(Err(error)) if error.kind == ParseErrorKind::HeadTooLarge));
    /// ```
    pub fn new(limits: Limits) -> Self {
        StreamFramer {
            buffer: Buffer(BytesMut::new()),
            limits,
            line_ends: 0,
            line: 0,
            scanned: 0,
            begun: None,
            broken: false,
            lost: Bytes::new(),
        }
    }

    /// Takes the next piece. Call [`next`](Iterator::next) until it gives `None` before the next push.
    ///
    /// ```
    /// use sip_message::{Framed, Limits, StreamFramer};
    ///
    /// let mut framer = StreamFramer::new(Limits::default());
    /// framer.push(b"SIP/2.0 200 OK\r\nl: 5\r\n\r\nhel");
    /// assert!(framer.next().is_none()); // more is needed
    /// framer.push(b"lo");
    /// assert!(matches!(framer.next(), Some(Ok(Framed::Message(message))) if message.body() == "hello"));
    /// ```
    pub fn push(&mut self, bytes: impl AsRef<[u8]>) {
        if !self.broken {
            self.buffer.0.extend_from_slice(bytes.as_ref());
        }
    }

    /// Is the place of the next message unknown? Then the stream has to be closed.
    ///
    /// ```
    /// use sip_message::{Limits, StreamFramer};
    ///
    /// let mut framer = StreamFramer::new(Limits::default());
    /// framer.push(b"SIP/2.0 200 OK\r\n\r\n"); // no Content-Length: where does it end?
    /// assert!(matches!(framer.next(), Some(Err(_))));
    /// assert!(framer.is_broken());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// What was there when the stream was lost, from the beginning of the message that could not be read; empty while it is
    /// not lost. For whoever has to show why.
    ///
    /// ```
    /// use sip_message::{Limits, StreamFramer};
    ///
    /// let mut framer = StreamFramer::new(Limits::default());
    /// framer.push(b"\r\nSIP/2.0 200 OK\r\n\r\n");
    /// assert!(framer.by_ref().any(|framed| framed.is_err()));
    /// assert_eq!(framer.lost(), b"SIP/2.0 200 OK\r\n\r\n".as_slice());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lost(&self) -> &Bytes {
        &self.lost
    }

    /// Bytes that wait for the rest of their message.
    ///
    /// ```
    /// use sip_message::{Limits, StreamFramer};
    ///
    /// let mut framer = StreamFramer::new(Limits::default());
    /// framer.push(b"SIP/2.0 2");
    /// assert!(framer.next().is_none());
    /// assert_eq!(framer.pending(), 9);
    /// ```
    pub fn pending(&self) -> usize {
        self.buffer.0.len()
    }

    /// One line end between messages, if there is one.
    fn line_end(&mut self) -> Option<Framed> {
        while let [b'\n', ..] = *self.buffer.0 {
            drop(self.buffer.0.split_to(1));
        }
        let [b'\r', b'\n', ..] = *self.buffer.0 else {
            return None;
        };
        drop(self.buffer.0.split_to(2));
        self.line_ends += 1;
        Some(if self.line_ends.is_multiple_of(2) {
            Framed::Ping
        } else {
            Framed::Pong
        })
    }

    /// Where the head ends, once its blank line is there.
    fn head_end(&mut self) -> Option<usize> {
        loop {
            let end = memchr(b'\n', self.buffer.0.get(self.scanned..)?);
            let Some(end) = end.map(|end| self.scanned + end) else {
                self.scanned = self.buffer.0.len();
                return None;
            };
            let blank = matches!(self.buffer.0.get(self.line..end), Some(b"" | b"\r"));
            self.line = end + 1;
            self.scanned = end + 1;
            if blank {
                return Some(end + 1);
            }
        }
    }

    /// What the head says and the length of the whole message, the head being complete.
    ///
    /// # Errors
    /// What leaves the end of the message unknown. A line that cannot be read does: it may have been a Content-Length.
    fn measure(&self, head_end: usize) -> Result<(Beginning, usize), Flaw> {
        let bytes = self.buffer.0.get(..head_end).unwrap_or_default();
        let beginning = Beginning::read(bytes, &self.limits, false)?;
        if let Some(flaw) = beginning.flaw() {
            return Err(flaw);
        }
        let kind = match beginning.declared_length(bytes) {
            Length::Unknown => ParseErrorKind::ContentLength,
            Length::Exactly(body) if body > self.limits.body => ParseErrorKind::BodyTooLarge,
            Length::Exactly(body) => match head_end.checked_add(body) {
                Some(total) if total <= self.limits.message => return Ok((beginning, total)),
                _ => ParseErrorKind::TooLarge,
            },
        };
        Err((kind, head_end))
    }

    /// The stream is lost; what may be answered is in the head.
    fn give_up(&mut self, flaw: Flaw, head_end: usize) -> ParseError {
        self.broken = true;
        self.lost = self.buffer.0.split().freeze();
        let head = self.lost.slice(..head_end.min(self.lost.len()));
        let (kind, offset) = match Beginning::read(&head, &self.limits, false) {
            Ok(beginning) => match beginning.flawed(flaw).message(head, &self.limits) {
                Err(error) => return error,
                Ok(_) => flaw,
            },
            // the head was cut off by a limit
            Err((ParseErrorKind::NoBlankLine, _)) => flaw,
            Err(no_start_line) => no_start_line,
        };
        ParseError::new(kind, offset)
    }
}

/// The next message or keep-alive; `None` when more bytes are needed. Not fused: more may come after `None`.
///
/// An error is a message that cannot be represented, and the end of the stream: nothing comes after it.
///
/// ```
/// use sip_message::{Framed, Limits, ParseErrorKind, StreamFramer};
///
/// let mut framer = StreamFramer::new(Limits::default());
/// framer.push(b"SIP/2.0 200 OK\r\nl: 0\r\n\r\nSIP/2.0 404 Not Found\r\nno colon\r\nl: 0\r\n\r\n");
/// assert!(matches!(framer.next(), Some(Ok(Framed::Message(_)))));
/// assert!(matches!(framer.next(), Some(Err(error)) if error.kind == ParseErrorKind::HeaderLine));
/// assert!(framer.is_broken() && framer.next().is_none());
/// ```
impl Iterator for StreamFramer {
    type Item = Result<Framed, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        if self.scanned == 0 {
            if let Some(framed) = self.line_end() {
                return Some(Ok(framed));
            }
            if matches!(*self.buffer.0, [] | [b'\r']) {
                return None;
            }
        }
        let (beginning, total) = match self.begun.take() {
            Some(known) => known,
            None => {
                let most = self.limits.header_bytes;
                let head_end = self.head_end();
                if head_end.unwrap_or(self.buffer.0.len()) > most {
                    let flaw = (ParseErrorKind::HeadTooLarge, most);
                    return Some(Err(self.give_up(flaw, most)));
                }
                let head_end = head_end?;
                match self.measure(head_end) {
                    Ok(begun) => begun,
                    Err(flaw) => return Some(Err(self.give_up(flaw, head_end))),
                }
            }
        };
        if self.buffer.0.len() < total {
            self.begun = Some((beginning, total));
            return None;
        }
        let message = self.buffer.0.split_to(total).freeze();
        (self.line_ends, self.line, self.scanned) = (0, 0, 0);
        let message = beginning.message(message, &self.limits);
        Some(message.map(Framed::Message))
    }
}
