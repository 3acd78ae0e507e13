//! Speed of this parser beside others in Rust, on the same three messages in one run:
//! `cargo bench -p sip-message --features peers`. Without the feature, ours alone.
//! The table and how to read it: `docs/performance.md`. What is parsed is dropped within the time that is measured: who
//! allocates also frees.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use bytes::Bytes;
use divan::{Bencher, black_box};
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

/// Only the head and body of our message are read here; what a value means is asked for below.
mod ours {
    use super::*;

    fn parsed(bytes: &Bytes, limits: &Limits) -> Message {
        Message::parse_datagram(bytes.clone(), limits).unwrap()
    }

    fn read_five(message: &Message) {
        let headers = message.headers();
        black_box(headers.top_via().unwrap());
        black_box(headers.from().unwrap());
        black_box(headers.to().unwrap());
        black_box(headers.call_id().unwrap());
        black_box(headers.cseq().unwrap());
    }

    #[divan::bench(args = MESSAGES)]
    fn parse(bencher: Bencher, name: &str) {
        let (bytes, limits) = (message(name), Limits::default());
        bencher.bench(|| drop(black_box(parsed(black_box(&bytes), &limits))));
    }

    #[divan::bench(args = MESSAGES)]
    fn parse_five_typed(bencher: Bencher, name: &str) {
        let (bytes, limits) = (message(name), Limits::default());
        bencher.bench(|| {
            let message = parsed(black_box(&bytes), &limits);
            read_five(&message);
        });
    }

    /// The untouched message goes out as the bytes that came in; a copy is made to compare with peers that print anew.
    #[divan::bench(args = MESSAGES)]
    fn parse_print(bencher: Bencher, name: &str) {
        let (bytes, limits) = (message(name), Limits::default());
        bencher.bench(|| {
            drop(black_box(
                parsed(black_box(&bytes), &limits).as_bytes().to_vec(),
            ))
        });
    }
}

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

#[cfg(feature = "peers")]
mod rsip_0_4 {
    use super::*;
    use rsip::SipMessage;
    use rsip::message::HeadersExt;
    use rsip::prelude::ToTypedHeader;

    fn parsed(bytes: &Bytes) -> Result<SipMessage, rsip::Error> {
        SipMessage::try_from(&bytes[..])
    }

    fn read_five(message: &SipMessage) -> Result<(), rsip::Error> {
        black_box(message.via_header()?.typed()?);
        black_box(message.from_header()?.typed()?);
        black_box(message.to_header()?.typed()?);
        black_box(message.call_id_header()?.clone());
        black_box(message.cseq_header()?.typed()?);
        Ok(())
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse(bencher: Bencher, name: &str) {
        let bytes = message(name);
        super::said(name, parsed(&bytes).is_ok());
        bencher.bench(|| drop(black_box(parsed(black_box(&bytes)))));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_five_typed(bencher: Bencher, name: &str) {
        let bytes = message(name);
        let read = || {
            let message = parsed(black_box(&bytes))?;
            read_five(&message)?;
            Ok::<_, rsip::Error>(message)
        };
        super::said(name, read().is_ok());
        bencher.bench(|| drop(black_box(read())));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_print(bencher: Bencher, name: &str) {
        let bytes = message(name);
        bencher.bench(|| {
            drop(black_box(
                parsed(black_box(&bytes)).map(|message| message.to_string()),
            ))
        });
    }
}

#[cfg(feature = "peers")]
mod rsipstack_0_7 {
    use super::*;
    use rsipstack::sip::{HeadersExt, SipMessage, ToTypedHeader};

    fn parsed(bytes: &Bytes) -> Result<SipMessage, rsipstack::sip::Error> {
        SipMessage::try_from(&bytes[..])
    }

    fn read_five(message: &SipMessage) -> Result<(), rsipstack::sip::Error> {
        black_box(message.via_header()?.typed()?);
        black_box(message.from_header()?.typed()?);
        black_box(message.to_header()?.typed()?);
        black_box(message.call_id_header()?.clone());
        black_box(message.cseq_header()?.typed()?);
        Ok(())
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse(bencher: Bencher, name: &str) {
        let bytes = message(name);
        super::said(name, parsed(&bytes).is_ok());
        bencher.bench(|| drop(black_box(parsed(black_box(&bytes)))));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_five_typed(bencher: Bencher, name: &str) {
        let bytes = message(name);
        let read = || {
            let message = parsed(black_box(&bytes))?;
            read_five(&message)?;
            Ok::<_, rsipstack::sip::Error>(message)
        };
        super::said(name, read().is_ok());
        bencher.bench(|| drop(black_box(read())));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_print(bencher: Bencher, name: &str) {
        let bytes = message(name);
        bencher.bench(|| {
            drop(black_box(
                parsed(black_box(&bytes)).map(|message| message.to_bytes()),
            ))
        });
    }
}

/// The crate parses lines; putting them together is what its users do.
#[cfg(feature = "peers")]
mod ezk_sip_types_0_6 {
    use super::*;
    use ezk_sip_types::header::typed::{CSeq, CallID, FromTo, Via};
    use ezk_sip_types::msg::{Line, MessageLine, PullParser};
    use ezk_sip_types::parse::Parse;
    use ezk_sip_types::print::AppendCtx;
    use ezk_sip_types::{Headers, Name};

    struct Parsed {
        line: MessageLine,
        headers: Headers,
        body: Bytes,
    }

    fn parsed(bytes: &Bytes) -> Option<Parsed> {
        let mut parser = PullParser::new(bytes, 0);
        let first = std::str::from_utf8(parser.next()?.ok()?).ok()?;
        let (_, line) = MessageLine::parse(bytes)(first).ok()?;
        let mut headers = Headers::with_capacity(24);
        for line in parser.by_ref() {
            let line = std::str::from_utf8(line.ok()?).ok()?;
            let (_, line) = Line::parse(bytes, line).ok()?;
            headers.insert(line.name, line.value);
        }
        let body = bytes.slice(parser.head_end()..);
        Some(Parsed {
            line,
            headers,
            body,
        })
    }

    fn read_five(message: &Parsed) -> Option<()> {
        let headers = &message.headers;
        black_box(headers.get_named::<Via>().ok()?);
        black_box(headers.get::<FromTo>(Name::FROM).ok()?);
        black_box(headers.get::<FromTo>(Name::TO).ok()?);
        black_box(headers.get_named::<CallID>().ok()?);
        black_box(headers.get_named::<CSeq>().ok()?);
        Some(())
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse(bencher: Bencher, name: &str) {
        let bytes = message(name);
        super::said(name, parsed(&bytes).is_some());
        bencher.bench(|| drop(black_box(parsed(black_box(&bytes)))));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_five_typed(bencher: Bencher, name: &str) {
        let bytes = message(name);
        let read = || {
            let message = parsed(black_box(&bytes))?;
            read_five(&message)?;
            Some(message)
        };
        super::said(name, read().is_some());
        bencher.bench(|| drop(black_box(read())));
    }

    #[divan::bench(args = super::MESSAGES)]
    fn parse_print(bencher: Bencher, name: &str) {
        let bytes = message(name);
        bencher.bench(|| {
            let printed = parsed(black_box(&bytes)).map(|message| {
                let head = format!(
                    "{}\r\n{}",
                    message.line.default_print_ctx(),
                    message.headers
                );
                let mut out = head.into_bytes();
                out.extend_from_slice(b"\r\n");
                out.extend_from_slice(&message.body);
                out
            });
            drop(black_box(printed));
        });
    }
}

/// A peer that refuses a message has no time for it.
#[cfg(feature = "peers")]
fn said(name: &str, accepted: bool) {
    if !accepted {
        eprintln!("!!! {name} is refused here: the figure below is the time of a refusal");
    }
}
