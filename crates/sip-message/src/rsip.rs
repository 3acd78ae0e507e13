//! Conversions to and from the types of the crate [`rsip`](https://docs.rs/rsip/0.4) 0.4, for programs that speak it.
//!
//! Messages convert whole, URIs, methods, status codes, hosts, header fields and typed values one by one, all with
//! `TryFrom` on references. Ours are made into rsip's without its parser, and what comes back is written by our builder,
//! parsed by our grammar and validated: a line end in a value or a wrong Content-Length gets nobody through. Where our
//! type borrows, something owned comes back: [`UriBuf`] for a URI, [`HeaderField`] for a typed value.
//!
//! ```
//! use sip_message::{HeaderName, Method, Request};
//!
//! let request = Request::build(Method::Message, "sip:server@example.org")
//!     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
//!     .header(HeaderName::From, "<sip:a@example.org>;tag=1")
//!     .header(HeaderName::To, "<sip:server@example.org>")
//!     .header(HeaderName::CallId, "1@192.0.2.1")
//!     .header(HeaderName::CSeq, "1 MESSAGE")
//!     .finish()
//!     .unwrap();
//! let mut theirs = rsip::Request::try_from(&request).unwrap();
//! assert_eq!(theirs.method, rsip::Method::Message);
//! let via = rsip::typed::Via::try_from(&request.headers().top_via().unwrap()).unwrap();
//! assert_eq!(via.transport, rsip::Transport::Udp);
//!
//! theirs.headers.push(rsip::headers::Subject::from("lunch").into());
//! let ours = Request::try_from(&theirs).unwrap();
//! assert_eq!(ours.headers().first(&HeaderName::Subject), Some(&b"lunch"[..]));
//! ```
//!
//! # What rsip cannot hold
//!
//! It is an error that names the header field and the reason, never the value:
//!
//! | what | because rsip has | [`ConversionErrorKind`] |
//! |---|---|---|
//! | bytes that are not UTF-8 outside the body | `String` | `NotUtf8` |
//! | a method outside fourteen; `invite` is one | a closed enum | `Method` |
//! | a transport outside seven, in Via or a URI | a closed enum | `Transport` |
//! | a version other than 2.0 (in Via, 1.0 and 2.0) | a closed enum | `Version` |
//! | `tel`, `urn`, `http` … where it has a URI | a host in every URI | `Scheme` |
//! | `?headers` of a URI where it has a URI | `Vec<u32>` | `UriHeaders` |
//! | a display name in typed Route, Record-Route, Reply-To | no field for it | `DisplayName` |
//! | a parameter without value in a media type or Content-Disposition | pairs of `String` | `NoValue` |
//! | a Warning agent that is no host | a host | `Host` |
//! | that a message is shorter than its Content-Length | no field for it | `Truncated` |
//!
//! It is left behind without an error, as it means nothing (RFC 3261 §7.2, §7.3.1, §19.1.4): the reason phrase of a code
//! that rsip has a name for; compact names, the case of known names and folding of lines; the case of scheme and
//! transport, and how an IPv6 address is written. A request forgets [`Request::source`](crate::Request::source). A NUL
//! that is escaped in a quoted string gets to rsip, but not back: our builder writes none.
//!
//! Typed Contact is one address, so `*` and lists are not it. There is no conversion of typed Authorization and its like
//! (rsip has no place for most of their parameters, and counts `nc` in decimal), nor of Authentication-Info, Alert-Info, Call-Info and
//! Error-Info (their URIs are `http` as a rule). Untyped header fields hold all of these as they stand.
//!
//! # What rsip prints wrong
//!
//! IPv6 addresses without brackets, bodies that are not UTF-8 with replacement characters, `404 NotFound`, and parameters
//! of media types without the quotes they need. To send what you hold in rsip's types, convert it and send
//! [`Message::as_bytes`](crate::Message::as_bytes).

mod content;
mod error;
mod header;
mod host;
mod message;
mod name_addr;
mod params;
mod small;
mod start_line;
mod text;
mod uri;
mod via;

pub use error::{ConversionError, ConversionErrorKind};
pub use header::HeaderField;
pub use uri::UriBuf;
