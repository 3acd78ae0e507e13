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
//! # Parse
//!
//! One datagram is one message. [`Limits`] bound everything it may bring.
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{Limits, Message, Method};
//!
//! let datagram = Bytes::from_static(
//!     b"MESSAGE sip:mcptt-server@home1.example SIP/2.0\r\n\
//!       Via: SIP/2.0/UDP pcscf.home1.example;branch=z9hG4bK776asdhds;rport\r\n\
//!       Max-Forwards: 70\r\n\
//!       From: Ann <sip:ann@home1.example>;tag=1928301774\r\n\
//!       To: <sip:mcptt-server@home1.example>\r\n\
//!       Call-ID: a84b4c76e66710@pcscf.home1.example\r\n\
//!       CSeq: 63104 MESSAGE\r\n\
//!       Content-Type: text/plain\r\n\
//!       Content-Length: 5\r\n\r\nhello",
//! );
//! match Message::parse_datagram(datagram.clone(), &Limits::default())? {
//!     Message::Request(request) => {
//!         assert_eq!(request.method(), &Method::Message);
//!         assert_eq!(request.uri()?.user(), Some(&b"mcptt-server"[..]));
//!         assert_eq!(request.body(), "hello");
//!         assert_eq!(request.as_bytes(), &datagram);
//!     }
//!     Message::Response(response) => panic!("a response: {}", response.status()),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where bytes are no message, the error says why and where. Where a request among them is still owed an answer, the
//! error holds what there is to answer: [`ParseError::answerable`].
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{Limits, Message, ParseErrorKind};
//!
//! let error = Message::parse_datagram(Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"), &Limits::default()).unwrap_err();
//! assert_eq!((error.kind, error.offset), (ParseErrorKind::NotSip, 0));
//! assert!(error.answerable().is_none());
//! ```
//!
//! # Read
//!
//! [`Headers`] has an accessor for each header field that is typed. What may be absent is an `Option`, a list is a
//! `Vec` over all fields of the name and their commas, and each can be wrong: the [`ValueError`] names the header field
//! and the place, never the value.
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{HeaderName, Limits, Message, ValueErrorKind};
//!
//! let bytes = Bytes::from_static(
//!     b"INVITE sip:bob@home1.example SIP/2.0\r\n\
//!       f: \"Ann, dispatcher\" <sip:ann@home1.example>;tag=1\r\n\
//!       CSeq: one INVITE\r\n\
//!       Supported: timer, 100rel\r\n\
//!       k: path\r\n\
//!       X-Own: anything;at all\r\n\r\n",
//! );
//! let message = Message::parse_datagram(bytes, &Limits::default())?;
//! let headers = message.headers();
//!
//! let from = headers.from()?; // compact or not
//! assert_eq!(from.display_name().as_deref(), Some(&b"Ann, dispatcher"[..]));
//! assert_eq!((from.uri().user(), from.tag()), (Some(&b"ann"[..]), Some(&b"1"[..])));
//!
//! assert_eq!(headers.supported()?, [&b"timer"[..], b"100rel", b"path"]);
//! assert_eq!(headers.max_forwards()?, None);
//!
//! let error = headers.cseq().unwrap_err();
//! assert_eq!((error.kind, error.header()), (ValueErrorKind::Malformed, Some(&HeaderName::CSeq)));
//! assert_eq!(headers.to().unwrap_err().to_string(), "To: missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Every field can be read as it stands, known or not:
//!
//! ```
//! # use bytes::Bytes;
//! # use sip_message::{HeaderName, Limits, Message};
//! # let bytes = Bytes::from_static(
//! #     b"SIP/2.0 200 OK\r\nSupported: timer, 100rel\r\nk: path\r\nX-Own: anything;at all\r\n\r\n",
//! # );
//! # let message = Message::parse_datagram(bytes, &Limits::default())?;
//! # let headers = message.headers();
//! let own = HeaderName::from_bytes(b"x-own").ok_or("no token")?;
//! assert_eq!(headers.first(&own), Some(&b"anything;at all"[..]));
//!
//! let fields: Vec<_> = headers.all(&HeaderName::Supported).collect();
//! assert_eq!(fields, [&b"timer, 100rel"[..], b"path"]);
//! let items: Vec<_> = headers.items(&HeaderName::Supported).collect();
//! assert_eq!(items, [&b"timer"[..], b"100rel", b"path"]);
//!
//! let names: Vec<String> = headers.iter().map(|(name, _)| name.to_string()).collect();
//! assert_eq!(names, ["Supported", "Supported", "X-Own"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Build
//!
//! Header fields stand in the order they are given; Content-Length is written last, and right. What would become
//! something else on the wire is an error: nobody gets a line of their own in.
//!
//! ```
//! use sip_message::{HeaderName, Method, Request, escape};
//!
//! let from = [&escape(b"Ann \"A\"")[..], b" <sip:ann@home1.example>;tag=1"].concat();
//! let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
//!     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;rport")
//!     .header(HeaderName::From, from)
//!     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
//!     .header(HeaderName::CallId, "1@192.0.2.1")
//!     .header(HeaderName::CSeq, "1 MESSAGE")
//!     .body("text/plain", "hello")
//!     .finish()?;
//! assert!(request.as_bytes().ends_with(b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"));
//!
//! let injected = Request::build(Method::Message, "sip:mcptt-server@home1.example")
//!     .header(HeaderName::Subject, "hello\r\nP-Asserted-Identity: <sip:boss@home1.example>")
//!     .finish();
//! assert_eq!(injected.unwrap_err().to_string(), "Subject: control character");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Answer
//!
//! [`validate::request`] says whether a request is one to be served, or which answer it is owed. [`Response::to`] copies
//! what a response has from its request (RFC 3261 §8.2.6.2) and tells the top Via where the request came from.
//!
//! ```
//! use sip_message::{HeaderName, Request, Response, StatusCode, validate};
//!
//! fn answer(request: &Request) -> Result<Response, sip_message::BuildError> {
//!     if let Err(refusal) = validate::request(request) {
//!         return Response::to(request, refusal.status, Some("b0b")).reason(&refusal.reason).finish();
//!     }
//!     Response::to(request, StatusCode::OK, Some("b0b"))
//!         .header(HeaderName::Allow, "MESSAGE, OPTIONS")
//!         .finish()
//! }
//!
//! # let mut request = Request::build(sip_message::Method::Options, "sip:home1.example")
//! #     .header(HeaderName::Via, "SIP/2.0/UDP phone.example;branch=z9hG4bK1;rport")
//! #     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
//! #     .header(HeaderName::To, "<sip:home1.example>")
//! #     .header(HeaderName::CallId, "1@192.0.2.1")
//! #     .header(HeaderName::CSeq, "1 OPTIONS")
//! #     .finish()?;
//! request.set_source("192.0.2.1:5062".parse()?);
//! let ok = answer(&request)?;
//! assert_eq!(ok.headers().top_via()?.rport(), Some(Some(5062)));
//! assert_eq!(ok.headers().to()?.tag(), Some(&b"b0b"[..]));
//!
//! let lost = request.edit().remove(&HeaderName::CallId).finish()?;
//! assert_eq!(answer(&lost)?.reason(), b"Missing Call-ID");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Edit
//!
//! A message that is passed on changes in a few fields. All other lines stay, byte for byte, and so does the body.
//!
//! ```
//! use bytes::Bytes;
//! use sip_message::{HeaderName, Limits, Message};
//!
//! let bytes = Bytes::from_static(
//!     b"MESSAGE sip:mcptt-server@home1.example SIP/2.0\r\n\
//!       Route: <sip:proxy.example;lr>, <sip:as1.home1.example;lr>\r\n\
//!       max-forwards:  70\r\n\
//!       X-Own :kept  as it is\r\n\r\nhello",
//! );
//! let request = Message::parse_datagram(bytes, &Limits::default())?.into_request().ok_or("a response")?;
//! let passed_on = request
//!     .edit()
//!     .push(HeaderName::Via, "SIP/2.0/UDP proxy.example;branch=z9hG4bK1")
//!     .pop(&HeaderName::Route)
//!     .set(HeaderName::MaxForwards, "69")
//!     .finish()?;
//! assert_eq!(
//!     passed_on.as_bytes(),
//!     "MESSAGE sip:mcptt-server@home1.example SIP/2.0\r\n\
//!      Via: SIP/2.0/UDP proxy.example;branch=z9hG4bK1\r\n\
//!      Route: <sip:as1.home1.example;lr>\r\n\
//!      Max-Forwards: 69\r\n\
//!      X-Own :kept  as it is\r\n\r\nhello"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bodies of several parts
//!
//! [`multipart::Builder`] puts them together, [`multipart::parts`] takes them apart without copying.
//!
//! ```
//! use sip_message::{HeaderName, Limits, Method, Request, multipart};
//!
//! let (content_type, body) = multipart::Builder::new("b1")
//!     .part("application/vnd.3gpp.mcptt-info+xml", &[(HeaderName::ContentId, "<info@home1.example>")], "<mcpttinfo/>")
//!     .part("text/plain", &[], "hello")
//!     .finish()?;
//! let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
//!     .body(&content_type, body)
//!     .finish()?;
//!
//! let content_type = request.headers().content_type()?.ok_or("no body")?;
//! let parts = multipart::parts(&content_type, request.body(), &Limits::default())?;
//! assert!(parts[0].content_type()?.is("application", "vnd.3gpp.mcptt-info+xml"));
//! assert_eq!(parts[0].headers.content_id()?, Some(&b"info@home1.example"[..]));
//! assert_eq!(parts[1].body, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Read a stream
//!
//! TCP and TLS bring bytes in pieces. The framer takes them as they come and gives messages and keep-alives; an error is
//! the last thing it gives, and ends the connection once it is answered (RFC 3261 §18.3).
//!
//! ```
//! use sip_message::{Framed, Limits, StreamFramer};
//!
//! let mut framer = StreamFramer::new(Limits::default());
//! let mut bodies = Vec::new();
//! for piece in [&b"\r\n\r\nMESSAGE sip:ann@home1.example SIP/2.0\r\nContent-Le"[..], b"ngth: 5\r\n\r\nhel", b"lo"] {
//!     framer.push(piece);
//!     for framed in &mut framer {
//!         match framed {
//!             Ok(Framed::Message(message)) => bodies.push(message.body().clone()),
//!             Ok(Framed::Ping) => { /* owed one line end */ }
//!             Ok(Framed::Pong) => {}
//!             Err(error) => eprintln!("{error}"), // answer it if it can be answered
//!         }
//!     }
//!     if framer.is_broken() {
//!         break; // close the connection
//!     }
//! }
//! assert_eq!(bodies, ["hello"]);
//! ```
//!
//! # Where to find what
//!
//! | to | use |
//! |---|---|
//! | parse a datagram, or a message in a body | [`Message::parse_datagram`], [`Message::parse_enclosed`] |
//! | read a stream | [`StreamFramer`], which gives [`Framed`] |
//! | bound what is accepted | [`Limits`] |
//! | know what was wrong with bytes, and answer them | [`ParseError`], [`ParseErrorKind`], [`ParseError::answerable`] |
//! | look at the start line | [`Request::method`], [`Request::uri`], [`Response::status`], [`Response::reason`]; [`Method`], [`StatusCode`] |
//! | read a header field as it stands | [`Headers::first`], [`Headers::all`], [`Headers::items`], [`Headers::one`], [`Headers::iter`]; [`HeaderName`] |
//! | know who, where and which transaction | [`Headers::top_via`], [`Headers::from`], [`Headers::to`], [`Headers::call_id`], [`Headers::cseq`], [`Headers::contacts`], [`Headers::routes`]; [`Via`], [`NameAddr`], [`Uri`], [`Host`], [`CSeq`] |
//! | know who is behind a request, and for which service | [`Headers::p_asserted_identities`], [`Headers::p_asserted_services`], [`Headers::accept_contacts`], [`Headers::visited_networks`], [`Headers::history_info`]; [`AcceptContact`], [`VisitedNetwork`], [`HistoryEntry`] |
//! | know what the other side can do | [`Headers::allow`], [`Headers::supported`], [`Headers::require`], [`Headers::accept`], [`Headers::user_agent`]; [`Product`] |
//! | know how long and how urgent | [`Headers::expires`], [`Headers::retry_after`], [`Headers::date`], [`Headers::priority`], [`Headers::resource_priorities`]; [`Date`], [`ResourcePriority`] |
//! | check credentials | [`Headers::authorizations`], [`Headers::www_authenticates`]; [`Credentials`] |
//! | know why, and what it belongs to | [`Headers::reasons`], [`Headers::warnings`], [`Headers::event`], [`Headers::session_id`], [`Headers::charging_vector`]; [`Reason`], [`Warning`], [`Event`], [`SessionId`], [`ChargingVector`] |
//! | read any other list | [`Headers::tokens`], [`Headers::addresses`], [`Headers::credentials`]; [`ParameterizedToken`], [`Params`] |
//! | know what was wrong with a value | [`ValueError`], [`ValueErrorKind`], [`Subject`] |
//! | check a message on reception | [`validate::request`], which gives a [`Refusal`]; [`validate::response`] |
//! | build a request | [`Request::build`]: [`RequestBuilder`] |
//! | refuse more requests than there is time to parse | [`Glance`] |
//! | answer a request | [`Response::to`]: [`ResponseBuilder`]; [`Request::set_source`] |
//! | build a response to no request | [`Response::build`] |
//! | read a parameter | [`Params::get`], [`Params::unquoted`], [`Params::is`] |
//! | pass a message on | [`Request::edit`], [`Response::edit`]: [`Edit`]; [`Request::with_via`] |
//! | know what could not be written | [`BuildError`], [`BuildErrorKind`] |
//! | read the body | [`Message::body`], [`Headers::content_type`], [`Headers::content_disposition`]; [`MediaType`] |
//! | take a body of several parts apart, or make one | [`multipart::parts`], [`multipart::leaves`], [`multipart::by_content_id`], [`multipart::Builder`]; [`Part`], [`MultipartError`] |
//! | undo and make quotes | [`unquote`], [`escape`] |
#![cfg_attr(
    feature = "rsip",
    doc = "| convert to and from the crate rsip | the module [`rsip`](mod@crate::rsip) |"
)]
#![doc(test(attr(deny(unused_imports, unused_variables, unused_mut))))]
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
mod glance;
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
mod room;
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
pub use glance::Glance;
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
