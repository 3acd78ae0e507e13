//! What is measured: each parser used as its own documentation does.

use bytes::Bytes;
use divan::black_box;
use sip_message::{Limits, Message};

/// A parser of SIP messages.
pub trait Parser {
    /// What it makes of the bytes.
    type Message;

    /// Parses a datagram; `None` if it is refused.
    fn parse(bytes: &Bytes) -> Option<Self::Message>;

    /// Reads topmost Via, From, To, Call-ID and CSeq as typed values.
    fn read_five(message: &Self::Message) -> Option<()>;

    /// The bytes to send. Where the received ones can go out again they are copied, as others print anew.
    fn print(message: &Self::Message) -> Vec<u8>;
}

/// This crate.
pub struct Ours;

impl Parser for Ours {
    type Message = Message;

    fn parse(bytes: &Bytes) -> Option<Message> {
        Message::parse_datagram(bytes.clone(), &Limits::default()).ok()
    }

    fn read_five(message: &Message) -> Option<()> {
        let headers = message.headers();
        black_box(headers.top_via().ok()?);
        black_box(headers.from().ok()?);
        black_box(headers.to().ok()?);
        black_box(headers.call_id().ok()?);
        black_box(headers.cseq().ok()?);
        Some(())
    }

    fn print(message: &Message) -> Vec<u8> {
        message.as_bytes().to_vec()
    }
}

#[cfg(feature = "rsip")]
pub use theirs::Rsip;
#[cfg(feature = "peers")]
pub use theirs::{Ezk, RsipStack};

#[cfg(feature = "rsip")]
mod theirs {
    use super::*;

    /// rsip and rsipstack, which grew out of it, have the same names for everything.
    macro_rules! like_rsip {
        ($(#[$doc:meta])* $parser:ident, $krate:path, $print:expr) => {
            $(#[$doc])*
            pub struct $parser;

            const _: () = {
                use $krate as krate;

                impl Parser for $parser {
                    type Message = krate::SipMessage;

                    fn parse(bytes: &Bytes) -> Option<Self::Message> {
                        krate::SipMessage::try_from(&bytes[..]).ok()
                    }

                    fn read_five(message: &Self::Message) -> Option<()> {
                        use krate::prelude::*;

                        black_box(message.via_header().ok()?.typed().ok()?);
                        black_box(message.from_header().ok()?.typed().ok()?);
                        black_box(message.to_header().ok()?.typed().ok()?);
                        black_box(message.call_id_header().ok()?.clone());
                        black_box(message.cseq_header().ok()?.typed().ok()?);
                        Some(())
                    }

                    fn print(message: &Self::Message) -> Vec<u8> {
                        $print(message)
                    }
                }
            };
        };
    }

    like_rsip!(
        /// rsip 0.4.
        Rsip,
        ::rsip,
        |message: &::rsip::SipMessage| message.to_string().into_bytes()
    );

    #[cfg(feature = "peers")]
    like_rsip!(
        /// rsipstack 0.7.
        RsipStack,
        ::rsipstack::sip,
        |message: &::rsipstack::sip::SipMessage| message.to_bytes()
    );

    #[cfg(feature = "peers")]
    pub use ezk::Ezk;

    #[cfg(feature = "peers")]
    mod ezk {
        use super::*;
        use ezk_sip_types::header::typed::{CSeq, CallID, FromTo, Via};
        use ezk_sip_types::msg::{Line, MessageLine, PullParser};
        use ezk_sip_types::parse::Parse;
        use ezk_sip_types::print::AppendCtx;
        use ezk_sip_types::{Headers, Name};

        /// ezk-sip-types 0.6. It parses lines; putting them together is what its users do.
        pub struct Ezk;

        pub struct Parsed {
            line: MessageLine,
            headers: Headers,
            body: Bytes,
        }

        impl Parser for Ezk {
            type Message = Parsed;

            fn parse(bytes: &Bytes) -> Option<Parsed> {
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

            fn print(message: &Parsed) -> Vec<u8> {
                let line = message.line.default_print_ctx();
                let mut out = format!("{line}\r\n{}\r\n", message.headers).into_bytes();
                out.extend_from_slice(&message.body);
                out
            }
        }
    }
}
