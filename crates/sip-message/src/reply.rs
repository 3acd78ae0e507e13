//! What a response copies from its request.

use std::net::{IpAddr, SocketAddr};

use crate::build::{Draft, ResponseBuilder, decimal};
use crate::class::TOKEN;
use crate::error::{BuildErrorKind, Subject};
use crate::grammar::trim_end;
use crate::list::List;
use crate::message::{Request, Response};
use crate::name::HeaderName;
use crate::status::StatusCode;
use crate::value::{NameAddr, Via};

impl Response {
    /// Begins the response to a request (RFC 3261 §8.2.6.2): copies Via, From, To, Call-ID and CSeq, and Timestamp into
    /// a 100.
    ///
    /// The top Via gets `received` when [`Request::source`] is known and differs from its host or it asks for `rport`,
    /// and `rport` is filled in (§18.2.1, RFC 3581 §4). What the sender itself wrote there is replaced. To gets
    /// `to_tag` unless it has a tag, or the response is a 100.
    ///
    /// ```
    /// use sip_message::{HeaderName, Method, Request, Response, StatusCode};
    ///
    /// let request = Request::build(Method::Message, "sip:mcptt-server@home1.example")
    ///     .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
    ///     .header(HeaderName::From, "<sip:ann@home1.example>;tag=1")
    ///     .header(HeaderName::To, "<sip:mcptt-server@home1.example>")
    ///     .header(HeaderName::CallId, "1@192.0.2.1")
    ///     .header(HeaderName::CSeq, "1 MESSAGE")
    ///     .finish()?;
    /// let response = Response::to(&request, StatusCode::OK, Some("b0b")).finish()?;
    /// assert_eq!(response.headers().to()?.tag(), Some(&b"b0b"[..]));
    /// assert_eq!(response.headers().cseq()?, request.headers().cseq()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to(request: &Request, status: StatusCode, to_tag: Option<&str>) -> ResponseBuilder {
        let headers = request.headers();
        let mut builder = ResponseBuilder::new(status, request.raw.head_end() + ADDED);
        let draft = &mut builder.draft;

        // The topmost value is told where it came from; fields without any may stand above it.
        let mut source = request.source();
        for field in headers.all(&HeaderName::Via) {
            match source.filter(|_| List::new(field).next().is_some()) {
                Some(seen) => {
                    source = None;
                    copy_told(draft, field, seen);
                }
                None => draft.copy(&HeaderName::Via, &[field]),
            }
        }
        if let Some(from) = headers.first(&HeaderName::From) {
            draft.copy(&HeaderName::From, &[from]);
        }
        if let Some(to) = headers.first(&HeaderName::To) {
            match to_tag.filter(|_| status != StatusCode::TRYING && !has_tag(to)) {
                Some(tag) if !TOKEN.fills(tag.as_bytes()) => {
                    draft.fail(Subject::Header(HeaderName::To), BuildErrorKind::Malformed);
                }
                Some(tag) => draft.copy(&HeaderName::To, &[to, b";tag=", tag.as_bytes()]),
                None => draft.copy(&HeaderName::To, &[to]),
            }
        }
        for name in [HeaderName::CallId, HeaderName::CSeq] {
            if let Some(value) = headers.first(&name) {
                draft.copy(&name, &[value]);
            }
        }
        if status == StatusCode::TRYING
            && let Some(timestamp) = headers.first(&HeaderName::Timestamp)
        {
            draft.copy(&HeaderName::Timestamp, &[timestamp]);
        }
        builder
    }
}

/// Room for what a response has and its request has not.
const ADDED: usize = 192;

/// Whether there is a tag in a To. Read in full only where the word is.
fn has_tag(to: &[u8]) -> bool {
    let mut places = memchr::memchr2_iter(b't', b'T', to);
    let there = places.any(|at| {
        let word = to.get(at..at + 3);
        word.is_some_and(|word| word.eq_ignore_ascii_case(b"tag"))
    });
    there && NameAddr::parse(to).is_ok_and(|to| to.params().contains("tag"))
}

/// Writes the field with `received` and `rport` of its first value set. A Via that cannot be parsed stays as it is.
fn copy_told(draft: &mut Draft, field: &[u8], source: SocketAddr) {
    let first = List::new(field).next();
    let Some((offset, item, via)) =
        first.and_then(|(offset, item)| Some((offset, item, Via::parse(item).ok()?)))
    else {
        return draft.copy(&HeaderName::Via, &[field]);
    };
    let params = via.params();
    let (before, _) = item
        .split_at_checked(item.len() - params.as_bytes().len())
        .unwrap_or_default();
    let mut digits = [0; 20];
    draft.begin_copy(&HeaderName::Via);
    draft.piece(trim_end(before));
    for (name, value) in params.iter() {
        if name.eq_ignore_ascii_case(b"received") {
            continue;
        }
        draft.piece(b";");
        draft.piece(name);
        if name.eq_ignore_ascii_case(b"rport") {
            draft.piece(b"=");
            draft.piece(decimal(source.port().into(), &mut digits));
        } else if let Some(value) = value {
            draft.piece(b"=");
            draft.piece(value);
        }
    }
    let address = source.ip().to_canonical();
    let seen = via.host().ip().map(|host| host.to_canonical());
    if via.rport().is_some() || seen != Some(address) {
        draft.piece(b";received=");
        match address {
            IpAddr::V4(v4) => {
                for (place, octet) in v4.octets().into_iter().enumerate() {
                    if place > 0 {
                        draft.piece(b".");
                    }
                    draft.piece(decimal(octet.into(), &mut digits));
                }
            }
            IpAddr::V6(v6) => draft.piece(v6.to_string().as_bytes()),
        }
    }
    draft.piece(field.get(offset + item.len()..).unwrap_or_default());
    draft.end_copy();
}
