//! RFC 3261 §18.3 and RFC 5626 §3.5.1: the same messages come out whatever the pieces in which bytes arrive.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{message_bytes, with_lines};
use sip_message::{Framed, Limits, ParseErrorKind, StreamFramer};

/// What came out, as text that can be compared.
fn drain(framer: &mut StreamFramer, out: &mut Vec<String>) {
    for framed in framer {
        out.push(match framed {
            Ok(Framed::Message(message)) => message.as_bytes().escape_ascii().to_string(),
            Ok(keep_alive) => format!("{keep_alive:?}"),
            Err(error) => format!("{:?} {}", error.kind, error.answerable().is_some()),
        });
    }
}

fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
    let mut framer = StreamFramer::new(Limits::default());
    let mut out = Vec::new();
    for piece in pieces {
        framer.push(piece);
        drain(&mut framer, &mut out);
    }
    (out, framer.is_broken())
}

fn stream() -> Vec<u8> {
    let mut stream = b"\r\n\r\n".to_vec();
    stream.extend(message_bytes());
    stream.extend(b"\r\n");
    stream.extend(common::RESPONSE.as_bytes());
    stream.extend(b"\r\n\r\n\r\n");
    stream.extend((with_lines("l: 4\r\n") + "\r\n\r\n").as_bytes());
    stream.extend(
        (with_lines("Content-Length:\r\n 4\r\n").replace("\r\n", "\n") + "\0\r\n\r").as_bytes(),
    );
    stream.extend(b"\r\n");
    stream
}

#[test]
fn whole_streams_come_apart() {
    let (out, broken) = in_pieces([&stream()[..]]);
    let kinds: Vec<&str> = out
        .iter()
        .map(|text| text.get(..7).unwrap_or(text))
        .collect();
    assert_eq!(
        kinds,
        [
            "Pong", "Ping", "MESSAGE", "Pong", "SIP/2.0", "Pong", "Ping", "Pong", "OPTIONS",
            "OPTIONS", "Pong"
        ]
    );
    assert!(!broken);
}

/// What cannot be read may have been a Content-Length: whoever reads it as one finds other messages behind it than we do.
#[test]
fn a_head_that_cannot_be_read_whole_is_answered_and_ends_the_stream() {
    let cases = [
        ("no colon\r\nl: 0\r\n", "HeaderLine true"),
        ("Content-Length 90\r\nl: 0\r\n", "HeaderLine true"),
        ("Content-Length\0: 90\r\nl: 0\r\n", "Nul true"),
        ("l: 0\r\nContent-Length: 9\r0\r\n", "BareCr true"),
        ("l: 0\r\n\x0bl: 90\r\n", "HeaderLine true"),
    ];
    for (lines, told) in cases {
        let stream = with_lines(lines) + &with_lines("l: 0\r\n");
        let whole = in_pieces([stream.as_bytes()]);
        assert_eq!(whole, (vec![told.to_owned()], true), "{lines}");
        assert_eq!(in_pieces(stream.as_bytes().chunks(1)), whole, "{lines}");
    }
    let bare_cr = with_lines("l: 0\r\n").replace(" SIP/2.0\r\n", "\r SIP/2.0\r\n");
    let (out, broken) = in_pieces([bare_cr.as_bytes()]);
    assert_eq!((out, broken), (vec!["BareCr true".to_owned()], true));
}

#[test]
fn every_split_into_two_gives_the_same() {
    let stream = stream();
    let whole = in_pieces([&stream[..]]);
    for at in 0..=stream.len() {
        let (one, two) = stream.split_at(at);
        assert_eq!(in_pieces([one, two]), whole, "split at {at}");
    }
}

#[test]
fn bytes_one_by_one_and_in_odd_pieces_give_the_same() {
    let stream = stream();
    let whole = in_pieces([&stream[..]]);
    for size in [1, 2, 3, 7, 64, 1000] {
        assert_eq!(in_pieces(stream.chunks(size)), whole, "pieces of {size}");
    }
}

#[test]
fn without_a_usable_content_length_the_stream_is_lost() {
    for lines in ["", "l: x\r\n", "l: -1\r\n", "l: 1\r\nl: 2\r\n"] {
        let (out, broken) = in_pieces([
            with_lines(lines).as_bytes(),
            with_lines("l: 0\r\n").as_bytes(),
        ]);
        assert_eq!(
            (out, broken),
            (vec!["ContentLength true".to_owned()], true),
            "{lines}"
        );
    }
}

#[test]
fn limits_hold_before_the_bytes_have_come() {
    let case = |bytes: String, limits: Limits| {
        let mut framer = StreamFramer::new(limits);
        let mut kinds = Vec::new();
        for piece in bytes.as_bytes().chunks(100) {
            framer.push(piece);
            kinds.extend(
                framer
                    .by_ref()
                    .filter_map(Result::err)
                    .map(|error| error.kind),
            );
        }
        assert!(framer.is_broken() && framer.pending() == 0);
        kinds
    };
    let normal = Limits::default;
    let huge = with_lines("l: 18446744073709551615\r\n");
    assert_eq!(case(huge, normal()), [ParseErrorKind::BodyTooLarge]);
    let overflow = with_lines("l: 99999999999999999999999\r\n");
    assert_eq!(
        case(
            overflow,
            Limits {
                body: usize::MAX,
                ..normal()
            }
        ),
        [ParseErrorKind::TooLarge]
    );
    let large = with_lines("l: 65000\r\n");
    assert_eq!(
        case(
            large,
            Limits {
                message: 65_100,
                ..normal()
            }
        ),
        [ParseErrorKind::TooLarge]
    );
    assert_eq!(case("x".repeat(40_000), normal()), [ParseErrorKind::NotSip]);
    let cut = "OPTIONS sip:a@b SIP/2.0\r\nSubject: ".to_owned() + &"x".repeat(40_000);
    assert_eq!(case(cut, normal()), [ParseErrorKind::HeadTooLarge]);
    let endless = with_lines("").trim_end().to_owned() + &"\r\na: b".repeat(9000);
    assert_eq!(case(endless, normal()), [ParseErrorKind::HeadTooLarge]);
    let many = with_lines(&("a: b\r\n".repeat(300) + "l: 0\r\n"));
    assert_eq!(case(many, normal()), [ParseErrorKind::TooManyHeaders]);
}

#[test]
fn what_is_not_sip_is_told() {
    for (head, told) in [
        ("GET / HTTP/1.1\r\n", "NotSip false"),
        ("SIP/2.0 99 Low\r\n", "StartLine false"),
        ("OPTIONS sip:a@b SIP/x\r\n", "StartLine false"),
    ] {
        // at once, its body is not waited for
        let (out, broken) = in_pieces([format!("{head}Content-Length: 9\r\n\r\n").as_bytes()]);
        assert_eq!((out, broken), (vec![told.to_owned()], true));
    }
}
