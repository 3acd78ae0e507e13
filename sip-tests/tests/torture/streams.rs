//! Every message on a stream: its fate, and that the pieces in which bytes arrive change nothing.

use sip_tests::sim::Dice;
use sip_tests::torture::{
    Case, Fate, Item, OnStream, corpus, judge_datagram, judge_stream, stream_items,
};

use crate::known_wrong::{At, assert_only_known};

/// Up to this length and this many lines a message is split at every position. Beyond, the time would grow with the
/// square: messages of more lines are split at every [`LINE_STRIDE`]th position, longer ones around every line end and at
/// every [`STRIDE`]th position in between.
const EVERY_POSITION: usize = 4096;
const EVERY_LINE: usize = 200;
/// Primes, so that they fall into step with nothing in a message.
const LINE_STRIDE: usize = 13;
const STRIDE: usize = 211;
const THREADS: usize = 4;

fn positions(bytes: &[u8]) -> impl Iterator<Item = usize> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    (0..=bytes.len()).filter(move |at| {
        let around = bytes.get(at.saturating_sub(2)..(at + 2).min(bytes.len()));
        if bytes.len() > EVERY_POSITION {
            at % STRIDE == 0 || around.is_some_and(|around| around.contains(&b'\n'))
        } else {
            lines <= EVERY_LINE || at % LINE_STRIDE == 0
        }
    })
}

#[test]
fn streams_meet_their_fate() {
    let mut failed = Vec::new();
    for case in corpus() {
        let (fate, right) = (judge_stream(&case.bytes).0, case.verdict.stream);
        if fate != right {
            failed.push((
                case.verdict.name,
                format!("{right:?} is right, {fate:?} it is"),
            ));
        }
    }
    assert_only_known(At::Stream, &failed);
}

#[test]
fn a_message_is_the_same_on_a_stream_as_in_a_datagram() {
    for case in corpus() {
        let Some(message) = judge_datagram(&case.bytes).message else {
            continue;
        };
        if let Some(first) = judge_stream(&case.bytes).1.first() {
            assert_eq!(
                first.as_bytes(),
                message.as_bytes(),
                "{}",
                case.verdict.name
            );
        }
    }
}

#[test]
fn every_message_in_two_pieces_is_the_same() {
    let cases = corpus();
    // In threads, since this is most of the work that the whole suite does.
    std::thread::scope(|threads| {
        for share in 0..THREADS {
            let cases = cases.iter().skip(share).step_by(THREADS);
            threads.spawn(|| cases.for_each(in_two_pieces));
        }
    });
}

fn in_two_pieces(case: &Case) {
    let whole = stream_items([&case.bytes[..]]);
    for at in positions(&case.bytes) {
        let (one, two) = case.bytes.split_at(at);
        let name = &case.verdict.name;
        assert_eq!(stream_items([one, two]), whole, "{name} split at {at}");
    }
}

#[test]
fn every_message_byte_by_byte_is_the_same() {
    for case in corpus() {
        let whole = stream_items([&case.bytes[..]]);
        assert_eq!(
            stream_items(case.bytes.chunks(1)),
            whole,
            "{}",
            case.verdict.name
        );
    }
}

/// Everything that ends by itself on a stream, with keep-alives in between; and what is to come out.
fn one_long_stream() -> (Vec<u8>, Vec<Item>) {
    let (mut stream, mut items) = (Vec::new(), Vec::new());
    let keep_alives: [(&[u8], &[Item]); 3] = [
        (b"", &[]),
        (b"\r\n", &[Item::Pong]),
        (b"\r\n\r\n", &[Item::Pong, Item::Ping]),
    ];
    for (number, case) in corpus().iter().enumerate() {
        if case.verdict.stream == [OnStream::Message(Fate::Accept)] {
            let (bytes, found) = &keep_alives[number % keep_alives.len()];
            stream.extend_from_slice(bytes);
            items.extend_from_slice(found);
            stream.extend_from_slice(&case.bytes);
            // Bare line feeds are skipped without a word.
            let line_ends = case.bytes.iter().take_while(|byte| **byte == b'\n').count();
            items.push(Item::Message(case.bytes.slice(line_ends..)));
        }
    }
    (stream, items)
}

#[test]
fn all_messages_on_one_stream_come_apart_wherever_it_is_cut() {
    let (stream, items) = one_long_stream();
    assert!(items.len() > 50, "{}", items.len());
    assert!(stream_items([&stream[..]]) == items, "in one piece");
    for seed in 0..20 {
        let mut dice = Dice::new(seed);
        let longest = [1, 3, 10, 100, 2000][usize::try_from(seed).unwrap() % 5];
        let mut rest = &stream[..];
        let pieces = std::iter::from_fn(|| {
            let length = usize::try_from(dice.between(1, longest)).unwrap();
            let (piece, tail) = rest.split_at(length.min(rest.len()));
            rest = tail;
            (!piece.is_empty()).then_some(piece)
        });
        assert!(stream_items(pieces) == items, "seed {seed}");
    }
}
