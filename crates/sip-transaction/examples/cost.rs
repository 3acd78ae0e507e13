//! One piece of work, many times, for a profiler that counts instructions:
//! `valgrind --tool=callgrind target/release/examples/cost serve 20000`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../benches/support/work.rs"]
mod work;

use work::Work;

fn main() {
    let what = std::env::args()
        .nth(1)
        .expect("serve, refuse, relay or message");
    let times = std::env::args()
        .nth(2)
        .map_or(20_000, |n| n.parse().unwrap());
    let mut work = match what.as_str() {
        "refuse" => Work::overloaded(),
        _ => Work::quick(),
    };
    let mut sum = 0;
    for number in 0..times {
        let bytes = work::message(number);
        sum += match what.as_str() {
            "serve" => work.serve(bytes).len(),
            "refuse" => work.refuse(bytes).len(),
            "relay" => work.relay(bytes).len(),
            // what making the messages costs, to be taken off
            "message" => bytes.len(),
            other => panic!("no {other}"),
        };
    }
    println!(
        "{what} {times} times: {} bytes",
        sum / usize::try_from(times).unwrap()
    );
}
