//! Speed of this parser beside others in Rust, on the same three messages in one run:
//! `cargo bench -p sip-message --features peers`. Without the feature, ours and rsip's.
//! The table and how to read it: `docs/performance.md`. What is parsed is dropped within the time that is measured: who
//! allocates also frees.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/parsers.rs"]
mod parsers;

use bytes::Bytes;
use divan::{Bencher, black_box};
use parsers::*;
use sip_message::{HeaderName, Limits, Message, Request, Response, StatusCode, validate};

/// Runs them all.
pub fn main() {
    divan::main();
}

/// The three messages: what this project sends, one that uses the whole grammar, and one of the shortest.
const MESSAGES: [&str; 3] = ["mcx_message", "torture_invite", "short_200"];

fn message(name: &str) -> Bytes {
    Bytes::copy_from_slice(match name {
        "mcx_message" => include_bytes!("messages/mcx_message.dat"),
        "torture_invite" => include_bytes!("messages/torture_invite.dat"),
        "short_200" => include_bytes!("messages/short_200.dat"),
        other => panic!("no message {other}"),
    })
}

/// A parser that refuses a message has no time for it.
fn said<T>(name: &str, parsed: Option<T>) {
    if parsed.is_none() {
        eprintln!("!!! {name} is refused here: the figure below is the time of a refusal");
    }
}

/// The same runs for every parser.
macro_rules! side_by_side {
    ($($parser:ty),*) => {
        /// Read as far as the parser reads without being asked for values.
        #[divan::bench(types = [$($parser),*], args = MESSAGES)]
        fn parse<P: Parser>(bencher: Bencher, name: &str) {
            let bytes = message(name);
            said(name, P::parse(&bytes));
            bencher.bench(|| drop(black_box(P::parse(black_box(&bytes)))));
        }

        /// And five typed values: topmost Via, From, To, Call-ID, CSeq.
        #[divan::bench(types = [$($parser),*], args = MESSAGES)]
        fn parse_five_typed<P: Parser>(bencher: Bencher, name: &str) {
            let bytes = message(name);
            said(name, P::parse(&bytes).and_then(|message| P::read_five(&message)));
            bencher.bench(|| {
                let message = P::parse(black_box(&bytes))?;
                P::read_five(&message)
            });
        }

        /// And printed, untouched.
        #[divan::bench(types = [$($parser),*], args = MESSAGES)]
        fn parse_print<P: Parser>(bencher: Bencher, name: &str) {
            let bytes = message(name);
            bencher.bench(|| {
                let message = P::parse(black_box(&bytes))?;
                drop(black_box(P::print(&message)));
                Some(())
            });
        }
    };
}

#[cfg(feature = "peers")]
side_by_side!(Ours, Rsip, RsipStack, Ezk);
#[cfg(all(feature = "rsip", not(feature = "peers")))]
side_by_side!(Ours, Rsip);
#[cfg(not(feature = "rsip"))]
side_by_side!(Ours);

/// What no peer is measured with.
mod ours_alone {
    use super::*;

    fn request(name: &str) -> Request {
        match Message::parse_datagram(message(name), &Limits::default()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{name} is no request: {other:?}"),
        }
    }

    /// What a proxy does: Via pushed, Max-Forwards lowered, Route popped, printed.
    #[divan::bench(args = ["mcx_message", "torture_invite"])]
    fn print_edited(bencher: Bencher, name: &str) {
        let request = request(name);
        bencher.bench(|| {
            let edit = black_box(&request)
                .edit()
                .push(
                    HeaderName::Via,
                    "SIP/2.0/UDP 10.20.3.1:5060;branch=z9hG4bK8a7b6c5d4e",
                )
                .set(HeaderName::MaxForwards, "66")
                .pop(&HeaderName::Route);
            drop(black_box(edit.finish().unwrap()));
        });
    }

    #[divan::bench(args = ["mcx_message"])]
    fn validate_request(bencher: Bencher, name: &str) {
        let request = request(name);
        bencher.bench(|| validate::request(black_box(&request)));
    }

    #[divan::bench(args = ["mcx_message"])]
    fn build_response(bencher: Bencher, name: &str) {
        let mut request = request(name);
        request.set_source(([10, 20, 0, 9], 5080).into());
        bencher.bench(|| {
            let response = Response::to(black_box(&request), StatusCode::OK, Some("99c1"));
            drop(black_box(response.finish().unwrap()));
        });
    }

    /// 60 kB made to cost as much as possible: parsed, and every value read that is there.
    const HOSTILE: [&str; 8] = [
        "one long line",
        "empty lines folded",
        "commas",
        "quotes",
        "parameters",
        "short headers",
        "blanks",
        "vias",
    ];

    fn hostile(name: &str) -> Bytes {
        let (field, unit) = match name {
            "one long line" => ("Contact: ", "a"),
            "empty lines folded" => ("Contact: a", "\r\n "),
            "commas" => ("Contact: ", ","),
            "quotes" => ("Contact: ", "\"\\\""),
            "parameters" => ("Contact: <sip:a@h>", ";a"),
            "short headers" => ("", "a:\r\n"),
            "blanks" => ("Contact: a", " "),
            "vias" => ("Via: SIP/2.0/UDP h", ",SIP/2.0/UDP h"),
            other => panic!("no input {other}"),
        };
        let times = 60_000 / unit.len();
        Bytes::from(format!(
            "OPTIONS sip:b@h SIP/2.0\r\n{field}{}\r\n\r\n",
            unit.repeat(times)
        ))
    }

    #[divan::bench(args = HOSTILE)]
    fn hostile_60_kb(bencher: Bencher, name: &str) {
        let bytes = hostile(name);
        let limits = Limits {
            header_bytes: 65_535,
            header_fields: 65_535,
            values: 65_535,
            ..Limits::default()
        };
        bencher.bench(|| {
            let message = Message::parse_datagram(black_box(&bytes).clone(), &limits);
            let Ok(Message::Request(request)) = message else {
                panic!("{name}: {message:?}");
            };
            black_box(request.headers().vias().filter(|via| via.is_ok()).count());
            black_box(request.headers().contacts().is_ok());
            black_box(validate::request(&request).is_ok());
        });
    }
}
