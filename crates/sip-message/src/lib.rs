//! Bytes to SIP message and back: framing, grammar, typed values, limits, building. No clock, no socket.
//!
//! A [`Message`] is the received bytes and an index of its header fields. Nothing is copied, nothing is lost:
//! [`Message::as_bytes`] gives what came in, byte for byte. Typed values ([`Via`], [`NameAddr`], [`Uri`], …) are
//! parsed when they are asked for and borrow from the message. Values are bytes, not `str`.
//!
//! Three steps with three names:
//!
//! * *framing*: where a message begins and ends ([`Message::parse_datagram`], [`StreamFramer`]);
//! * *parse*: refuses only what cannot be represented ([`ParseError`]);
//! * *validate*: names the answer that is owed ([`validate::request`]).
//!
//! The feature `rsip`, on by default, converts to and from the types of the crate of that name.
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{HeaderName, Limits, Message, Response, StatusCode};
//!
//! let datagram = Bytes::from_static(
//!     b"OPTIONS sip:bob@example.org SIP/2.0\r\n\
//!       Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds;rport\r\n\
//!       Max-Forwards: 70\r\n\
//!       To: <sip:bob@example.org>\r\n\
//!       From: Alice <sip:alice@example.com>;tag=1928301774\r\n\
//!       Call-ID: a84b4c76e66710@pc33.example.com\r\n\
//!       CSeq: 63104 OPTIONS\r\n\
//!       Content-Length: 0\r\n\r\n",
//! );
//! let Ok(Message::Request(mut request)) = Message::parse_datagram(datagram, &Limits::default()) else {
//!     unreachable!("the message above is a request");
//! };
//! request.set_source("192.0.2.1:5062".parse().unwrap());
//! assert!(sip_message::validate::request(&request).is_ok());
//! assert_eq!(request.headers().from().unwrap().tag(), Some(&b"1928301774"[..]));
//!
//! let response = Response::to(&request, StatusCode::OK, Some("b0b"))
//!     .header(HeaderName::Allow, "OPTIONS, MESSAGE")
//!     .finish()
//!     .unwrap();
//! assert_eq!(response.headers().top_via().unwrap().rport(), Some(Some(5062)));
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::as_conversions,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::as_conversions,
        clippy::panic
    )
)]

mod build;
mod class;
mod edit;
mod error;
mod grammar;
mod headers;
mod index;
mod limits;
mod list;
mod message;
mod method;
pub mod multipart;
mod name;
mod parse;
mod reply;
#[cfg(feature = "rsip")]
pub mod rsip;
mod status;
mod stream;
mod typed;
pub mod validate;
mod value;
mod writer;

pub use build::{RequestBuilder, ResponseBuilder};
pub use edit::Edit;
pub use error::{
    BuildError, BuildErrorKind, ParseError, ParseErrorKind, Subject, ValueError, ValueErrorKind,
};
pub use grammar::{escape, unquote};
pub use headers::Headers;
pub use limits::Limits;
pub use message::{Message, Request, Response};
pub use method::Method;
pub use multipart::{MultipartError, Part};
pub use name::HeaderName;
pub use status::StatusCode;
pub use stream::{Framed, StreamFramer};
pub use validate::Refusal;
pub use value::{
    AcceptContact, CSeq, ChargingVector, Credentials, Date, Event, HistoryEntry, Host, MediaType,
    NameAddr, ParameterizedToken, Params, Product, Reason, ResourcePriority, SessionId, Uri, Via,
    VisitedNetwork, Warning,
};
