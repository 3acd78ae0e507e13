//! What becomes of bytes, by the library alone.

use bytes::Bytes;
use sip_message::{
    Framed, Limits, Message, Method, ParseError, ParseErrorKind, Request, StreamFramer, ValueError,
    ValueErrorKind, validate,
};

use super::{Fate, OnStream};

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its fate.
    pub fate: Fate,
    /// What was wrong, without the place: `Malformed To`, `bare carriage return`.
    pub because: Option<String>,
    /// The message, if it was accepted.
    pub message: Option<Message>,
}

impl Judged {
    fn refused(fate: Fate, because: &str) -> Self {
        let because = because.split(" at byte").next().unwrap_or_default();
        Judged {
            fate,
            because: Some(because.to_owned()),
            message: None,
        }
    }
}

/// Parses and validates a datagram.
#[must_use]
pub fn judge_datagram(bytes: &Bytes) -> Judged {
    match Message::parse_datagram(bytes.clone(), &Limits::default()) {
        Ok(message) => judge(message),
        Err(error) => unparsed(&error),
    }
}

/// What a message is owed that could be parsed.
fn judge(message: Message) -> Judged {
    match &message {
        Message::Request(request) => {
            if let Err(refusal) = validate::request(request) {
                let fate = if can_be_answered(request) {
                    Fate::Answer(refusal.status.as_u16())
                } else {
                    Fate::Drop
                };
                return Judged::refused(fate, &refusal.reason);
            }
        }
        Message::Response(response) => {
            if let Err(error) = validate::response(response) {
                return Judged::refused(Fate::Drop, &error.to_string());
            }
        }
    }
    Judged {
        fate: Fate::Accept,
        because: None,
        message: Some(message),
    }
}

/// An ACK is never answered (RFC 3261 §17.1.1.3); without a Via there is nowhere to send an answer (§18.2.2).
fn can_be_answered(request: &Request) -> bool {
    let no_via = matches!(
        request.headers().top_via(),
        Err(ValueError {
            kind: ValueErrorKind::Missing,
            ..
        })
    );
    *request.method() != Method::Ack && !no_via
}

fn unparsed(error: &ParseError) -> Judged {
    let fate = match error.answerable() {
        Some(_) => Fate::Answer(error.status().as_u16()),
        None => Fate::Drop,
    };
    Judged::refused(fate, &error.to_string())
}

/// What a framer gives, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message, byte for byte.
    Message(Bytes),
    /// An error: its kind, its place, and the request that can be answered.
    Error(ParseErrorKind, usize, Option<Bytes>),
    /// A keep-alive.
    Ping,
    /// A keep-alive's answer.
    Pong,
    /// The framer gave up.
    Broken,
    /// So many bytes wait for more.
    Pending(usize),
}

fn pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut take: impl FnMut(Result<Framed, ParseError>),
) -> StreamFramer {
    let mut framer = StreamFramer::new(Limits::default());
    for piece in pieces {
        framer.push(piece);
        framer.by_ref().for_each(&mut take);
    }
    framer
}

/// What a stream gives that arrives in these pieces.
pub fn stream_items<'a>(stream: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let mut items = Vec::new();
    let framer = pieces(stream, |framed| {
        items.push(match framed {
            Ok(Framed::Message(message)) => Item::Message(message.as_bytes().clone()),
            Ok(Framed::Ping) => Item::Ping,
            Ok(Framed::Pong) => Item::Pong,
            Err(error) => {
                let answerable = error.answerable().map(|request| request.as_bytes().clone());
                Item::Error(error.kind, error.offset, answerable)
            }
        });
    });
    if framer.is_broken() {
        items.push(Item::Broken);
    }
    if framer.pending() > 0 {
        items.push(Item::Pending(framer.pending()));
    }
    items
}

/// What becomes of a stream that ends after these bytes, and the messages that were accepted.
#[must_use]
pub fn judge_stream(bytes: &Bytes) -> (Vec<OnStream>, Vec<Message>) {
    let (mut out, mut accepted) = (Vec::new(), Vec::new());
    let framer = pieces([&bytes[..]], |framed| {
        let judged = match framed {
            Ok(Framed::Ping) => return out.push(OnStream::Ping),
            Ok(Framed::Pong) => return out.push(OnStream::Pong),
            Ok(Framed::Message(message)) => judge(message),
            Err(error) => unparsed(&error),
        };
        out.push(OnStream::Message(judged.fate));
        accepted.extend(judged.message);
    });
    if framer.is_broken() {
        out.push(OnStream::Close);
    }
    if framer.pending() > 0 {
        out.push(OnStream::Wait);
    }
    (out, accepted)
}
