//! What a MESSAGE costs: `cargo bench -p sip-transaction`. What is read off the wire until what goes onto it is there,
//! the forgetting of older transactions included; no system call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/work.rs"]
mod work;

use divan::{Bencher, black_box};
use sip_message::{Limits, Message, Response, StatusCode, validate};
use work::Work;

/// Runs them all.
pub fn main() {
    divan::main();
}

/// The parser's share.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn parse(bencher: Bencher) {
    let bytes = work::message(1);
    bencher.bench(|| Message::parse_datagram(black_box(bytes.clone()), &Limits::default()).is_ok());
}

/// The share of the checks of RFC 3261 §8.2.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn validate(bencher: Bencher) {
    let request = work::request(work::message(1));
    bencher.bench(|| validate::request(black_box(&request)).is_ok());
}

/// The share of building the 200.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn build_200(bencher: Bencher) {
    let mut request = work::request(work::message(1));
    request.set_source(work::upstream().peer);
    bencher.bench(|| {
        Response::to(
            black_box(&request),
            StatusCode::OK,
            Some("0123456789abcdef"),
        )
        .finish()
        .is_ok()
    });
}

/// A MESSAGE that is answered 200.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn serve(bencher: Bencher) {
    let (mut work, mut number) = (Work::quick(), 0);
    bencher
        .with_inputs(|| {
            number += 1;
            work::message(number)
        })
        .bench_local_values(|bytes| work.serve(bytes));
}

/// A MESSAGE that is refused for overload, parsing included.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn refuse(bencher: Bencher) {
    let (mut work, mut number) = (Work::overloaded(), 0);
    bencher
        .with_inputs(|| {
            number += 1;
            work::message(number)
        })
        .bench_local_values(|bytes| work.refuse(bytes));
}

/// A MESSAGE that is passed on, and its answer passed back.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn relay(bencher: Bencher) {
    let (mut work, mut number) = (Work::quick(), 0);
    bencher
        .with_inputs(|| {
            number += 1;
            work::message(number)
        })
        .bench_local_values(|bytes| work.relay(bytes));
}

/// What the relay's figure has too much: the answer of the other side is made within it.
#[divan::bench(sample_size = 100, sample_count = 200)]
fn relay_other_side(bencher: Bencher) {
    let bytes = work::message(1);
    bencher.bench(|| work::other_side(black_box(&bytes)));
}
