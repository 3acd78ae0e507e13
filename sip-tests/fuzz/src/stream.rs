//! A stream: the same messages in whatever pieces it comes, and the same ones that datagrams would be.
//!
//! The bytes up to the first line feed are the recipe: each is the length of a piece, over and over again. The rest is
//! the stream.

use bytes::Bytes;
use sip_message::{Framed, Limits, Message, ParseError, ParseErrorKind, StreamFramer};

use crate::{naive, read};

/// Any bytes.
pub fn run(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == b'\n');
    let (recipe, stream) = match cut {
        Some(cut) => (&input[..cut], &input[cut + 1..]),
        None => (&[][..], input),
    };
    for limits in [Limits::default(), crate::tight()] {
        let whole = in_pieces([stream].into_iter(), &limits);
        let pieces = in_pieces(
            Cut {
                recipe,
                at: 0,
                rest: stream,
            },
            &limits,
        );
        assert_eq!(whole.steps, pieces.steps, "in pieces as a whole");
        assert_eq!(whole.end, pieces.end, "in pieces as a whole");
        if stream.len() < 300 {
            let bytes = in_pieces(stream.chunks(1), &limits);
            assert_eq!(whole.steps, bytes.steps, "byte by byte as a whole");
            assert_eq!(whole.end, bytes.end, "byte by byte as a whole");
        }
        as_datagrams(stream, &whole, &limits);
    }
}

/// Pieces as long as the recipe says.
struct Cut<'a> {
    recipe: &'a [u8],
    at: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Cut<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.recipe.get(self.at % self.recipe.len().max(1));
        let length = length.map_or(1, |byte| usize::from(*byte) + 1);
        self.at += 1;
        let (piece, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(piece)
    }
}

/// What came out, comparable.
#[derive(Debug, PartialEq)]
enum Step {
    Ping,
    Pong,
    Message(Bytes, Bytes),
    Broken(ParseErrorKind, usize, Option<Bytes>),
}

struct Outcome {
    steps: Vec<Step>,
    /// Broken, and how many bytes wait.
    end: (bool, usize),
}

fn in_pieces<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Outcome {
    let mut framer = StreamFramer::new(limits.clone());
    let mut steps = Vec::new();
    for piece in pieces {
        framer.push(piece);
        let most = limits.message + piece.len();
        for step in framer.by_ref() {
            steps.push(match step {
                Ok(Framed::Ping) => Step::Ping,
                Ok(Framed::Pong) => Step::Pong,
                Ok(Framed::Message(message)) => {
                    Step::Message(message.as_bytes().clone(), message.body().clone())
                }
                Err(error) => broken(error),
            });
        }
        assert!(framer.pending() <= most, "holds one message and a piece");
    }
    Outcome {
        steps,
        end: (framer.is_broken(), framer.pending()),
    }
}

fn broken(error: ParseError) -> Step {
    let (kind, offset) = (error.kind, error.offset);
    let answerable = error.into_answerable().map(|r| r.as_bytes().clone());
    Step::Broken(kind, offset, answerable)
}

/// What one step took from the stream is what a datagram of these bytes would be.
fn as_datagrams(stream: &[u8], whole: &Outcome, limits: &Limits) {
    let mut framer = StreamFramer::new(limits.clone());
    framer.push(stream);
    let mut at = 0;
    let mut count = 0;
    while let Some(step) = framer.next() {
        count += 1;
        let from = at;
        at = if framer.is_broken() {
            stream.len()
        } else {
            stream.len() - framer.pending()
        };
        let taken = &stream[from..at];
        let alone = Message::parse_datagram(Bytes::copy_from_slice(taken), limits);
        let lost = step.is_err();
        match step {
            Ok(Framed::Ping | Framed::Pong) => {
                assert!(taken.ends_with(b"\r\n"));
                assert!(taken.iter().all(|byte| matches!(byte, b'\r' | b'\n')));
            }
            Ok(Framed::Message(message)) => {
                assert!(!message.truncated());
                read::message(&message, limits);
                let alone = alone.expect("a message on a stream is one alone");
                same(&message, &alone);
                let reading = naive::datagram(taken, limits).expect("readable");
                reading.agrees(&message);
                assert!(naive::content_length(&reading.fields).is_some());
                let rest = &stream[from..];
                if rest.len() <= limits.message {
                    let rest = Message::parse_datagram(Bytes::copy_from_slice(rest), limits);
                    same(
                        &message,
                        &rest.expect("what follows is none of its concern"),
                    );
                }
            }
            Err(error) => match error.kind {
                ParseErrorKind::ContentLength => {
                    if let Some(reading) = naive::datagram(taken, limits) {
                        assert_eq!(naive::content_length(&reading.fields), None);
                    }
                }
                // These do not depend on what stands before.
                ParseErrorKind::NotSip
                | ParseErrorKind::StartLine
                | ParseErrorKind::HeaderLine
                | ParseErrorKind::BareCr
                | ParseErrorKind::Nul => {
                    assert!(naive::datagram(taken, limits).is_none(), "it can be read");
                    if taken.len() <= limits.message {
                        let alone = alone.expect_err("a broken head is broken alone");
                        assert_eq!(alone.kind, error.kind);
                        let bytes = |error: ParseError| {
                            error.into_answerable().map(|r| r.as_bytes().clone())
                        };
                        assert_eq!(bytes(error), bytes(alone), "answered in the same way");
                    }
                }
                ParseErrorKind::TooLarge
                | ParseErrorKind::BodyTooLarge
                | ParseErrorKind::HeadTooLarge
                | ParseErrorKind::TooManyHeaders => {}
                kind => panic!("a stream that is lost through {kind:?}"),
            },
        }
        assert_eq!(
            framer.is_broken(),
            lost,
            "an error ends the stream, and nothing else"
        );
    }
    assert_eq!(count, whole.steps.len());
    if !framer.is_broken()
        && let Some(reading) = naive::datagram(&stream[at..], limits)
    {
        assert!(reading.truncated, "a whole message was left waiting");
    }
}

fn same(one: &Message, other: &Message) {
    assert_eq!(one.as_bytes(), other.as_bytes());
    assert_eq!(one.body(), other.body());
    assert!(one.headers().iter().eq(other.headers().iter()));
    assert_eq!(one.truncated(), other.truncated());
}
