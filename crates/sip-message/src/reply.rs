//! What a response copies from its request.

use std::net::SocketAddr;

use memchr::memchr;

use crate::build::ResponseBuilder;
use crate::class::TOKEN;
use crate::error::{BuildErrorKind, Subject};
use crate::grammar::{trim, trim_end};
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
    /// and `rport` is filled in (§18.2.1, RFC 3581 §4). What the sender itself wrote there is replaced, also in a Via that
    /// is malformed. To gets `to_tag` unless it has a tag or is malformed, or the response is a 100.
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
        let mut builder = ResponseBuilder::new(status);
        let draft = &mut builder.draft;

        // The topmost value is told where it came from; fields without any may stand above it.
        let mut source = request.source();
        for field in headers.all(&HeaderName::Via) {
            match source.filter(|_| List::new(field).next().is_some()) {
                Some(seen) => {
                    source = None;
                    draft.copy(&HeaderName::Via, &[&told_where_from(field, seen)]);
                }
                None => draft.copy(&HeaderName::Via, &[field]),
            }
        }
        if let Some(from) = headers.first(&HeaderName::From) {
            draft.copy(&HeaderName::From, &[from]);
        }
        if let Some(to) = headers.first(&HeaderName::To) {
            // One that is malformed goes back as it is: what a tag would become behind it is anybody's guess.
            let untagged = NameAddr::parse(to).is_ok_and(|to| !to.params().contains("tag"));
            match to_tag.filter(|_| untagged && status != StatusCode::TRYING) {
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

/// The field with `received` and `rport` of its first value set. Of one that is malformed nobody knows where its parameters
/// are: whatever stands behind a semicolon is taken for one, and none is added that was not there.
fn told_where_from(field: &[u8], source: SocketAddr) -> Vec<u8> {
    let (offset, item) = List::new(field).next().unwrap_or((0, field));
    let via = Via::parse(item).ok();
    let (before, params) = match &via {
        Some(via) => {
            let params = via.params();
            let (before, _) = item
                .split_at_checked(item.len() - params.as_bytes().len())
                .unwrap_or_default();
            (before, params.iter().collect())
        }
        None => semicolons(item),
    };
    let mut out = Vec::with_capacity(field.len() + 64);
    out.extend_from_slice(trim_end(before));
    let (mut asked, mut claimed) = (false, false);
    for (name, value) in params {
        if name.eq_ignore_ascii_case(b"received") {
            claimed = true;
            continue;
        }
        out.push(b';');
        out.extend_from_slice(name);
        if name.eq_ignore_ascii_case(b"rport") {
            asked = true;
            out.extend_from_slice(format!("={}", source.port()).as_bytes());
        } else if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    let address = source.ip().to_canonical();
    let differs = match via {
        Some(via) => via.host().ip().map(|host| host.to_canonical()) != Some(address),
        None => claimed,
    };
    if asked || differs {
        out.extend_from_slice(format!(";received={address}").as_bytes());
    }
    out.extend_from_slice(field.get(offset + item.len()..).unwrap_or_default());
    out
}

/// A name and what stands behind its equals sign.
type Pair<'a> = (&'a [u8], Option<&'a [u8]>);

/// What stands before the first semicolon, and names and values behind each.
fn semicolons(item: &[u8]) -> (&[u8], Vec<Pair<'_>>) {
    let mut pieces = item.split(|byte| *byte == b';');
    let before = pieces.next().unwrap_or_default();
    let pair = |piece| match memchr(b'=', piece).and_then(|at| piece.split_at_checked(at)) {
        Some((name, [_, value @ ..])) => (trim(name), Some(value)),
        _ => (trim(piece), None),
    };
    (before, pieces.map(pair).collect())
}
